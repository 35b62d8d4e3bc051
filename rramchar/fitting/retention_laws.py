"""The two laws of `rramchar.fitting.retention`, fitted to means and spreads of many resamples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import constants, stats

from rramchar.errors import InputError

Floats = NDArray[np.float64]
_BOLTZMANN_EV = constants.k / constants.e  # [eV/K]
_GRID_EV = 0.01
_ENERGIES_EV = np.arange(2, 301) * _GRID_EV
_EXPONENTS = np.linspace(0.0, 1.0, 41)

_LOG_TIME = {
    "shift_1s_siemens": "S",
    "shift_per_decade_siemens": "S/decade",
    "sigma_1s_siemens": "S",
    "sigma_per_decade_siemens": "S/decade",
}
_ARRHENIUS = {
    "shift_floor_siemens": "S",
    "shift_activated_siemens": "S",
    "sigma_floor_siemens": "S",
    "sigma_activated_siemens": "S",
    "activation_energy_ev": "eV",
    "shift_activation_energy_ev": "eV",
}


@dataclass(frozen=True)
class Law:
    """A law and the conditions it was fitted at.

    Parameters
    ----------
    name : str
        ``log_time`` or ``arrhenius``.
    time_s, temperature_c : array, shape (conditions,)
        [s], [degC]
    references : dict
        ``time_reference_s``, ``temperature_reference_c``.
    with_time : bool
        Whether the Arrhenius law has a time exponent.
    """

    name: str
    time_s: Floats
    temperature_c: Floats
    references: dict[str, float]
    with_time: bool

    @classmethod
    def of(cls, population: Mapping[str, Any]) -> Self:
        """Return the law of a fitted model's ``population``."""
        conditions = population["conditions"]
        times = np.array([row["time_s"] for row in conditions])
        temperatures = np.array([row["temperature_c"] for row in conditions])
        keys = ("time_reference_s", "temperature_reference_c")
        references = {key: float(population[key]) for key in keys}
        with_time = population["law"] == "arrhenius" and _several_times(times, temperatures)
        return cls(population["law"], times, temperatures, references, with_time)

    @property
    def units(self) -> dict[str, str]:
        """Parameters and their units."""
        if self.name == "log_time":
            return _LOG_TIME
        return {**_ARRHENIUS, "time_exponent": "1"} if self.with_time else _ARRHENIUS

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.units)

    @property
    def sigma_parameters(self) -> int:
        """How many parameters the spread has."""
        return 2 if self.name == "log_time" else 3 + self.with_time

    def determined(self, name: str, low: float, high: float) -> bool:
        """Tell whether an interval is one that the data set, not the bounds of the search."""
        if name.endswith("activation_energy_ev"):
            return bool(low > _ENERGIES_EV[0] * 1.01 and high < _ENERGIES_EV[-1] * 0.99)
        if name == "time_exponent":
            return bool(high < 0.99)
        return True

    def evaluate(
        self, values: Mapping[str, float], time_s: Floats, temperature_c: Floats
    ) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the change. [S]

        Parameters
        ----------
        values : mapping of str to float
            Parameters, see `units`.
        time_s, temperature_c : array, shape (n,)
            Conditions. [s], [degC]

        Returns
        -------
        mean, sigma : array, shape (n,)
            [S]
        """
        v = values
        if self.name == "log_time":
            x = np.log10(time_s / self.references["time_reference_s"])
            mean = v["shift_1s_siemens"] + v["shift_per_decade_siemens"] * x
            sigma = v["sigma_1s_siemens"] + v["sigma_per_decade_siemens"] * x
            return mean, np.maximum(sigma, 0.0)
        n = v.get("time_exponent", 0.0)
        h = self._activation(time_s, temperature_c, v["activation_energy_ev"], n)
        shift = self._activation(time_s, temperature_c, v["shift_activation_energy_ev"], n)
        mean = v["shift_floor_siemens"] + v["shift_activated_siemens"] * shift
        return mean, np.hypot(v["sigma_floor_siemens"], v["sigma_activated_siemens"] * h)

    def fit(self, mean: Floats, sigma: Floats, errors: tuple[Floats, Floats]) -> dict[str, Floats]:
        """Fit the law to each row of means and spreads by weighted least squares.

        Parameters
        ----------
        mean, sigma : array, shape (rows, conditions)
            Of the change. [S]
        errors : tuple of two arrays, shape (conditions,)
            Standard errors of both. [S]

        Returns
        -------
        dict of str to array, shape (rows,)
            Parameters; the activation energy minimizes the residual over 0.02 to 3 eV.
        """
        weights = [1.0 / np.maximum(e, 1e-30) ** 2 for e in errors]
        if self.name == "log_time":
            x = np.log10(self.time_s / self.references["time_reference_s"])
            (a, b, _), (c, d, _) = (
                _line(x, y, w) for y, w in zip((mean, sigma), weights, strict=True)
            )
            return dict(zip(_LOG_TIME, (a, b, c, d), strict=True))
        return self._fit_arrhenius(mean, sigma, weights)

    def _fit_arrhenius(
        self, mean: Floats, sigma: Floats, weights: list[Floats]
    ) -> dict[str, Floats]:
        # In variances the law is a line in h^2; their error is 2 sigma times that of sigma.
        middle = np.nanmean(sigma, axis=0)
        weight = weights[1] / (4 * middle**2)
        exponents = _EXPONENTS if self.with_time else np.zeros(1)

        def cost_sigma(at: Floats, n: Floats) -> Floats:
            return _line(self._shape(at, n) ** 2, sigma**2, weight, positive=True)[2]

        def cost_mean(at: Floats, n: Floats) -> Floats:
            return _line(self._shape(at, n), mean, weights[0])[2]

        energy, exponent = _search(cost_sigma, len(sigma), exponents)
        shift_energy, _ = _search(lambda at, _: cost_mean(at, exponent), len(mean), np.zeros(1))
        h = self._shape(energy, exponent)
        floor, slope, _ = _line(h**2, sigma**2, weight, positive=True)
        start, gain, _ = _line(self._shape(shift_energy, exponent), mean, weights[0])
        values = (start, gain, np.sqrt(floor), np.sqrt(slope), energy, shift_energy, exponent)
        return dict(zip((*_ARRHENIUS, "time_exponent"), values, strict=True))

    def _shape(self, energy_ev: Floats, exponent: Floats) -> Floats:
        return self._activation(
            self.time_s, self.temperature_c, energy_ev[:, None], exponent[:, None]
        )

    def _activation(
        self,
        time_s: Floats,
        temperature_c: Floats,
        energy_ev: float | Floats,
        exponent: float | Floats,
    ) -> Floats:
        kelvin = np.asarray(temperature_c) + constants.zero_Celsius
        reference = self.references["temperature_reference_c"] + constants.zero_Celsius
        arrhenius = np.exp(-energy_ev / _BOLTZMANN_EV * (1 / kelvin - 1 / reference))
        return arrhenius * (time_s / self.references["time_reference_s"]) ** exponent


def choose_law(time_s: Floats, temperature_c: Floats) -> Law:
    """Choose the law by what varies.

    Parameters
    ----------
    time_s, temperature_c : array, shape (conditions,)
        [s], [degC]

    Returns
    -------
    Law
        ``arrhenius`` for three temperatures or more, ``log_time`` for one temperature and two
        times or more.

    Raises
    ------
    InputError
        If there are too few conditions for either.
    """
    temperatures = np.unique(temperature_c)
    if len(temperatures) == 1 and len(time_s) >= 2:
        references = {"time_reference_s": 1.0, "temperature_reference_c": float(temperatures[0])}
        return Law("log_time", time_s, temperature_c, references, False)
    if len(temperatures) >= 3:
        references = {
            "time_reference_s": float(np.exp(np.log(time_s).mean())),
            "temperature_reference_c": float(temperatures[-1]),
        }
        with_time = _several_times(time_s, temperature_c)
        return Law("arrhenius", time_s, temperature_c, references, with_time)
    raise InputError(
        f"fit retention: {len(temperatures)} temperatures and {len(time_s)} conditions do not "
        "determine a law; expected two times or more at one temperature (relaxation), or three "
        "temperatures or more (activation_energy_ev)"
    )


def condition_shape(change: Floats) -> dict[str, float]:
    """Return how far the changes at one condition are from a normal distribution.

    Parameters
    ----------
    change : array, shape (devices,)
        [S]

    Returns
    -------
    dict of str to float
        ``robust_sigma_siemens`` (half the 15.9 to 84.1 % range) and ``excess_kurtosis``.
    """
    low, high = np.quantile(change, stats.norm.cdf([-1.0, 1.0]))
    kurtosis = float(stats.kurtosis(change)) if np.ptp(change) > 0 else 0.0
    return {"robust_sigma_siemens": float(high - low) / 2, "excess_kurtosis": kurtosis}


def _several_times(time_s: Floats, temperature_c: Floats) -> bool:
    spans = [np.ptp(np.log10(time_s[temperature_c == t])) for t in np.unique(temperature_c)]
    return bool(max(spans) > np.log10(3))


def _search(
    cost: Callable[[Floats, Floats], Floats], rows: int, exponents: Floats
) -> tuple[Floats, Floats]:
    # The best energy and exponent of every row: a grid, then the energy refined.
    best, energy, exponent = np.full(rows, np.inf), np.zeros(rows), np.zeros(rows)
    for n in exponents:
        for e in _ENERGIES_EV:
            found = cost(np.full(rows, e), np.full(rows, n))
            better = found < best
            best = np.where(better, found, best)
            energy, exponent = np.where(better, e, energy), np.where(better, n, exponent)
    low, high = energy - _GRID_EV, energy + _GRID_EV
    return _golden(lambda at: cost(at, exponent), low, high), exponent


def _golden(cost: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    # Golden-section search for the minimum of every row at once.
    ratio = (np.sqrt(5.0) - 1) / 2
    low = np.maximum(low, 1e-3)
    for _ in range(24):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        keep = cost(left) < cost(right)
        low, high = np.where(keep, low, left), np.where(keep, right, high)
    return (low + high) / 2


def _line(
    x: Floats, y: Floats, weight: Floats, *, positive: bool = False
) -> tuple[Floats, Floats, Floats]:
    # Weighted least squares of each row of y; intercept, slope and the weighted residual.
    x = np.broadcast_to(x, y.shape)
    total = weight.sum()
    centre, middle = x @ weight / total, y @ weight / total
    about = x - centre[:, None]
    lever = (about**2) @ weight
    slope = (y * about) @ weight / np.where(lever > 0, lever, np.inf)
    start = middle - slope * centre
    if positive:  # on a bound the other coefficient is fitted alone
        through = np.maximum((x * y) @ weight / ((x**2) @ weight), 0.0)
        flat, below = slope < 0, start < 0
        slope = np.where(flat, 0.0, np.where(below, through, slope))
        start = np.where(flat, middle, np.where(below, 0.0, start))
    rest = y - start[:, None] - slope[:, None] * x
    return start, slope, (weight * rest**2).sum(axis=1)
