r"""A device of fixed resistance with mild non-linearity; subcircuit ``rram_static``.

.. math:: I = (v_0 / R) \sinh(V / v_0)

The state is the resistance R at small voltages [ohm]; nothing changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.devices.parameters import check_parameters, parameter

_LARGEST_ARGUMENT = 40.0


@dataclass(frozen=True)
class Static:
    """Parameters of the static device."""

    v0_v: float = parameter(
        0.5, "V", 0.05, 100.0, "voltage of the sinh non-linearity",
        "assumed; shortens a read by 5 to 15 % against a plain resistor",
    )  # fmt: skip

    name: ClassVar[str] = "static"
    operations: ClassVar[tuple[str, ...]] = ("form", "set", "reset", "weak_reset", "read")
    library: ClassVar[str] = "rram_static.lib"
    subcircuit: ClassVar[str] = "rram_static"
    # What one volt on the subcircuit's state node means. [ohm]
    state_unit: ClassVar[float] = 1e3
    state_low: ClassVar[float] = 1.0
    state_high: ClassVar[float] = 1e12

    def __post_init__(self) -> None:
        check_parameters(self)

    def current_a(self, voltage_v: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
        """Return the current. [A]

        Parameters
        ----------
        voltage_v : array_like, shape (n,) or scalar
            Bit-line side minus other side. [V]
        state : array_like, shape (n,) or scalar
            Resistance at small voltages. [ohm]

        Returns
        -------
        array, shape (n,) or scalar
            Current into the bit-line side.
        """
        argument = np.clip(np.asarray(voltage_v) / self.v0_v, -_LARGEST_ARGUMENT, _LARGEST_ARGUMENT)
        return np.asarray(self.v0_v / np.asarray(state) * np.sinh(argument))

    def rate(
        self, voltage_v: ArrayLike, state: ArrayLike, temperature_k: float
    ) -> NDArray[np.float64]:
        """Return the change of the state per second: zero. [ohm/s]"""
        return np.zeros(np.broadcast_shapes(np.shape(voltage_v), np.shape(state)))

    def state_of(self, resistance_ohm: float, voltage_v: float) -> float:
        """Return the state that shows a resistance at a voltage. [ohm]"""
        return resistance_ohm * float(np.sinh(voltage_v / self.v0_v)) / (voltage_v / self.v0_v)

    def perturbed(self, state: float, normal: float) -> float:
        """Return the state after a pulse's cycle-to-cycle noise: unchanged."""
        return state

    def subcircuit_parameters(self) -> dict[str, float]:
        """Return the subcircuit's parameters by name."""
        return {"v0_v": self.v0_v}
