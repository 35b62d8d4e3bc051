"""What ternary weights gain over binary ones, with an interval over trained networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

_UPPER = 0.975
COLUMNS = ("hidden", "pairs", "train_ber", "ber")
MEASURED = (
    "accuracy_mean",
    "accuracy_std",
    "accuracy_low",
    "accuracy_high",
    "accuracy_clean",
    "draws",
    "images",
)
GAIN = ("gain", "gain_low", "gain_high", "binary_networks", "ternary_networks")


def ternary_gain(networks: pd.DataFrame) -> pd.DataFrame:
    """Compare ternary with binary networks of equal layers, which take equal cells.

    Parameters
    ----------
    networks : DataFrame
        A row for each network and condition, with ``weights``, ``train_seed``, `COLUMNS`,
        `MEASURED`, and in a study along a table the columns of its conditions; see
        `rramchar.nn.studies.StudyResult`.

    Returns
    -------
    DataFrame
        A row for each condition: the columns of `condition_columns`, then ``gain``, the mean
        accuracy of the ternary networks less that of the binary ones, the ends ``gain_low`` and
        ``gain_high`` of its 95 % interval [1], and the numbers of networks. No row where a kind has
        less than two networks. Networks of one seed have nothing in common but the order of the
        images, so that kinds are compared as independent samples, of variances that may differ
        (Welch, Biometrika 34 (1947) 28).
    """
    complete = set(COLUMNS) <= set(networks.columns)
    columns = condition_columns(networks) if complete else list(COLUMNS)
    rows: list[dict[str, Any]] = []
    if complete:
        for key, group in networks.groupby(columns, sort=False, dropna=False):
            binary, ternary = (
                group.loc[group["weights"] == kind, "accuracy_mean"].to_numpy(float)
                for kind in ("binary", "ternary")
            )
            if min(len(binary), len(ternary)) < 2:
                continue
            low, high = _welch(ternary, binary)
            rows.append(
                {
                    **dict(zip(columns, key, strict=True)),
                    "gain": float(ternary.mean() - binary.mean()),
                    "gain_low": low,
                    "gain_high": high,
                    "binary_networks": len(binary),
                    "ternary_networks": len(ternary),
                }
            )
    return pd.DataFrame(rows, columns=[*columns, *GAIN])


def condition_columns(networks: pd.DataFrame) -> list[str]:
    """Return the columns that tell the conditions of a study apart, whatever the kind of weights.

    Parameters
    ----------
    networks : DataFrame
        As `ternary_gain` takes it.

    Returns
    -------
    list of str
        `COLUMNS`, and those of a table's conditions. In a study along a table ``ber`` is not one of
        them: at one supply binary and ternary weights have error rates of their own.
    """
    known = (*COLUMNS, *MEASURED, "weights", "train_seed")
    along = [column for column in networks.columns if column not in known]
    return [*(c for c in COLUMNS if c != "ber" or not along), *along]


def _welch(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two means."""
    parts = [float(sample.var(ddof=1)) / len(sample) for sample in (first, second)]
    difference, variance = float(first.mean() - second.mean()), sum(parts)
    if variance == 0.0:
        return difference, difference
    freedom = variance**2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (first, second), strict=True)
    )
    half = float(stdtrit(freedom, _UPPER)) * math.sqrt(variance)
    return difference - half, difference + half
