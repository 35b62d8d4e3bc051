"""Accuracy along a property of the pulses: noise (IEDM 2019, Fig. 14), non-linearity (Fig. 16).

Three kinds of weights are compared:

- ``bnn``: bits, with the post-RESET check;
- ``analog``: the difference of the conductances as a real number, trained with the same weak
  RESETs;
- ``analog_set``: the same, but a weight is lowered by progressive SETs as the law's mirror image.
  The devices of the paper have none; most analog schemes count on one.
"""

from __future__ import annotations

from typing import Any

from rramchar.errors import InputError
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import epoch_rows, learned, seed_tasks, title
from rramchar.nn.learn.study_statistics import (
    Where,
    chosen,
    difference,
    holds,
    interval,
    points,
)
from rramchar.nn.study_tasks import Row

DEFAULT_RATIO = 0.25
"""Noise of a pulse over its mean fall at Gmax that `LearnSettings` takes by default. [1]"""
_SMALL_LOSS = 0.005
_ALL_RATIOS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_SIGNS = {"beta": "β", "beta_set": "β_SET"}
_MEASURED = ("test_accuracy", "best_accuracy", "loss", "pulses", "sets", "flips")


def plan_noise(request: Request) -> Study:
    """Plan trainings at rising noise of the weak RESET.

    Parameters
    ----------
    request : Request
        Option ``ratios``: standard deviation of a pulse's noise over its mean fall at Gmax [1].

    Returns
    -------
    Study
        Table ``accuracy`` (`weights`, `ratio`).
    """
    _need_law(request, "noise")
    ratios = request.numbers(
        "ratios",
        request.by_length((0.0, 0.25, 2.0), (0.0, 0.25, 0.5, 1.0, 2.0, 4.0), _ALL_RATIOS),
        least=0,
    )  # fmt: skip
    tasks = []
    for weights in ("bnn", "analog", "analog_set"):
        for ratio in ratios:
            fields: dict[str, Any] = {"synapse": _synapse(weights)}
            base = request.learning(epochs=_epochs(request), known=("ratios",), **fields)
            assert base.pulse is not None
            fields["eta"] = ratio * base.pulse
            if weights == "analog_set":
                fields["beta_set"] = base.beta
            settings = request.learning(epochs=_epochs(request), known=("ratios",), **fields)
            tasks += seed_tasks(request, work, {"weights": weights, "ratio": ratio}, settings)
    table = Table("accuracy", ("weights", "ratio"), _MEASURED)
    return Study("noise", tuple(tasks), (table,), title(request, settings))


def plan_nonlinearity(request: Request) -> Study:
    """Plan trainings at several non-linearities of RESET and SET.

    Parameters
    ----------
    request : Request
        Options ``betas``, ``betas_set`` [1].

    Returns
    -------
    Study
        Table ``accuracy`` (`weights`, `set`, `beta`, `beta_set`). Where `set` is ``full``, a SET
        only follows a flip, and analog weights have none at all; where it is ``progressive``, there
        is no check.
    """
    _need_law(request, "nonlinearity")
    many = (0.0, 1.5, 3.0, 6.0) if request.small or request.length == "full" else (0.0, 3.0, 6.0)
    default = request.by_length((0.0, 3.0), many, many)
    betas = request.numbers("betas", default, least=0)
    sets = request.numbers("betas_set", default, least=0)
    tasks = []
    for weights in ("bnn", "analog"):
        for beta in betas:
            for beta_set in (None, *sets):
                columns = {
                    "weights": weights,
                    "set": "full" if beta_set is None else "progressive",
                    "beta": beta,
                    "beta_set": beta_set,
                }
                settings = request.learning(
                    epochs=_epochs(request), known=("betas", "betas_set"),
                    synapse=weights, beta=beta, beta_set=beta_set,
                )  # fmt: skip
                tasks += seed_tasks(request, work, columns, settings)
    table = Table("accuracy", ("weights", "set", "beta", "beta_set"), _MEASURED)
    return Study("nonlinearity", tuple(tasks), (table,), title(request, settings))


def work(task: Task, context: Context) -> list[Row]:
    """Train a network; return how it ended."""
    epochs = epoch_rows(learned(task))
    best = max(epoch["test_accuracy"] for epoch in epochs)
    total = {name: sum(epoch[name] for epoch in epochs) for name in ("pulses", "sets", "flips")}
    return [{"table": "accuracy", **epochs[-1], **total, "best_accuracy": best}]


def find_noise(result: StudyResult) -> list[Finding]:
    """Say what noise costs binary and analog weights."""
    rows = result.rows["accuracy"]
    ratios = sorted(set(rows["ratio"]))
    quiet, usual = ratios[0], min(ratios, key=lambda r: abs(r - DEFAULT_RATIO))
    cost = _cost(rows, "ratio", usual, quiet, {"weights": "bnn"})
    found = [
        Finding(
            "Noise as the measured devices have it costs binary weights nothing (Fig. 14).",
            f"η = {usual:g} c against η = {quiet:g}: {points(cost)[0]}",
            points(cost)[1],
            holds(cost[1], cost[2], least=-_SMALL_LOSS),
        )
    ]
    for weights, name in (("analog", "weak RESET only"), ("analog_set", "progressive SET")):
        gap = _gap(rows, ratios[-1], quiet, weights)
        losses = [
            _cost(rows, "ratio", ratios[-1], quiet, {"weights": w})[0] for w in ("bnn", weights)
        ]
        found.append(
            Finding(
                "Unlike binary weights, analog ones do not tolerate noise (Fig. 14).",
                f"η from {quiet:g} to {ratios[-1]:g} c: BNN {100 * losses[0]:+.2f} points, analog "
                f"({name}) {100 * losses[1]:+.2f}; BNN keeps {points(gap)[0]} more",
                points(gap)[1],
                holds(gap[1], gap[2]),
            )
        )
    return found


def find_nonlinearity(result: StudyResult) -> list[Finding]:
    """Say what non-linearity and asymmetry cost binary weights, and how much more analog ones."""
    rows = result.rows["accuracy"]
    full = rows[rows["set"] == "full"]
    least, most = {"beta": float(rows["beta"].min())}, {"beta": float(rows["beta"].max())}
    found = _compared(
        {w: (chosen(full, {"weights": w}), least, most) for w in ("bnn", "analog")},
        "the non-linearity of the RESET",
    )
    progressive = rows[rows["set"] == "progressive"]
    parts: dict[str, tuple[Any, Where, Where]] = {}
    for weights in ("bnn", "analog"):
        mine = chosen(progressive, {"weights": weights})
        start = {name: float(mine[name].min()) for name in ("beta", "beta_set")}
        means = mine.groupby(["beta", "beta_set"])["test_accuracy"].mean()
        beta, beta_set = means.index[int(means.to_numpy(float).argmin())]
        parts[weights] = (mine, start, {"beta": beta, "beta_set": beta_set})
    both = "non-linearity and asymmetry of SET and RESET"
    conventional = {
        "bnn": (chosen(full, {"weights": "bnn"}), least, most),
        "analog": parts["analog"],
    }
    _, gap = _compared(conventional, f"{both}, the bits by full SETs, analog ones by progressive")
    return [*found, gap, *_compared(parts, f"{both}, both by progressive SETs")]


def _compared(parts: dict[str, tuple[Any, Where, Where]], what: str) -> list[Finding]:
    """Say what binary weights lose from one condition to another, and analog ones beside them."""
    lost, words = {}, {}
    for weights, (rows, start, end) in parts.items():
        first, last = (
            chosen(rows, where).set_index("seed")["test_accuracy"] for where in (start, end)
        )
        lost[weights] = (first - last).to_numpy(float)
        ends = (" and ".join(f"{_SIGNS[k]} = {v:g}" for k, v in w.items()) for w in (start, end))
        words[weights] = "{} against {}".format(*reversed(list(ends)))
    gain, more = -lost["bnn"], lost["analog"] - lost["bnn"]
    cost = (float(gain.mean()), *interval(gain))
    gap = (float(more.mean()), *interval(more))
    return [
        Finding(
            f"Binary weights tolerate {what} (Fig. 16a).",
            f"{words['bnn']}: {points(cost)[0]}",
            points(cost)[1],
            holds(cost[1], cost[2], least=-_SMALL_LOSS),
        ),
        Finding(
            f"Unlike binary weights, analog ones are very sensitive to {what} (Fig. 16b).",
            f"{words['analog']}: {-100 * lost['analog'].mean():+.2f} points; analog weights lose "
            f"{points(gap)[0]} more than binary ones",
            points(gap)[1],
            holds(gap[1], gap[2]),
        ),
    ]


def _cost(
    rows: Any, axis: str, value: float, start: float, where: dict[str, Any]
) -> tuple[float, float, float]:
    return difference(rows, "test_accuracy", {**where, axis: value}, {**where, axis: start})


def _gap(rows: Any, noisy: float, quiet: float, weights: str) -> tuple[float, float, float]:
    """Return by how much more accuracy analog weights lose than binary ones, by seed."""
    at = rows[rows["ratio"].isin([noisy, quiet])]
    wide = at.pivot(index="seed", columns=["weights", "ratio"], values="test_accuracy")
    lost = {w: wide[w][quiet] - wide[w][noisy] for w in ("bnn", weights)}
    more = (lost[weights] - lost["bnn"]).to_numpy(float)
    return (float(more.mean()), *interval(more))


def _epochs(request: Request) -> int:
    if request.small:
        return int(request.by_length(3, 30, 100))
    return int(request.by_length(1, 2, 10))


def _synapse(weights: str) -> str:
    return "bnn" if weights == "bnn" else "analog"


def _need_law(request: Request, study: str) -> None:
    if request.model != "iedm2019":
        raise InputError(
            f"--set model={request.model}: the study {study} varies the law of iedm2019; leave the "
            "model out"
        )
