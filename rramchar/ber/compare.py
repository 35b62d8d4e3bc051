"""Two BER tables side by side: which conditions got better or worse, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.rows import KEYS, BerRow, describe
from rramchar.ber.where import check_column
from rramchar.errors import InputError

_Z95 = 1.959964


@dataclass(frozen=True)
class Comparison:
    """One condition of two tables.

    Parameters
    ----------
    condition : str
        As text.
    ber_a, ber_b : float
        Error rates. [1]
    ratio, low, high : float or None
        ``ber_b / ber_a`` and its 95 % interval; None where neither table has an error to tell it
        by. An open end is None too. [1]
    p_value : float or None
        Of equal rates, two-sided. [1]
    """

    condition: str
    ber_a: float
    ber_b: float
    ratio: float | None
    low: float | None
    high: float | None
    p_value: float | None

    @property
    def verdict(self) -> str:
        """``lower``, ``higher`` (B against A, at 5 %) or ``not told apart``."""
        if self.p_value is None or self.p_value >= 0.05:
            return "not told apart"
        return "higher" if self.ber_b > self.ber_a else "lower"


@dataclass(frozen=True)
class TableComparison:
    """Two tables.

    Parameters
    ----------
    shared : tuple of Comparison
        Conditions that stand in both.
    only_a, only_b : tuple of str
        Conditions that stand in one.
    """

    shared: tuple[Comparison, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare_rows(
    a: Iterable[BerRow], b: Iterable[BerRow], *, ignore: Sequence[str] = ()
) -> TableComparison:
    """Match the conditions of two tables and compare their rates.

    Parameters
    ----------
    a, b : iterable of BerRow
        The tables.
    ignore : sequence of str
        Condition columns that may differ, such as ``source`` or ``programming``.

    Returns
    -------
    TableComparison
        See there.

    Raises
    ------
    InputError
        If a column is unknown, or two rows of a table differ in ignored columns alone.
    """
    for column in ignore:
        check_column(column)
    keys = [key for key in KEYS if key not in ignore]
    first, second = _by_condition(a, keys, "the first"), _by_condition(b, keys, "the second")
    shared = tuple(
        compare_two(first[key], second[key], _text(key, keys)) for key in first if key in second
    )
    return TableComparison(
        shared=shared,
        only_a=tuple(_text(key, keys) for key in first if key not in second),
        only_b=tuple(_text(key, keys) for key in second if key not in first),
    )


def compare_two(a: BerRow, b: BerRow, condition: str = "") -> Comparison:
    """Compare two rates.

    With counts in both rows: given all errors together, those of B are binomial; its exact interval
    gives that of the ratio (rates small enough for Poisson counts; wider than need be otherwise).
    Else the intervals of the rows are taken as normal in ln(BER).

    Parameters
    ----------
    a, b : BerRow
        Rows of one condition.
    condition : str
        As text, for the result.

    Returns
    -------
    Comparison
        B against A.
    """
    found = _by_counts(a, b) if a.trials and b.trials else _by_intervals(a, b)
    return Comparison(condition, a.ber, b.ber, *found)


_Found = tuple[float | None, float | None, float | None, float | None]


def _by_counts(a: BerRow, b: BerRow) -> _Found:
    together = a.errors + b.errors
    if not together:
        return None, None, None, None
    share = b.trials / (a.trials + b.trials)
    low, high = (float(end) for end in clopper_pearson(b.errors, together))
    scale = a.trials / b.trials

    def odds(p: float) -> float | None:
        return None if p >= 1 else p / (1 - p) * scale

    p_value = float(stats.binomtest(b.errors, together, share).pvalue)
    return odds(b.errors / together), odds(low), odds(high), p_value


def _by_intervals(a: BerRow, b: BerRow) -> _Found:
    if min(a.ber_low, b.ber_low) <= 0:
        return (b.ber / a.ber if a.ber > 0 else None), None, None, None
    widths = [math.log(row.ber_high / row.ber_low) / (2 * _Z95) for row in (a, b)]
    error = math.hypot(*widths)
    ratio = b.ber / a.ber
    if error == 0:
        return ratio, ratio, ratio, 1.0 if ratio == 1 else 0.0
    factor = math.exp(_Z95 * error)
    p_value = float(2 * stats.norm.sf(abs(math.log(ratio)) / error))
    return ratio, ratio / factor, ratio * factor, p_value


def _by_condition(rows: Iterable[BerRow], keys: list[str], which: str) -> dict[Any, BerRow]:
    found: dict[Any, BerRow] = {}
    for row in rows:
        key = tuple(_rounded(getattr(row, k)) for k in keys)
        if key in found:
            raise InputError(
                f"compare: {which} table has two rows for {_text(key, keys)}; expected one; ignore "
                "fewer columns or choose rows with --where"
            )
        found[key] = row
    return found


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _text(key: tuple[Any, ...], keys: list[str]) -> str:
    shown = {k: v for k, v in zip(keys, key, strict=True) if k != "polarity"}
    return describe(shown) or "all"
