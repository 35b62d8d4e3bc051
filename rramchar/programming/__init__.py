"""Sequences of programming pulses: plan, run, results."""

from rramchar.programming.frame import read_pulses
from rramchar.programming.load import load_program_plan, make_program_plan
from rramchar.programming.plan import ProgramPlan
from rramchar.programming.run import run_program

__all__ = [
    "ProgramPlan",
    "load_program_plan",
    "make_program_plan",
    "read_pulses",
    "run_program",
]
