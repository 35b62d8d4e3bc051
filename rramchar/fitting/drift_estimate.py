"""Every device's line, telegraph and 1/f amplitude, found in turns.

Given the telegraph's path the line is a least-squares problem; given the line the path is a
Viterbi problem. Both lower the same cost, so turns end; several starts guard against a step of the
telegraph taken for a kink. A telegraph is kept only where it makes the readings much more probable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.fitting.drift_lines import (
    LineFits,
    fit_lines,
    fit_steps,
    join_fits,
    line_values,
    whiten,
)
from rramchar.fitting.telegraph import count_transitions, telegraph_paths

Floats = NDArray[np.float64]

TURNS = 25
SEEN = 4.0  # gain in log-likelihood, with the cost of the path, from which a telegraph is kept
LEAST_OVER_ALPHA = 1.2  # smaller telegraph steps are not told from noise
_ROUNDS = 8  # of search by exchanging a stretch of states
_PARTS = (0.25, 0.5, 0.75)  # of a stretch between transitions that is exchanged
_LONGEST_PATH = 12  # transitions between which stretches are exchanged
_STEPS = 12  # places where a first step of the telegraph is tried
_TRIED = 6.0  # its size over alpha where none is found
_RATES = (1e-3, 1e-3)  # of the first search
_CHUNK = 200  # devices at once


@dataclass(frozen=True)
class DriftEstimates:
    """What is known of each device.

    Parameters
    ----------
    lines : LineFits
        Line, telegraph step and kink.
    high : array of bool, shape (devices, pulses)
        Path of the telegraph.
    telegraph : array of bool, shape (devices,)
        Whether one is seen.
    settled : array of bool, shape (devices,)
        Whether the turns ended.
    alpha : float
        1/f amplitude of all devices. [1]
    freedom : array, shape (devices,)
        Readings minus fitted numbers.
    """

    lines: LineFits
    high: NDArray[np.bool_]
    telegraph: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    alpha: float
    freedom: Floats

    def whitened(self, y: Floats) -> Floats:
        """Return the residuals of ln(R / R0), whitened, over alpha; NaN where not read."""
        mean = line_values(self.lines.theta, y.shape[1])
        rest = y - mean - self.lines.theta[:, [3]] * self.high
        known = np.isfinite(rest)
        return np.where(known, whiten(np.where(known, rest, 0.0)) / self.alpha, np.nan)


def estimate_devices(y: Floats, progress: Callable[[int], None] | None = None) -> DriftEstimates:
    """Estimate line, telegraph and 1/f amplitude.

    Parameters
    ----------
    y : array, shape (devices, pulses)
        ln(R / R0) after pulse 1, 2, ...; NaN after the end of a record.
    progress : callable, optional
        Called with the number of devices that are finished.

    Returns
    -------
    DriftEstimates
    """
    alpha = _first_alpha(y)
    parts = []
    for first in range(0, len(y), _CHUNK):
        part = y[first : first + _CHUNK]
        parts.append(_estimate_chunk(part, alpha))
        if progress is not None:
            progress(min(first + _CHUNK, len(y)))
    lines = join_fits([part[0] for part in parts])
    high, telegraph, settled = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3))
    ups, downs, _, _ = count_transitions(high, np.isfinite(y).sum(axis=1))
    freedom = np.isfinite(y).sum(axis=1) - 4.0 - telegraph - ups - downs
    freedom = np.maximum(freedom, 1.0)
    pooled = float(np.sqrt(lines.square.sum() / freedom.sum()))
    return DriftEstimates(lines, high, telegraph, settled, pooled, freedom)


def _first_alpha(y: Floats) -> float:
    """Return a 1/f amplitude that steps and kinks hardly touch: from the median residual."""
    known = np.isfinite(y)
    change = whiten(np.where(known, y, 0.0))
    size = np.abs(np.where(known, change - _running_mean(change), np.nan))[:, 1:]
    return max(float(np.nanmedian(size)) / 0.6745, 1e-9)


def _running_mean(values: Floats, width: int = 31) -> Floats:
    width = min(width, values.shape[1])
    return np.apply_along_axis(np.convolve, 1, values, np.ones(width) / width, mode="same")


def _estimate_chunk(
    y: Floats, alpha: float
) -> tuple[LineFits, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return lines, paths, whether a telegraph is seen, and whether the turns ended."""
    devices = len(y)
    path = np.zeros(y.shape, dtype=bool)
    lines = fit_lines(y, path)
    score = _score(lines, path, y, alpha)
    plain, without = lines, score.copy()
    settled = np.ones(devices, dtype=bool)
    act = np.arange(devices)
    for number in range(_ROUNDS):
        starts = _flipped(y[act], path[act], alpha)
        starts += [path[act]] if number == 0 else []
        found = _turns(np.tile(y[act], (len(starts), 1)), np.concatenate(starts), alpha)
        scores = found.score.reshape(len(starts), len(act))
        pick = scores.argmax(axis=0) * len(act) + np.arange(len(act))
        better = scores.max(axis=0) > score[act] + 1.0
        act, pick = act[better], pick[better]
        if not len(act):
            break
        lines = lines.put(act, found.lines.pick(pick))
        path[act], score[act] = found.path[pick], found.score[pick]
        settled[act] = found.settled[pick]
    seen = (score > without + SEEN) & (lines.theta[:, 3] > LEAST_OVER_ALPHA * alpha)
    lines = plain.put(np.flatnonzero(seen), lines.pick(seen))
    return lines, path & seen[:, None], seen, settled | ~seen


@dataclass(frozen=True)
class _Turned:
    lines: LineFits
    path: NDArray[np.bool_]
    score: Floats
    settled: NDArray[np.bool_]


def _turns(y: Floats, path: NDArray[np.bool_], alpha: float) -> _Turned:
    """Fit lines and paths in turns until the paths stay."""
    lines = fit_lines(y, path)
    # Where no step helps, one of a size that is easily seen is tried.
    step = lines.theta[:, 3]
    amplitude = np.where(path.any(axis=1) & (step > 0), step, _TRIED * alpha)
    settled = np.zeros(len(y), dtype=bool)
    path = path.copy()
    for _ in range(TURNS):
        act = np.flatnonzero(~settled)
        noise = y[act] - line_values(lines.theta[act], y.shape[1])
        new = telegraph_paths(noise, amplitude[act], alpha, *_RATES)
        same = (new == path[act]).all(axis=1)
        path[act] = new
        lines = lines.put(act, fit_lines(y[act], new))
        step = lines.theta[act, 3]
        amplitude[act] = np.where(step > 0, step, amplitude[act])
        settled[act] = same | ~new.any(axis=1)
        if settled.all():
            break
    return _Turned(lines, path, _score(lines, path, y, alpha), settled)


def _score(lines: LineFits, path: NDArray[np.bool_], y: Floats, alpha: float) -> Floats:
    """Return the log-likelihood of readings and path; no path has a step down as its first."""
    ups, downs, low, high = count_transitions(path, np.isfinite(y).sum(axis=1))
    prior = ups * np.log(_RATES[0]) + downs * np.log(_RATES[1])
    prior = prior + (low - ups) * np.log1p(-_RATES[0]) + (high - downs) * np.log1p(-_RATES[1])
    score = -0.5 * lines.square / alpha**2 + prior
    return np.where(path.any(axis=1) & (lines.theta[:, 3] <= 0), -np.inf, score)


def _flipped(y: Floats, base: NDArray[np.bool_], alpha: float) -> list[NDArray[np.bool_]]:
    """Return for each device the best path with a stretch of states exchanged, of four kinds.

    A stretch to the end, a stretch within, one between two of the path's own transitions, which
    takes out a pair of steps that stood in for a kink at the wrong place, and a part of such a one.
    """
    known = np.isfinite(y)
    place = np.arange(y.shape[1]) / known.sum(axis=1)[:, None]
    ends = np.linspace(0.0, 1.0, _STEPS + 1)
    ends[0] = 0.5 / y.shape[1]
    to_the_end = ((place >= a) for a in np.linspace(ends[0], 0.98, 3 * _STEPS))
    within = ((place >= a) & (place < b) for i, a in enumerate(ends) for b in ends[i + 1 : -1])
    return [
        _best_flip(y, base, stretches, alpha)
        for stretches in (
            to_the_end,
            within,
            _between_transitions(base),
            _parts_of_stretches(base),
        )  # fmt: skip
    ]


def _between_transitions(base: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield each stretch between neighbouring transitions of every device's own path."""
    for stretch, _ in _stretches(base):
        yield stretch


def _parts_of_stretches(base: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield the first and last parts of those stretches: transitions at other places."""
    for stretch, share in _stretches(base):
        for part in _PARTS:
            yield stretch & (share <= part)
            yield stretch & (share > 1 - part)


def _stretches(base: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    before = np.concatenate([np.zeros((len(base), 1), dtype=bool), base[:, :-1]], axis=1)
    number = (base ^ before).cumsum(axis=1)  # of transitions so far
    for stretch in range(min(int(number.max(initial=0)), _LONGEST_PATH) + 1):
        inside = number == stretch
        length = np.maximum(inside.sum(axis=1), 1)
        yield inside, inside.cumsum(axis=1) / length[:, None]


def _best_flip(
    y: Floats, base: NDArray[np.bool_], stretches: Iterable[NDArray[np.bool_]], alpha: float
) -> NDArray[np.bool_]:
    known = np.isfinite(y)
    best = base.copy()
    lowest = np.full(len(y), np.inf)
    for stretch in stretches:
        path = (base ^ stretch) & known
        square, step = fit_steps(y, path)
        ups, downs, _, _ = count_transitions(path, known.sum(axis=1))
        cost = 0.5 * square / alpha**2 - (ups + downs) * np.log(_RATES[0])
        better = (cost < lowest) & (step > 0)
        best[better] = path[better]
        lowest = np.where(better, cost, lowest)
    return best
