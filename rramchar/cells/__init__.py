"""Cells: a frozen parameter record in, a PySpice subcircuit out; nothing here runs."""

from rramchar.cells.array import ArrayCells, cells_of_weights, place_array
from rramchar.cells.column import ColumnWires, build_column, build_column_row
from rramchar.cells.one_t_one_r import OneTOneR, build_one_t_one_r
from rramchar.cells.pcsa import Pcsa, build_pcsa, build_xnor_pcsa
from rramchar.cells.two_t_two_r import build_two_t_two_r

__all__ = [
    "ArrayCells",
    "ColumnWires",
    "OneTOneR",
    "Pcsa",
    "build_column",
    "build_column_row",
    "build_one_t_one_r",
    "build_pcsa",
    "build_two_t_two_r",
    "build_xnor_pcsa",
    "cells_of_weights",
    "place_array",
]
