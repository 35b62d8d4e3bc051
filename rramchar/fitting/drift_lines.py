"""Kinked lines through ln R under 1/f noise: least squares after the noise is whitened.

The 1/f noise of `rramchar.devices.piecewise_drift` is white noise through a filter with a stable
inverse, so the inverse applied to data and regressors makes least squares the maximum likelihood.
The kink is searched on a grid first, for all devices at once, then refined (Gauss-Newton).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from rramchar.devices.piecewise_drift import TAPS, pink_taps

Floats = NDArray[np.float64]

KINKS = 60  # places of the kink that are tried first
_REFINEMENTS = 12
_EDGE = 2.0 * TAPS  # pulses from either end within which 1/f noise looks like a kink


def whiten(values: Floats) -> Floats:
    """Return white noise that the 1/f filter would turn into `values`; along the last axis."""
    return np.asarray(lfilter([1.0], pink_taps(), values, axis=-1))


@dataclass(frozen=True)
class LineFits:
    """Lines fitted to devices; parameters in the order c1, m1, m2, rtn, t_star.

    Parameters
    ----------
    theta : array, shape (devices, 5)
        The estimates.
    information : array, shape (devices, 5, 5)
        ``X'X`` of the whitened regressors; times 1/alpha^2 it is the information.
    square : array, shape (devices,)
        Sum of squares of the whitened residuals.
    grid_square : array, shape (devices, kinks)
        The same with the kink at each place of the grid.
    grid_linear, grid_inverse : array, shape (devices, kinks, 4)
        Linear parameters there, and the diagonal of ``(X'X)^-1``.
    """

    theta: Floats
    information: Floats
    square: Floats
    grid_square: Floats
    grid_linear: Floats
    grid_inverse: Floats

    def pick(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> LineFits:
        """Return the fits of some devices."""
        return LineFits(*(getattr(self, field.name)[rows] for field in fields(self)))

    def put(self, rows: NDArray[np.int64], other: LineFits) -> LineFits:
        """Return these fits with those of some devices replaced."""
        new = [getattr(self, field.name).copy() for field in fields(self)]
        for values, field in zip(new, fields(self), strict=True):
            values[rows] = getattr(other, field.name)
        return LineFits(*new)


def join_fits(parts: Sequence[LineFits]) -> LineFits:
    """Return the fits of several groups of devices as one."""
    return LineFits(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(LineFits))
    )


def kink_grid(longest: int) -> Floats:
    """Return places of the kink, evenly spaced in the logarithm. [pulse]"""
    low, high = kink_limits(longest)
    return np.geomspace(low, float(high), KINKS)


def kink_limits(length: NDArray[np.int64] | int) -> tuple[float, Floats]:
    """Return where the earliest and the latest kink are looked for in records of some length.

    Parameters
    ----------
    length : array of int or int
        Pulses of the records.

    Returns
    -------
    low : float
        Twice the length of the 1/f filter: earlier, its noise looks like a kink. [pulse]
    high : array
        As far from the end. [pulse]
    """
    return _EDGE, np.maximum(np.asarray(length, dtype=float) - _EDGE, _EDGE + 1)


def fit_lines(y: Floats, high: NDArray[np.bool_]) -> LineFits:
    """Fit a kinked line and a telegraph of known path to every device.

    Parameters
    ----------
    y : array, shape (devices, pulses)
        ln(R / R0) after pulse 1, 2, ...; NaN after the end of a device's record.
    high : array of bool, shape (devices, pulses)
        State of the telegraph.

    Returns
    -------
    LineFits
    """
    problem = _whitened(y, high)
    grid = kink_grid(int(problem.length.max()))
    grid_square, grid_linear, grid_inverse = _grid_search(problem, grid)
    theta = np.zeros((len(y), 5))
    trial = theta[:, 4] = grid[grid_square.argmin(axis=1)]
    square = np.full(len(y), np.inf)
    for _ in range(_REFINEMENTS):
        linear, jacobian, residual = _at_kink(trial, problem)
        found = np.einsum("dn,dn->d", residual, residual)
        better = found < square
        theta[better, :4], theta[better, 4] = linear[better], trial[better]
        square = np.where(better, found, square)
        # A step that led astray is taken back by half.
        trial = np.where(better, trial + _kink_step(jacobian, residual), (theta[:, 4] + trial) / 2)
        trial = np.clip(trial, *kink_limits(problem.length))
        if (np.abs(trial - theta[:, 4]) < 0.01).all():
            break
    _, jacobian, _ = _at_kink(theta[:, 4], problem)
    information = jacobian @ jacobian.transpose(0, 2, 1)
    return LineFits(theta, information, square, grid_square, grid_linear, grid_inverse)


def fit_steps(y: Floats, high: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the sum of squares and the telegraph's step for the best of a coarse grid of kinks.

    Parameters
    ----------
    y, high
        As for `fit_lines`.

    Returns
    -------
    square, step : array, shape (devices,)
    """
    problem = _whitened(y, high)
    square, linear, _ = _grid_search(problem, kink_grid(int(problem.length.max()))[::4])
    rows, best = np.arange(len(y)), square.argmin(axis=1)
    return square[rows, best], linear[rows, best, 3]


def line_values(theta: Floats, pulses: int) -> Floats:
    """Return the mean of ln(R / R0) of devices, without the telegraph.

    Parameters
    ----------
    theta : array, shape (devices, 5)
        As in `LineFits`.
    pulses : int
        How many, from pulse 1.

    Returns
    -------
    array, shape (devices, pulses)
    """
    t = np.arange(1.0, pulses + 1)
    c1, m1, m2, _, kink = theta.T[..., None]
    return np.asarray(c1 + m1 * np.minimum(t, kink) + m2 * np.maximum(t - kink, 0.0))


@dataclass(frozen=True)
class _Whitened:
    """Data and telegraph path after whitening, zero after the end of a record."""

    target: Floats
    path: Floats
    known: NDArray[np.bool_]
    length: NDArray[np.int64]


def _whitened(y: Floats, high: NDArray[np.bool_]) -> _Whitened:
    known = np.isfinite(y)
    target = np.where(known, whiten(np.where(known, y, 0.0)), 0.0)
    path = np.where(known, whiten(high.astype(float)), 0.0)
    return _Whitened(target, path, known, known.sum(axis=1))


def _columns(kink: Floats, pulses: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return whitened regressors: 1, min(t, kink), max(t - kink, 0), and t > kink.

    The last two are shifted copies of the whitened ramp and step, so nothing is filtered here.
    """
    t = np.arange(1, pulses + 1)
    step, ramp = (
        np.concatenate([[0.0], whiten(row)]) for row in np.stack([np.ones(pulses), 1.0 * t])
    )
    whole = np.floor(kink).astype(np.int64)[:, None]
    since = np.maximum(t - whole, 0)
    after = step[since]
    bent = ramp[since] - (kink[:, None] - whole) * after
    return np.broadcast_to(step[1:], bent.shape), ramp[1:] - bent, bent, after


def _grid_search(problem: _Whitened, grid: Floats) -> tuple[Floats, Floats, Floats]:
    """Return sums of squares, linear parameters and the diagonal of the inverse for each kink."""
    devices, pulses = problem.target.shape
    basis = np.stack(_columns(grid, pulses)[:3], axis=1)
    own = np.einsum("dn,dn->d", problem.target, problem.target)
    path_square = np.einsum("dn,dn->d", problem.path, problem.path)
    path_target = np.einsum("dn,dn->d", problem.path, problem.target)
    square = np.empty((devices, len(grid)))
    linear, inverse = (np.empty((devices, len(grid), 4)) for _ in range(2))
    for j, rows in enumerate(basis):
        products = np.cumsum(np.einsum("in,kn->nik", rows, rows), axis=0)
        gram = np.empty((devices, 4, 4))
        gram[:, :3, :3] = products[problem.length - 1]
        gram[:, 3, :3] = gram[:, :3, 3] = problem.path @ rows.T
        gram[:, 3, 3] = path_square
        right = np.column_stack([problem.target @ rows.T, path_target])
        linear[:, j], inverse[:, j] = _solve(gram, right)
        square[:, j] = own - (right * linear[:, j]).sum(axis=1)
    inside = grid <= kink_limits(problem.length)[1][:, None] + 1e-9
    return np.where(inside, square, np.inf), linear, inverse


def _at_kink(kink: Floats, problem: _Whitened) -> tuple[Floats, Floats, Floats]:
    """Return linear parameters, the Jacobian (with that of the kink) and residuals."""
    one, before, bent, after = _columns(kink, problem.target.shape[1])
    rows = [column * problem.known for column in (one, before, bent)]
    design = np.stack([*rows, problem.path], axis=1)
    gram = design @ design.transpose(0, 2, 1)
    linear, _ = _solve(gram, (design @ problem.target[:, :, None])[:, :, 0])
    residual = problem.target - (linear[:, None, :] @ design)[:, 0, :]
    bend = (linear[:, 1] - linear[:, 2])[:, None] * after * problem.known
    return linear, np.concatenate([design, bend[:, None, :]], axis=1), residual


def _kink_step(jacobian: Floats, residual: Floats) -> Floats:
    gram = jacobian @ jacobian.transpose(0, 2, 1)
    return _solve(gram, (jacobian @ residual[:, :, None])[:, :, 0])[0][:, 4]


def _solve(gram: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Solve normal equations; return also the diagonal of the inverse.

    A regressor that is zero gets a coefficient of zero and, like one that the others can stand in
    for, a large inverse.
    """
    size = np.einsum("dii->di", gram)
    scale = np.sqrt(np.where(size > 0, size, 1.0))
    scaled = gram / (scale[:, :, None] * scale[:, None, :]) + 1e-12 * np.eye(gram.shape[1])
    inverse = np.linalg.inv(scaled)
    solution = (inverse @ (right / scale)[..., None])[..., 0] / scale
    return np.asarray(solution), np.einsum("dii->di", inverse) / scale**2
