"""Seeds brought together: means, intervals, and differences between conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from rramchar.nn.adaptive import mean_interval
from rramchar.nn.learn.study import Table

_UPPER = 0.975
Where = Mapping[str, Any]


def summarize(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Bring the seeds of each condition together.

    Parameters
    ----------
    rows : DataFrame
        With the table's columns and ``seed``.
    table : Table
        Which columns are keys, which are measured.

    Returns
    -------
    DataFrame
        See `StudyResult.summaries`.
    """
    found = []
    for key, group in rows.groupby(list(table.keys), sort=False, dropna=False):
        line: dict[str, Any] = dict(zip(table.keys, key, strict=True))
        line["seeds"] = len(group)
        for name in table.measured:
            values = group[name].to_numpy(float)
            low, high = interval(values, share="accuracy" in name)
            line[f"{name}_mean"] = float(values.mean())
            line[f"{name}_std"] = float(values.std(ddof=1)) if len(values) > 1 else math.nan
            line[f"{name}_low"], line[f"{name}_high"] = low, high
        found.append(line)
    return pd.DataFrame(found)


def interval(
    values: Sequence[float] | NDArray[np.float64], *, share: bool = False
) -> tuple[float, float]:
    """Return Student's 95 % interval of a mean; NaN for one value, within 0 to 1 for a share."""
    numbers = np.asarray(values, dtype=float)
    if share:
        return mean_interval(numbers)
    if len(numbers) < 2:
        return math.nan, math.nan
    half = float(stdtrit(len(numbers) - 1, _UPPER)) * numbers.std(ddof=1) / math.sqrt(len(numbers))
    return float(numbers.mean() - half), float(numbers.mean() + half)


def chosen(rows: pd.DataFrame, where: Where) -> pd.DataFrame:
    """Return the rows whose columns have the given values."""
    keep = np.ones(len(rows), dtype=bool)
    for column, value in where.items():
        keep &= (rows[column] == value).to_numpy()
    return rows[keep]


def difference(
    rows: pd.DataFrame, measured: str, first: Where, second: Where
) -> tuple[float, float, float]:
    """Return mean and 95 % interval of a difference between two conditions, paired by seed.

    Parameters
    ----------
    rows : DataFrame
        With ``seed``; one row per seed and condition.
    measured : str
        The column.
    first, second : mapping
        The conditions; the difference is first minus second.

    Returns
    -------
    tuple of float
        Mean, and the ends of Student's interval over seeds (NaN for one seed).
    """
    left, right = (
        chosen(rows, where).set_index("seed")[measured].astype(float) for where in (first, second)
    )
    values = np.asarray((left - right).dropna(), dtype=np.float64)
    return (float(values.mean()), *interval(values))


def holds(low: float, high: float, *, least: float = 0.0) -> bool | None:
    """Return whether a difference is above a bound: by its interval, None where that spans it."""
    if low > least:
        return True
    return False if high < least else None


def points(difference_: tuple[float, float, float]) -> tuple[str, str]:
    """Return a difference of shares and its interval in percentage points, as text."""
    mean, low, high = (100 * value for value in difference_)
    span = "" if math.isnan(low) else f"{low:+.2f} ... {high:+.2f} points"
    return f"{mean:+.2f} points", span


def percent(summary_row: Mapping[Any, Any], measured: str) -> tuple[str, str]:
    """Return a mean share and its interval in percent, as text."""
    mean, low, high = (100 * float(summary_row[f"{measured}_{k}"]) for k in ("mean", "low", "high"))
    return f"{mean:.2f} %", "" if math.isnan(low) else f"{low:.2f} ... {high:.2f} %"
