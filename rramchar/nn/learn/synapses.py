"""Synapses of two devices each, programmed by weak RESETs, with or without a check of the bit.

IEDM 2019, Figs. 5 and 11: a weak RESET on BL raises the weight, one on BLb lowers it. With the
check, a synapse whose bit has flipped gets a full SET of both devices, and then a weak RESET of the
one that makes the new bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.fitting.model import FittedModel
from rramchar.nn.learn.devices import Counts, DeviceArray, Floats, Indices
from rramchar.nn.learn.devices_build import build_devices
from rramchar.nn.learn.devices_iedm import IedmDevices
from rramchar.nn.learn.read_check import Reader, build_reader
from rramchar.nn.learn.settings import LearnSettings

_COUNTERS = ("weak_resets_bl", "weak_resets_blb", "sets_bl", "sets_blb")


@dataclass
class Programmed:
    """What one call of `SynapseArray.program` did.

    Parameters
    ----------
    pulses, sets : int
        Weak RESETs and SETs sent, those of the repair included.
    flips : int
        Synapses whose bit changed.
    """

    pulses: int = 0
    sets: int = 0
    flips: int = 0


class SynapseArray:
    """The pairs of devices of one weight matrix.

    Parameters
    ----------
    settings : LearnSettings
        Resolved.
    model : FittedModel or None
        From `rramchar.nn.learn.devices_build.device_model`.
    shape : tuple of int
        Of the weights, (output, input); synapse k is weight k in row-major order.
    seed : numpy.random.SeedSequence
        Of the devices and amplifiers. New pairs get a full SET, and one device of each, at random,
        a weak RESET.

    Attributes
    ----------
    weights : array of float32, shape (output, input)
        What is read: +1 or -1, or the difference of the normalised conductances (``analog``). Kept
        up to date where devices are touched.
    bl, blb : DeviceArray
        The devices.
    counters : dict of str to array of int32, shape (synapse,)
        ``weak_resets_bl, weak_resets_blb, sets_bl, sets_blb``.
    """

    def __init__(
        self,
        settings: LearnSettings,
        model: FittedModel | None,
        shape: tuple[int, int],
        seed: np.random.SeedSequence,
    ) -> None:
        self._settings = settings
        self._analog = settings.synapse == "analog"
        count = shape[0] * shape[1]
        bl, blb, reader, first = (np.random.default_rng(s) for s in seed.spawn(4))
        # What belongs to a synapse lies side by side: a pulse costs one miss of the cache, not
        # one for each quantity.
        table = np.zeros((count, 8), dtype=np.float32)
        self.bl: DeviceArray = build_devices(settings, model, count, bl, table[:, 0])
        self.blb: DeviceArray = build_devices(settings, model, count, blb, table[:, 1])
        self.reader: Reader = build_reader(settings, count, reader, table[:, 2])
        self._bits = table[:, 3]
        whole = table.view(np.int32)
        self.counters = {name: whole[:, 4 + k] for k, name in enumerate(_COUNTERS)}
        self.weights = np.empty(shape, dtype=np.float32)
        self._flat = self.weights.reshape(-1)
        self._reset_first(first)
        self.refresh()

    def _reset_first(self, rng: np.random.Generator) -> None:
        count = len(self.bl)
        for name in ("sets_bl", "sets_blb"):
            self.counters[name] += 1
        if self._settings.beta_set is not None and isinstance(self.blb, IedmDevices):
            self.blb.rest_half_way()
            assert isinstance(self.bl, IedmDevices)
            self.bl.scatter(rng)
            return
        raised = rng.random(count) < 0.5
        self._weak_reset("bl", np.flatnonzero(raised), None)
        self._weak_reset("blb", np.flatnonzero(~raised), None)

    def reseed(self, seed: np.random.SeedSequence) -> None:
        """Give devices and amplifiers new generators, from which all later draws come."""
        generators = [np.random.default_rng(s) for s in seed.spawn(3)]
        self.bl.rng, self.blb.rng, self.reader.rng = generators

    def program(
        self,
        up: Indices,
        down: Indices,
        up_counts: Counts | None = None,
        down_counts: Counts | None = None,
    ) -> Programmed:
        """Raise some weights and lower others.

        Parameters
        ----------
        up, down : array of integers
            Flat indices of synapses; no synapse stands twice.
        up_counts, down_counts : array of integers, optional
            Pulses for each; one without.

        Returns
        -------
        Programmed
            How many pulses and flips it took.
        """
        if self._settings.beta_set is not None:
            return self._program_both_ways(up, down, up_counts, down_counts)
        touched = np.concatenate([up, down])
        before = self._before(touched)
        done = Programmed(pulses=self._weak_reset("bl", up, up_counts))
        done.pulses += self._weak_reset("blb", down, down_counts)
        if self._analog:
            self._reread(touched)
            return done
        after = self._look(touched, noise=True)
        changed = after != before
        done.flips = int(np.count_nonzero(changed))
        flipped = touched[changed]
        if self.reader.noisy:  # what later reads give, whatever the check saw
            self._store(touched, self._look(touched))
        else:
            self._store(flipped, after[changed])
        if self._settings.check and len(flipped):
            self._repair(flipped, after[changed] > 0, done)
            self._store(flipped, self._look(flipped))
        return done

    def _before(self, touched: Indices) -> Floats:
        """Return the bits that the check sees before the pulses."""
        if self._analog:
            return self._flat[:0]
        return self._look(touched, noise=True) if self.reader.noisy else self._bits[touched]

    def _store(self, at: Indices, weights: Floats) -> None:
        self._flat[at] = weights
        self._bits[at] = weights

    def _repair(self, at: Indices, raised: NDArray[np.bool_], done: Programmed) -> None:
        """Full SET of both devices, and a weak RESET of the one that makes the new bit."""
        for name in ("bl", "blb"):
            getattr(self, name).set(at)
            self.counters[f"sets_{name}"][at] += 1
        done.sets += 2 * len(at)
        for k in range(self._settings.repair_pulses):
            if k:
                wrong = (self._look(at, noise=True) > 0) != raised
                at, raised = at[wrong], raised[wrong]
            if not len(at):
                return
            done.pulses += self._weak_reset("bl", at[raised], None)
            done.pulses += self._weak_reset("blb", at[~raised], None)

    def _program_both_ways(
        self, up: Indices, down: Indices, up_counts: Counts | None, down_counts: Counts | None
    ) -> Programmed:
        """Raise by weak RESETs and lower by progressive SETs of BL, against BLb half-way."""
        assert isinstance(self.bl, IedmDevices)
        done = Programmed(pulses=self._weak_reset("bl", up, up_counts))
        self.bl.weak_set(down, down_counts)
        sent = np.int32(1) if down_counts is None else down_counts.astype(np.int32)
        self.counters["sets_bl"][down] += sent
        done.sets = int(np.sum(np.broadcast_to(sent, down.shape)))
        touched = np.concatenate([up, down])
        before = self._flat[touched]
        self._reread(touched)
        if not self._analog:
            done.flips = int(np.count_nonzero(before != self._flat[touched]))
        return done

    def _weak_reset(self, name: str, at: Indices, counts: Counts | None) -> int:
        """Send weak RESETs to devices of one side, count them, and return how many."""
        if not len(at):
            return 0
        getattr(self, name).weak_reset(at, counts)
        sent = self.counters[f"weak_resets_{name}"]
        if counts is None:
            sent[at] += 1
            return len(at)
        sent[at] += counts.astype(np.int32)
        return int(counts.sum())

    def _look(self, at: Indices, *, noise: bool = False) -> Floats:
        bl, blb = self.bl.log_conductance(at), self.blb.log_conductance(at)
        return self.reader.read(bl, blb, at, noise=noise)

    def _reread(self, at: Indices) -> None:
        if self._analog:
            self._flat[at] = self.blb.normalized(at) - self.bl.normalized(at)
        else:
            self._store(at, self._look(at))

    def refresh(self) -> None:
        """Read every weight anew, as after the devices have changed by themselves."""
        if self._analog:
            self._flat[:] = self.blb.normalized() - self.bl.normalized()
            return
        pair = self.bl.log_conductance(), self.blb.log_conductance()
        self._flat[:] = self._bits[:] = self.reader.read(*pair, slice(None))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return all that programming changes, as named arrays; not copies."""
        found: dict[str, NDArray[Any]] = dict(self.counters)
        for side in ("bl", "blb"):
            found |= {f"{side}_{k}": v for k, v in getattr(self, side).state_dict().items()}
        return found

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`."""
        for name, counts in self.counters.items():
            counts[:] = state[name]
        for side in ("bl", "blb"):
            device: DeviceArray = getattr(self, side)
            device.load_state({k: state[f"{side}_{k}"] for k in device.state_dict()})
        self.refresh()
