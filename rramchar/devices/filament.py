r"""A conductive filament with a gap: abrupt SET, gradual RESET, Joule heating.

The form is that of the gap models of Guan, Yu and Wong (IEEE Electron Device Lett. 33, 1405, 2012)
and Jiang et al. (SISPAD 2014), with gap g, local temperature T and voltage V (positive: SET):

.. math::

    I &= I_0 e^{-g/g_s} \sinh(V/V_0), \qquad T = T_{ambient} + R_{th} |V I| \\
    dg/dt &= -\nu e^{-E_a/kT} \sinh\left(\frac{\gamma a_0}{t_{ox}} \frac{V}{kT/q}\right),
    \qquad \gamma = \gamma_0 - \beta (g / 1\,\mathrm{nm})^3

:math:`\beta` is `beta_set` for V > 0 and `beta_reset` for V < 0: the latter slows RESET as the gap
grows. So that the same equations converge in SPICE, rate r becomes r / (1 + |r| / 1 m/s) and its
exponents end at 5, heating ends at 1200 K, factors tanh stop the gap within 0.02 nm of its limits,
and gamma is not negative. Subcircuit ``rram_filament`` holds the same guards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.devices.parameters import check_parameters, parameter
from rramchar.errors import InputError

BOLTZMANN_EV_K = 8.617333e-5
_NM = 1e-9
_WINDOW_M = 0.02e-9
_FASTEST_M_S = 1.0
_LARGEST_EXPONENT = 5.0
_LARGEST_FIELD = 60.0
_LARGEST_SINH = 15.0
_HOTTEST_K = 1200.0
_OURS = "chosen so that 1 us pulses give the states of hafnium-oxide cells on 130 nm CMOS"


@dataclass(frozen=True)
class Filament:
    """Parameters of the filament."""

    i0_a: float = parameter(300e-6, "A", 1e-9, 1.0, "current scale at a gap of zero", _OURS)
    gap_scale_m: float = parameter(
        0.25e-9,
        "m",
        1e-11,
        1e-8,
        "gap that lowers the current e times",
        "as in the Stanford-PKU RRAM model",
    )
    v0_v: float = parameter(0.42, "V", 0.05, 10.0, "voltage of the sinh of the current", _OURS)
    velocity_m_s: float = parameter(0.6, "m/s", 0.0, 1e6, "speed of the gap", _OURS)
    activation_ev: float = parameter(0.62, "eV", 0.01, 5.0, "activation energy", _OURS)
    gamma0: float = parameter(
        16.0,
        "1",
        0.0,
        100.0,
        "enhancement of the field at a gap of zero",
        "as in the Stanford-PKU RRAM model",
    )
    beta_set: float = parameter(1.0, "1", 0.0, 100.0, "its fall with gap cubed, in SET", _OURS)
    beta_reset: float = parameter(4.0, "1", 0.0, 100.0, "its fall with gap cubed, in RESET", _OURS)
    a0_m: float = parameter(
        0.25e-9, "m", 1e-11, 1e-8, "hopping distance", "as in the Stanford-PKU RRAM model"
    )
    thickness_m: float = parameter(6e-9, "m", 1e-10, 1e-6, "oxide thickness", _OURS)
    r_th_k_w: float = parameter(7e5, "K/W", 0.0, 1e9, "thermal resistance", _OURS)
    gap_min_m: float = parameter(0.1e-9, "m", 0.0, 1e-8, "smallest gap", _OURS)
    gap_max_m: float = parameter(
        1.7e-9, "m", 1e-11, 1e-7, "largest gap", "as in the Stanford-PKU RRAM model"
    )
    sigma_gap_m: float = parameter(
        0.0, "m", 0.0, 1e-9, "standard deviation of the gap added by each pulse", "none"
    )

    name: ClassVar[str] = "filament"
    operations: ClassVar[tuple[str, ...]] = ("form", "set", "reset", "weak_reset", "read")
    library: ClassVar[str] = "rram_filament.lib"
    subcircuit: ClassVar[str] = "rram_filament"
    # What one volt on the subcircuit's state node means. [m]
    state_unit: ClassVar[float] = _NM

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.gap_min_m + 2 * _WINDOW_M > self.gap_max_m:
            raise InputError(
                f"device.gap_min_m: {self.gap_min_m:g} m, expected at least {2 * _WINDOW_M:g} m "
                f"below gap_max_m of {self.gap_max_m:g} m"
            )

    @property
    def state_low(self) -> float:
        """Smallest gap. [m]"""
        return self.gap_min_m

    @property
    def state_high(self) -> float:
        """Largest gap. [m]"""
        return self.gap_max_m

    def current_a(self, voltage_v: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
        """Return the current. [A]

        Parameters
        ----------
        voltage_v : array_like, shape (n,) or scalar
            Bit-line side minus other side. [V]
        state : array_like, shape (n,) or scalar
            Gap. [m]

        Returns
        -------
        array, shape (n,) or scalar
            Current into the bit-line side.
        """
        gap = np.clip(state, 0.0, 2 * self.gap_max_m)
        argument = np.clip(np.asarray(voltage_v) / self.v0_v, -_LARGEST_SINH, _LARGEST_SINH)
        return np.asarray(self.i0_a * np.exp(-gap / self.gap_scale_m) * np.sinh(argument))

    def local_temperature_k(
        self, voltage_v: ArrayLike, state: ArrayLike, temperature_k: float
    ) -> NDArray[np.float64]:
        """Return the temperature of the filament, heated by its own current. [K]"""
        power_w = np.abs(np.asarray(voltage_v) * self.current_a(voltage_v, state))
        return np.asarray(temperature_k + np.minimum(self.r_th_k_w * power_w, _HOTTEST_K))

    def rate(
        self, voltage_v: ArrayLike, state: ArrayLike, temperature_k: float
    ) -> NDArray[np.float64]:
        """Return the speed of the gap, dg/dt. [m/s]

        Parameters
        ----------
        voltage_v : array_like, shape (n,) or scalar
            Bit-line side minus other side; positive for SET. [V]
        state : array_like, shape (n,) or scalar
            Gap. [m]
        temperature_k : float
            Ambient temperature. [K]

        Returns
        -------
        array, shape (n,) or scalar
            Negative in SET, positive in RESET.
        """
        voltage, state = np.asarray(voltage_v, dtype=float), np.asarray(state, dtype=float)
        kt_v = BOLTZMANN_EV_K * self.local_temperature_k(voltage, state, temperature_k)
        gap_nm = np.clip(state, 0.0, 2 * self.gap_max_m) / _NM
        beta = np.where(voltage > 0, self.beta_set, self.beta_reset)
        gamma = np.maximum(self.gamma0 - beta * gap_nm**3, 0.0)
        field = np.clip(
            gamma * self.a0_m / self.thickness_m * voltage / kt_v, -_LARGEST_FIELD, _LARGEST_FIELD
        )
        barrier = self.activation_ev / kt_v
        raw = 0.5 * self.velocity_m_s * (
            np.exp(np.minimum(field - barrier, _LARGEST_EXPONENT))
            - np.exp(np.minimum(-field - barrier, _LARGEST_EXPONENT))
        )  # fmt: skip
        room = np.where(voltage > 0, state - self.gap_min_m, self.gap_max_m - state)
        window = np.tanh(np.maximum(room, 0.0) / _WINDOW_M)
        return np.asarray(-raw / (1 + np.abs(raw) / _FASTEST_M_S) * window)

    def state_of(self, resistance_ohm: float, voltage_v: float) -> float:
        """Return the gap that shows a resistance at a voltage. [m]"""
        current_at_zero = self.i0_a * np.sinh(voltage_v / self.v0_v)
        return float(self.gap_scale_m * np.log(resistance_ohm * current_at_zero / voltage_v))

    def perturbed(self, state: float, normal: float) -> float:
        """Return the gap after a pulse's cycle-to-cycle noise.

        Parameters
        ----------
        state : float
            Gap after the pulse. [m]
        normal : float
            A draw from the standard normal distribution.

        Returns
        -------
        float
            Gap moved by `sigma_gap_m` times the draw, kept between its limits. A normal gap is a
            lognormal resistance.
        """
        return float(np.clip(state + self.sigma_gap_m * normal, self.gap_min_m, self.gap_max_m))

    def subcircuit_parameters(self) -> dict[str, float]:
        """Return the subcircuit's parameters by name."""
        names = (
            "i0_a", "gap_scale_m", "v0_v", "velocity_m_s", "activation_ev", "gamma0", "beta_set",
            "beta_reset", "a0_m", "thickness_m", "r_th_k_w", "gap_min_m", "gap_max_m",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}
