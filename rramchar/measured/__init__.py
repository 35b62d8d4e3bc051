"""Measured resistances: one reader per file layout, all giving the same tidy frame."""

from rramchar.measured.cycling import cycling_frame, read_cycling
from rramchar.measured.layouts import LAYOUTS, guess_layout, read_measured
from rramchar.measured.schema import COLUMNS, STATES, check_frame, state_values
from rramchar.measured.synthetic import StateSpread, draw_cycling, write_synthetic_cycling
from rramchar.measured.tidy import read_tidy

__all__ = [
    "COLUMNS",
    "LAYOUTS",
    "STATES",
    "StateSpread",
    "check_frame",
    "cycling_frame",
    "draw_cycling",
    "guess_layout",
    "read_cycling",
    "read_measured",
    "read_tidy",
    "state_values",
    "write_synthetic_cycling",
]
