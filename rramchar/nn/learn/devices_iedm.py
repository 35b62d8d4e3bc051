"""Devices of the weak-RESET law of IEDM 2019 (see `rramchar.devices.weak_reset_law`), in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.devices.weak_reset_law import WeakResetDevices
from rramchar.nn.learn.devices import Counts, Floats, Indices


class IedmDevices:
    """Devices whose conductance G falls by ``c exp(-beta x) + eta N(0, 1)`` per pulse.

    ``x = (Gmax - G) / (Gmax - Gmin)``; G does not fall below Gmin. Equal to
    `rramchar.devices.weak_reset_law.step_conductance` up to float32.

    Parameters
    ----------
    count : int
        Number of devices.
    law : WeakResetDevices
        Their parameters; arrays over devices, or one number for all.
    strength : float
        Strength of the weak RESET relative to the reference pulse. [1]
    set_spread : float
        Spread of ln G from SET to SET, standard deviation. [1]
    rng : numpy.random.Generator
        Source of randomness.
    beta_set : float, optional
        Non-linearity of `weak_set`. [1]
    store : array of float32, shape (count,), optional
        Where the conductances are kept.
    """

    def __init__(
        self,
        count: int,
        law: WeakResetDevices,
        strength: float,
        set_spread: float,
        rng: np.random.Generator,
        beta_set: float | None = None,
        store: Floats | None = None,
    ) -> None:
        self.rng = rng
        span = np.asarray(law.g_max_s) - np.asarray(law.g_min_s)
        self._fall = _lean(np.asarray(law.fall_s) * strength)
        self._rate = _lean(np.asarray(law.beta) / span)  # of exp, per siemens
        self._eta = _lean(np.asarray(law.eta_s) * strength**law.noise_exponent)
        self._low, self._high = _lean(law.g_min_s), _lean(law.g_max_s)
        self._rate_set = None if beta_set is None else _lean(beta_set / span)
        self._integrated = law.integrated
        self._spread = np.float32(set_spread)
        self._g = np.empty(count, dtype=np.float32) if store is None else store
        self.set(np.arange(count))

    def __len__(self) -> int:
        return len(self._g)

    def weak_reset(self, indices: Indices, counts: Counts | None = None) -> None:
        """Send weak RESET pulses; see `DeviceArray`."""
        if counts is None:
            self._pulse(indices)
            return
        for done in range(int(counts.max(initial=0))):
            self._pulse(indices[counts > done])

    def _pulse(self, at: Indices) -> None:
        g = self._g[at]
        noise = self.rng.standard_normal(len(at), dtype=np.float32)
        self._g[at] = self.pulsed(g, noise, at)

    def pulsed(self, g: Floats, noise: Floats, at: Indices | slice = slice(None)) -> Floats:
        """Return conductances after one pulse.

        Parameters
        ----------
        g : array of float32, shape (device,)
            Before the pulse. [S]
        noise : array of float32, shape (device,)
            Standard normal numbers.
        at : array of integers or slice
            Which devices these are.

        Returns
        -------
        array of float32, shape (device,)
            Not below Gmin. [S]
        """
        rate = _at(self._rate, at)
        fall = g - _at(self._high, at)
        fall *= rate
        np.exp(fall, out=fall)
        fall *= _at(self._fall, at)
        if self._integrated:
            slope = np.maximum(rate, np.float32(1e-9))
            fall = np.log1p(fall * slope) / slope
        noise = noise * _at(self._eta, at)
        noise += g
        noise -= fall
        return np.maximum(noise, _at(self._low, at), out=noise)

    def weak_set(self, indices: Indices, counts: Counts | None = None) -> None:
        """Send progressive SET pulses: G rises by ``c exp(-beta_set (G - Gmin) / span)`` + noise.

        Parameters
        ----------
        indices, counts
            As in `weak_reset`.
        """
        assert self._rate_set is not None
        for done in range(1 if counts is None else int(counts.max(initial=0))):
            at = indices if counts is None else indices[counts > done]
            g = self._g[at]
            low = _at(self._low, at)
            rise = np.exp((low - g) * _at(self._rate_set, at)) * _at(self._fall, at)
            rise += self.rng.standard_normal(len(at), dtype=np.float32) * _at(self._eta, at)
            self._g[at] = np.clip(g + rise, low, _at(self._high, at))

    def set(self, indices: Indices) -> None:
        """Send a full SET: back to Gmax; see `DeviceArray`."""
        self._g[indices] = _at(self._high, indices)
        if self._spread:
            draws = self.rng.standard_normal(len(indices), dtype=np.float32)
            self._g[indices] *= np.exp(self._spread * draws)

    def rest_half_way(self) -> None:
        """Bring all devices to the middle of their range, as references."""
        self._g[:] = (self._low + self._high) / 2

    def scatter(self, rng: np.random.Generator) -> None:
        """Bring all devices near the middle of their range, a twentieth of it around."""
        self.rest_half_way()
        spread = (self._high - self._low) / 20
        self._g += spread * rng.standard_normal(len(self._g), dtype=np.float32)

    def log_conductance(self, indices: Indices | None = None) -> Floats:
        """Return ln(G / 1 S); see `DeviceArray`."""
        return np.asarray(np.log(self._g if indices is None else self._g[indices]))

    def normalized(self, indices: Indices | None = None) -> Floats:
        """Return (G - Gmin) / (Gmax - Gmin); see `DeviceArray`."""
        at = slice(None) if indices is None else indices
        low = _at(self._low, at)
        return np.asarray((self._g[at] - low) / (_at(self._high, at) - low))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that pulses change; see `DeviceArray`."""
        return {"conductance_s": self._g}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`; see `DeviceArray`."""
        self._g[:] = state["conductance_s"]


def _lean(values: Any) -> Any:
    """Return one float32 where all devices are alike, else an array of float32."""
    array = np.asarray(values, dtype=np.float32)
    if array.ndim and array.size and (array == array.flat[0]).all():
        return np.float32(array.flat[0])
    return array if array.ndim else np.float32(array)


def _at(values: Any, at: Indices | slice) -> Any:
    return values[at] if isinstance(values, np.ndarray) else values
