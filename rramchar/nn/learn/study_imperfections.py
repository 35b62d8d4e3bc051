"""Device imperfections one by one and all together (arXiv:2107.06064)."""

from __future__ import annotations

from rramchar.nn.learn.settings import IMPERFECTIONS
from rramchar.nn.learn.study import Finding, Request, Study, StudyResult, Table
from rramchar.nn.learn.study_axes import work
from rramchar.nn.learn.study_runs import seed_tasks, title
from rramchar.nn.learn.study_statistics import difference, holds, points

CASES: dict[str, tuple[str, ...]] = {
    "ideal": (),
    **{name: (name,) for name in IMPERFECTIONS},
    "all": IMPERFECTIONS,
}
NAMES = {
    "ideal": "none",
    "pink": "1/f noise",
    "rtn": "telegraph noise",
    "d2d": "device to device",
    "all": "all",
}
_MEASURED = ("test_accuracy", "best_accuracy", "loss", "pulses", "sets", "flips")


def plan(request: Request) -> Study:
    """Plan trainings without imperfections, with each of them, and with all.

    Parameters
    ----------
    request : Request
        Without a model of one's own that of the publication; an optimizer's update becomes a
        number of pulses, as there.

    Returns
    -------
    Study
        Table ``accuracy`` (`imperfections`).
    """
    epochs = request.by_length(3, 40, 120) if request.small else request.by_length(1, 2, 10)
    tasks = []
    for name, case in CASES.items():
        settings = request.learning(
            epochs=epochs, defaults={"model": "arxiv2107", "rule": "adam"}, imperfections=case
        )
        tasks += seed_tasks(request, work, {"imperfections": name}, settings)
    table = Table("accuracy", ("imperfections",), _MEASURED)
    return Study("imperfections", tuple(tasks), (table,), title(request, settings))


def find(result: StudyResult) -> list[Finding]:
    """Say which imperfection costs most, paired by seed."""
    rows = result.rows["accuracy"]
    costs = {
        name: difference(rows, "test_accuracy", {"imperfections": "ideal"}, {"imperfections": name})
        for name in (*IMPERFECTIONS, "all")
    }
    worst = max(IMPERFECTIONS, key=lambda name: costs[name][0])
    second = max((n for n in IMPERFECTIONS if n != worst), key=lambda name: costs[name][0])
    lead = difference(rows, "test_accuracy", {"imperfections": second}, {"imperfections": worst})
    clear = holds(lead[1], lead[2])
    listed = ", ".join(f"{NAMES[n]} {100 * cost[0]:+.2f}" for n, cost in costs.items())
    return [
        Finding(
            "Of the three imperfections, the variability from device to device costs most.",
            f"{NAMES[worst]} costs most, {points(lead)[0]} more than {NAMES[second]}; costs in "
            f"points: {listed}",
            points(lead)[1],
            None if clear is None else worst == "d2d",
        )
    ]
