"""The two resistance states as distributions of ln R, from a fitted model.

Errors depend on the order of resistances alone, so everything here is in ln R. A reading is
described by a standard normal number u through ``F(ln R) = Phi(u)``: whatever the distribution,
rare errors are then looked for in a space of independent standard normal numbers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rramchar.errors import InputError
from rramchar.fitting.families import Family
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.resistance_states import state_distribution

Floats = NDArray[np.float64]
_LN10 = math.log(10)
_Z95 = float(special.ndtri(0.975))


class LnResistance(Protocol):
    """Distribution of ln(R / ohm) over the readings of one state."""

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of ln R at or below `x`."""

    def sf(self, x: ArrayLike) -> Floats:
        """Probability of ln R above `x`."""

    def from_score(self, u: ArrayLike) -> Floats:
        """Return the ln R that has the probability of a standard normal number `u` below it."""


@dataclass(frozen=True)
class NormalState:
    """Normal ln R: a lognormal resistance.

    Parameters
    ----------
    mean, sigma : float
        Of ln(R / ohm). [1]
    """

    mean: float
    sigma: float

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of ln R at or below `x`."""
        return special.ndtr((np.asarray(x, float) - self.mean) / self.sigma)

    def sf(self, x: ArrayLike) -> Floats:
        """Probability of ln R above `x`."""
        return special.ndtr((self.mean - np.asarray(x, float)) / self.sigma)

    def from_score(self, u: ArrayLike) -> Floats:
        """Return ``mean + sigma u``."""
        return self.mean + self.sigma * np.asarray(u, float)


@dataclass(frozen=True)
class FamilyState:
    """A fitted family of log10 R, see `rramchar.fitting.families`.

    Parameters
    ----------
    family : Family
        Which distribution.
    theta : tuple of float
        Its parameters, in decades.
    """

    family: Family
    theta: tuple[float, ...]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of ln R at or below `x`."""
        return np.exp(self.family.log_below(*self._decades(x)))

    def sf(self, x: ArrayLike) -> Floats:
        """Probability of ln R above `x`."""
        return np.exp(self.family.log_above(*self._decades(x)))

    def from_score(self, u: ArrayLike) -> Floats:
        """Return the ln R of a normal score."""
        log10_r = self.family.from_score(np.asarray(u, float), np.array(self.theta))
        return np.asarray(log10_r, float) * _LN10

    def _decades(self, x: ArrayLike) -> tuple[Floats, Floats]:
        return np.asarray(x, float) / _LN10, np.array(self.theta)


@dataclass(frozen=True)
class States:
    """Low and high resistance state of the devices of a 2T2R cell.

    Parameters
    ----------
    lrs, hrs : LnResistance
        Distribution of ln(R / ohm) over devices and cycles.
    correlation : float
        Between the normal scores u of the LRS of one device and the HRS of its partner (a Gaussian
        copula); 0 for independent devices. [1]
    """

    lrs: LnResistance
    hrs: LnResistance
    correlation: float = 0.0

    def __post_init__(self) -> None:
        """Check the correlation."""
        if not -1 < self.correlation < 1:
            raise InputError(f"correlation: {self.correlation}, expected between -1 and 1")

    def ln_resistances(self, u_hrs: ArrayLike, u_lrs: ArrayLike) -> tuple[Floats, Floats]:
        """Return the resistances that two independent standard normal numbers stand for.

        Parameters
        ----------
        u_hrs, u_lrs : array
            Standard normal numbers. [1]

        Returns
        -------
        ln_hrs, ln_lrs : array
            ln(R / ohm) of the device in HRS and of its partner in LRS. [1]
        """
        u, v = np.asarray(u_hrs, float), np.asarray(u_lrs, float)
        rho = self.correlation
        mixed = rho * u + math.sqrt(1 - rho**2) * v
        return self.hrs.from_score(u), self.lrs.from_score(mixed)


def lognormal_states(
    lrs_median_ohm: float,
    hrs_median_ohm: float,
    lrs_sigma_log10: float,
    hrs_sigma_log10: float,
    correlation: float = 0.0,
) -> States:
    """Return two lognormal states.

    Parameters
    ----------
    lrs_median_ohm, hrs_median_ohm : float
        Medians. [ohm]
    lrs_sigma_log10, hrs_sigma_log10 : float
        Standard deviations of log10 R over all readings. [decade]
    correlation : float
        See `States`. [1]

    Returns
    -------
    States
        ln R is normal with ``ln median`` and ``sigma_log10 ln 10``.

    Raises
    ------
    InputError
        If a number cannot be used.
    """
    for name, value in (
        ("lrs_median_ohm", lrs_median_ohm),
        ("hrs_median_ohm", hrs_median_ohm),
        ("lrs_sigma_log10", lrs_sigma_log10),
        ("hrs_sigma_log10", hrs_sigma_log10),
    ):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}: {value:g}, expected a number above 0")
    return States(
        lrs=NormalState(math.log(lrs_median_ohm), lrs_sigma_log10 * _LN10),
        hrs=NormalState(math.log(hrs_median_ohm), hrs_sigma_log10 * _LN10),
        correlation=correlation,
    )


def perturbed(model: FittedModel, draws: int, seed: int) -> Iterator[FittedModel]:
    """Yield copies of a fitted model with parameters drawn from their intervals.

    Each parameter is drawn alone, from a normal distribution whose halves follow the two sides of
    its 95 % interval; correlations between estimates are not known to the file and left out.

    Parameters
    ----------
    model : FittedModel
        The estimates and their intervals.
    draws : int
        Number of copies.
    seed : int
        The same seed gives the same copies.

    Yields
    ------
    FittedModel
        Names, populations and all else as in `model`.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    for _ in range(draws):
        scores = dict(
            zip(model.parameters, rng.standard_normal(len(model.parameters)), strict=True)
        )
        yield dataclasses.replace(
            model,
            parameters={
                name: _moved(parameter, float(scores[name]) / _Z95)
                for name, parameter in model.parameters.items()
            },
        )


def _moved(parameter: Parameter, share: float) -> Parameter:
    side = parameter.high - parameter.value if share > 0 else parameter.value - parameter.low
    value = parameter.value + share * side
    if parameter.value > 0 >= value:  # a scale stays positive
        value = parameter.value * 1e-3
    return dataclasses.replace(
        parameter, value=value, low=min(value, parameter.low), high=max(value, parameter.high)
    )


def states_of(model: FittedModel) -> States:
    """Return the states of a fitted resistance model.

    Parameters
    ----------
    model : FittedModel
        From ``rramchar fit resistance``, with both states.

    Returns
    -------
    States
        Marginal distributions over devices and cycles, correlated by the model's
        ``pair_correlation_lrs_hrs`` where it has one.

    Raises
    ------
    InputError
        If the model is another one or lacks a state.
    """
    found: list[LnResistance] = []
    for state in ("lrs", "hrs"):
        family, theta = state_distribution(model, state)
        if family.name == "lognormal":
            found.append(NormalState(float(theta[0]) * _LN10, float(theta[1]) * _LN10))
        else:
            found.append(FamilyState(family, tuple(float(t) for t in theta)))
    tied = model.parameters.get("pair_correlation_lrs_hrs")
    correlation = 0.0 if tied is None else max(-0.999, min(0.999, tied.value))
    return States(found[0], found[1], correlation)
