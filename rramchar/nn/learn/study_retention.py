"""Accuracy over time after training, while the devices relax.

Weak RESET leaves many pairs close together: a bit that has just flipped rests on one pulse. So
``bnn_strengthened`` is read too: the same network after further weak RESETs on the device that
makes each bit, BL for +1 and BLb for -1.
"""

from __future__ import annotations

import numpy as np

from rramchar.errors import InputError
from rramchar.nn.learn.retention import check_times, put_siemens, relax, relaxation_model, siemens
from rramchar.nn.learn.run import accuracy
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import learned, seed_tasks, title
from rramchar.nn.learn.study_statistics import difference, points
from rramchar.nn.study_tasks import Row

_OPTIONS = ("retention", "times", "temperature", "weights", "strengthen")
_WEIGHTS = ("bnn", "bnn_strengthened", "analog")
_TIMES_S = (0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)


def plan(request: Request) -> Study:
    """Plan trainings, and reads of what they learned at later times.

    Parameters
    ----------
    request : Request
        Options ``retention`` (a file of `rramchar fit retention`), ``times`` [s], ``temperature``
        [degree C], ``weights`` (some of ``bnn,bnn_strengthened,analog``), ``strengthen`` (weak
        RESETs after training).

    Returns
    -------
    Study
        Table ``accuracy`` (`weights`, `time_s`); time 0 is the end of the training.
    """
    if request.model == "ideal":
        raise InputError(
            "--set model=ideal: has no conductance in siemens that could relax; use another model"
        )
    times = request.numbers("times", _TIMES_S)
    check_times(times)
    temperature = request.number("temperature", 27.0)
    pulses = request.whole_number("strengthen", 40, least=0)
    path = request.text("retention", "")
    law = relaxation_model(path or None)  # refuses a wrong file before anything is trained
    extra = {"retention": path, "times_s": list(times), "temperature_c": temperature}
    epochs = request.by_length(3, 30, 100) if request.small else request.by_length(1, 2, 10)
    tasks = []
    files = (path,) if path else ()
    for weights in request.text("weights", ",".join(_WEIGHTS)).split(","):
        if weights not in _WEIGHTS:
            raise InputError(f"--set weights={weights}: expected some of {','.join(_WEIGHTS)}")
        synapse = "analog" if weights == "analog" else "bnn"
        settings = request.learning(epochs=epochs, known=_OPTIONS, synapse=synapse)
        more = {**extra, "pulses": pulses if weights == "bnn_strengthened" else 0}
        tasks += seed_tasks(request, work, {"weights": weights}, settings, more, files)
    table = Table("accuracy", ("weights", "time_s"), ("test_accuracy", "changed"))
    named = path.rsplit("/", 1)[-1] if path else "law of published relaxation data"
    source = str(law.provenance.get("source", named))
    conditions = [float(row["time_s"]) for row in law.population["conditions"]]
    facts = {"law": named, "law_source": source, "measured_until_s": max(conditions)}
    return Study("retention", tuple(tasks), (table,), title(request, settings), facts)


def work(task: Task, context: Context) -> list[Row]:
    """Train a network, let its devices relax, and read it at each time."""
    assert task.dataset is not None
    data, _ = task.dataset.load()
    state = learned(task).state
    test = data.test_images, data.test_labels
    law = relaxation_model(task.settings["retention"] or None)
    times, celsius = task.settings["times_s"], task.settings["temperature_c"]
    arrays = [layer.synapses for layer in state.layers]
    for _ in range(task.settings["pulses"]):
        for array in arrays:
            up = array.weights.reshape(-1) > 0
            array.bl.weak_reset(np.flatnonzero(up))
            array.blb.weak_reset(np.flatnonzero(~up))
    if task.settings["pulses"]:
        for array in arrays:
            array.refresh()
    devices = [device for array in arrays for device in (array.bl, array.blb)]
    streams = np.random.SeedSequence([task.seed, 1]).spawn(len(devices))
    later = [
        relax(siemens(device), law, times, np.random.default_rng(stream), celsius)
        for device, stream in zip(devices, streams, strict=True)
    ]
    first = [np.sign(array.weights) for array in arrays]
    rows = [_row(0.0, accuracy(state, *test), 0.0)]
    for time in times:
        for device, conductance_s in zip(devices, later, strict=True):
            put_siemens(device, next(conductance_s))
        for array in arrays:
            array.refresh()
        changed = [
            np.mean(np.sign(a.weights) != f) * f.size for a, f in zip(arrays, first, strict=True)
        ]
        share = float(sum(changed) / sum(f.size for f in first))
        rows.append(_row(time, accuracy(state, *test), share))
    return rows


def _row(time_s: float, share: float, changed: float) -> Row:
    return {"table": "accuracy", "time_s": time_s, "test_accuracy": share, "changed": changed}


def find(result: StudyResult) -> list[Finding]:
    """Say what is lost by the end of what was measured, and by the end of the figure."""
    rows, facts = result.rows["accuracy"], result.study.facts
    times = sorted(set(rows["time_s"]))
    within = [t for t in times if t <= facts["measured_until_s"] * 1.01] or times[:1]
    found = []
    for weights in dict.fromkeys(rows["weights"]):
        mine = rows[rows["weights"] == weights]
        for time in dict.fromkeys((within[-1], times[-1])):
            cost = difference(mine, "test_accuracy", {"time_s": time}, {"time_s": 0.0})
            beyond = "" if time <= within[-1] else ", beyond the data of the law"
            share = float(mine[mine["time_s"] == time]["changed"].astype(float).mean())
            words = f"{weights} after {time:.3g} s{beyond}: {points(cost)[0]}"
            found.append(
                Finding(
                    "Nothing is published for learned networks.",
                    f"{words}; {share:.2%} of the signs have changed",
                    points(cost)[1],
                    None,
                )
            )
    return found
