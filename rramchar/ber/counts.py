"""Bit errors counted on measured resistances, and read outcomes counted into a confusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rramchar.ber.confusion import OUTCOMES
from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.pairs import check_pairable, to_matrices
from rramchar.errors import InputError
from rramchar.measured.schema import check_states, state_values

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Concentration:
    """How errors spread over devices or pairs of devices.

    Parameters
    ----------
    units : int
        Devices or pairs looked at.
    units_with_errors : int
        Those with at least one error.
    units_for_half : int
        The smallest number of them that make at least half of all errors.
    worst : tuple of (str, int)
        Up to five units with the most errors: name and errors, most first.
    """

    units: int
    units_with_errors: int
    units_for_half: int
    worst: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class ErrorCount:
    """Errors among trials.

    Parameters
    ----------
    errors, trials : int
        Counts. [1]
    ber, low, high : float
        Error rate and its 95 % Clopper-Pearson interval for independent trials. [1]
    confusion : array of int, shape (3, 4)
        Stored (plus, zero, minus) x outcome (plus, zero, minus, invalid). For 1T1R plus is HRS
        and minus is LRS. [1]
    concentration : Concentration
        By device (1T1R) or pair (2T2R).
    threshold_ohm : float or None
        1T1R only: a reading above is HRS. [ohm]
    odd_device : int, str or None
        2T2R only: the last device, left without a partner.
    skipped : int
        2T2R only: trials left out because a reading is missing.
    unit_names : tuple of str
        The devices or pairs.
    unit_errors, unit_trials : array of int, shape (units,)
        Errors and trials of each. [1]
    """

    errors: int
    trials: int
    ber: float
    low: float
    high: float
    confusion: NDArray[np.int64]
    concentration: Concentration
    unit_names: tuple[str, ...]
    unit_errors: NDArray[np.int64]
    unit_trials: NDArray[np.int64]
    threshold_ohm: float | None = None
    odd_device: int | str | None = None
    skipped: int = 0


def best_threshold(lrs_ohm: Floats, hrs_ohm: Floats) -> float:
    """Return the threshold with the fewest errors, where a reading is HRS when R > threshold.

    Exact: the number of errors changes only at readings, and all of them are tried. Among ranges
    between neighbouring readings with equally few errors the lowest is taken, and its middle
    returned. Where it is best to call everything HRS the result lies just below the lowest
    reading; where it is best to call everything LRS it is the highest reading.

    Parameters
    ----------
    lrs_ohm, hrs_ohm : array, shape (n,) and (m,)
        Readings, at least one in all. [ohm]

    Returns
    -------
    float
        The threshold. [ohm]
    """
    values = np.concatenate([lrs_ohm, hrs_ohm])
    order = np.argsort(values, kind="stable")
    levels, last = np.unique(values[order][::-1], return_index=True)
    upto = len(values) - last  # readings at or below each level
    is_hrs = np.concatenate([np.zeros(len(lrs_ohm)), np.ones(len(hrs_ohm))])[order]
    hrs_below = np.cumsum(is_hrs)[upto - 1]
    lrs_above = len(lrs_ohm) - (upto - hrs_below)
    errors = hrs_below + lrs_above
    best = int(np.argmin(errors))
    if len(lrs_ohm) <= errors[best]:  # calling everything HRS is as good
        return float(np.nextafter(levels[0], 0.0))
    if best == len(levels) - 1:
        return float(levels[best])
    low, high = float(levels[best]), float(levels[best + 1])
    middle = (low + high) / 2
    return middle if low <= middle < high else low


def count_1t1r(frame: pd.DataFrame, threshold: float | str = "best") -> ErrorCount:
    """Count the readings on the wrong side of one threshold for all devices.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with LRS and HRS readings.
    threshold : float or str
        A resistance [ohm]; ``"best"`` for the one with the fewest errors (see `best_threshold`;
        found on the same readings, so the rate is a lower bound for a threshold set beforehand);
        ``"median"`` for the geometric mean of the LRS and the HRS median.

    Returns
    -------
    ErrorCount
        One trial for each reading; a reading is HRS when R > threshold.
    """
    check_states(frame)
    lrs, hrs = state_values(frame, "lrs"), state_values(frame, "hrs")
    if not lrs.size or not hrs.size:
        raise InputError("1T1R errors: expected readings of both lrs and hrs, found only one state")
    limit = _threshold(threshold, lrs, hrs)
    is_hrs = (frame["state"] == "hrs").to_numpy(dtype=bool)
    wrong = (frame["resistance_ohm"].to_numpy(dtype=float) > limit) != is_hrs
    labels, devices = pd.factorize(frame["device"])
    per_device = np.bincount(labels, weights=wrong, minlength=len(devices)).astype(np.int64)
    return _summarize(
        plus=(int(wrong[is_hrs].sum()), hrs.size),
        minus=(int(wrong[~is_hrs].sum()), lrs.size),
        names=[str(d) for d in devices.tolist()],
        unit_errors=per_device,
        unit_trials=np.bincount(labels, minlength=len(devices)),
        threshold_ohm=limit,
    )


def count_2t2r(frame: pd.DataFrame) -> ErrorCount:
    """Count the complementary pairs whose HRS reading is not above the LRS reading.

    Devices are paired in the order of the file (see `rramchar.ber.pairs`). In each cycle the HRS of
    one is compared with the LRS of the other, both ways round; an error is R_HRS <= R_LRS.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with at least two devices.

    Returns
    -------
    ErrorCount
        Two trials for each pair and cycle.
    """
    matrices = to_matrices(frame)
    count = check_pairable(matrices)
    used = 2 * count
    first, second = slice(0, used, 2), slice(1, used, 2)
    hrs, lrs = matrices.hrs_ohm, matrices.lrs_ohm
    wrong, there = [], []
    for high, low in ((hrs[first], lrs[second]), (hrs[second], lrs[first])):
        there.append(np.isfinite(high) & np.isfinite(low))
        wrong.append(there[-1] & (high <= low))
    trials = [int(ok.sum()) for ok in there]
    if not sum(trials):
        raise InputError("2T2R errors: no pair has an HRS and an LRS reading in the same cycle")
    devices = matrices.devices
    names = [f"{devices[2 * i]}/{devices[2 * i + 1]}" for i in range(count)]
    return _summarize(
        plus=(int(wrong[0].sum()), trials[0]),
        minus=(int(wrong[1].sum()), trials[1]),
        names=names,
        unit_errors=wrong[0].sum(axis=1) + wrong[1].sum(axis=1),
        unit_trials=there[0].sum(axis=1) + there[1].sum(axis=1),
        odd_device=devices[-1] if len(devices) % 2 else None,
        skipped=2 * there[0].size - sum(trials),
    )


def confusion_counts(stored: ArrayLike, outcomes: ArrayLike | Sequence[str]) -> NDArray[np.int64]:
    """Count read outcomes by stored weight.

    Parameters
    ----------
    stored : array of int, shape (n,)
        Weights +1, 0, -1.
    outcomes : array of str or int, shape (n,)
        ``plus``, ``zero``, ``minus``, ``invalid``, or their positions 0 to 3 in this order. A
        failed simulation has no outcome: leave it out and report it apart.

    Returns
    -------
    array of int, shape (3, 4)
        Rows: stored plus, zero, minus. Columns: outcome plus, zero, minus, invalid. [1]
    """
    weights = np.asarray(stored)
    codes = _outcome_codes(np.asarray(outcomes))
    if weights.shape != codes.shape or weights.ndim != 1:
        raise InputError(
            f"confusion: {weights.shape} stored weights and {codes.shape} outcomes, expected two "
            "lists of the same length"
        )
    if not weights.size:
        return np.zeros((3, 4), dtype=np.int64)
    if not np.issubdtype(weights.dtype, np.number) or not np.isin(weights, (-1, 0, 1)).all():
        wrong = next(w for w in weights.tolist() if w not in (-1, 0, 1))
        raise InputError(f"confusion: stored weight {wrong!r}, expected +1, 0 or -1")
    rows = 1 - weights.astype(np.int64)
    return np.bincount(rows * 4 + codes, minlength=12).reshape(3, 4)


def _outcome_codes(outcomes: NDArray) -> NDArray[np.int64]:
    if np.issubdtype(outcomes.dtype, np.integer):
        wrong = (outcomes < 0) | (outcomes >= len(OUTCOMES))
        codes = outcomes.astype(np.int64)
    else:
        codes = np.full(outcomes.shape, -1, dtype=np.int64)
        for code, name in enumerate(OUTCOMES):
            codes[outcomes == name] = code
        wrong = codes < 0
    if wrong.any():
        value = outcomes.ravel()[int(np.argmax(wrong.ravel()))]
        raise InputError(
            f"confusion: outcome {str(value)!r}, expected {', '.join(OUTCOMES)} or 0 to 3; leave "
            "out failed simulations"
        )
    return codes


def _threshold(threshold: float | str, lrs: Floats, hrs: Floats) -> float:
    if threshold == "best":
        return best_threshold(lrs, hrs)
    if threshold == "median":
        return float(np.sqrt(np.median(lrs) * np.median(hrs)))
    if isinstance(threshold, str) or not (np.isfinite(threshold) and threshold > 0):
        raise InputError(
            f"threshold: {threshold!r}, expected a resistance above 0 ohm, 'best' or 'median'"
        )
    return float(threshold)


def _summarize(
    plus: tuple[int, int],
    minus: tuple[int, int],
    *,
    names: list[str],
    unit_errors: NDArray[np.int64],
    unit_trials: NDArray[np.int64],
    threshold_ohm: float | None = None,
    odd_device: int | str | None = None,
    skipped: int = 0,
) -> ErrorCount:
    errors, trials = plus[0] + minus[0], plus[1] + minus[1]
    low, high = clopper_pearson(errors, trials)
    confusion = np.zeros((3, 4), dtype=np.int64)
    confusion[0, [0, 2]] = plus[1] - plus[0], plus[0]
    confusion[2, [0, 2]] = minus[0], minus[1] - minus[0]
    confusion.setflags(write=False)
    return ErrorCount(
        errors=errors,
        trials=trials,
        ber=errors / trials,
        low=float(low),
        high=float(high),
        confusion=confusion,
        concentration=_concentrate(names, unit_errors),
        unit_names=tuple(names),
        unit_errors=unit_errors,
        unit_trials=unit_trials,
        threshold_ohm=threshold_ohm,
        odd_device=odd_device,
        skipped=skipped,
    )


def _concentrate(names: list[str], errors: NDArray[np.int64]) -> Concentration:
    order = np.argsort(-errors, kind="stable")
    heap = np.cumsum(errors[order])
    total = int(heap[-1])
    return Concentration(
        units=len(names),
        units_with_errors=int((errors > 0).sum()),
        units_for_half=int(np.searchsorted(heap, total / 2)) + 1 if total else 0,
        worst=tuple((names[i], int(errors[i])) for i in order[:5] if errors[i]),
    )
