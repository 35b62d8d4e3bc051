"""Cells: a frozen parameter record in, a PySpice subcircuit out; nothing here runs."""

from rramchar.cells.one_t_one_r import OneTOneR, build_one_t_one_r
from rramchar.cells.pcsa import Pcsa, build_pcsa, build_xnor_pcsa
from rramchar.cells.two_t_two_r import build_two_t_two_r

__all__ = [
    "OneTOneR",
    "Pcsa",
    "build_one_t_one_r",
    "build_pcsa",
    "build_two_t_two_r",
    "build_xnor_pcsa",
]
