"""Reads of synapses: the sign of the difference of two devices, as an amplifier sees it.

The margin of a read is ``ln R_BL - ln R_BLb = ln G_BLb - ln G_BL``; above the amplifier's offset
the weight is +1 (IEDM 2019, Fig. 5: R_BL > R_BLb).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rramchar.ber.where import parse_where
from rramchar.errors import InputError
from rramchar.fitting.model import load_model
from rramchar.fitting.read_decision import MINUS, ReadCondition, decide, read_conditions
from rramchar.nn.learn.devices import Floats, Indices
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.pair_reads import choose_condition

_INFINITESIMAL = np.float32(1e-30)


class Reader(Protocol):
    """Amplifiers, one for each synapse.

    Attributes
    ----------
    rng : numpy.random.Generator
        Of the noise of reads.
    noisy : bool
        Whether two reads of the same synapse can differ.
    """

    rng: np.random.Generator
    noisy: bool

    def read(self, bl: Floats, blb: Floats, at: Indices | slice, *, noise: bool = False) -> Floats:
        """Return +1 or -1 for ln G of both devices of the synapses `at`."""
        ...


class OffsetReader:
    """Amplifiers with a normal offset each, and normal noise in each read.

    An amplifier without offset still prefers one side where both devices are equal: its offset is
    infinitesimal, of random sign.

    Parameters
    ----------
    count : int
        Synapses.
    offset, noise : float
        Standard deviations in ln R. [1]
    rng : numpy.random.Generator
        Draws the offsets, and goes on as that of the noise.
    store : array of float32, shape (count,), optional
        Where the offsets are kept.
    """

    def __init__(
        self,
        count: int,
        offset: float,
        noise: float,
        rng: np.random.Generator,
        store: Floats | None = None,
    ) -> None:
        self.rng = rng
        self.noisy = noise > 0
        self._offset = np.empty(count, dtype=np.float32) if store is None else store
        draws = rng.standard_normal(count, dtype=np.float32)
        if offset:
            np.multiply(draws, np.float32(offset), out=self._offset)
        else:
            np.copysign(_INFINITESIMAL, draws, out=self._offset)
        self._noise = np.float32(noise)

    def read(self, bl: Floats, blb: Floats, at: Indices | slice, *, noise: bool = False) -> Floats:
        """Read synapses; see `Reader`."""
        margin = blb - bl
        margin -= self._offset[at]
        if noise and self.noisy:
            margin += self._noise * self.rng.standard_normal(len(margin), dtype=np.float32)
        return np.where(margin > 0, np.float32(1), np.float32(-1))


class ModelReader:
    """Amplifiers of a fitted read model; each keeps its own mismatch.

    An undecided read is +1, as the binary read latches the output of BL alone.

    Parameters
    ----------
    count : int
        Synapses.
    condition : ReadCondition
        See `rramchar.fitting.read_decision`.
    rng : numpy.random.Generator
        Draws the mismatch.
    sample_time_s : float, optional
        Sampling time; that of the model's sweep without. [s]
    """

    noisy = False

    def __init__(
        self,
        count: int,
        condition: ReadCondition,
        rng: np.random.Generator,
        sample_time_s: float | None = None,
    ) -> None:
        self.rng = rng
        self._time = sample_time_s
        self._condition = condition
        known = condition.sigma_ln_r is not None
        self._mismatch = rng.standard_normal((count, 2), dtype=np.float32) if known else None

    def read(self, bl: Floats, blb: Floats, at: Indices | slice, *, noise: bool = False) -> Floats:
        """Read synapses; see `Reader`."""
        mismatch = None if self._mismatch is None else self._mismatch[at]
        codes = decide(self._condition, -bl, -blb, sample_time_s=self._time, mismatch=mismatch)
        return np.where(codes == MINUS, np.float32(-1), np.float32(1))


def build_reader(
    settings: LearnSettings,
    count: int,
    rng: np.random.Generator,
    store: Floats | None = None,
) -> Reader:
    """Make the amplifiers that the settings ask for.

    Parameters
    ----------
    settings : LearnSettings
        Its fields ``read_*``.
    count : int
        Synapses.
    rng : numpy.random.Generator
        Draws amplifiers and noise.
    store : array of float32, shape (count,), optional
        Where offsets are kept.

    Returns
    -------
    Reader
        The amplifiers.

    Raises
    ------
    InputError
        If the read model cannot be used.
    """
    if settings.read_model is None:
        return OffsetReader(count, settings.read_offset, settings.read_noise, rng, store)
    where = parse_where(settings.read_where)
    time = where.pop("sample_time_s", None)
    condition = choose_condition(read_conditions(load_model(settings.read_model)), where)
    if not condition.precharge_ok:
        raise InputError(
            f"{settings.read_model}: at {condition.vdd_v:g} V the precharge is incomplete, so no "
            "read is valid; fit a sweep with a longer precharge_time_s"
        )
    return ModelReader(count, condition, rng, time)
