"""Sweeps: a plan as plain data, a store, a run that resumes, results as a frame."""

from rramchar.sweep.frame import export, load, results
from rramchar.sweep.plan import Plan, load_plan, make_plan
from rramchar.sweep.run import RunSummary, run_plan

__all__ = ["Plan", "RunSummary", "export", "load", "load_plan", "make_plan", "results", "run_plan"]
