"""Imported networks of whole numbers against onnxruntime, bit for bit, and what is refused."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pytest
from test_nn_qonnx import Model

from rramchar.errors import InputError
from rramchar.nn.conv import Conv
from rramchar.nn.forward import scores
from rramchar.nn.layers import Affine
from rramchar.nn.qonnx import MOST_NUMBERS, Builder, Unsupported, import_qonnx
from rramchar.nn.qonnx_exact import Span, choose_grid, exact, fractions
from rramchar.nn.tensor import Form


def _both(model, tmp_path, images, maximum=255):
    """Return the scores of the import and of the runtime."""
    imported = import_qonnx(model.save(tmp_path / "m.onnx"), maximum)
    assert imported.unsupported == ()
    images = images.reshape(len(images), -1).astype(np.uint8)
    return scores(imported.graph, images), model.reference(images)


def _signs(rng, *shape):
    return rng.choice([-1.0, 1.0], size=shape)


def test_a_mean_on_a_cut(tmp_path):
    """49 * (1 / 49) is less than 1 in floating-point numbers."""
    rng = np.random.default_rng(0)
    m = Model(rng, (4, 7, 7))
    x = m.add("Flatten", m.add("GlobalAveragePool", "x"))
    x = m.add("Sign", m.add("Sub", x, m.constant(1.0)))
    m.add("MatMul", x, m.constant(_signs(rng, 4, 4)))
    images = rng.integers(0, 3, (500, 4, 7, 7))
    assert (images.sum(axis=(2, 3)) == 49).any(axis=1).mean() > 0.1
    mine, theirs = _both(m, tmp_path, images, 2)
    np.testing.assert_array_equal(mine, theirs)


def _shift(m, rng, x, channels):
    return m.add(rng.choice(["Add", "Sub"]), x, m.constant(rng.integers(-9, 9, channels)))


def _quotient(m, rng, x, channels):
    return m.add("Div", x, m.constant(rng.choice([3, 7, 49, 98, -2], size=channels)))


def _product(m, rng, x, channels):
    return m.add("Mul", x, m.constant(rng.choice([-3.0, 0.5, 1.0, 2.0], size=channels)))


def _norm(m, rng, x, channels):
    """A normalization whose results are 0 for some sums."""
    fields = (
        rng.normal(size=channels),
        np.zeros(channels),
        rng.integers(-3, 4, channels),
        rng.uniform(1, 9, channels),
    )
    return m.add("Sign", m.add("BatchNormalization", x, *(m.constant(f) for f in fields)))


def _sign(m, rng, x, channels):
    return m.add("Sign", _shift(m, rng, x, channels))


def _quant(m, rng, x, channels):
    bits = int(rng.integers(1, 6))
    size = float(rng.choice([1, 2, 6, 10, 14]))
    return m.quant(x, size, bits, narrow=int(bits > 1 and rng.random() < 0.5))


def _relu(m, rng, x, channels):
    return m.add("Relu", x)


def _clip(m, rng, x, channels):
    return m.add("Clip", x, m.constant(-2.0), m.constant(5.0))


def whole(rng):
    """A network of random nodes whose numbers float32 holds, or rounds as mathematics asks."""
    m = Model(rng, (16,))
    x, width = "x", 16
    for _ in range(3):
        channels = int(rng.integers(4, 12))
        x = m.add("MatMul", x, m.constant(_signs(rng, width, channels)))
        for step in rng.choice([_shift, _quotient, _product], size=int(rng.integers(0, 3))):
            x = step(m, rng, x, channels)
        x = rng.choice([_norm, _sign, _quant])(m, rng, x, channels)
        width = channels
        if rng.random() < 0.5:  # whole numbers again, and a residual sum of two scales
            y = m.add("MatMul", x, m.constant(2 * _signs(rng, width, width)))
            y = rng.choice([_relu, _clip])(m, rng, _shift(m, rng, y, width), width)
            x = m.add("Add", y, x)
    m.add("MatMul", x, m.constant(_signs(rng, width, 3)))
    return m


@pytest.mark.parametrize("seed", range(40))
def test_whole_numbers_equal_the_runtime(tmp_path, seed):
    rng = np.random.default_rng(seed)
    mine, theirs = _both(whole(rng), tmp_path, rng.integers(0, 8, (400, 16)), 8)
    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-9, 1e12])
def test_activations_are_as_fine_as_their_size(tmp_path, size):
    rng = np.random.default_rng(0)
    m = Model(rng, (64,))
    x = m.add("Div", "x", m.constant(255.0))
    per_output = size * rng.uniform(0.5, 1.5, 32)
    x = m.add("Relu", m.add("MatMul", x, m.constant(_signs(rng, 64, 32) * per_output)))
    x = m.add("MatMul", x, m.constant(0.01 * _signs(rng, 32, 16)))
    y = m.add("Add", x, m.constant(size * rng.normal(size=16)))
    x = m.add("Relu", m.add("Add", x, y))
    m.add("MatMul", x, m.constant(_signs(rng, 16, 10)))
    mine, theirs = _both(m, tmp_path, rng.integers(0, 256, (200, 64)))
    assert np.abs(mine - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_one_scale_is_taken_out_of_an_activation(tmp_path):
    """A rectifier of whole numbers gives whole numbers: no rounding at all."""
    rng = np.random.default_rng(0)
    m = Model(rng, (16,))
    x = m.add("Relu", m.add("MatMul", "x", m.constant(0.7 * _signs(rng, 16, 8))))
    m.add("MatMul", x, m.constant(_signs(rng, 8, 4)))
    graph = import_qonnx(m.save(tmp_path / "m.onnx")).graph
    (node,) = (node for node in graph.nodes if isinstance(node.operation, Affine))
    assert node.operation.bits == 0
    assert (node.operation.scale == 1).all()
    assert graph.scale[0] == np.float32(0.7)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_grid_leaves_room_and_is_fine(scale):
    span = Span(exact([scale, 0.7 * scale]), exact([scale, 0.0]), Form((2,), 1000))
    grid = choose_grid([span])
    numbers = span.largest() / grid.unit * 2**grid.bits
    assert 2**28 < numbers < 2**32
    assert 0 <= grid.bits <= 40


def _weights(*rows):
    def build(m):
        m.add("MatMul", "x", m.constant(np.array(rows).T))

    return build


def _after(operation, *constants, **attributes):
    def build(m):
        x = m.add("MatMul", "x", m.constant(np.ones((4, 2))))
        m.add(operation, x, *(m.constant(c) for c in constants), **attributes)

    return build


def _first(operation, *constants, **attributes):
    def build(m):
        x = m.add(operation, *(m.constant(c) for c in constants), **attributes)
        m.add("MatMul", "x", x)

    return build


def _pool(operation, **attributes):
    def build(m):
        m.shape = (1, 4, 4)
        x = m.add("Conv", "x", m.constant(np.ones((1, 1, 1, 1))))
        m.add(operation, x, kernel_shape=[2, 2], **attributes)

    return build


def _reshape(m):
    x = m.add("Reshape", "x", m.constant([0, -1], np.int64), allowzero=1)
    m.add("MatMul", x, m.constant(np.ones((4, 2))))


def _masked(m):
    x = m.add("MatMul", "x", m.constant(np.ones((4, 2))))
    m.add("Dropout", x, m.constant(0.5), m.constant(True, bool))


ONES = np.ones(2)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (_weights([1, -1, 1, 1], [4e-6, 3e-6, 2e-6, -1e-6]), r"weights are not -s, 0.*\(output 1"),
        (_first("Div", np.ones((4, 2)), 0.0), r"\(Div 'my_t0'\): divides by 0"),
        (_first("Mul", np.full((4, 2), 3e38), 3e38), r"\(Mul 'my_t0'\): gives NaN or infinity"),
        (_first("Mul", np.ones((2**20, 1)), np.ones((1, 2**20))), "constant of shape .1048576, 10"),
        (_after("Div", 0.0), "divides by 0"),
        (
            _after("BatchNormalization", ONES, ONES, ONES, -ONES),
            r"\(BatchNormalization 'my_t1'\): variance \+ epsilon of channel 0 is -0.99999",
        ),
        (_after("BatchNormalization", *[ONES] * 4, training_mode=1), "training_mode 1, expected 0"),
        (_after("ArgMax", axis=0), "axis 0, expected 1 or -1"),
        (_after("ArgMax"), "axis 0, expected 1 or -1"),
        (_after("ArgMax", axis=1, select_last_index=1), "select_last_index 1, expected 0"),
        (_after("Softmax", axis=0), "axis 0, expected 1 or -1"),
        (_after("Add", ONES, broadcast=1), "attribute broadcast 1, expected none"),
        (_after("Flatten", axis=0), "axis 0, expected 1"),
        (_after("Dropout", is_test=0), "is_test 0, expected 1"),
        (_masked, "training_mode true"),
        (_reshape, "allowzero 1, expected 0"),
        (_after("Gemm", np.ones((2, 2)), np.ones((2, 1)), transB=1), r"bias of shape \(2, 1\)"),
        (_pool("MaxPool", ceil_mode=1), "ceil_mode 1"),
        (_pool("MaxPool", dilations=[2, 2]), "dilations"),
        (_pool("AveragePool", pads=[1, 1, 1, 1]), "count_include_pad 0"),
    ],
)
def test_what_would_give_other_scores_is_refused(tmp_path, build, words):
    m = Model(np.random.default_rng(0), (4,))
    build(m)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy's would stand before the error
        imported = import_qonnx(m.save(tmp_path / "m.onnx"))
    assert imported.graph is None
    (entry,) = imported.unsupported
    with pytest.raises(InputError, match=words):
        raise InputError(f"{entry['place']}: {entry['reason']}")


def test_attributes_without_effect_are_let_through(tmp_path):
    rng = np.random.default_rng(0)
    m = Model(rng, (4,))
    x = m.add("MatMul", "x", m.constant(_signs(rng, 4, 3)))
    x = m.add("BatchNormalization", x, *(m.constant(np.ones(3)) for _ in range(4)), momentum=0.5)
    m.add("Softmax", x, axis=-1)
    assert import_qonnx(m.save(tmp_path / "m.onnx")).unsupported == ()


def test_weights_that_are_not_numbers():
    from rramchar.nn.qonnx_layers import signs

    for bad in (np.nan, np.inf):
        with pytest.raises(Unsupported, match="NaN or infinity"):
            signs(np.array([[1.0, bad]]))


def test_nodes_behind_an_unsupported_one_are_looked_at(tmp_path):
    m = Model(np.random.default_rng(0), (4,))
    x = m.add("LRN", "x", size=3)
    x = m.add("MatMul", x, m.constant(np.ones((4, 2))))
    x = m.add("Gelu", x)
    m.add("ArgMax", x, axis=0)
    unsupported = import_qonnx(m.save(tmp_path / "m.onnx")).unsupported
    assert [(one["node"], one["operation"]) for one in unsupported] == [
        (1, "LRN"),
        (3, "Gelu"),
        (4, "ArgMax"),
    ]


def test_a_further_output_is_named(tmp_path):
    m = Model(np.random.default_rng(0), (1, 4, 4))
    x = m.add("Conv", "x", m.constant(np.ones((1, 1, 2, 2))))
    x = m.add("MaxPool", x, kernel_shape=[1, 1])
    m.nodes[-1].output.append("places")
    m.add("Flatten", "places")
    (entry,) = import_qonnx(m.save(tmp_path / "m.onnx")).unsupported
    assert (entry["node"], "'places'" in entry["reason"]) == (3, True)


def test_memory_that_runs_out_is_an_error_of_the_node(tmp_path, monkeypatch):
    def full(*given):
        raise MemoryError

    monkeypatch.setattr("rramchar.nn.qonnx_layers.signs", full)
    m = Model(np.random.default_rng(0), (4,))
    m.add("MatMul", "x", m.constant(np.ones((4, 2))))
    (entry,) = import_qonnx(m.save(tmp_path / "m.onnx")).unsupported
    assert "more memory" in entry["reason"]


def test_many_constants_are_refused_before_the_memory_is_full():
    builder = Builder("y")
    large = np.broadcast_to(np.float32(1), (MOST_NUMBERS,))
    for _ in range(4):
        builder.keep(large[: MOST_NUMBERS // 2**7])
    builder.room = 5
    with pytest.raises(Unsupported, match="constants than fit"):
        builder.keep(large[:6])


def test_endless_digits_are_refused():
    with pytest.raises(InputError, match="binary digits"):
        fractions([Fraction(1, 3**20000)])


def test_thousands_of_channels_are_quick(tmp_path):
    """Fractions of every channel: seconds would be minutes if each weight had one."""
    rng = np.random.default_rng(0)
    m = Model(rng, (4,))
    size = rng.uniform(0.5, 1.5, 3000)
    x = m.add("MatMul", "x", m.constant(_signs(rng, 4, 3000) * size))
    fields = (rng.normal(size=3000), rng.normal(size=3000), rng.normal(size=3000), size)
    x = m.add("Relu", m.add("BatchNormalization", x, *(m.constant(f) for f in fields)))
    m.add("MatMul", x, m.constant(_signs(rng, 3000, 2)))
    graph = import_qonnx(m.save(tmp_path / "m.onnx")).graph
    assert not any(isinstance(layer, Conv) for layer in graph.layers)
    assert graph.parameters == 3000 * 6
