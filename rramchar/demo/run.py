"""The main job: from a netlist to a network's accuracy, and a report of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rramchar.ber import BerTable
from rramchar.demo import networks, reads, tables
from rramchar.demo.files import DemoFiles
from rramchar.demo.stage import Stage
from rramchar.errors import StoreError
from rramchar.provenance import provenance
from rramchar.report.notebook import execute_notebook, require_notebook_tools
from rramchar.resources import resource
from rramchar.sweep import Plan, RunSummary
from rramchar.sweep.store import run_lock

NOTEBOOK = "demo.ipynb"
SEED = 1
DRAWS = 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DemoSummary:
    """What the demo did.

    Parameters
    ----------
    report : Path
        The HTML page.
    points, failed, simulated : int
        Simulated points of all sweeps; those without a result; those simulated now.
    stages_done : list of str
        Stages whose work was done now; the others were found finished.
    seconds : float
        Wall-clock time. [s]
    """

    report: Path
    points: int
    failed: int
    simulated: int
    stages_done: list[str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-serializable data."""
        return {
            "report": str(self.report),
            "points": self.points,
            "failed": self.failed,
            "simulated": self.simulated,
            "stages_done": self.stages_done,
            "seconds": round(self.seconds, 2),
        }


def run_demo(
    folder: str | Path, *, workers: int | None = None, progress: Progress | None = None
) -> DemoSummary:
    """Run the demo, or what of it is not finished yet.

    Parameters
    ----------
    folder : str or Path
        Where everything goes; created if missing.
    workers : int, optional
        Worker processes of the sweeps.
    progress : callable, optional
        Called with the step's name, and how much of it is done, of how much.

    Returns
    -------
    DemoSummary
        Path of the report and counts.

    Raises
    ------
    RramcharError
        If the folder cannot be used, ngspice or the notebook packages are missing, or a step fails.
    """
    start = time.perf_counter()
    require_notebook_tools()
    files = DemoFiles(Path(folder))
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be created ({error.strerror})") from None
    report = progress or (lambda name, done, total: None)
    with run_lock(files.folder):
        plan = reads.demo_plan("reads")
        sweeps = _simulate(files, plan, workers, report)
        done = _characterize(files, plan, report)
        done += _evaluate(files, report)
        done += _report(files, plan, sweeps, report)
    return DemoSummary(
        report=files.report,
        points=sum(s.points for s in sweeps.values()),
        failed=sum(s.failed for s in sweeps.values()),
        simulated=sum(s.simulated for s in sweeps.values()),
        stages_done=done,
        seconds=time.perf_counter() - start,
    )


def _simulate(
    files: DemoFiles, plan: Plan, workers: int | None, report: Progress
) -> dict[str, RunSummary]:
    def sweep(title: str, chosen: Plan, run: Path, table: Path) -> RunSummary:
        def advance(done: int, total: int, _: int) -> None:
            report(title, done, total)

        return reads.run_reads(chosen, run, table, workers=workers, progress=advance)

    return {
        "reads": sweep("PCSA reads", plan, files.reads_run, files.reads),
        "xnor": sweep("XNOR truth table", reads.demo_plan("xnor"), files.xnor_run, files.xnor),
    }


def _characterize(files: DemoFiles, plan: Plan, report: Progress) -> list[str]:
    sample = tables.measured_sample()
    settings = {"plan": plan.document(), "seed": SEED}

    def results() -> Any:
        return tables.read_results(files.reads)

    steps: tuple[tuple[str, tuple[Path, ...], Path, Callable[[], None]], ...] = (
        ("waveforms", (), files.waveforms, lambda: reads.write_waveforms(plan, files.waveforms)),
        (
            "resistance fit",
            (sample,),
            files.resistance_model,
            lambda: tables.write_resistance_model(sample, SEED, files.resistance_model),
        ),
        (
            "BER table",
            (sample, files.reads),
            files.ber_table,
            lambda: tables.write_ber_table(sample, results(), plan, files.ber_table),
        ),
        (
            "sampling window",
            (sample, files.reads),
            files.sampling,
            lambda: tables.write_sampling_curve(sample, results(), plan, files.sampling),
        ),
        (
            "decision map check",
            (sample, files.reads),
            files.map_check,
            lambda: tables.check_map(
                sample, results(), plan, SEED, files.folder / "map_check", files.map_check
            ),
        ),
    )
    done = []
    for i, (name, inputs, output, work) in enumerate(steps):
        report("fits and BER tables", i, len(steps))
        if Stage(name, files.folder, inputs, (output,), settings).run(work):
            done.append(name)
    report("fits and BER tables", len(steps), len(steps))
    return done


def _evaluate(files: DemoFiles, report: Progress) -> list[str]:
    paths = {w: [files.network(w, seed) for seed in networks.SEEDS] for w in networks.WEIGHTS}
    total = len(networks.WEIGHTS) * len(networks.SEEDS)
    done, count = [], 0
    report("training networks", 0, total)
    for weights, targets in paths.items():
        for seed, path in zip(networks.SEEDS, targets, strict=True):
            stage = Stage(
                f"train {weights} {seed}", files.folder, (), (path,), {"w": weights, "seed": seed}
            )
            if stage.run(lambda w=weights, s=seed, p=path: networks.train_network(w, s, p)):  # type: ignore[misc]
                done.append(stage.name)
            count += 1
            report("training networks", count, total)
    trained = tuple(path for targets in paths.values() for path in targets)
    steps = 0

    def advance() -> None:
        nonlocal steps
        steps += 1
        report("evaluating networks", steps, 2 * total)

    report("evaluating networks", 0, 2 * total)
    by_rate = Stage("accuracy against BER", files.folder, trained, (files.accuracy_ber,),
                    {"rates": networks.RATES, "draws": DRAWS})  # fmt: skip
    if by_rate.run(
        lambda: networks.write_accuracy_against_ber(paths, DRAWS, files.accuracy_ber, advance)
    ):
        done.append(by_rate.name)
    by_supply = Stage("accuracy against supply", files.folder, (*trained, files.ber_table),
                      (files.accuracy_supply,), {"draws": DRAWS})  # fmt: skip
    if by_supply.run(
        lambda: networks.write_accuracy_against_supply(
            paths, BerTable.load(files.ber_table), DRAWS, files.accuracy_supply, advance
        )
    ):
        done.append(by_supply.name)
    report("evaluating networks", 2 * total, 2 * total)
    return done


def _report(
    files: DemoFiles, plan: Plan, sweeps: dict[str, RunSummary], report: Progress
) -> list[str]:
    report("report", 0, 1)
    check = json.loads(files.map_check.read_text(encoding="utf-8"))
    facts = provenance()
    summary = {
        "rramchar": facts["rramchar"],
        "Python": facts["python"],
        "ngspice": sweeps["reads"].ngspice_version,
        **facts["packages"],
        "technology": plan.technology.description,
        "PCSA reads": sweeps["reads"].points,
        "PCSA reads failed": sweeps["reads"].failed,
        "XNOR reads": sweeps["xnor"].points,
        "XNOR reads failed": sweeps["xnor"].failed,
        "decision map checked on": f"{check['pairs']} measured pairs, simulated directly at "
        f"{check['vdd_v']:g} V: {check['agree']} agree, {check['failed']} failed",
        "measured data": f"{tables.SAMPLE} (synthetic)",
        "networks": f"64-256-10 on scikit-learn's digits, training seeds {list(networks.SEEDS)}",
        "error draws per network and condition": DRAWS,
        "seed of fits and checks": SEED,
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    if not files.summary.is_file() or files.summary.read_text(encoding="utf-8") != text:
        files.summary.write_text(text, encoding="utf-8")
    notebook = resource("notebooks", NOTEBOOK)
    inputs = (
        notebook, files.summary, files.reads, files.xnor, files.waveforms, files.resistance_model,
        files.ber_table, files.sampling, files.accuracy_ber, files.accuracy_supply,
    )  # fmt: skip
    stage = Stage("report", files.folder, inputs, (files.notebook, files.report), {})
    made = stage.run(
        lambda: execute_notebook(
            notebook,
            files.notebook,
            {"folder": str(files.folder.resolve())},
            title="rramchar: characterization of a 2T2R memory and its networks",
            html=files.report,
        )
    )
    report("report", 1, 1)
    return ["report"] if made else []
