"""The exact forward pass of a graph, in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.conv import ReadyConv
from rramchar.nn.graph import IMAGE, Graph, Node, Weighted, thresholds_first
from rramchar.nn.layers import ReadyDense, Threshold

BATCH_BYTES = 64 * 2**20  # of the two largest arrays of a batch
MOST_IMAGES = 32  # more gain nothing

Ready = ReadyConv | ReadyDense
Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """A graph with its weights ready for products.

    Parameters
    ----------
    graph : Graph
        The network.
    ready : mapping of str to Ready
        The layers with weights, by node name.
    fused : mapping of str to Node
        The threshold that is worked out with the sums of a layer, by the layer's name.
    """

    graph: Graph
    ready: Mapping[str, Ready]
    fused: Mapping[str, Node]


def make_plan(graph: Graph, *, fuse: bool = True) -> Plan:
    """Make a graph's weights ready.

    Parameters
    ----------
    graph : Graph
        The network.
    fuse : bool
        Work out a threshold together with the sums that only it takes; see `thresholds_first`.

    Returns
    -------
    Plan
        For `run`.
    """
    if fuse:
        graph = thresholds_first(graph)
    forms = graph.forms
    ready = {
        node.name: node.operation.prepare(forms[node.inputs[0]])
        for node in graph.weighted
        if isinstance(node.operation, Weighted)
    }
    takers = graph.takers()
    fused = {
        name: takers[name][0]
        for name in ready
        if fuse
        and len(takers.get(name, ())) == 1
        and isinstance(takers[name][0].operation, Threshold)
    }
    return Plan(graph, ready, fused)


def encode(graph: Graph, images: NDArray[np.uint8]) -> Values:
    """Return images of shape (image, pixel) as numbers of shape (*shape, image)."""
    dtype = np.int16 if graph.encoding.bound > 127 else np.int8
    pixels = np.ascontiguousarray(images.T).reshape(*graph.shape, len(images))
    if graph.encoding.kind == "uint8":
        return pixels.astype(dtype)
    return np.where(pixels >= np.uint8(graph.encoding.level or 0), dtype(1), dtype(-1))


def run(plan: Plan, images: NDArray[np.uint8]) -> Values:
    """Return the numbers of the last node for a batch of images, shape (class, image)."""
    graph = plan.graph
    uses = [name for node in graph.nodes for name in node.inputs]
    left = {name: uses.count(name) for name in (IMAGE, *(node.name for node in graph.nodes))}
    values: dict[str, Values] = {IMAGE: encode(graph, images)}
    done = {node.name for node in plan.fused.values()}
    for node in graph.nodes:
        if node.name in done:
            continue
        given = [values[name] for name in node.inputs]
        target = plan.fused.get(node.name, node)
        values[target.name] = apply_node(plan, node, given)
        for name in node.inputs:
            left[name] -= 1
            if not left[name]:
                del values[name]  # memory: nothing needs it any more
    return values[graph.nodes[-1].name]


def apply_node(plan: Plan, node: Node, given: Sequence[Values]) -> Values:
    """Return what a node gives, or the threshold that is fused with it."""
    forms = plan.graph.forms
    if node.name in plan.ready:
        after = plan.fused.get(node.name)
        edges = None
        if after is not None and isinstance(after.operation, Threshold):
            edges = after.operation.edges(forms[node.name])
        return plan.ready[node.name](given[0], edges)
    assert not isinstance(node.operation, Weighted)
    return node.operation.apply(tuple(given), tuple(forms[name] for name in node.inputs))


def bytes_per_image(graph: Graph) -> int:
    """Return about how much memory a forward pass takes for each image of a batch. [B]."""
    largest = sorted(8 * form.size for form in graph.forms.values())[-2:]
    return 2 * sum(largest)


def batches(graph: Graph, images: int) -> Iterator[slice]:
    """Yield ranges of images that are run together."""
    size = min(MOST_IMAGES, max(1, BATCH_BYTES // bytes_per_image(graph)))
    for start in range(0, images, size):
        yield slice(start, min(start + size, images))


def graph_scores(graph: Graph, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the score of each class for each image.

    Parameters
    ----------
    graph : Graph
        The network.
    images : array of uint8, shape (image, pixel)
        Checked already.

    Returns
    -------
    array of float64, shape (image, class)
        Exact: the sums are, and scale and offset are applied once in float64.
    """
    return plan_scores(make_plan(graph), images)


def plan_scores(plan: Plan, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the score of each class for each image; as `graph_scores`, with a plan made before."""
    graph = plan.graph
    result = np.empty((len(images), graph.classes))
    for part in batches(graph, len(images)):
        result[part] = final_scores(graph, run(plan, images[part])).T
    return result


def final_scores(graph: Graph, numbers: Values) -> NDArray[np.float64]:
    """Turn the last node's numbers, shape (class, image), into scores of the same shape."""
    result = numbers.astype(np.float64)
    step = graph.forms[graph.nodes[-1].name].step
    if step != 1:
        result *= step.numerator
        result /= step.denominator  # not by its reciprocal: 49 times 1/49 is not 1
    result *= graph.scale[:, None]
    result += graph.offset[:, None]
    return result
