"""Random telegraph noise of a trace: two levels with Markov jumps on correlated background noise.

``x[t] = level[s[t]] + b[t]`` with a two-state Markov chain s and ``b[t] = phi b[t-1] + e[t]``. The
correlated background keeps slow 1/f wander from being taken for jumps between two levels.

References
----------
L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77 (1989) 257.
J. D. Hamilton, "A new approach to the economic analysis of nonstationary time series and the
business cycle", Econometrica 57 (1989) 357 (autoregression with Markov-switching mean).
R. E. Kass, A. E. Raftery, "Bayes factors", J. Am. Stat. Assoc. 90 (1995) 773 (BIC gain of 10).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.fitting.likelihood import Coordinate, Estimate, maximize_dependent
from rramchar.fitting.model import Parameter

Floats = NDArray[np.float64]
_FIRST = 20_000  # reads of the first search; the last one uses all
_BIC_GAIN = 10.0  # "very strong" evidence
_LEAST_VISITS = 5.0  # expected visits to each level
_LEAST_STEP = 2.0  # levels apart, in standard deviations of the background's increments

_COORDINATES = (
    Coordinate("low"),
    Coordinate("step", "1", "log"),
    Coordinate("phi"),
    Coordinate("sigma", "1", "log"),
    Coordinate("p_up", "1/read", "logit"),
    Coordinate("p_down", "1/read", "logit"),
)


@dataclass(frozen=True)
class Telegraph:
    """Two levels fitted to a trace.

    Parameters
    ----------
    detected : bool
        Whether the two levels describe the trace better than noise alone.
    reason : str
        Why not, where not.
    parameters : dict of str to Parameter
        ``low``, ``step``, ``sigma`` (of the background's increments) in the trace's unit, ``phi``
        [1], ``p_up`` and ``p_down`` [1/read].
    share_high : float
        Long-run share of reads in the upper level. [1]
    bic_gain : float
        Bayesian information criterion of one level minus that of two. [1]
    converged : bool
        Whether the search ended at a maximum.
    """

    detected: bool
    reason: str
    parameters: dict[str, Parameter]
    share_high: float
    bic_gain: float
    converged: bool

    @property
    def values(self) -> dict[str, float]:
        """Parameter values by name."""
        return {name: p.value for name, p in self.parameters.items()}


def fit_telegraph(trace: Floats) -> Telegraph:
    """Fit two levels by maximum likelihood and compare with one level.

    Parameters
    ----------
    trace : array, shape (reads,)
        Equally spaced reads, at least 100, not all equal.

    Returns
    -------
    Telegraph
        Intervals from the observed information (95 %).
    """
    centre, unit = float(np.median(trace)), float(trace.std())
    x = (trace - centre) / unit
    first = x[:_FIRST]
    fit = maximize_dependent(
        lambda theta: log_likelihood(first, theta), _COORDINATES, _starts(first), len(first)
    )
    if len(x) > _FIRST:
        fit = maximize_dependent(
            lambda theta: log_likelihood(x, theta), _COORDINATES, [fit.values], len(x)
        )
    _, step, _, sigma, up, down = fit.values
    gain = 2 * (fit.log_likelihood - _one_level(x)) - 3 * float(np.log(len(x)))
    visits = len(x) * up * down / (up + down)
    reason = _doubt(fit, gain, visits, step / sigma)
    shifts = {"low": centre, "step": 0.0, "sigma": 0.0}
    parameters = {
        name: _scaled(p, unit, shifts[name]) if name in shifts else p
        for name, p in fit.parameters().items()
    }
    share = float(up / (up + down))
    return Telegraph(not reason, reason, parameters, share, float(gain), fit.converged)


def log_likelihood(x: Floats, theta: Floats) -> float:
    """Return the log likelihood of a trace.

    The product of the transition matrices, each weighted with the densities of a read given the
    one before, is taken pairwise (a tree), so that all work is on arrays.

    Parameters
    ----------
    x : array, shape (reads,)
        The trace.
    theta : array, shape (6,)
        ``low, step, phi, sigma, p_up, p_down``.

    Returns
    -------
    float
        Minus infinity outside the range of the parameters.
    """
    low, step, phi, sigma, up, down = theta
    if not (abs(phi) < 0.99999 and sigma > 0):
        return -np.inf
    chain, levels = ((1 - up, up), (down, 1 - down)), (low, low + step)
    exponents = np.empty((2, 2, len(x) - 1))
    for i in (0, 1):
        for j in (0, 1):
            rest = x[1:] - levels[j] - phi * (x[:-1] - levels[i])
            exponents[i, j] = -0.5 * (rest / sigma) ** 2
    largest = exponents.max(axis=(0, 1))
    product, scale = _product(np.array(chain)[:, :, None] * np.exp(exponents - largest))
    wide = sigma / np.sqrt(1 - phi**2)
    start = np.array([down, up]) / (up + down)
    first = start * np.exp(-0.5 * ((x[0] - np.array(levels)) / wide) ** 2)
    end = float((first @ product).sum())
    norm = (len(x) - 1) * np.log(sigma) + np.log(wide) + 0.5 * len(x) * np.log(2 * np.pi)
    return float(np.log(end) + scale + largest.sum() - norm) if end > 0 else -np.inf


def decode(trace: Floats, levels: Mapping[str, float]) -> Floats:
    """Return the probability of the upper level at every read, given the whole trace.

    Parameters
    ----------
    trace : array, shape (reads,)
        The trace that was fitted.
    levels : mapping of str to float
        ``low, step, phi, sigma, p_up, p_down``, see `Telegraph.values`.

    Returns
    -------
    array, shape (reads,)
        Forward-backward probabilities. [1]
    """
    low, step, phi, sigma, up, down = (levels[c.name] for c in _COORDINATES)
    chain, places = ((1 - up, up), (down, 1 - down)), (low, low + step)
    m = np.empty((len(trace) - 1, 2, 2))
    for i in (0, 1):
        for j in (0, 1):
            rest = (trace[1:] - places[j] - phi * (trace[:-1] - places[i])) / sigma
            m[:, i, j] = np.log(chain[i][j]) - 0.5 * rest**2
    m = np.exp(m - m.max(axis=(1, 2), keepdims=True))
    wide = sigma / np.sqrt(1 - phi**2)
    start = np.log([down, up]) - 0.5 * ((trace[0] - np.array(places)) / wide) ** 2
    start = np.exp(start - start.max())
    forward = _filter(m.reshape(-1, 4), start[1] / start.sum())
    # Read backwards, the same recursion with transposed matrices carries what is still to come.
    backward = _filter(m[::-1].transpose(0, 2, 1).reshape(-1, 4), 0.5)[::-1]
    both = forward * backward
    total = both + (1 - forward) * (1 - backward)
    return np.where(total > 0, both / np.where(total > 0, total, 1.0), 0.5)


def _filter(m: Floats, start: float) -> Floats:
    out = np.empty(len(m) + 1)
    out[0] = high = start
    for t, (m00, m01, m10, m11) in enumerate(m.tolist(), start=1):
        a, b = (1 - high) * m00 + high * m10, (1 - high) * m01 + high * m11
        high = b / (a + b) if a + b > 0 else 0.5
        out[t] = high
    return out


def _product(m: Floats) -> tuple[Floats, float]:
    scale = 0.0
    while m.shape[2] > 1:
        if m.shape[2] % 2:
            m = np.concatenate([m, np.eye(2)[:, :, None]], axis=2)
        a, b = m[:, :, 0::2], m[:, :, 1::2]
        m = np.empty_like(a)
        for i in (0, 1):
            for j in (0, 1):
                m[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j]
        size = m.max(axis=(0, 1))
        scale += float(np.log(size).sum())
        m = m / size
    return m[:, :, 0], scale


def _one_level(x: Floats) -> float:
    # Autoregression of order one with a mean: least squares is maximum likelihood but for one read.
    design = np.column_stack([np.ones(len(x) - 1), x[:-1]])
    beta = np.linalg.lstsq(design, x[1:], rcond=None)[0]
    variance = float(((x[1:] - design @ beta) ** 2).mean())
    wide = variance / max(1 - beta[1] ** 2, 1e-9)
    first = -0.5 * (x[0] - x.mean()) ** 2 / wide - 0.5 * np.log(2 * np.pi * wide)
    return float(-0.5 * (len(x) - 1) * (np.log(2 * np.pi * variance) + 1) + first)


def _starts(x: Floats) -> list[Floats]:
    starts = []
    middle = (np.quantile(x, 0.02) + np.quantile(x, 0.98)) / 2
    for cut in (middle, *np.quantile(x, [0.5, 0.9, 0.1])):
        high = x > cut
        if not 2 < high.sum() < len(x) - 2:
            continue
        low, top = float(x[~high].mean()), float(x[high].mean())
        jumps = float((high[1:] != high[:-1]).sum()) / 2 + 1
        p_up = min(jumps / float((~high).sum() + 2), 0.4)
        p_down = min(jumps / float(high.sum() + 2), 0.4)
        rest = x - np.where(high, top, low)
        for phi in (0.02, 0.9):
            sigma = float(np.std(rest[1:] - phi * rest[:-1]))
            starts.append(np.array([low, top - low, phi, max(sigma, 1e-3), p_up, p_down]))
    return sorted(starts, key=lambda start: -log_likelihood(x, start))[:3]


def _doubt(fit: Estimate, gain: float, visits: float, step: float) -> str:
    if not fit.converged:
        return f"the search for two levels did not converge: {fit.message}"
    if gain < _BIC_GAIN:
        return f"two levels describe the trace no better than one (BIC gain {gain:.1f})"
    if fit.undetermined:
        lost = ", ".join(fit.undetermined)
        return f"the trace does not determine {lost}: too few jumps, or other than two levels"
    if visits < _LEAST_VISITS:
        return f"only about {visits:.1f} visits to each level; record a longer trace"
    if step < _LEAST_STEP:
        return f"the levels are {step:.1f} standard deviations of the noise apart: not separable"
    return ""


def _scaled(p: Parameter, unit: float, shift: float) -> Parameter:
    error = None if p.standard_error is None else unit * p.standard_error
    return dataclasses.replace(
        p, value=shift + unit * p.value, low=shift + unit * p.low, high=shift + unit * p.high,
        standard_error=error,
    )  # fmt: skip
