"""What is wrong with single rows of a file: the first fault is an error, or all are kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from rramchar.errors import InputError

_SHOWN = 60


@dataclass(frozen=True)
class RejectedRow:
    """A line of a file that was left out.

    Parameters
    ----------
    line : int
        Line number, from 1.
    reason : str
        Field, value, and what was expected.
    """

    line: int
    reason: str


@dataclass
class Faults:
    """Bad rows of one file.

    Parameters
    ----------
    source : str
        File name for messages.
    skip : bool
        True to keep the faults and go on, False to raise at the first.
    """

    source: str
    skip: bool = False
    _reasons: dict[int, str] = field(default_factory=dict)

    def report(self, line: int, complaint: str, *, place: str = "") -> None:
        """Take note of a bad row, or refuse the file.

        Parameters
        ----------
        line : int
            Line number, from 1.
        complaint : str
            Value, and what was expected.
        place : str
            ``column NAME`` or ``field N (NAME)``, where the fault is in one field.

        Raises
        ------
        InputError
            Unless faults are to be skipped.
        """
        if not self.skip:
            where = f", {place}" if place else ""
            raise InputError(f"{self.source}, line {line}{where}: {complaint}")
        self._reasons.setdefault(line, f"{place}: {complaint}" if place else complaint)

    @property
    def rows(self) -> tuple[RejectedRow, ...]:
        """The rejected rows in the order of the file, each with its first fault."""
        return tuple(RejectedRow(line, self._reasons[line]) for line in sorted(self._reasons))


def shown(text: str) -> str:
    """Return a text as it may stand in a message: quoted, on one line, not too long.

    Parameters
    ----------
    text : str
        From a file.

    Returns
    -------
    str
        With quotation marks; cut after 60 characters.
    """
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
