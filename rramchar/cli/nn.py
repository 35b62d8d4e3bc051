"""``rramchar nn``: train networks, and evaluate them with the errors of a memory."""

from __future__ import annotations

import typer

from rramchar.cli import nn_curve, nn_evaluate, nn_import, nn_show, nn_study, nn_train

app = typer.Typer(
    no_args_is_help=True,
    help="Train binary and ternary networks; evaluate them with read errors of their weights.",
)


@app.callback()
def _callback() -> None:
    pass


app.command()(nn_train.train)
app.command()(nn_evaluate.evaluate)
app.command()(nn_curve.curve)
app.command()(nn_show.show)
app.command(name="import")(nn_import.import_onnx)
app.add_typer(nn_study.app, name="study")
