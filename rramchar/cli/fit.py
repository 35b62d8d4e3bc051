"""``rramchar fit``: models fitted to measured data; one module per command or family."""

from __future__ import annotations

import typer

from rramchar.cli import fit_resistance

app = typer.Typer(no_args_is_help=True, help="Fit models to measured data.")


@app.callback()
def _callback() -> None:
    pass


app.command()(fit_resistance.resistance)
