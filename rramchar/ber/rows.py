"""One row of a BER table: a condition, its counts, and the error rate with its interval."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rramchar.ber.confusion import OUTCOMES, STORED, Confusion
from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.pairs import POLARITY
from rramchar.errors import InputError

CHOICES = {
    "cell": ("1t1r", "2t2r"),
    "coding": ("binary", "ternary"),
    "polarity": (POLARITY,),
    "source": ("counts", "pcsa_map", "analytic", "model", "spice"),
}
RATE_SOURCES = ("analytic", "model", "spice")
"""Sources whose rows may hold a rate and its interval without counts."""
TEXTS = (*CHOICES, "programming", "corner")
OPTIONAL_NUMBERS = ("temperature_c", "vdd_v", "sample_time_s", "time_s")
KEYS = (*TEXTS, *OPTIONAL_NUMBERS)
"""The columns that tell one condition from another."""
RATES = ("ber", "ber_low", "ber_high")
COUNTS = tuple(f"{stored}_{outcome}" for stored in STORED for outcome in OUTCOMES)
INTEGERS = ("trials", "errors", *COUNTS)
COLUMNS = (*KEYS, "trials", "errors", *RATES, *COUNTS)
"""All columns of a BER table in order."""
NEWER_COLUMNS = ("time_s",)
"""Columns that files of older versions lack; read as empty."""

_CORNER = re.compile(r"[A-Za-z0-9_.+-]*")
Counts = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class BerRow:
    """Error rate of one condition. Made by `make_row`; the fields are checked for agreement.

    Parameters
    ----------
    cell : str
        ``1t1r`` or ``2t2r``.
    coding : str
        ``binary`` or ``ternary``.
    polarity : str
        ``plus_is_r_bl_above_r_blb``. For 1T1R plus is HRS and minus is LRS.
    source : str
        ``counts`` (measured readings compared), ``pcsa_map`` (measured readings sent through a
        simulated read amplifier), ``analytic``, ``model`` (fitted models of resistances and reads)
        or ``spice`` (random reads simulated).
    programming : str
        How the cells were programmed, free text; may be empty.
    corner : str
        Process corner; empty where it does not apply.
    temperature_c, vdd_v, sample_time_s : float or None
        Conditions; None where they do not apply. [degree C, V, s]
    time_s : float or None
        Since programming; None where it does not apply. [s]
    trials, errors : int
        Counts; 0 where the row holds a rate alone. [1]
    ber, ber_low, ber_high : float
        Error rate and its 95 % interval. [1]
    counts : tuple of 3 tuples of 4 int
        Stored (plus, zero, minus) x outcome (plus, zero, minus, invalid). Every outcome other
        than what is stored is an error. [1]
    """

    cell: str
    coding: str
    polarity: str
    source: str
    programming: str
    corner: str
    temperature_c: float | None
    vdd_v: float | None
    sample_time_s: float | None
    time_s: float | None
    trials: int
    errors: int
    ber: float
    ber_low: float
    ber_high: float
    counts: Counts

    def __post_init__(self) -> None:
        """Check the fields, alone and against one another."""
        _check_condition(self)
        _check_numbers(self)

    def flat(self) -> dict[str, Any]:
        """Return the fields by column name, the counts one by one."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        cells = [value for row in fields.pop("counts") for value in row]
        return {**fields, **dict(zip(COUNTS, cells, strict=True))}

    def confusion(self) -> Confusion:
        """Return the probability of each outcome for each stored weight.

        A binary row says nothing about a stored zero: it is taken to be read rightly, so that
        `rramchar.nn.error_model.check_coding` keeps such rows from ternary networks. A
        binary row without counts gives the symmetric confusion of its error rate.

        Returns
        -------
        Confusion
            Relative frequencies of the counts. [1]

        Raises
        ------
        InputError
            If the row has no reads of a stored weight that its coding has.
        """
        if self.trials == 0 and self.coding == "binary":
            return Confusion.binary_symmetric(self.ber)
        counts = np.array(self.counts, dtype=float)
        sums = counts.sum(axis=1)
        if self.coding == "binary" and sums[1] == 0:
            counts[1, 1] = sums[1] = 1.0
        for stored, total in zip(STORED, sums, strict=True):
            if total == 0:
                raise InputError(
                    f"BER row ({describe(self.flat())}): no reads of a stored {stored}, expected "
                    "counts for every weight; the confusion is not known"
                )
        return Confusion(counts / sums[:, None])


def make_row(
    *,
    cell: str,
    coding: str,
    source: str,
    counts: ArrayLike | None = None,
    ber: float | None = None,
    ber_low: float | None = None,
    ber_high: float | None = None,
    programming: str = "",
    corner: str = "",
    temperature_c: float | None = None,
    vdd_v: float | None = None,
    sample_time_s: float | None = None,
    time_s: float | None = None,
    polarity: str = POLARITY,
) -> BerRow:
    """Make a row from counts, or from an error rate and its interval.

    Parameters
    ----------
    cell, coding, source, programming, corner, polarity : str
        See `BerRow`.
    counts : array of int, shape (3, 4), optional
        As `rramchar.ber.counts.confusion_counts` gives; trials, errors, BER and its 95 %
        Clopper-Pearson interval follow from it. Needed unless the source is one of
        `RATE_SOURCES`.
    ber, ber_low, ber_high : float, optional
        Without counts only: estimate and interval. [1]
    temperature_c, vdd_v, sample_time_s, time_s : float, optional
        Conditions. [degree C, V, s, s]

    Returns
    -------
    BerRow
        The row.

    Raises
    ------
    InputError
        If a field cannot be used, or counts and rates do not go with the source.
    """
    if counts is not None and source == "analytic":
        raise InputError("BER row: source 'analytic' with counts; leave them out")
    if counts is None and source in CHOICES["source"] and source not in RATE_SOURCES:
        raise InputError(f"BER row: source {source!r} without counts; expected a (3, 4) array")
    if counts is None:
        if ber is None or ber_low is None or ber_high is None:
            raise InputError(
                f"BER row: source {source!r} without counts needs ber, ber_low and ber_high"
            )
        matrix, trials, errors = np.zeros((3, 4), dtype=np.int64), 0, 0
    else:
        if (ber, ber_low, ber_high) != (None, None, None):
            raise InputError("BER row: ber follows from the counts; give only one of them")
        matrix = _count_matrix(counts)
        trials = int(matrix.sum())
        errors = trials - int(np.trace(matrix[:, :3]))
        if not trials:
            raise InputError("BER row: all counts are 0, expected at least one trial")
        low, high = clopper_pearson(errors, trials)
        ber, ber_low, ber_high = errors / trials, float(low), float(high)
    return BerRow(
        cell=cell,
        coding=coding,
        polarity=polarity,
        source=source,
        programming=programming.strip(),
        corner=corner.strip(),
        temperature_c=_number_or_none(temperature_c),
        vdd_v=_number_or_none(vdd_v),
        sample_time_s=_number_or_none(sample_time_s),
        time_s=_number_or_none(time_s),
        trials=trials,
        errors=errors,
        ber=float(ber),
        ber_low=float(ber_low),
        ber_high=float(ber_high),
        counts=tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in matrix),
    )


def describe(condition: dict[str, Any]) -> str:
    """Return a condition as text such as ``cell=2t2r, vdd_v=0.6``, without empty fields.

    Parameters
    ----------
    condition : dict
        Column name to value; only columns of `KEYS` are shown.

    Returns
    -------
    str
        For messages.
    """
    shown = [(key, condition[key]) for key in KEYS if key in condition]
    return ", ".join(
        f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
        for k, v in shown
        if v not in ("", None)
    )


def _count_matrix(counts: ArrayLike) -> np.ndarray:
    matrix = np.asarray(counts)
    if matrix.shape != (3, 4) or not np.issubdtype(matrix.dtype, np.integer):
        raise InputError(
            f"BER row: counts of shape {matrix.shape} and type {matrix.dtype}, expected whole "
            "numbers of shape (3, 4): stored x outcome"
        )
    for name, value in zip(COUNTS, matrix.ravel().tolist(), strict=True):
        if value < 0:
            raise InputError(f"BER row: count {name}: {value}, expected a whole number from 0")
    return matrix


def _number_or_none(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _check_condition(row: BerRow) -> None:
    for name, choices in CHOICES.items():
        value = getattr(row, name)
        if value not in choices:
            raise InputError(f"column {name}: {value!r}, expected {' or '.join(choices)}")
    if row.cell == "1t1r" and row.coding == "ternary":
        raise InputError("column coding: 'ternary' with cell 1t1r, expected cell 2t2r")
    if not _CORNER.fullmatch(row.corner):
        raise InputError(f"column corner: {row.corner!r}, expected a name such as tt, or nothing")
    if re.search(r"[\r\n\0]", row.programming):
        raise InputError(f"column programming: {row.programming!r}, expected one line of text")
    for name in OPTIONAL_NUMBERS:
        value = getattr(row, name)
        if value is not None and not math.isfinite(value):
            raise InputError(f"column {name}: {value}, expected a finite number or nothing")


def _check_numbers(row: BerRow) -> None:
    cells = dict(zip(COUNTS, (v for line in row.counts for v in line), strict=True))
    for name, value in {"trials": row.trials, "errors": row.errors, **cells}.items():
        if value < 0:
            raise InputError(f"column {name}: {value}, expected a whole number from 0")
    for name in RATES:
        value = getattr(row, name)
        if not 0 <= value <= 1:
            raise InputError(f"column {name}: {value}, expected a rate from 0 to 1")
    if not row.ber_low <= row.ber <= row.ber_high:
        raise InputError(
            f"column ber: {row.ber:g} lies outside ber_low {row.ber_low:g} ... ber_high "
            f"{row.ber_high:g}"
        )
    total = sum(cells.values())
    right = sum(row.counts[i][i] for i in range(3))
    if row.source == "analytic" and (total or row.trials or row.errors):
        raise InputError("column trials: an analytic row has no counts, expected 0")
    if row.source in RATE_SOURCES and not (total or row.trials or row.errors):
        return
    if row.coding == "binary" and any(row.counts[1]):
        raise InputError("column coding: 'binary' with reads of a stored zero, expected 'ternary'")
    if row.trials != total or row.trials == 0:
        raise InputError(
            f"column trials: {row.trials}, expected {total}, the sum of the 12 counts, above 0"
        )
    if row.errors != total - right:
        raise InputError(
            f"column errors: {row.errors}, expected {total - right}, the sum of the 9 counts where "
            "the outcome is not what is stored"
        )
    if not math.isclose(row.ber, row.errors / row.trials, rel_tol=1e-6, abs_tol=1e-15):
        raise InputError(
            f"column ber: {row.ber:g}, expected errors / trials = {row.errors / row.trials:g}"
        )
