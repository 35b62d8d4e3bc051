"""``rramchar fit``: models fitted to measured data; one module per command or family."""

from __future__ import annotations

import typer

from rramchar.cli import (
    fit_noise,
    fit_programming,
    fit_read_model,
    fit_resistance,
    fit_retention,
    fit_simulate,
    fit_weak_reset,
)

app = typer.Typer(no_args_is_help=True, help="Fit models to measured data.")


@app.callback()
def _callback() -> None:
    pass


app.command()(fit_resistance.resistance)
app.command("read-model")(fit_read_model.read_model)
app.command("read-noise")(fit_noise.read_noise)
app.command()(fit_retention.retention)
app.command("set-law")(fit_programming.set_law)
app.command("reset-law")(fit_programming.reset_law)
app.command("weak-reset")(fit_weak_reset.weak_reset)
app.command()(fit_simulate.simulate)
