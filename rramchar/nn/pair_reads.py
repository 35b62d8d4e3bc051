"""Errors of a chip from its devices: draw both resistances of every pair, and let a PCSA decide.

The same model as `rramchar.ber.from_models.ternary_counts` counts, weight by weight: what a table
of its counts says on average, a chip drawn here does, within the interval of the counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.ber.states import States
from rramchar.errors import InputError
from rramchar.fitting.read_decision import MINUS, PLUS, ReadCondition, decide
from rramchar.nn.array_layout import ArrayLayout
from rramchar.nn.inject import Changes

AMPLIFIERS = ("column", "pair", "nominal")
_CONDITION = ("corner", "temperature_c", "vdd_v")


@dataclass(frozen=True, eq=False)
class PairReads:
    """How the pairs of a chip are drawn and read.

    Parameters
    ----------
    states : States
        Distribution of the resistances, see `rramchar.ber.states.states_of`.
    condition : ReadCondition
        The amplifier at one supply, temperature and corner.
    sample_time_s : float or None
        When a ternary read is sampled; None: as in the read model. [s]
    amplifiers : str
        ``column``: one amplifier for each column of an array, so that its offset makes errors
        together, as on a chip. ``pair``: one for each pair, as in a BER table. ``nominal``: none
        has a mismatch.
    layout : ArrayLayout
        Which pairs share an amplifier.
    """

    states: States
    condition: ReadCondition
    sample_time_s: float | None = None
    amplifiers: str = "column"
    layout: ArrayLayout = field(default_factory=ArrayLayout)

    def __post_init__(self) -> None:
        """Check the name."""
        if self.amplifiers not in AMPLIFIERS:
            raise InputError(
                f"amplifiers: {self.amplifiers!r}, expected one of {', '.join(AMPLIFIERS)}"
            )

    def draw(self, weights: NDArray[np.int8], kind: str, rng: np.random.Generator) -> Changes:
        """Draw the pairs of one layer of a chip, and return those that are read wrongly.

        Parameters
        ----------
        weights : array of int8, the neuron first
            Stored weights: +1 is HRS on BL and LRS on BLb, -1 the other way round, 0 HRS on both.
        kind : str
            ``binary``: the bit latched from ``q``, an undecided read is +1. ``ternary``: undecided
            (both outputs high) and ``invalid`` (both low) reads are 0.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Changes
            Of one read of the chip; the resistances and amplifiers stay as they are, so that the
            same errors come at every read.
        """
        stored = weights.reshape(-1)
        u = rng.standard_normal((3, stored.size))
        hrs, lrs = self.states.ln_resistances(u[0], u[1])
        partner = np.where(stored == 0, self.states.hrs.from_score(u[2]), lrs)
        bl = np.where(stored == -1, partner, hrs)
        blb = np.where(stored == -1, hrs, partner)
        codes = decide(
            self.condition,
            bl,
            blb,
            sample_time_s=self.sample_time_s,
            mismatch=self._mismatch(weights.shape, rng),
        )
        seen = _latched(codes) if kind == "binary" else _ternary(codes)
        position = np.flatnonzero(seen != stored)
        return Changes(position, seen[position])

    def _mismatch(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.float64] | np.random.Generator | None:
        if self.amplifiers == "nominal":
            return None
        if self.amplifiers == "pair":
            return rng
        z = [self.layout.spread_columns(shape, rng).reshape(-1) for _ in range(2)]
        return np.stack(z, axis=-1)


def choose_condition(
    conditions: Sequence[ReadCondition], where: Mapping[str, Any]
) -> ReadCondition:
    """Return the one condition of a read model that fits.

    Parameters
    ----------
    conditions : sequence of ReadCondition
        From `rramchar.fitting.read_decision.read_conditions`.
    where : mapping
        ``corner``, ``temperature_c`` and ``vdd_v``, as far as they are needed.

    Returns
    -------
    ReadCondition
        The condition.

    Raises
    ------
    InputError
        If none or several fit; the message lists those that there are.
    """
    unknown = [name for name in where if name not in _CONDITION]
    if unknown:
        raise InputError(
            f"read model: condition {unknown[0]!r}, expected {', '.join(_CONDITION)} or "
            "sample_time_s"
        )
    fits = [c for c in conditions if all(_same(getattr(c, k), v) for k, v in where.items())]
    if len(fits) != 1:
        listed = "; ".join(
            f"corner={c.corner},temperature_c={c.temperature_c:g},vdd_v={c.vdd_v:g}"
            for c in conditions
        )
        raise InputError(
            f"read model: {len(fits)} of its {len(conditions)} conditions fit, expected one; "
            f"choose from {listed}"
        )
    return fits[0]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)
    return bool(a == b)


def _latched(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.where(codes < MINUS, np.int8(1), np.int8(-1))  # plus and zero latch a high q


def _ternary(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    return (codes == PLUS).astype(np.int8) - (codes == MINUS).astype(np.int8)
