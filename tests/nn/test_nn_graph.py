"""Graphs against a slow, obvious loop in exact fractions."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.nn import conv as conv_module
from rramchar.nn.conv import Conv, blocks
from rramchar.nn.forward import accuracy, predict, scores
from rramchar.nn.graph import Graph, Node, as_graph, sequence, thresholds_first
from rramchar.nn.layers import Add, Affine, Dense, Flatten, Threshold
from rramchar.nn.network import InputEncoding
from rramchar.nn.pool import AveragePool, MaxPool
from rramchar.nn.tensor import Form


class Slow:
    """One image at a time as a dictionary from index to Fraction."""

    def __init__(self, graph):
        self.graph = graph

    def scores(self, image):
        graph = self.graph
        index = itertools.product(*map(range, graph.shape))
        level = graph.encoding.level
        values = [int(p) if level is None else (1 if p >= level else -1) for p in image]
        done = {"image": dict(zip(index, map(Fraction, values), strict=True))}
        for node in graph.nodes:
            given = [done[name] for name in node.inputs]
            forms = [graph.forms[name] for name in node.inputs]
            done[node.name] = getattr(self, type(node.operation).__name__.lower())(
                node.operation, forms, *given
            )
        last = done[graph.nodes[-1].name]
        return [
            float(s) * float(last[(c,)]) + float(o)
            for c, (s, o) in enumerate(zip(graph.scale, graph.offset, strict=True))
        ]

    @staticmethod
    def dense(layer, forms, x):
        return {
            (o,): sum(int(w) * x[(i,)] for i, w in enumerate(row))
            for o, row in enumerate(layer.weights)
        }

    @staticmethod
    def windows(operation, lengths, kernel):
        """Yield each output position with the input positions of its window."""
        counts = [
            (n + before + after - k) // s + 1
            for n, k, s, (before, after) in zip(
                lengths, kernel, operation.stride, operation.padding, strict=True
            )
        ]
        for place in itertools.product(*map(range, counts)):
            seen = []
            for offset in itertools.product(*map(range, kernel)):
                at = tuple(
                    p * s + o - before
                    for p, s, o, (before, _) in zip(
                        place, operation.stride, offset, operation.padding, strict=True
                    )
                )
                inside = all(0 <= a < n for a, n in zip(at, lengths, strict=True))
                seen.append((offset, at if inside else None))
            yield place, seen

    def conv(self, layer, forms, x):
        result = {}
        several = layer.outputs // layer.groups
        channels = layer.weights.shape[1]
        for place, seen in self.windows(layer, forms[0].shape[1:], layer.kernel):
            for o in range(layer.outputs):
                total = Fraction(0)
                for c in range(channels):
                    for offset, at in seen:
                        weight = int(layer.weights[(o, c, *offset)])
                        source = (o // several) * channels + c
                        total += weight * (layer.pad_value if at is None else x[(source, *at)])
                result[(o, *place)] = total
        return result

    def maxpool(self, pool, forms, x):
        result = {}
        for place, seen in self.windows(pool, forms[0].shape[1:], pool.kernel):
            for c in range(forms[0].shape[0]):
                inside = [x[(c, *at)] for _, at in seen if at is not None]
                down = pool.direction is not None and pool.direction[c] < 0
                result[(c, *place)] = min(inside) if down else max(inside)
        return result

    def averagepool(self, pool, forms, x):
        result = {}
        for place, seen in self.windows(pool, forms[0].shape[1:], pool.kernel):
            for c in range(forms[0].shape[0]):
                total = sum(x[(c, *at)] for _, at in seen if at is not None)
                result[(c, *place)] = Fraction(total) / len(seen)
        return result

    @staticmethod
    def threshold(layer, forms, x):
        result = {}
        for index, value in x.items():
            number = int(layer.direction[index[0]]) * value / forms[0].step
            reached = sum(number >= int(level) for level in layer.levels[index[0]])
            result[index] = Fraction(layer.base + layer.gain * reached)
        return result

    @staticmethod
    def affine(layer, forms, x):
        result = {}
        for index, value in x.items():
            y = value * Fraction(layer.scale[index[0]]) + Fraction(layer.offset[index[0]])
            y /= 1 if layer.divisor is None else Fraction(layer.divisor[index[0]])
            y = y if layer.low is None else max(y, Fraction(layer.low))
            y = y if layer.high is None else min(y, Fraction(layer.high))
            result[index] = Fraction(round(y * 2**layer.bits), 2**layer.bits)
        return result

    @staticmethod
    def add(layer, forms, *xs):
        return {index: sum(x[index] for x in xs) for index in xs[0]}

    @staticmethod
    def flatten(layer, forms, x):
        return {(i,): x[index] for i, index in enumerate(sorted(x))}


def random_activation(rng, form):
    channels, spread = form.channels, max(2, int(form.bound**0.5))
    direction = rng.choice(np.array([-1, 1], np.int8), size=channels)
    kind = rng.choice(["binary", "ternary", "unsigned", "relu", "tanh", "int4"])
    if kind in ("binary", "ternary", "unsigned"):
        many = {"binary": 1, "ternary": 2, "unsigned": 3}[kind]
        levels = np.sort(rng.integers(-spread, spread, size=(channels, many)), axis=1)
        gain, base = {"binary": (2, -1), "ternary": (1, -1), "unsigned": (1, 0)}[kind]
        return Threshold(levels, direction, gain, base)
    limits = {"relu": (0.0, None), "tanh": (-1.0, 1.0), "int4": (-8.0, 7.0)}[kind]
    scale = rng.normal(size=channels) / max(1.0, float(form.bound * form.step) ** 0.5)
    offset = rng.normal(size=channels)
    if kind != "int4":
        return Affine(scale, offset, *limits, bits=12)
    if rng.random() < 0.5:  # quotients of whole numbers, some of them halves
        scale, offset = rng.integers(-3, 4, channels), rng.integers(-9, 9, channels)
        return Affine(scale, offset, *limits, 0, rng.choice([6.0, 14.0, 49.0, 98.0], channels))
    return Affine(scale, offset, *limits, bits=0)


def random_weights(rng, shape, kind):
    return rng.choice(np.array([-1, 1] if kind == "binary" else [-1, 0, 1], np.int8), size=shape)


def random_window(rng, lengths):
    kernel = tuple(int(rng.integers(1, min(3, n) + 1)) for n in lengths)
    stride = tuple(int(rng.integers(1, 4)) for _ in lengths)
    padding = tuple(tuple(int(p) for p in rng.integers(0, k, size=2)) for k in kernel)
    return kernel, stride, padding


def random_graph(seed):
    """A small random network of every kind of node."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["binary", "ternary"])
    axes = int(rng.integers(1, 3))
    shape = (int(rng.integers(1, 4)), *(int(n) for n in rng.integers(3, 8, size=axes)))
    maximum = int(rng.integers(1, 256))
    sign = rng.random() < 0.5
    encoding = (
        InputEncoding("sign", maximum, (maximum + 1) // 2)
        if sign
        else InputEncoding("uint8", maximum)
    )
    nodes = []

    def forms():
        # A graph checks itself; its forms are what the next random node must fit.
        return _forms(nodes, shape, encoding)

    def put(operation, *inputs):
        name = f"n{len(nodes)}"
        nodes.append(Node(name, operation, inputs))
        return name

    at = "image"
    for _ in range(int(rng.integers(1, 4))):
        form = forms()[at]
        groups = int(rng.choice([g for g in (1, 2, 3) if form.channels % g == 0]))
        outputs = groups * int(rng.integers(1, 3))
        kernel, stride, padding = random_window(rng, form.shape[1:])
        weights = random_weights(rng, (outputs, form.channels // groups, *kernel), kind)
        pad_value = int(rng.integers(-1, 2)) if form.step == 1 else 0
        at = put(Conv(weights, stride, padding, pad_value, groups), at)
        choice = rng.random()
        if choice < 0.3:
            direction = rng.choice(np.array([-1, 1], np.int8), size=outputs)
            window = random_window(rng, forms()[at].shape[1:])
            at = put(MaxPool(*window, direction if rng.random() < 0.5 else None), at)
        elif choice < 0.5:
            at = put(AveragePool(*random_window(rng, forms()[at].shape[1:])), at)
        elif choice < 0.7:
            form = forms()[at]
            square = random_weights(rng, (form.channels, form.channels, *(1,) * axes), kind)
            first = put(random_activation(rng, form), at)
            other = put(Conv(square), first)
            at = put(Add(), other, *([first] if rng.random() < 0.5 else [at]))
        at = put(random_activation(rng, forms()[at]), at)
    at = put(Flatten(), at)
    at = put(Dense(random_weights(rng, (4, forms()[at].size), kind)), at)
    at = put(random_activation(rng, forms()[at]), at)
    put(Dense(random_weights(rng, (3, 4), kind)), at)
    return Graph(tuple(nodes), shape, encoding, rng.normal(size=3), rng.normal(size=3), str(kind))


def _forms(nodes, shape, encoding):
    forms = {"image": Form(shape, encoding.bound)}
    for node in nodes:
        forms[node.name] = node.operation.form(*(forms[name] for name in node.inputs))
    return forms


def random_images(graph, number, seed=0):
    rng = np.random.default_rng(seed)
    size = (number, graph.input_size)
    return rng.integers(0, graph.encoding.maximum + 1, size=size).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_the_slow_loop(seed):
    graph = random_graph(seed)
    images = random_images(graph, 3, seed)
    slow = Slow(graph)
    expected = np.array([slow.scores(image) for image in images])
    assert scores(graph, images).tolist() == expected.tolist()
    assert predict(graph, images).tolist() == expected.argmax(axis=1).tolist()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_thresholds_before_maxima_change_nothing(seed):
    rng = np.random.default_rng(seed)
    window = random_window(rng, (7, 6))
    signs = rng.choice(np.array([-1, 1], np.int8), size=3)
    levels = np.sort(rng.integers(-4, 5, size=(3, int(rng.integers(1, 4)))), axis=1)
    operations = [
        Conv(random_weights(rng, (3, 2, 3, 3), "ternary"), padding=1),
        MaxPool(*window, signs),
        Threshold(levels, signs, 1, -1),
        Flatten(),
    ]
    graph = _open_graph(operations, (2, 7, 6), "ternary")
    swapped = thresholds_first(graph)
    kinds = [type(node.operation) for node in swapped.nodes]
    assert kinds == [Conv, Threshold, MaxPool, Flatten]
    images = random_images(graph, 5, seed)
    slow = Slow(graph)
    expected = np.array([slow.scores(image) for image in images])
    np.testing.assert_array_equal(scores(graph, images), expected)


def _open_graph(operations, shape, kind="binary", encoding=None):
    """A graph whose classes are all numbers of the last node."""
    encoding = encoding or InputEncoding("sign", 255, 128)
    nodes = sequence(operations)
    size = _forms(nodes, shape, encoding)[nodes[-1].name].size
    return Graph(nodes, shape, encoding, np.ones(size), np.zeros(size), kind)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 40),
    outputs=st.integers(1, 70),
    block=st.integers(1, 2**14),
)
def test_wide_convolutions_equal_an_integer_sum(seed, channels, outputs, block):
    """Packed weights and any size of block against numpy's own integers."""
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, (outputs, channels, 3, 2), "ternary")
    x = rng.integers(-1, 2, size=(channels, 6, 5, 4))
    layer = Conv(weights, stride=(2, 1), padding=((1, 2), (0, 1)), pad_value=-1)
    before = conv_module._BLOCK_BYTES, conv_module._FEWEST_COLUMNS
    try:
        conv_module._BLOCK_BYTES, conv_module._FEWEST_COLUMNS = block, 1
        got = layer.prepare(Form((channels, 6, 5), 1))(x.astype(np.int8))
    finally:
        conv_module._BLOCK_BYTES, conv_module._FEWEST_COLUMNS = before
    wide = np.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=-1)
    seen = np.lib.stride_tricks.sliding_window_view(wide, (3, 2), axis=(1, 2))[:, ::2]
    expected = np.einsum("ocij,chwnij->ohwn", weights.astype(np.int64), seen.astype(np.int64))
    np.testing.assert_array_equal(got, expected)


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=2), most=st.integers(1, 500))
def test_blocks_cover_every_position_once(lengths, most):
    seen = np.zeros(lengths, dtype=int)
    for place in blocks(tuple(lengths), most):
        assert 0 < seen[place].size <= most
        seen[place] += 1
    assert (seen == 1).all()


def test_a_chain_is_the_same_as_a_graph(make_network, make_images):
    rng = np.random.default_rng(2)
    network = make_network(rng, (30, 17, 12, 5), "ternary")
    images = make_images(rng, 80, network)
    graph = as_graph(network)
    np.testing.assert_array_equal(scores(graph, images), scores(network, images))
    labels = predict(network, images)
    assert accuracy(graph, images, labels) == 1.0
    assert graph.parameters == network.parameters
    assert graph.sizes == network.sizes


def test_sums_beyond_float32_are_exact():
    weights = np.ones((1, 700, 10, 10), np.int8)  # 70,000 x 255 is above 2**24
    graph = _open_graph(
        [Conv(weights), Flatten()], (700, 10, 10), "binary", InputEncoding("uint8", 255)
    )
    images = np.full((2, 70_000), 255, np.uint8)
    images[1, 0] = 254
    assert scores(graph, images)[:, 0].tolist() == [70_000 * 255, 70_000 * 255 - 1]


def test_numbers_that_float64_cannot_hold_are_refused():
    wide = [Affine(np.full(4, 1e9), np.zeros(4), bits=40), Dense(np.ones((2, 4), np.int8))]
    with pytest.raises(InputError, match="not exact in float64.*low and high"):
        _open_graph([Dense(np.ones((4, 4), np.int8)), *wide], (4,))


def test_batches_change_nothing(monkeypatch):
    from rramchar.nn import graph_forward

    graph = random_graph(5)
    images = random_images(graph, 41)
    whole = scores(graph, images)
    monkeypatch.setattr(graph_forward, "MOST_IMAGES", 7)
    np.testing.assert_array_equal(scores(graph, images), whole)


def test_with_weights():
    graph = random_graph(11)
    turned = graph.with_weights([-layer.weights for layer in graph.layers])
    for mine, theirs in zip(graph.layers, turned.layers, strict=True):
        np.testing.assert_array_equal(mine.weights, -theirs.weights)
    with pytest.raises(ValueError, match="shorter"):
        graph.with_weights([graph.layers[0].weights])


_ONES = np.ones((2, 2, 3, 3), np.int8)
_SHAPE = (2, 5, 5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv(_ONES.astype(float)), "float64, expected int8"),
        (lambda: Conv(2 * _ONES), "holds 2"),
        (lambda: Conv(_ONES[0, 0]), r"\(output, input / groups, length\)"),
        (lambda: Conv(_ONES, stride=0), "stride: 0"),
        (lambda: Conv(_ONES, stride=(1,)), "stride"),
        (lambda: Conv(_ONES, padding=3), "padding: 3.*below the kernel"),
        (lambda: Conv(_ONES, padding=-1), "padding: -1"),
        (lambda: Conv(_ONES, pad_value=2), "pad_value: 2"),
        (lambda: Conv(_ONES, groups=3), "groups: 3 do not divide the 2"),
        (lambda: Conv(_ONES, groups=0), "groups: 0"),
        (lambda: MaxPool((2, 2, 2)), "kernel"),
        (lambda: MaxPool((2, 2), direction=np.zeros(2)), "direction"),
        (lambda: Threshold(np.zeros((2, 2))), "levels: type float64"),
        (lambda: Threshold(np.array([[2, 1]])), "ascending"),
        (lambda: Threshold(np.zeros(2, int), np.ones(3)), "direction.*2 channels"),
        (lambda: Threshold(np.zeros(2, int), gain=0), "gain: 0"),
        (lambda: Affine(np.ones(2), np.ones(3)), "offset: 3 numbers"),
        (lambda: Affine(np.ones(2), np.full(2, np.nan)), "offset: expected a finite"),
        (lambda: Affine(np.ones(2), np.ones(2), low=1.0, high=0.0), "low: 1 is above high"),
        (lambda: Affine(np.ones(2), np.ones(2), bits=41), "bits: 41"),
        (lambda: Affine(np.ones(2), np.ones(2), divisor=np.ones(3)), "divisor: 3 numbers"),
        (lambda: Affine(np.ones(2), np.ones(2), divisor=np.zeros(2)), "divisor: 0, expected"),
    ],
)
def test_records_that_make_no_sense(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ([], "no layer with weights"),
        ([Flatten()], "no layer with weights"),
        ([Conv(_ONES)], "gives the shape.*flatten it"),
        ([Dense(np.ones((2, 50), np.int8))], "'0_dense': takes 50 features.*flatten it first"),
        ([Flatten(), Dense(np.ones((2, 49), np.int8))], "'1_dense': takes 49 features"),
        ([Conv(np.ones((2, 3, 3, 3), np.int8)), Flatten()], "takes 3 channels but gets 2"),
        ([Conv(np.ones((2, 2, 6, 1), np.int8)), Flatten()], "larger than its padded input"),
        ([Conv(np.ones((2, 2, 3), np.int8)), Flatten()], "1 axes does not fit"),
        ([Conv(_ONES), Threshold(np.zeros(3, int)), Flatten()], "for 3 channels.*has 2"),
        ([Conv(_ONES), Add(), Flatten()], "at least two inputs"),
        ([Conv(0 * _ONES), Flatten()], "binary network has a weight 0"),
        (
            [AveragePool((2, 2)), Conv(np.ones((1, 2, 2, 2), np.int8), padding=1, pad_value=1)]
            + [AveragePool((3, 3)), Conv(np.ones((1, 1, 1, 1), np.int8)), Flatten()],
            None,
        ),
        (
            [AveragePool((3, 3), padding=1), Conv(_ONES, padding=1), Flatten()],
            None,
        ),
    ],
)
def test_nodes_that_do_not_fit(operations, words):
    nodes = sequence(operations)
    arguments = (nodes, _SHAPE, InputEncoding("sign", 255, 128))
    if words is None:  # a border of 0 or 1 is a whole number of quarters and ninths
        size = _forms(nodes, *arguments[1:])[nodes[-1].name].size
        Graph(*arguments, np.ones(size), np.zeros(size))
        return
    with pytest.raises(InputError, match=words):
        Graph(*arguments, np.ones(2), np.zeros(2))


def test_names_must_make_an_order():
    conv, flat = Conv(_ONES), Flatten()
    encoding = InputEncoding("sign", 255, 128)

    def build(*nodes):
        Graph(nodes, _SHAPE, encoding, np.ones(18), np.zeros(18))

    build(Node("a", conv, ("image",)), Node("b", flat, ("a",)))
    with pytest.raises(InputError, match="'a': takes 'b', which is no earlier node"):
        build(Node("a", conv, ("b",)), Node("b", flat, ("a",)))
    with pytest.raises(InputError, match="two of this name"):
        build(Node("a", conv, ("image",)), Node("a", flat, ("a",)))
    with pytest.raises(InputError, match="'c': feeds no later node"):
        build(Node("a", conv, ("image",)), Node("c", flat, ("a",)), Node("b", flat, ("a",)))
    with pytest.raises(InputError, match="takes 2 inputs, expected one"):
        build(Node("a", conv, ("image", "image")), Node("b", flat, ("a",)))
    with pytest.raises(InputError, match="node name 'image'"):
        Node("image", conv, ("image",))


@pytest.mark.parametrize("shape", [(2, 5, 0), (1, 2, 3, 4), (2.0, 5, 5)])
def test_shapes_that_are_none(shape):
    with pytest.raises(InputError, match="shape of an image"):
        Graph(
            sequence([Conv(_ONES), Flatten()]),
            shape,
            InputEncoding("sign", 2, 1),
            np.ones(2),
            np.ones(2),
        )


def test_scores_need_one_number_for_each_class():
    graph = random_graph(3)
    with pytest.raises(InputError, match="offset: .*(3,)"):
        replace(graph, offset=np.zeros(4))
