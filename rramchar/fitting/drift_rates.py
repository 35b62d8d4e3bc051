"""Rates and amplitudes of telegraph noise over many devices, some of whose steps are too small.

A device with a step below what can be seen looks like one that never switched. With amplitudes
uniform up to A and steps visible from a_min, a share q = a_min / A of the devices is of the first
kind, so a device without a visible telegraph contributes ``(1 - q) (1 - p_up)^T + q``. Of small
visible steps short stays are missed: such devices tell that there was a transition, not how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rramchar.fitting.drift_estimate import LEAST_OVER_ALPHA, DriftEstimates
from rramchar.fitting.model import Parameter
from rramchar.fitting.newton import maximize
from rramchar.fitting.population import fit_upper_end
from rramchar.fitting.telegraph import count_transitions

if TYPE_CHECKING:
    from rramchar.fitting.drift import DeviceValues

_CLEAR = 4.0  # telegraph step over alpha from which stays of a few pulses are seen
_Z = float(stats.norm.ppf(0.975))
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TelegraphRates:
    """What is known of the telegraph of all devices.

    Parameters
    ----------
    parameters : dict of str to Parameter
        ``p_up``, ``p_down``, ``rtn_amplitude_max``.
    amplitude : dict
        Distribution of the steps over devices.
    undetermined : tuple of str
        Names of parameters for which the value is a limit only.
    """

    parameters: dict[str, Parameter]
    amplitude: dict[str, Any]
    undetermined: tuple[str, ...]


def fit_rates(
    estimates: DriftEstimates, values: DeviceValues, length: NDArray[np.int64]
) -> TelegraphRates:
    """Fit the telegraph's rates and the end of the distribution of its steps.

    Parameters
    ----------
    estimates : DriftEstimates
        Paths.
    values : DeviceValues
        Steps and their errors.
    length : array of int, shape (devices,)
        Pulses of each record.

    Returns
    -------
    TelegraphRates
    """
    seen = estimates.telegraph
    least = LEAST_OVER_ALPHA * estimates.alpha
    if seen.sum() < 3:
        return _none_seen(length, least)
    amplitude = fit_upper_end(
        values.value["rtn_amplitude"][seen], values.error["rtn_amplitude"][seen], least, "1"
    )
    end = amplitude["end"]
    ups, downs, low, high = (
        part.astype(float) for part in count_transitions(estimates.high, length)
    )
    hidden = min(least / end["value"], 0.9)

    def loglik(theta: Floats) -> Floats:
        up, down = -np.logaddexp(0, -theta[..., 0]), -np.logaddexp(0, -theta[..., 1])
        stay, rest = np.log1p(-np.exp(up)), np.log1p(-np.exp(down))
        moving = (
            up[..., None] * ups + stay[..., None] * (low - ups)
            + down[..., None] * downs + rest[..., None] * (high - downs)
        )  # fmt: skip
        still = np.logaddexp(np.log(1 - hidden) + stay[..., None] * low, np.log(hidden))
        once = np.log(-np.expm1(stay[..., None] * length))
        each = np.where(clear, moving, np.where(seen, once, still))
        return np.asarray(each.sum(axis=-1))

    clear = seen & (values.value["rtn_amplitude"] > _CLEAR * estimates.alpha)
    clear = clear if clear.sum() >= 3 else seen
    ups, downs, high = (np.where(clear, part, 0.0) for part in (ups, downs, high))
    guess = [(ups.sum() + 0.5) / low[clear].sum(), (downs.sum() + 0.5) / max(high.sum(), 1.0)]
    best = maximize(loglik, np.log([guess]))
    undetermined = [] if downs.sum() > 0 and best.converged[0] else ["p_down"]
    parameters = {
        "p_up": _rate(best.theta[0, 0], best.covariance()[0, 0, 0]),
        "p_down": _rate(best.theta[0, 1], best.covariance()[0, 1, 1])
        if not undetermined
        else Parameter(0.0, 0.0, float(min(3.0 / max(high.sum(), 3.0), 1.0)), "1"),
        "rtn_amplitude_max": Parameter(end["value"], end["low"], end["high"], "1"),
    }
    return TelegraphRates(parameters, amplitude, tuple(undetermined))


def _rate(logit: float, variance: float) -> Parameter:
    error = float(np.sqrt(variance)) if np.isfinite(variance) else 10.0
    value, low, high = (
        float(1 / (1 + np.exp(-x))) for x in (logit, logit - _Z * error, logit + _Z * error)
    )
    return Parameter(value, low, high, "1", value * (1 - value) * error)


def _none_seen(length: NDArray[np.int64], least: float) -> TelegraphRates:
    # Rule of three: no event in T pulses leaves rates below 3 / T at 95 %.
    limit = min(3.0 / float(length.sum()), 1.0)
    parameters = {
        "p_up": Parameter(0.0, 0.0, limit, "1"),
        "p_down": Parameter(1.0, 0.0, 1.0, "1"),
        "rtn_amplitude_max": Parameter(0.0, 0.0, least, "1"),
    }
    amplitude = {"distribution": "uniform", "unit": "1", "lower": 0.0, "upper": 0.0}
    return TelegraphRates(parameters, amplitude, ("p_up", "p_down", "rtn_amplitude_max"))
