"""First part of the demo: simulated reads and a few waveforms."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from rramchar.measure import crossing_time
from rramchar.spice.session import process_session, simulate
from rramchar.sweep import Plan, RunSummary, export, load_plan, run_plan
from rramchar.sweep.run import Progress
from rramchar.technology import Condition, Technology, load_technology
from rramchar.testbench import ReadParameters, ReadPoint, build_read

WAVEFORM_SUPPLIES_V = (1.2, 0.6)
# Typical resistances of the measured sample: LRS and HRS on the two lines, then HRS on both.
WAVEFORM_PAIRS = (("LRS / HRS", 5e3, 90e3), ("HRS / HRS", 80e3, 100e3))


def demo_plan(name: str) -> Plan:
    """Return a plan that ships with the demo: ``reads`` or ``xnor``."""
    return load_plan(Path(str(files("rramchar.demo") / "data" / f"{name}.toml")))


def run_reads(
    plan: Plan, run: Path, table: Path, *, workers: int | None, progress: Progress | None
) -> RunSummary:
    """Run (or resume) one of the demo's sweeps and export its results.

    Parameters
    ----------
    plan : Plan
        The sweep.
    run : Path
        Run directory.
    table : Path
        CSV to write.
    workers : int or None
        Worker processes.
    progress : callable or None
        See `rramchar.sweep.run_plan`.

    Returns
    -------
    RunSummary
        Counts, also of failures.
    """
    summary = run_plan(plan, run, workers=workers, progress=progress)
    if summary.simulated or not table.is_file():
        export(run, table, "csv")
    return summary


def waveform_reads(plan: Plan) -> list[dict[str, Any]]:
    """Name the reads whose waveforms the report shows.

    Parameters
    ----------
    plan : Plan
        Gives technology and parameters.

    Returns
    -------
    list of dict
        ``title``, ``condition``, ``point``.
    """
    return [
        {
            "title": f"{name} at {vdd:g} V ({low / 1e3:g} kΩ, {high / 1e3:g} kΩ)",
            "condition": Condition("tt", 27.0, vdd),
            "point": ReadPoint(high, low),
        }
        for vdd in WAVEFORM_SUPPLIES_V
        for name, low, high in WAVEFORM_PAIRS
    ]


def write_waveforms(plan: Plan, path: Path) -> None:
    """Simulate the reads of `waveform_reads` and keep their waveforms.

    Parameters
    ----------
    plan : Plan
        Gives technology and parameters.
    path : Path
        ``.npz`` to write: for read k, ``k_title``, ``k_vdd_v``, ``k_sense_start_s``,
        ``k_sample_time_s``, and arrays ``k_time`` [s], ``k_sen``, ``k_q``, ``k_qb``, ``k_bl``,
        ``k_blb`` [V].
    """
    technology: Technology = load_technology(plan.technology_name)
    # Sensing far beyond the sampling time would only flatten the picture.
    parameters: ReadParameters = replace(
        plan.parameters, window_time_s=2 * plan.parameters.sample_time_s
    )
    nodes = ("sen", "q", "qb", "bl", "blb")
    arrays: dict[str, Any] = {}
    for k, read in enumerate(waveform_reads(plan)):
        condition = read["condition"]
        deck = build_read(technology, condition, parameters, read["point"])
        deck = replace(deck, save=tuple(f"v({node})" for node in nodes))
        waves, _ = simulate(process_session(), deck, {}, "report")
        start = crossing_time(
            waves["time"], waves["v(sen)"], condition.vdd_v / 2,
            after_s=parameters.precharge_time_s / 2,
        )  # fmt: skip
        arrays |= {
            f"{k}_title": read["title"],
            f"{k}_vdd_v": condition.vdd_v,
            f"{k}_sense_start_s": start,
            f"{k}_sample_time_s": parameters.sample_time_s,
            f"{k}_time": waves["time"],
            **{f"{k}_{node}": waves[f"v({node})"] for node in nodes},
        }
    process_session().unload()
    np.savez_compressed(path, **arrays)


def load_waveforms(path: Path) -> list[dict[str, Any]]:
    """Read back what `write_waveforms` wrote.

    Returns
    -------
    list of dict
        One per read, as `rramchar.report.reads.plot_waveforms` takes them.
    """
    with np.load(path, allow_pickle=False) as data:
        reads: dict[str, dict[str, Any]] = {}
        for name in data.files:
            k, _, field = name.partition("_")
            value = data[name]
            reads.setdefault(k, {})[field] = value.item() if value.ndim == 0 else value
    return [reads[k] for k in sorted(reads, key=int)]
