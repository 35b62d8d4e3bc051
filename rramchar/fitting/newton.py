"""Maximum of one or many log-likelihoods at once, with the observed information.

Damped Newton steps on finite differences. All differences of all problems are evaluated in one
call, so that thousands of small fits cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LogLikelihood = Callable[[Floats], Floats]

_DECREMENT = 1e-5  # expected gain in log-likelihood that is not worth another step
_HALVINGS = 12
_SMALLEST_STEP, _LARGEST_STEP = 1e-6, 1e-2


@dataclass(frozen=True)
class Maximum:
    """Where batched log-likelihoods are largest.

    Parameters
    ----------
    theta : array, shape (batch, n)
        The estimates.
    loglik : array, shape (batch,)
        The log-likelihood there.
    information : array, shape (batch, n, n)
        Minus the second derivatives there.
    converged : array of bool, shape (batch,)
        Whether no further gain is expected and the information is positive definite.
    weakest : array of int, shape (batch,)
        The parameter that dominates the direction in which the likelihood is flattest.
    """

    theta: Floats
    loglik: Floats
    information: Floats
    converged: NDArray[np.bool_]
    weakest: NDArray[np.int64]

    def covariance(self) -> Floats:
        """Return the inverse information, NaN for a fit that did not converge.

        Returns
        -------
        array, shape (batch, n, n)
        """
        out = np.full_like(self.information, np.nan)
        if self.converged.any():
            out[self.converged] = np.linalg.inv(self.information[self.converged])
        return out


def maximize(loglik: LogLikelihood, start: Floats, *, iterations: int = 60) -> Maximum:
    """Maximize a batch of log-likelihoods.

    Parameters
    ----------
    loglik : callable
        Takes parameters of shape (variants, batch, n), returns log-likelihoods of shape
        (variants, batch). What is not finite counts as impossible.
    start : array, shape (batch, n)
        Where to start; parameters should be scaled such that steps of order 1 are large.
    iterations : int
        Newton steps at most.

    Returns
    -------
    Maximum
        For each member of the batch.
    """
    theta = np.array(start, dtype=float)
    batch, n = theta.shape

    def value(x: Floats) -> Floats:
        result = loglik(x)
        return np.where(np.isfinite(result), result, -np.inf)

    steps = np.full((batch, n), 1e-3)
    done = np.zeros(batch, dtype=bool)
    best, gradient, information = _differences(value, theta, steps)
    for _ in range(iterations):
        direction, decrement = _direction(gradient, information)
        steps = _difference_steps(information)
        definite = _positive_definite(information)
        done = definite & (decrement < _DECREMENT)
        if done.all():
            break
        theta, moved = _line_search(value, theta, best, np.where(done[:, None], 0, direction))
        # A stalled search means that differences are too coarse or the maximum is reached.
        best, gradient, information = _differences(value, theta, steps)
        if not moved.any():
            break
    _, decrement = _direction(gradient, information)
    definite = _positive_definite(information)
    converged = definite & (decrement < 100 * _DECREMENT) & np.isfinite(best)
    finite = np.where(np.isfinite(information), information, 0.0)
    weakest = np.abs(np.linalg.eigh(finite)[1][:, :, 0]).argmax(axis=1)
    return Maximum(theta, best, information, converged, weakest)


def _differences(value: LogLikelihood, theta: Floats, steps: Floats) -> tuple[Floats, ...]:
    """Return value, gradient and minus the Hessian by central differences, in one evaluation."""
    batch, n = theta.shape
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    unit = np.eye(n)
    shifts = np.array(
        [np.zeros(n), *unit, *-unit]
        + [sign * (unit[i] + unit[j]) for i, j in pairs for sign in (1, -1)]
    )
    all_values = value(theta[None] + shifts[:, None, :] * steps[None])
    centre, up, down = all_values[0], all_values[1 : n + 1], all_values[n + 1 : 2 * n + 1]
    information = np.empty((batch, n, n))
    with np.errstate(invalid="ignore"):
        gradient = ((up - down) / (2 * steps.T)).T
        for i in range(n):
            information[:, i, i] = -(up[i] - 2 * centre + down[i]) / steps[:, i] ** 2
        for number, (i, j) in enumerate(pairs):
            both, neither = all_values[2 * n + 1 + 2 * number : 2 * n + 3 + 2 * number]
            mixed = both - up[i] - up[j] + 2 * centre - down[i] - down[j] + neither
            information[:, i, j] = -mixed / (2 * steps[:, i] * steps[:, j])
            information[:, j, i] = information[:, i, j]
    return centre, gradient, information


def _direction(gradient: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Return an uphill step of limited length and the gain that it promises.

    Negative curvature is followed with its magnitude (Dauphin et al., arXiv:1406.2572).
    """
    usable = np.asarray(
        np.isfinite(information).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    )
    curvature, axes = np.linalg.eigh(np.where(usable[:, None, None], information, 0.0))
    slope = np.einsum("bij,bi->bj", axes, np.where(usable[:, None], gradient, 0.0))
    floor = 1e-8 * np.maximum(np.abs(curvature).max(axis=1, keepdims=True), 1e-8)
    along = slope / np.maximum(np.abs(curvature), floor)
    decrement = np.where(usable, 0.5 * (slope * along).sum(axis=1), np.inf)
    step = np.einsum("bij,bj->bi", axes, along)
    longest = np.abs(step).max(axis=1, keepdims=True)
    return step / np.maximum(longest, 1.0), decrement


def _line_search(
    value: LogLikelihood, theta: Floats, best: Floats, direction: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the first of ever shorter steps that does not lower the likelihood."""
    scale = np.ones(len(theta))
    accepted = np.zeros(len(theta), dtype=bool)
    for _ in range(_HALVINGS):
        trial = theta + scale[:, None] * direction
        better = value(trial[None])[0] >= best
        accepted |= better
        if accepted.all():
            break
        scale = np.where(accepted, scale, scale / 2)
    moved = accepted & (direction != 0).any(axis=1)
    return np.where(moved[:, None], theta + scale[:, None] * direction, theta), moved


def _difference_steps(information: Floats) -> Floats:
    """Return differences that are small against the standard errors, but not too small."""
    diagonal = np.einsum("bii->bi", np.where(np.isfinite(information), information, 0.0))
    return np.clip(0.1 / np.sqrt(np.maximum(diagonal, 1e-12)), _SMALLEST_STEP, _LARGEST_STEP)


def _positive_definite(information: Floats) -> NDArray[np.bool_]:
    finite = np.asarray(np.isfinite(information).all(axis=(1, 2)))
    scale = np.sqrt(np.abs(np.einsum("bii->bi", np.where(finite[:, None, None], information, 1.0))))
    scale = np.maximum(scale, 1e-150)
    scaled = np.where(finite[:, None, None], information, 0.0) / (
        scale[:, :, None] * scale[:, None, :]
    )
    return np.asarray(finite & (np.linalg.eigvalsh(scaled)[:, 0] > 1e-6))
