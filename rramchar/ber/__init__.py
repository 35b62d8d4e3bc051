"""Bit error rates: counted on measured resistances, kept in tables, looked up by networks."""

from rramchar.ber.confusion import OUTCOMES, STORED, Confusion
from rramchar.ber.counts import (
    Concentration,
    ErrorCount,
    best_threshold,
    confusion_counts,
    count_1t1r,
    count_2t2r,
)
from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.lookup import LookUp
from rramchar.ber.pairs import (
    POLARITY,
    ResistancePairs,
    complementary_pairs,
    ternary_pairs,
    to_matrices,
)
from rramchar.ber.rows import BerRow, make_row
from rramchar.ber.table import BerTable
from rramchar.ber.where import parse_where

__all__ = [
    "OUTCOMES",
    "POLARITY",
    "STORED",
    "BerRow",
    "BerTable",
    "Concentration",
    "Confusion",
    "ErrorCount",
    "LookUp",
    "ResistancePairs",
    "best_threshold",
    "clopper_pearson",
    "complementary_pairs",
    "confusion_counts",
    "count_1t1r",
    "count_2t2r",
    "make_row",
    "parse_where",
    "ternary_pairs",
    "to_matrices",
]
