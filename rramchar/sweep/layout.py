"""The points of a plan, laid out lazily: index, axis values, key, and the group they share.

A point's index follows the plan (last axis fastest). Points are visited group by group, a group
being all points that share a parsed circuit, whatever the order of the axes in the plan.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rramchar.sweep.axes import CONDITION_AXES, AxisValue
from rramchar.sweep.plan import Plan, condition_of
from rramchar.technology import Condition
from rramchar.testbench.variation import describe_variation

KEY_BYTES = 16


@dataclass(frozen=True)
class Point:
    """One planned simulation.

    Parameters
    ----------
    index : int
        Position in the plan.
    key : bytes
        Digest of everything that determines the result.
    record : object
        The testbench's own record of the point.
    values : dict
        Axis name to value.
    sample : int or None
        Monte Carlo sample; None for a nominal point.
    """

    index: int
    key: bytes
    record: Any
    values: dict[str, AxisValue]
    sample: int | None = None


@dataclass(frozen=True)
class Group:
    """Points that share a condition, and so a parsed circuit."""

    condition: Condition
    points: Iterator[Point]


def groups(plan: Plan) -> Iterator[Group]:
    """Lay out a plan group by group.

    Parameters
    ----------
    plan : Plan
        The plan.

    Yields
    ------
    Group
        Its points are generated as they are asked for; exhaust them before the next group.
    """
    names = list(plan.axes)
    sizes = [len(plan.axes[name]) for name in names]
    inside = len(plan.rows) * (plan.samples or 1)
    strides = {n: math.prod(sizes[i + 1 :]) * inside for i, n in enumerate(names)}
    outer = [name for name in names if name in CONDITION_AXES]
    inner = [name for name in names if name not in CONDITION_AXES]
    base = _base_digest(plan)
    for chosen in itertools.product(*(list(enumerate(plan.axes[name])) for name in outer)):
        values = dict(zip(outer, (value for _, value in chosen), strict=True))
        offset = sum(strides[n] * i for n, (i, _) in zip(outer, chosen, strict=True))
        condition = condition_of(values)
        digest = base.copy()
        digest.update(json.dumps(asdict(condition)).encode())
        yield Group(condition, _points(plan, inner, strides, values, offset, digest))


def iterate(plan: Plan) -> Iterator[Point]:
    """Lay out all points of a plan, in the order of `groups`."""
    for group in groups(plan):
        yield from group.points


def _points(
    plan: Plan,
    inner: list[str],
    strides: dict[str, int],
    outer_values: dict[str, AxisValue],
    offset: int,
    digest: Any,
) -> Iterator[Point]:
    testbench = plan.testbench
    for chosen in itertools.product(*(list(enumerate(plan.axes[name])) for name in inner)):
        swept = dict(zip(inner, (value for _, value in chosen), strict=True))
        start = offset + sum(strides[n] * i for n, (i, _) in zip(inner, chosen, strict=True))
        for i, row in enumerate(plan.rows):
            values = swept | dict(row)
            record = testbench.point(values, plan.parameters)
            axis_values = outer_values | values
            shared = digest.copy()
            shared.update(repr([values[name] for name in testbench.point_fields]).encode())
            if plan.samples is None:
                yield Point(start + i, shared.digest(), record, axis_values)
                continue
            for sample in range(plan.samples):
                key = shared.copy()
                key.update(f"sample {sample}".encode())
                index = start + i * plan.samples + sample
                yield Point(index, key.digest(), record, axis_values, sample)


def _base_digest(plan: Plan) -> Any:
    document: dict[str, Any] = {
        "testbench": [plan.testbench.name, plan.testbench.version],
        "technology": plan.technology.digest,
        "accuracy": plan.accuracy,
        "parameters": asdict(plan.parameters),
    }
    if plan.variation is not None:
        document["variation"] = describe_variation(plan.variation)
    return hashlib.blake2b(json.dumps(document, sort_keys=True).encode(), digest_size=KEY_BYTES)
