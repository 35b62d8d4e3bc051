r"""Weak RESET of an oxide RRAM: conductance falls a little with every pulse.

The law is that of Hirtzlin et al., IEDM 2019, Fig. 10, with a dependence on the voltage of our
own:

.. math::

    dG/dt = -C e^{-\beta x} \cdot 2 e^{-v_{ref}/v_s} \sinh(|V|/v_s), \qquad
    x = (G_{max} - G) / (G_{max} - G_{min})

for RESET polarity (V < 0), and zero for the other. Far above :math:`v_s` the last factor is
:math:`e^{(|V| - v_{ref})/v_s}`, so that C is the rate at :math:`v_{ref}`; the sinh makes it vanish
at 0 V. The state is x, from 0 (low resistance) to 1; a factor tanh((1-x)/0.02) stops it there.
The paper's noise is added per pulse, in Python. Subcircuit ``rram_weak_reset``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.devices.parameters import check_parameters, parameter
from rramchar.errors import InputError

_LARGEST_ARGUMENT = 60.0
_WINDOW = 0.02
_OURS = "chosen to give the shape of IEDM 2019, Fig. 8; the paper does not print it"


@dataclass(frozen=True)
class WeakReset:
    """Parameters of the weak-RESET law."""

    g_max_s: float = parameter(
        143e-6, "S", 1e-9, 1.0, "largest conductance (after a SET)",
        "1 / 6988 ohm, mean initial state of arXiv:2107.06064",
    )  # fmt: skip
    g_min_s: float = parameter(20e-6, "S", 1e-12, 1.0, "smallest conductance", _OURS)
    rate_s_s: float = parameter(
        62.0, "S/s", 0.0, 1e9, "C: fall of the conductance per second at g_max and v_ref", _OURS
    )
    beta: float = parameter(3.0, "1", 0.0, 50.0, "non-linearity of conductance over pulses", _OURS)
    v_ref_v: float = parameter(
        1.0,
        "V",
        0.0,
        10.0,
        "voltage across the device at which C holds",
        "1.2 V on the cell as in IEDM 2019, Fig. 7, of which the transistor takes about 0.2 V",
    )
    v_scale_v: float = parameter(
        0.15, "V", 0.01, 10.0, "voltage that makes the rate e times larger", _OURS
    )
    eta_s: float = parameter(
        0.0, "S", 0.0, 1.0, "standard deviation of the conductance added by each pulse", "none"
    )

    name: ClassVar[str] = "weak_reset"
    operations: ClassVar[tuple[str, ...]] = ("reset", "weak_reset", "read")
    library: ClassVar[str] = "rram_weak_reset.lib"
    subcircuit: ClassVar[str] = "rram_weak_reset"
    # What one volt on the subcircuit's state node means. [1]
    state_unit: ClassVar[float] = 1.0
    state_low: ClassVar[float] = 0.0
    state_high: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.g_min_s >= self.g_max_s:
            raise InputError(
                f"device.g_min_s: {self.g_min_s:g} S, expected below g_max_s of {self.g_max_s:g} S"
            )

    def conductance_s(self, state: ArrayLike) -> NDArray[np.float64]:
        """Return the conductance of states x. [S]"""
        x = np.clip(state, 0.0, 1.0)
        return np.asarray(self.g_max_s - (self.g_max_s - self.g_min_s) * x)

    def current_a(self, voltage_v: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
        """Return the current, G V. [A]

        Parameters
        ----------
        voltage_v : array_like, shape (n,) or scalar
            Bit-line side minus other side. [V]
        state : array_like, shape (n,) or scalar
            x, from 0 to 1. [1]

        Returns
        -------
        array, shape (n,) or scalar
            Current into the bit-line side.
        """
        return np.asarray(voltage_v) * self.conductance_s(state)

    def rate(
        self, voltage_v: ArrayLike, state: ArrayLike, temperature_k: float
    ) -> NDArray[np.float64]:
        """Return dx/dt; the law has no temperature. [1/s]

        Parameters
        ----------
        voltage_v : array_like, shape (n,) or scalar
            Bit-line side minus other side; negative for RESET. [V]
        state : array_like, shape (n,) or scalar
            x. [1]
        temperature_k : float
            Not used. [K]

        Returns
        -------
        array, shape (n,) or scalar
            Zero or positive.
        """
        x = np.asarray(state, dtype=float)
        pull = np.minimum(np.maximum(-np.asarray(voltage_v), 0) / self.v_scale_v, _LARGEST_ARGUMENT)
        speed = self.rate_s_s / (self.g_max_s - self.g_min_s)
        field = 2 * np.exp(-self.v_ref_v / self.v_scale_v) * np.sinh(pull)
        window = np.tanh(np.maximum(1 - x, 0) / _WINDOW)
        return np.asarray(speed * np.exp(-self.beta * np.clip(x, 0, 1)) * field * window)

    def state_of(self, resistance_ohm: float, voltage_v: float) -> float:
        """Return the state that shows a resistance, at any voltage. [1]"""
        return (self.g_max_s - 1 / resistance_ohm) / (self.g_max_s - self.g_min_s)

    def perturbed(self, state: float, normal: float) -> float:
        """Return the state after a pulse's cycle-to-cycle noise.

        Parameters
        ----------
        state : float
            x after the pulse. [1]
        normal : float
            A draw from the standard normal distribution.

        Returns
        -------
        float
            Conductance moved by `eta_s` times the draw, kept between its limits.
        """
        moved = state - self.eta_s * normal / (self.g_max_s - self.g_min_s)
        return float(np.clip(moved, 0.0, 1.0))

    def subcircuit_parameters(self) -> dict[str, float]:
        """Return the subcircuit's parameters by name."""
        names = ("g_max_s", "g_min_s", "rate_s_s", "beta", "v_ref_v", "v_scale_v")
        return {name: getattr(self, name) for name in names}
