"""Devices of an array under training: their state in flat arrays, changed where pulses go.

Every method takes the indices of distinct devices; what is not named is neither read nor written.
State is float32, and all random numbers come from the generator in `rng`, which `run` replaces at
each epoch, so that an interrupted run can go on identically.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Counts = NDArray[np.integer[Any]]


class DeviceArray(Protocol):
    """What the synapses need of devices, whatever their law.

    Attributes
    ----------
    rng : numpy.random.Generator
        Source of all draws.
    """

    rng: np.random.Generator

    def __len__(self) -> int:
        """Return the number of devices."""
        ...

    def weak_reset(self, indices: Indices, counts: Counts | None = None) -> None:
        """Send weak RESET pulses: one to each device, or as many as `counts` says."""
        ...

    def set(self, indices: Indices) -> None:
        """Send a full SET to each device."""
        ...

    def log_conductance(self, indices: Indices | None = None) -> Floats:
        """Return ln(G / 1 S) of some devices, or of all."""
        ...

    def normalized(self, indices: Indices | None = None) -> Floats:
        """Return the conductance from 0 (lowest) to about 1 (after a SET). [1]."""
        ...

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that pulses change; not copies."""
        ...

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`."""
        ...


class IdealDevices:
    """Devices whose conductance falls by the same step at every pulse: linear, noiseless, endless.

    Parameters
    ----------
    count : int
        Number of devices.
    step : float
        Fall of the normalised conductance, and of ln G, per pulse. [1]
    set_spread : float
        Spread of ln G from SET to SET. [1]
    rng : numpy.random.Generator
        Source of randomness.
    store : array of float32, shape (count,), optional
        Where the state is kept.
    """

    def __init__(
        self,
        count: int,
        step: float,
        set_spread: float,
        rng: np.random.Generator,
        store: Floats | None = None,
    ) -> None:
        self.rng = rng
        self._step = np.float32(step)
        self._spread = np.float32(set_spread)
        self._level = np.zeros(count, dtype=np.float32) if store is None else store
        self.set(np.arange(count))

    def __len__(self) -> int:
        return len(self._level)

    def weak_reset(self, indices: Indices, counts: Counts | None = None) -> None:
        """Send weak RESET pulses; see `DeviceArray`."""
        self._level[indices] -= self._step if counts is None else self._step * counts

    def set(self, indices: Indices) -> None:
        """Send a full SET; see `DeviceArray`."""
        self._level[indices] = 0.0
        if self._spread:
            draws = self.rng.standard_normal(len(indices), dtype=np.float32)
            self._level[indices] = self._spread * draws

    def log_conductance(self, indices: Indices | None = None) -> Floats:
        """Return ln G relative to the conductance after a SET; see `DeviceArray`."""
        return self._level if indices is None else self._level[indices]

    def normalized(self, indices: Indices | None = None) -> Floats:
        """Return 1 plus ln G: linear without end; see `DeviceArray`."""
        return 1 + self.log_conductance(indices)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that pulses change; see `DeviceArray`."""
        return {"level": self._level}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`; see `DeviceArray`."""
        self._level[:] = state["level"]
