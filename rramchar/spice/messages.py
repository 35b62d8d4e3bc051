"""What ngspice prints, and what it means: a deck not understood, an analysis given up."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BAD_DECK = re.compile(
    r"(error on line|unknown subckt|unable to find definition|could not find|undefined parameter|"
    r"can't find model|cannot find|no such|circuit not parsed|netlist.*error|syntax error|"
    r"unknown model|expression err|illegal|fatal)",
    re.IGNORECASE,
)
# Printed beside an error and tells more than the error does.
_EXPLAINS = re.compile(r"unknown parameter", re.IGNORECASE)
_GAVE_UP = re.compile(
    r"(timestep too small|simulation\(s\) aborted|no convergence|singular matrix|"
    r"iteration limit|analysis.*aborted|doAnalyses:)",
    re.IGNORECASE,
)
# After some deck errors libngspice refuses every later circuit of the process.
_BROKEN = re.compile(r"cannot recover", re.IGNORECASE)
_NOISE = re.compile(r"^(Note:|Warning:|Using |Reducing|\s*$|stdout |Doing analysis|No\. of Data)")


def rejection(printed: Sequence[str]) -> str | None:
    """Return why a deck was rejected, or None if it was accepted."""
    complaints = [line for line in printed if _BAD_DECK.search(line) and not _NOISE.match(line)]
    if not complaints:
        return None
    return last_words([line for line in printed if line in complaints or _EXPLAINS.search(line)])


def cannot_recover(printed: Sequence[str]) -> bool:
    """Return whether libngspice says that it refuses every later circuit."""
    return any(_BROKEN.search(line) for line in printed)


def reason_given_up(printed: Sequence[str]) -> str:
    """Return why an analysis was given up."""
    return last_words([line for line in printed if _GAVE_UP.search(line)] or printed)


def last_words(lines: Sequence[str]) -> str:
    """Return the last four lines in one, at most 400 characters."""
    words = " | ".join(line.strip() for line in lines[-4:] if line.strip())
    return words[-400:] or "ngspice printed nothing"
