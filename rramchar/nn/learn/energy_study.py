"""Energy per recognition and per training against accuracy (IEDM 2019, Fig. 17).

Networks of several sizes learn in the array, which counts their pulses, and 8-bit networks of the
conventional kind are trained beside them. `rramchar.nn.energy` turns counts into energies.
Trainings are kept by what they depend on, so that other energies or another node cost no training.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rramchar.nn.energy import (
    EnergyModel,
    TrainingCounts,
    accelerator_energy,
    energy_model,
    inference_energy,
    total,
    training_energy,
)
from rramchar.nn.energy_baseline import int8_accuracy
from rramchar.nn.energy_devices import load_device_energies
from rramchar.nn.energy_table import load_operations, node_at
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import learned, seed_tasks, title
from rramchar.nn.settings import TrainingSettings
from rramchar.nn.study_tasks import Row, load_rows, write_json
from rramchar.provenance import digest_json
from rramchar.units import format_quantity, parse_quantity

PUBLISHED_INFERENCE_J = 25e-9  # IEDM 2019, section III: one digit, 784-1024-10, 28 nm
PUBLISHED_TRAINING_J = 50e-3  # the same, a whole training on MNIST
PUBLISHED_NODE_M = 28e-9
PUBLISHED_PIXELS = 784
PUBLISHED_RATIO = 10.0  # against the 8-bit ASIC, at equal accuracy
_OPTIONS = ("sizes", "sizes8", "node", "vdd", "exponent", "rows", "energies", "operations")
_AGREEMENT = 2.0  # what an estimate across two design styles can promise
_KEYS = ("network", "neurons")
_VERSION = 1  # raised when trainings that were kept must be done again
_COUNTED = 2  # raised when operations are counted otherwise; trainings stay


def plan(request: Request) -> Study:
    """Plan trainings in the array and of 8-bit networks, over sizes.

    Parameters
    ----------
    request : Request
        Options ``sizes`` and ``sizes8`` (hidden neurons of the binarized and of the 8-bit
        network), ``node`` and ``vdd`` (28n; its nominal supply), ``exponent`` (of the scaling
        rule), ``rows`` (of an array), ``energies`` and ``operations`` (files of one's own).

    Returns
    -------
    Study
        Tables ``energy`` (`network`, `neurons`) and ``components`` (with `phase`, `component`).
    """
    small = request.small
    sizes: tuple[int, ...] = (16, 32, 64, 128, 256) if small else (64, 128, 256, 512, 1024)
    sizes8: tuple[int, ...] = (4, 8, 16, 32, 64, 128) if small else (8, 16, 32, 64, 128, 256, 512)
    cut = slice(0, request.by_length(2, None, None))
    epochs = request.by_length(2, 30, 100) if small else request.by_length(1, 10, 50)
    model = _model(request)
    tasks: list[Task] = []
    shown: LearnSettings | None = None
    for network, chosen in (
        ("bnn", request.whole_numbers("sizes", sizes[cut])),
        ("int8", request.whole_numbers("sizes8", sizes8[cut])),
    ):
        for neurons in chosen:
            settings = request.learning(epochs=epochs, known=_OPTIONS, hidden=(neurons,))
            shown = settings if network == "bnn" else shown
            extra = {"model": _document(model), "version": _VERSION, "counted": _COUNTED}
            columns = {"network": network, "neurons": neurons}
            tasks += seed_tasks(request, work, columns, settings, extra)
    assert shown is not None
    tables = (
        Table("energy", _KEYS, ("inference_j", "training_j", "test_accuracy")),
        Table("components", (*_KEYS, "phase", "component"), ("energy_j",)),
    )
    data, _ = request.data().load()
    facts = {
        "pixels": data.pixels,
        "classes": data.classes,
        "node_m": model.node.node_m,
        "vdd_v": model.node.vdd_v,
        "model": _document(model),
        "energies": Path(request.text("energies", "shipped")).name,
        "binary_input": shown.encoding == "sign",
    }
    heading = title(request, shown).replace(f"-{shown.hidden[0]}-", "-N-")
    return Study("energy", tuple(tasks), tables, heading, facts)


def work(task: Task, context: Context) -> list[Row]:
    """Return accuracy and energies of one network."""
    model = EnergyModel(**_from_document(task.settings["model"]))
    settings = LearnSettings.from_dict(task.settings["learn"])
    assert task.dataset is not None
    data, _ = task.dataset.load()
    sizes = (data.pixels, *settings.hidden, data.classes)
    binary = settings.encoding == "sign"
    kept = _trained(task, context)
    if task.columns["network"] == "int8":
        parts = {"inference": accelerator_energy(sizes, model)}
    else:
        counts = TrainingCounts(**kept["counts"])
        parts = {
            "inference": inference_energy(sizes, model, binary_input=binary),
            "training": training_energy(
                sizes, counts, model, binary_input=binary, rule=settings.rule
            ),
        }
    sums = {phase: total(found) for phase, found in parts.items()}
    head: Row = {
        "table": "energy",
        "test_accuracy": kept["test_accuracy"],
        "inference_j": sums["inference"],
        "training_j": sums.get("training", math.nan),
    }
    return [
        head,
        *(
            {"table": "components", "phase": phase, "component": name, "energy_j": value}
            for phase, found in parts.items()
            for name, value in found.items()
        ),
    ]


def _trained(task: Task, context: Context) -> dict[str, Any]:
    """Return accuracy and counts of a training, from its file where it is there."""
    assert task.dataset is not None
    document = {
        "version": _VERSION,
        "network": task.columns["network"],
        "learn": task.settings["learn"],
        "files": task.files,
        "data": task.dataset.load()[1],
    }
    path = context.folder / "runs" / f"energy_{digest_json(document)[:20]}.json"
    if path.is_file():
        return load_rows(path)[0]
    found = _train8(task) if task.columns["network"] == "int8" else _learn(task)
    write_json(path, [found])
    return found


def _learn(task: Task) -> dict[str, Any]:
    result = learned(task)
    settings = result.settings
    assert task.dataset is not None
    data, _ = task.dataset.load()
    steps = len(data.train_images) // settings.batch * settings.epochs
    pulses = sum(row["pulses"] for row in result.history)
    counts = {
        "images": steps * settings.batch,
        "steps": steps,
        "weak_resets": pulses,
        "sets": sum(row["sets"] for row in result.history),
        # Before and after each pulse; a pulse of the repair after a SET is counted too.
        "check_reads": 2 * pulses if settings.check else 0,
    }
    return {"test_accuracy": result.test_accuracy, "counts": counts}


def _train8(task: Task) -> dict[str, Any]:
    settings = LearnSettings.from_dict(task.settings["learn"])
    training = TrainingSettings(
        hidden=settings.hidden, epochs=settings.epochs, batch=settings.batch, seed=task.seed
    )
    assert task.dataset is not None
    return {"test_accuracy": int8_accuracy(task.dataset.load()[0], training)}


def find(result: StudyResult) -> list[Finding]:
    """Put the published energies beside ours."""
    summary, facts = result.summary, result.study.facts
    bnn = summary[summary["network"] == "bnn"].sort_values("neurons")
    largest = bnn.iloc[-1]
    node = format_quantity(facts["node_m"], "m", digits=3)
    alike = (facts["node_m"], facts["pixels"], int(largest["neurons"]))
    same = alike == (PUBLISHED_NODE_M, PUBLISHED_PIXELS, 1024)
    sizes = f"{largest['neurons']:g} hidden neurons at {node}"
    found = []
    for name, what, published in (
        ("inference_j", "Recognizing a digit takes 25 nJ", PUBLISHED_INFERENCE_J),
        ("training_j", "The whole training takes 50 mJ", PUBLISHED_TRAINING_J),
    ):
        ours = float(largest[f"{name}_mean"])
        ratio = ours / published
        found.append(
            Finding(
                f"{what} (784-1024-10, MNIST, 28 nm).",
                f"{sizes}: {format_quantity(ours, 'J', digits=3)}, {ratio:.2g} times that "
                f"(agreement: within a factor of {_AGREEMENT:g})",
                _span(largest, name),
                1 / _AGREEMENT <= ratio <= _AGREEMENT if same else None,
            )
        )
    return [*found, _ratio_finding(summary), _same_size_finding(result, largest)]


def equal_accuracy_ratio(summary: pd.DataFrame) -> tuple[float, float] | None:
    """Return the energy of the 8-bit accelerator over ours at the highest accuracy both reach.

    Parameters
    ----------
    summary : DataFrame
        Of the table ``energy``.

    Returns
    -------
    tuple of float, or None
        Accuracy and ratio [1]; energies lie on straight lines between neighbouring sizes in
        accuracy and log energy. None where the curves have no accuracy in common.
    """
    curves = {}
    for network in ("bnn", "int8"):
        rows = summary[summary["network"] == network].sort_values("inference_j_mean")
        # The cheapest network that reaches an accuracy: the running best.
        best = rows["test_accuracy_mean"].cummax()
        rows = rows[~best.duplicated()]
        curves[network] = (
            rows["test_accuracy_mean"].to_numpy(float),
            np.log(rows["inference_j_mean"].to_numpy(float)),
        )
    low = max(curve[0][0] for curve in curves.values())
    high = min(curve[0][-1] for curve in curves.values())
    if not low <= high:
        return None
    ours, theirs = (float(np.interp(high, *curves[name])) for name in ("bnn", "int8"))
    return high, math.exp(theirs - ours)


def _ratio_finding(summary: pd.DataFrame) -> Finding:
    statement = "At equal accuracy the 8-bit in-memory ASIC takes about ten times more (Fig. 17)."
    found = equal_accuracy_ratio(summary)
    if found is None:
        return Finding(statement, "the two curves have no accuracy in common", "", None)
    accuracy, ratio = found
    return Finding(
        statement, f"{ratio:.2g} times, at {accuracy:.2%}", "", ratio >= PUBLISHED_RATIO / 2
    )


def _same_size_finding(result: StudyResult, largest: pd.Series) -> Finding:
    """Compare both kinds at one size, where their accuracies differ."""
    facts = result.study.facts
    sizes = (facts["pixels"], int(largest["neurons"]), facts["classes"])
    model = EnergyModel(**_from_document(facts["model"]))
    ratio = total(accelerator_energy(sizes, model)) / float(largest["inference_j_mean"])
    return Finding(
        "The paper does not say which 8-bit network its ASIC runs; at equal size:",
        f"{ratio:.2g} times more for 8 bits ({'-'.join(map(str, sizes))})",
        "",
        None,
    )


def _span(row: pd.Series, name: str) -> str:
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    if math.isnan(low) or low == high:
        return ""
    return " ... ".join(format_quantity(value, "J", digits=3) for value in (low, high))


def _model(request: Request) -> EnergyModel:
    """Return the energies that a request asks for."""
    supply = request.text("vdd", "")
    node = node_at(
        parse_quantity(request.text("node", "28n"), "m", name="--set node"),
        parse_quantity(supply, "V", name="--set vdd") if supply else None,
    )
    return energy_model(
        load_device_energies(request.text("energies", "") or None),
        load_operations(request.text("operations", "") or None),
        node,
        exponent=request.number("exponent", 1.0),
        rows=request.whole_number("rows", 32),
    )


def _document(model: EnergyModel) -> dict[str, Any]:
    return {**vars(model), "node": vars(model.node), "digital_j": dict(model.digital_j)}


def _from_document(document: dict[str, Any]) -> dict[str, Any]:
    node = node_at(document["node"]["node_m"], document["node"]["vdd_v"])
    return {**json.loads(json.dumps(document)), "node": node}
