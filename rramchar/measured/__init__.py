"""Measured resistances: one reader per file layout, all giving the same tidy frame."""

from rramchar.measured.cycling import cycling_frame, read_cycling
from rramchar.measured.faults import RejectedRow
from rramchar.measured.guess import guess_file_layout as guess_layout
from rramchar.measured.layouts import (
    LAYOUTS,
    Measurement,
    import_measured,
    layout_names,
    read_measured,
)
from rramchar.measured.schema import (
    CENSORED,
    COLUMNS,
    FLAGS,
    NO_NUMBER,
    SCHEMA,
    STATES,
    check_frame,
    check_states,
    count_flags,
    is_censored,
    is_good,
    state_values,
)
from rramchar.measured.summary import summarize
from rramchar.measured.synthetic import StateSpread, draw_cycling, write_synthetic_cycling
from rramchar.measured.tidy import read_tidy
from rramchar.measured.write import write_rejected, write_tidy

__all__ = [
    "CENSORED",
    "COLUMNS",
    "FLAGS",
    "LAYOUTS",
    "NO_NUMBER",
    "Measurement",
    "RejectedRow",
    "SCHEMA",
    "STATES",
    "StateSpread",
    "check_frame",
    "check_states",
    "count_flags",
    "cycling_frame",
    "draw_cycling",
    "guess_layout",
    "import_measured",
    "layout_names",
    "is_censored",
    "is_good",
    "read_cycling",
    "read_measured",
    "read_tidy",
    "state_values",
    "summarize",
    "write_rejected",
    "write_synthetic_cycling",
    "write_tidy",
]
