"""``rramchar ber``: bit error rates; one module per command or family."""

from __future__ import annotations

import typer

from rramchar.cli import ber_count, ber_ecc, ber_model, ber_spice, ber_tables

app = typer.Typer(
    no_args_is_help=True,
    help="Bit error rates: from counts, models or ngspice; with codes; tables of them.",
)


@app.callback()
def _callback() -> None:
    pass


app.command()(ber_count.count)
app.command("from-model")(ber_model.from_model)
app.command("from-spice")(ber_spice.from_spice)
app.command()(ber_ecc.ecc)
app.command()(ber_tables.show)
app.command()(ber_tables.plot)
app.command()(ber_tables.compare)
