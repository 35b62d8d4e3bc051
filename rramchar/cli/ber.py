"""``rramchar ber``."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="ber")


@app.callback()
def _callback() -> None:
    pass
