"""Reads of random pairs by random amplifiers on ngspice, as points of a standard normal space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.ber.confusion import OUTCOMES
from rramchar.ber.failure_point import LinearReads
from rramchar.ber.rare import UNSOLVED
from rramchar.ber.states import States
from rramchar.characterize.offset import find_offset
from rramchar.characterize.reader import Query, Reader, read_error
from rramchar.errors import InputError, SimulationError
from rramchar.testbench import ReadPoint
from rramchar.testbench.read import LARGEST_RESISTANCE_OHM
from rramchar.testbench.variation import Spread, shift_alteration

Floats = NDArray[np.float64]
_SMALLEST_RESISTANCE_OHM = 1.0
_PLUS_WHEN_LATCHED = ("plus", "zero")
_FAILED = "failed"
# The resistance of the linear picture, and where it is looked at if a read fails there.
_BESIDE = (1.0, 1.03, 0.97)


@dataclass(frozen=True)
class _Part:
    """One source of variation: what a standard deviation of it does to the circuit."""

    spreads: tuple[Spread, ...]
    kind: str  # "vth", "beta" or "global"


class SpiceReads:
    """Random reads at one condition: resistances from two states, transistors from the technology.

    A point holds standard normal numbers: HRS, LRS, the threshold of each transistor, where the
    technology gives a coefficient its width (beta), and with `process` the threshold of each role
    from die to die.

    Parameters
    ----------
    reader : Reader
        With a variation, so that thresholds can be altered.
    states : States
        The resistances.
    spreads : tuple of Spread
        Of the reader's circuit; empty for nominal transistors.
    mismatch, process : bool
        Vary each transistor; vary the die.

    Raises
    ------
    InputError
        If the nominal read at this condition starts before its precharge is complete.
    """

    def __init__(
        self,
        reader: Reader,
        states: States,
        spreads: tuple[Spread, ...],
        *,
        mismatch: bool = True,
        process: bool = False,
    ) -> None:
        self.reader = reader
        self.states = states
        self.spreads = spreads
        self.stale = 0
        self._parts = _parts(spreads, mismatch, process)
        self._x = 1 if reader.parameters.amplifier == "xnor_pcsa" else None
        self._check_precharge()

    @property
    def dimensions(self) -> int:
        """Standard normal numbers per read."""
        return 2 + len(self._parts)

    def linear_picture(self) -> LinearReads:
        """Return the amplifier as an offset that is linear in every part, from sensitivities.

        Each threshold is shifted alone by 10 mV, at the resistance where reads fail first; widths
        are taken to have no effect. Costs some 15 reads for each transistor.

        Raises
        ------
        SimulationError
            If a read fails there, and beside it too.
        """
        gains = np.zeros(len(self._parts))
        flat = LinearReads(self.states, 0.0, gains)
        if len(gains):
            per_v = self._sensitivity(flat.failing_ohm())
            for at, part in enumerate(self._parts):
                if part.kind != "beta":
                    gains[at] = sum(
                        per_v[s.placed.label]
                        * (s.sigma_vth_v if part.kind == "vth" else s.sigma_vth_global_v)
                        for s in part.spreads
                    )
        return LinearReads(self.states, 0.0, gains)

    def _sensitivity(self, r_ohm: float) -> Mapping[str, float]:
        for factor in _BESIDE:
            try:
                found = find_offset(self.reader, self.spreads, samples=2, r_ohm=r_ohm * factor)
            except SimulationError as error:
                failure = error
            else:
                return found.sensitivity_per_v
        raise failure

    def wrong(self, case: NDArray[np.intp], points: Floats) -> NDArray[np.int8]:
        """Simulate complementary pairs and tell which are read wrongly.

        Parameters
        ----------
        case : array of int, shape (n,)
            0 for a stored +1 (HRS on BL), 1 for a stored -1 (HRS on BLb).
        points : array, shape (n, dimensions)
            Standard normal numbers.

        Returns
        -------
        array of int8, shape (n,)
            1 where the bit latched from output ``q`` is not the one stored, else 0; an undecided
            read (both outputs high) latches as plus. `rramchar.ber.rare.UNSOLVED` where ngspice
            could not solve the read.
        """
        hrs, lrs = self.states.ln_resistances(points[:, 0], points[:, 1])
        plus = case == 0
        outcomes = self._outcomes(np.where(plus, hrs, lrs), np.where(plus, lrs, hrs), points[:, 2:])
        wrong = np.isin(outcomes, _PLUS_WHEN_LATCHED) != plus
        return np.where(np.array(outcomes) == _FAILED, UNSOLVED, wrong).astype(np.int8)

    def outcomes(
        self, stored: ArrayLike, points: Floats, *, latched: bool = False
    ) -> NDArray[np.int64]:
        """Simulate pairs of any stored weight.

        Parameters
        ----------
        stored : array of int, shape (n,)
            +1 (HRS on BL), 0 (HRS on both) or -1 (HRS on BLb).
        points : array, shape (n, dimensions + 1)
            Standard normal numbers; the last column is the HRS of the second device of a 0.
        latched : bool
            Return the bit latched from ``q``, plus or minus, instead of the outcome.

        Returns
        -------
        array of int, shape (n,)
            Position in `rramchar.ber.confusion.OUTCOMES`; `rramchar.ber.rare.UNSOLVED` where
            ngspice could not solve the read.
        """
        weight = np.asarray(stored)
        hrs, lrs = self.states.ln_resistances(points[:, 0], points[:, 1])
        other, _ = self.states.ln_resistances(points[:, -1], points[:, 1])
        names = self._outcomes(
            np.where(weight == -1, lrs, hrs),
            np.where(weight == 1, lrs, np.where(weight == 0, other, hrs)),
            points[:, 2:-1],
        )
        codes = {name: at for at, name in enumerate(OUTCOMES)}
        if latched:
            codes = {
                name: codes["plus" if name in _PLUS_WHEN_LATCHED else "minus"] for name in codes
            }
        codes[_FAILED] = UNSOLVED
        return np.array([codes[name] for name in names], dtype=np.int64)

    def _outcomes(self, ln_bl: Floats, ln_blb: Floats, scores: Floats) -> list[str]:
        limits = math.log(_SMALLEST_RESISTANCE_OHM), math.log(LARGEST_RESISTANCE_OHM)
        r_bl, r_blb = (np.exp(np.clip(x, *limits)) for x in (ln_bl, ln_blb))
        queries = [
            Query(ReadPoint(float(bl), float(blb), self._x), shifts=self._alterations(z))
            for bl, blb, z in zip(r_bl, r_blb, scores, strict=True)
        ]
        rows = self.reader.attempt(queries)
        for query, row in zip(queries, rows, strict=True):
            if (
                row.get("reason") == "bad_netlist"
            ):  # no accident of one point: nothing will be solved
                raise read_error(query, row)
        solved = [row["status"] == "ok" for row in rows]
        self.stale += sum(
            not row["precharge_ok"] for row, ok in zip(rows, solved, strict=True) if ok
        )
        return [row["outcome"] if ok else _FAILED for row, ok in zip(rows, solved, strict=True)]

    def _alterations(self, scores: Sequence[float] | Floats) -> Mapping[str, float]:
        shifts = dict.fromkeys((spread.placed.label for spread in self.spreads), 0.0)
        values: dict[str, float] = {}
        for part, score in zip(self._parts, scores, strict=True):
            for spread in part.spreads:
                transistor = spread.placed.transistor
                if part.kind == "beta":
                    # A width stays positive however far out a line reaches.
                    factor = max(1 + spread.sigma_beta * float(score), 0.05)
                    values[spread.placed.width_parameter] = transistor.width_m * factor
                else:
                    local = part.kind == "vth"
                    sigma = spread.sigma_vth_v if local else spread.sigma_vth_global_v
                    shifts[spread.placed.label] += sigma * float(score)
        for spread in self.spreads:
            values |= shift_alteration(spread, shifts[spread.placed.label])
        return values

    def _check_precharge(self) -> None:
        hrs, lrs = (math.exp(float(s.from_score(0.0))) for s in (self.states.hrs, self.states.lrs))
        row = self.reader.read([Query(ReadPoint(hrs, lrs, self._x))])[0]
        if not row["precharge_ok"]:
            condition = self.reader.condition
            raise InputError(
                f"at {condition.corner}, {condition.temperature_c:g} degC, {condition.vdd_v:g} V "
                "the precharge is incomplete when sensing starts, so that a read may give the "
                "previous bit; expected a longer precharge_time_s"
            )


def _parts(spreads: tuple[Spread, ...], mismatch: bool, process: bool) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    if mismatch:
        parts += [_Part((s,), "vth") for s in spreads if s.sigma_vth_v > 0]
        parts += [_Part((s,), "beta") for s in spreads if s.sigma_beta > 0]
    if process:
        roles = sorted({s.placed.transistor.role for s in spreads if s.sigma_vth_global_v > 0})
        parts += [
            _Part(tuple(s for s in spreads if s.placed.transistor.role == role), "global")
            for role in roles
        ]
    return tuple(parts)
