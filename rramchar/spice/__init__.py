"""The only place that touches libngspice."""

from rramchar.spice.deck import LADDERS, Deck, Solver
from rramchar.spice.library import find_library, find_program, install_hint

__all__ = ["LADDERS", "Deck", "Solver", "find_library", "find_program", "install_hint"]
