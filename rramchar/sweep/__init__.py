"""Sweeps: a plan as plain data, a store, a run that resumes, results as a frame.

The names are imported when they are first used: a worker process needs none of them, and starts in
half the time without pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rramchar.sweep.frame import export, load, results
    from rramchar.sweep.plan import Plan, load_plan, make_plan
    from rramchar.sweep.rawfile import read_raw
    from rramchar.sweep.reproduce import reproducing_deck
    from rramchar.sweep.rerun import waveforms
    from rramchar.sweep.run import RunSummary, run_plan
    from rramchar.sweep.summary import summarize

__all__ = [
    "Plan",
    "RunSummary",
    "export",
    "load",
    "load_plan",
    "make_plan",
    "read_raw",
    "reproducing_deck",
    "results",
    "run_plan",
    "summarize",
    "waveforms",
]

_HOMES = {
    "frame": ("export", "load", "results"),
    "plan": ("Plan", "load_plan", "make_plan"),
    "rawfile": ("read_raw",),
    "reproduce": ("reproducing_deck",),
    "rerun": ("waveforms",),
    "run": ("RunSummary", "run_plan"),
    "summary": ("summarize",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rramchar.sweep.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
