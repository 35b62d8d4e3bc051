"""Devices of arXiv:2107.06064 (see `rramchar.devices.piecewise_drift`), in place and sparse.

The last white numbers of the 1/f noise lie in a ring of 16 per device, written at the place of the
pulse's number modulo 16. Nothing is moved: a table holds the filter turned to each place. The
16th entry has weight 0, and a row fills one cache line.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.devices.piecewise_drift import TAPS, DriftDevices, pink_taps
from rramchar.nn.learn.devices import Counts, Floats, Indices

RING = 16
_CHUNK = 8192  # devices whose rings fit in the cache together


def turned_taps() -> Floats:
    """Return the filter's weights for each place of the newest number, shape (RING, RING)."""
    taps = np.zeros(RING, dtype=np.float32)
    taps[:TAPS] = pink_taps()
    age = (np.arange(RING)[:, None] - np.arange(RING)[None, :]) % RING
    return taps[age]


class DriftArray:
    """Devices whose ln R drifts along a line with a kink, with 1/f and telegraph noise.

    Several pulses at once are exact: the mean and the telegraph's probabilities have closed forms,
    and each pulse draws its own white number.

    Parameters
    ----------
    devices : DriftDevices
        Parameters, arrays over devices.
    set_spread : float
        Spread of ln G from SET to SET, standard deviation. [1]
    rng : numpy.random.Generator
        Source of randomness.
    pink, rtn : bool
        Which noise is on.
    """

    def __init__(
        self,
        devices: DriftDevices,
        set_spread: float,
        rng: np.random.Generator,
        *,
        pink: bool = True,
        rtn: bool = True,
    ) -> None:
        self.rng = rng
        count = len(devices.m1)
        # One row per device, so that a pulse reads one place in memory.
        self._own = np.empty((count, 8), dtype=np.float32)
        columns = (
            devices.m1, devices.t_star, devices.c1, devices.m2,
            np.log(devices.r0_ohm), devices.alpha, devices.rtn_amplitude, 0.0,
        )  # fmt: skip
        for k, column in enumerate(columns):
            self._own[:, k] = column
        self._ln_r0, self._start = self._own[:, 4], self._own[:, 7]
        self._typical = np.float32(np.mean(self._ln_r0)) if count else np.float32(0)
        self._p = float(devices.p_up), float(devices.p_down)
        self._spread = np.float32(set_spread)
        self._taps = turned_taps()
        self._pulses = np.zeros(count, dtype=np.int32)
        self._ln_r = np.empty(count, dtype=np.float32)
        self._ring = np.zeros((count, RING), dtype=np.float32) if pink else None
        self._high = np.zeros(count, dtype=bool) if rtn else None
        self.set(np.arange(count))

    def __len__(self) -> int:
        return len(self._ln_r)

    def weak_reset(self, indices: Indices, counts: Counts | None = None) -> None:
        """Send weak RESET pulses; see `DeviceArray`. Devices of count 0 are left alone."""
        if counts is not None and not counts.all():
            indices, counts = indices[counts > 0], counts[counts > 0]
        for start in range(0, len(indices), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._pulse(indices[part], None if counts is None else counts[part])

    def _pulse(self, indices: Indices, counts: Counts | None) -> None:
        before = self._pulses[indices]
        t = before + (1 if counts is None else counts.astype(np.int32))
        self._pulses[indices] = t
        t = t.astype(np.float32)
        m1, t_star, c1, m2, ln_r0, alpha, amplitude, start = self._own.take(indices, axis=0).T
        shift = m1 * np.minimum(t, t_star)
        shift += m2 * np.maximum(t - t_star, np.float32(0))
        shift += c1
        if self._high is not None:
            shift += amplitude * self._telegraph(indices, counts)
        if self._ring is not None:
            shift += alpha * self._pink(indices, before, counts)
        shift += ln_r0
        shift += start
        self._ln_r[indices] = shift

    def _telegraph(self, at: Indices, counts: Counts | None) -> NDArray[np.bool_]:
        """Let the two-state chains take their steps; return which are in the upper state."""
        assert self._high is not None
        up, down = self._p
        high = self._high[at]
        if counts is None:
            leave = np.where(high, np.float32(down), np.float32(up))
        else:  # n steps of the chain at once
            n = np.arange(int(counts.max()) + 1)
            share = (1 - (1 - up - down) ** n) / (up + down) if up + down else 0.0 * n
            steps = share.astype(np.float32)[counts]
            leave = np.where(high, np.float32(down), np.float32(up)) * steps
        high ^= self.rng.random(len(at), dtype=np.float32) < leave
        self._high[at] = high
        return high

    def _pink(self, at: Indices, before: NDArray[np.int32], counts: Counts | None) -> Floats:
        """Put each pulse's white number into the ring; return the filtered noise. [1]."""
        assert self._ring is not None
        flat = self._ring.reshape(-1)
        place = at * RING
        for done in range(1 if counts is None else int(counts.max())):
            more: Any = slice(None)  # every device has at least one pulse
            if counts is not None and done:
                more = np.flatnonzero(counts > done)
            slots = place[more] + (before[more] + (1 + done)) % RING
            flat[slots] = self.rng.standard_normal(len(slots), dtype=np.float32)
        last = (before + (1 if counts is None else counts)) % RING
        rows = self._ring.take(at, axis=0)
        return np.asarray(np.einsum("ij,ij->i", rows, self._taps.take(last, axis=0)))

    def set(self, indices: Indices) -> None:
        """Send a full SET: back to R0, no pulse and no noise remembered; see `DeviceArray`."""
        self._pulses[indices] = 0
        self._ln_r[indices] = self._ln_r0[indices]
        if self._ring is not None:
            self._ring[indices] = 0
        if self._high is not None:
            self._high[indices] = False
        if self._spread:
            draws = self._spread * self.rng.standard_normal(len(indices), dtype=np.float32)
            self._start[indices] = draws
            self._ln_r[indices] += draws

    def log_conductance(self, indices: Indices | None = None) -> Floats:
        """Return ln(G / 1 S); see `DeviceArray`."""
        return -(self._ln_r if indices is None else self._ln_r[indices])

    def normalized(self, indices: Indices | None = None) -> Floats:
        """Return G over that of the typical device after a SET; see `DeviceArray`."""
        return np.asarray(np.exp(self._typical + self.log_conductance(indices)))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that pulses change; see `DeviceArray`."""
        found: dict[str, NDArray[Any]] = {"pulses": self._pulses, "ln_r_ohm": self._ln_r}
        if self._spread:
            found["start"] = self._start
        for name, array in (("ring", self._ring), ("high", self._high)):
            if array is not None:
                found[name] = array
        return found

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`; see `DeviceArray`."""
        for name, array in self.state_dict().items():
            array[...] = state[name]
