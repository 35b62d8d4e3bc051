"""Re-run a graph after a few of its weights changed, without re-running all of it.

The clean pass over a block of images is kept. Only channels that a changed weight or a changed
input can move are worked out again: a changed weight adds a multiple of one plane of the input to
one channel of the sums, and changed input channels are multiplied alone,
``W' a' = W a + W' (a' - a) + (W' - W) a``. Channels that came out as before are dropped at every
node. All of it is exact, so the outcome equals that of a full pass bit for bit. Where so much
changed that a full product is cheaper, it is done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.conv import Conv, ReadyConv
from rramchar.nn.graph import IMAGE, Graph, Node, Weighted, thresholds_first
from rramchar.nn.graph_forward import Plan, Values, apply_node, encode, final_scores, make_plan
from rramchar.nn.inject import Changes
from rramchar.nn.layers import Dense, Flatten, Threshold
from rramchar.nn.tensor import Form
from rramchar.nn.windows import padded, tap

_INT16 = 32767
_INPUT_COST = 1.5  # of a changed input channel, in shares of the full product
_WEIGHT_COST = 60.0  # of one changed weight, in shares of its multiplications
_FULL = 0.9  # cost above which the full product is done


@dataclass(frozen=True, eq=False)
class Moved:
    """The channels of a node that differ from the clean pass.

    Parameters
    ----------
    channels : array of integers, shape (moved,)
        Ascending.
    values : array, shape (moved, ..., image)
        Their numbers.
    """

    channels: NDArray[np.intp]
    values: Values


@dataclass(frozen=True, eq=False)
class GraphPass:
    """What the error-free graph does with a block of images, kept for corrections.

    Parameters
    ----------
    plan : Plan
        The stored network.
    values : dict
        The numbers of each node and of the image, by name, in small types.
    """

    plan: Plan
    values: dict[str, Values]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores without errors, shape (class, image)."""
        graph = self.plan.graph
        return final_scores(graph, self.values[graph.nodes[-1].name])


def graph_pass_bytes(graph: Graph) -> int:
    """Return about how much memory a pass and a correction take for each image. [B]."""
    kept = sum(form.size * _small(form).itemsize for form in graph.forms.values())
    return kept + 4 * max(8 * form.size for form in graph.forms.values())


def graph_clean_pass(graph: Graph, images: NDArray[np.uint8]) -> GraphPass:
    """Run the graph without errors and keep what corrections need.

    Parameters
    ----------
    graph : Graph
        The stored network.
    images : array of uint8, shape (image, pixel)
        A block of images, checked already.

    Returns
    -------
    GraphPass
        The record.
    """
    plan = make_plan(thresholds_first(graph), fuse=False)
    forms = plan.graph.forms
    values = {IMAGE: encode(graph, images)}
    for node in plan.graph.nodes:
        numbers = apply_node(plan, node, [values[name] for name in node.inputs])
        values[node.name] = numbers.astype(_small(forms[node.name]), copy=False)
    return GraphPass(plan, values)


def graph_changed_scores(clean: GraphPass, changes: Sequence[Changes]) -> NDArray[np.float64]:
    """Return the scores of the graph with some weights changed.

    Parameters
    ----------
    clean : GraphPass
        The error-free pass over the images.
    changes : sequence of Changes
        One for each layer with weights.

    Returns
    -------
    array of float64, shape (class, image)
        Equal to those of a full pass.
    """
    graph = clean.plan.graph
    takers = graph.takers()
    layers = dict(zip((node.name for node in graph.weighted), changes, strict=True))
    moved: dict[str, Moved] = {}
    done: set[str] = set()
    for node in graph.nodes:
        if node.name in done:
            continue
        given = [moved[name] for name in node.inputs if name in moved]
        target = node
        if not isinstance(node.operation, Weighted):
            result = _moved_channels(clean, node, moved) if given else None
        else:
            change = layers[node.name]
            if not given and not len(change.position):
                continue
            if _cost(node.operation, given, change) < _FULL:
                result = _corrected(clean, node, given[0] if given else None, change)
            else:
                after = takers.get(node.name, [])
                if len(after) == 1 and isinstance(after[0].operation, Threshold):
                    target = after[0]
                    done.add(target.name)
                result = _full(clean, node, target, moved, change)
        if result is not None:
            result = _differing(clean.values[target.name], result)
        if result is not None:
            moved[target.name] = result
    return final_scores(graph, _merged(clean, graph.nodes[-1].name, moved))


def _small(form: Form) -> np.dtype[Any]:
    """Return a type for the numbers that a pass keeps."""
    if form.bound <= _INT16:
        return np.dtype(np.int8 if form.bound <= 127 else np.int16)
    return np.dtype(np.float32 if form.bound < 2**24 else np.float64)


def _cost(layer: Weighted, given: list[Moved], change: Changes) -> float:
    """Return the cost of a correction, in shares of the full product."""
    if isinstance(layer, Conv) and layer.groups > 1:
        return math.inf  # each output sees a part of the inputs only
    inputs = len(given[0].channels) / layer.weights.shape[1] if given else 0.0
    return _INPUT_COST * inputs + _WEIGHT_COST * len(change.position) / layer.weights.size


def _changed(layer: Weighted, change: Changes) -> Weighted:
    return replace(layer, weights=change.apply(layer.weights))


def _full(
    clean: GraphPass, node: Node, target: Node, moved: dict[str, Moved], change: Changes
) -> Moved:
    """Return a layer's sums, or the outputs of the threshold after it, by a full product."""
    assert isinstance(node.operation, Weighted)
    forms = clean.plan.graph.forms
    ready = _changed(node.operation, change).prepare(forms[node.inputs[0]])
    edges = None
    if isinstance(target.operation, Threshold):
        edges = target.operation.edges(forms[node.name])
    values = ready(_merged(clean, node.inputs[0], moved), edges)
    return Moved(np.arange(len(values)), values)


def _corrected(clean: GraphPass, node: Node, given: Moved | None, change: Changes) -> Moved:
    """Return a layer's sums that may have moved, from the clean ones."""
    layer = node.operation
    assert isinstance(layer, Weighted)
    ready = clean.plan.ready[node.name]
    dtype = (ready.exact[0] if isinstance(ready, ReadyConv) else ready.exact).dtype
    source = clean.values[node.inputs[0]]
    place = np.unravel_index(change.position, layer.weights.shape)
    step = change.value.astype(np.int64) - layer.weights[place]
    channels = np.unique(place[0]) if given is None else np.arange(layer.outputs)
    sums = clean.values[node.name][channels].astype(dtype)
    if len(step):
        small = np.int16 if clean.plan.graph.forms[node.inputs[0]].bound <= 255 else np.float64
        seen = source.astype(small, copy=False)
        if isinstance(ready, ReadyConv):
            seen = padded(source, ready.conv.padding, ready.pad_number, small)
        rows = np.searchsorted(channels, place[0])
        offsets = zip(*(axis.tolist() for axis in place[1:]), strict=True)
        for row, (channel, *offset), factor in zip(
            rows.tolist(), offsets, step.tolist(), strict=True
        ):
            plane = seen[channel : channel + 1]
            if isinstance(layer, Conv):
                lengths = sums.shape[1:-1]
                plane = tap(plane, tuple(offset), layer.stride, lengths)
            sums[row] += plane[0] * small(factor)
    if given is not None:
        sums += _product_of_moves(clean, node, source, given, change)
    return Moved(channels, sums)


def _product_of_moves(
    clean: GraphPass, node: Node, source: Values, given: Moved, change: Changes
) -> Values:
    """Return what the moves of some input channels add to a layer's sums."""
    layer = node.operation
    assert isinstance(layer, Weighted)
    form = clean.plan.graph.forms[node.inputs[0]]
    # A move is at most twice the bound; the types of the kept numbers may be too small for it.
    wide = np.promote_types(source.dtype, np.int16 if form.bound <= 127 else np.float64)
    moves = given.values.astype(wide) - source[given.channels]
    weights = np.ascontiguousarray(_changed(layer, change).weights[:, given.channels])
    part: Dense | Conv = replace(layer, weights=weights)
    if isinstance(part, Conv):
        part = replace(part, pad_value=0)  # a border does not move
    shape = (len(given.channels), *form.shape[1:])
    return part.prepare(Form(shape, 2 * form.bound, form.step))(moves)


def _moved_channels(clean: GraphPass, node: Node, moved: dict[str, Moved]) -> Moved:
    """Return the channels of a node without weights whose input moved."""
    assert not isinstance(node.operation, Weighted)
    forms = tuple(clean.plan.graph.forms[name] for name in node.inputs)
    given = [moved[name].channels for name in node.inputs if name in moved]
    channels = given[0] if len(given) == 1 else np.unique(np.concatenate(given))
    values = []
    for name in node.inputs:
        if name in moved and len(moved[name].channels) == len(channels):
            values.append(moved[name].values)
            continue
        rows = clean.values[name][channels]
        if name in moved:
            rows = rows.astype(np.promote_types(rows.dtype, moved[name].values.dtype))
            rows[np.searchsorted(channels, moved[name].channels)] = moved[name].values
        values.append(rows)
    result = node.operation.apply(tuple(values), forms, channels)
    if isinstance(node.operation, Flatten):
        area = forms[0].size // forms[0].channels
        channels = (channels[:, None] * area + np.arange(area)).reshape(-1)
    return Moved(channels, result)


def _differing(before: Values, result: Moved) -> Moved | None:
    """Return the channels that differ from the clean pass, None if there are none."""
    whole = len(result.channels) == len(before)
    old = before if whole else before[result.channels]
    differs = (result.values != old).reshape(len(old), -1).any(axis=1)
    if differs.all():
        return result
    if not differs.any():
        return None
    return Moved(result.channels[differs], result.values[differs])


def _merged(clean: GraphPass, name: str, moved: dict[str, Moved]) -> Values:
    """Return all channels of a node."""
    if name not in moved:
        return clean.values[name]
    one = moved[name]
    if len(one.channels) == len(clean.values[name]):
        return one.values
    result = clean.values[name].astype(np.promote_types(clean.values[name].dtype, one.values.dtype))
    result[one.channels] = one.values
    return result
