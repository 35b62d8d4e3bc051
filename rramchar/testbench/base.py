"""What a sweep needs to know of a testbench, and the testbenches there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rramchar.errors import InputError
from rramchar.spice.deck import Deck
from rramchar.technology import Condition, Technology
from rramchar.testbench.read import (
    ReadParameters,
    ReadPoint,
    build_read,
    read_alterations,
    read_result,
    read_transistors,
)
from rramchar.testbench.variation import Placed

# The output that stays high falls to half the supply at the metastable point. Of reads that keep
# above this share of the supply the sense time is within 1 % of a fine reference in a sweep.
_DELICATE_SHARE = 0.7


@dataclass(frozen=True)
class ReadTestbench:
    """The read of a 2T2R cell by a sense amplifier, as a sweep sees it.

    Its parts are the functions of `rramchar.testbench.read`; here they are given the common names
    by which a sweep calls every testbench.
    """

    name: str = "read"
    # Raised when the same input starts to give other results, so that old points are not reused.
    version: int = 3
    # Values that differ from point to point without a new parse, in this order.
    point_fields: tuple[str, ...] = ("r_bl_ohm", "r_blb_ohm", "x")
    parameters_type: type[ReadParameters] = ReadParameters

    @property
    def result_fields(self) -> dict[str, str]:
        """Result columns and their SQLite types."""
        return {
            "outcome": "TEXT",
            "sense_time_s": "REAL",
            "read_energy_j": "REAL",
            "precharge_ok": "INTEGER",
            "q_fall_time_s": "REAL",
            "qb_fall_time_s": "REAL",
            "precharge_energy_j": "REAL",
            "sense_energy_j": "REAL",
            "q_sampled_v": "REAL",
            "qb_sampled_v": "REAL",
            "cell_peak_v": "REAL",
            "held_output_min_v": "REAL",
        }

    def point(self, values: Mapping[str, Any], parameters: ReadParameters) -> ReadPoint:
        """Return the record of one point from its axis values."""
        for name in ("r_bl_ohm", "r_blb_ohm"):
            if values.get(name) is None:
                raise InputError(f"axes.{name}: the read testbench needs a value or a range")
        x = values.get("x")
        point = ReadPoint(
            r_bl_ohm=float(values["r_bl_ohm"]),
            r_blb_ohm=float(values["r_blb_ohm"]),
            x=None if x is None else int(x),
        )
        point.check(parameters)
        return point

    def deck(
        self,
        technology: Technology,
        condition: Condition,
        parameters: ReadParameters,
        point: ReadPoint,
        *,
        mismatch: bool = False,
    ) -> Deck:
        """Return the deck that a group of points shares."""
        return build_read(technology, condition, parameters, point, mismatch=mismatch)

    def transistors(self, parameters: ReadParameters) -> tuple[Placed, ...]:
        """Return the transistors that a Monte Carlo varies."""
        return read_transistors(parameters)

    def alterations(
        self, condition: Condition, parameters: ReadParameters, point: ReadPoint
    ) -> dict[str, float]:
        """Return what to alter in the shared deck for one point."""
        return read_alterations(condition, parameters, point)

    def result(
        self, waves: Mapping[str, Any], condition: Condition, parameters: ReadParameters
    ) -> dict[str, Any]:
        """Return the result columns of one simulated point."""
        return dict(vars(read_result(waves, condition, parameters)))

    def is_delicate(self, result: Mapping[str, Any], condition: Condition) -> bool:
        """Tell a read whose latch stood so near its balance that it needs a finer solver."""
        lowest = result["held_output_min_v"]
        return lowest is not None and lowest < _DELICATE_SHARE * condition.vdd_v


TESTBENCHES: Mapping[str, ReadTestbench] = {"read": ReadTestbench()}
