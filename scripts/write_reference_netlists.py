"""Write netlists/*.cir: what ``rramchar netlist ...`` prints (a small column, a small array).

Run it after a deliberate change of a generator, and look at the difference before you commit it:

    .venv/bin/python scripts/write_reference_netlists.py
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from unittest import mock

from rramchar.cli.main import main

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
# Arguments of each command: columns and arrays are written small.
COMMANDS = {
    "pcsa": (),
    "xnor_pcsa": (),
    "1t1r": (),
    "2t2r": (),
    "column": ("--rows", "4", "--row", "1"),
    "array": ("--rows", "4", "--columns", "4", "--row", "1"),
}
# The library lies beside the reference decks, so that they run from their own folder.
_LIBRARY = re.compile(r'"[^"]*/generic130\.lib"')


def reference(command: str) -> str:
    """Return the deck that ``rramchar netlist COMMAND`` prints, with its library's bare name.

    Parameters
    ----------
    command : str
        One of `COMMANDS`.

    Returns
    -------
    str
        The netlist.
    """
    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["rramchar", "netlist", command, *COMMANDS[command]]),
        contextlib.redirect_stdout(printed),
    ):
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise
    return _LIBRARY.sub('"generic130.lib"', printed.getvalue())


if __name__ == "__main__":
    for command in COMMANDS:
        path = NETLISTS / f"{command}.cir"
        path.write_text(reference(command), encoding="utf-8")
        print(path)
