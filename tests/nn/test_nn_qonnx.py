"""QONNX models written with onnx, run by onnxruntime with the quantizers spelled out."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.forward import scores
from rramchar.nn.network_file import load_network
from rramchar.nn.onnx_file import read_onnx
from rramchar.nn.qonnx import import_qonnx

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra qonnx)")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

QONNX = "qonnx.custom_op.general"


class Model:
    """A model under construction, twice: with QONNX nodes, and with standard nodes only."""

    def __init__(self, rng, shape):
        self.rng, self.shape = rng, shape
        self.constants, self.nodes, self.standard = {}, [], []
        self.last = "x"

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype=dtype)
        return name

    def add(self, operation, *inputs, standard=True, **attributes):
        name = f"t{len(self.nodes)}"
        domain = QONNX if operation in ("Quant", "BipolarQuant", "MultiThreshold") else ""
        node = helper.make_node(
            operation, list(inputs), [name], name=f"my_{name}", domain=domain, **attributes
        )
        self.nodes.append(node)
        if standard:
            self.standard.append(node)
        self.last = name
        return name

    def spell(self, target, *steps):
        """Add standard nodes; each is (operation, inputs) and '' stands for the one before."""
        before = ""
        for i, (operation, inputs) in enumerate(steps):
            output = target if i == len(steps) - 1 else f"{target}_{i}"
            given = [before if name == "" else name for name in inputs]
            self.standard.append(helper.make_node(operation, given, [output]))
            before = output

    def bipolar(self, x, scale=1.0):
        s = self.constant(scale)
        name = self.add("BipolarQuant", x, s, standard=False)
        plus, minus, zero = s, self.constant(-np.asarray(scale)), self.constant(0.0)
        self.spell(name, ("GreaterOrEqual", [x, zero]), ("Where", ["", plus, minus]))
        return name

    def quant(self, x, scale, bits, *, zero=0.0, signed=1, narrow=0):
        s, z = self.constant(scale), self.constant(zero)
        b = self.constant(float(bits))
        name = self.add(
            "Quant", x, s, z, b, standard=False, signed=signed, narrow=narrow, rounding_mode="ROUND"
        )
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
        self.spell(
            name,
            ("Div", [x, s]),
            ("Add", ["", z]),
            ("Round", [""]),
            ("Clip", ["", self.constant(low), self.constant(high)]),
            ("Sub", ["", z]),
            ("Mul", ["", s]),
        )
        return name

    def multi_threshold(self, x, table, out_scale, out_bias):
        t = self.constant(table)
        name = self.add(
            "MultiThreshold", x, t, standard=False, out_scale=out_scale, out_bias=out_bias
        )
        channels, number = table.shape
        total = self.constant(0.0)
        one, none = self.constant(1.0), self.constant(0.0)
        for k in range(number):
            level = self.constant(table[:, k].reshape(1, channels, 1, 1))
            parts = f"{name}_r{k}", f"{name}_w{k}", f"{name}_s{k}"
            for operation, inputs, output in (
                ("GreaterOrEqual", [x, level], parts[0]),
                ("Where", [parts[0], one, none], parts[1]),
                ("Add", [total, parts[1]], parts[2]),
            ):
                self.standard.append(helper.make_node(operation, inputs, [output]))
            total = parts[2]
        self.spell(
            name,
            ("Mul", [total, self.constant(out_scale)]),
            ("Add", ["", self.constant(out_bias)]),
        )
        return name

    def norm(self, x, channels):
        """Normalize as training would: by the statistics of some images."""
        rng = self.rng
        images = rng.integers(0, 256, size=(50, int(np.prod(self.shape))))
        seen = np.moveaxis(self.reference(images), 1, 0).reshape(channels, -1).astype(float)
        values = (
            rng.normal(size=channels) + 0.1,  # some are negative
            rng.normal(size=channels) * 0.3,
            seen.mean(axis=1),
            seen.var(axis=1) + 1e-3,
        )
        return self.add("BatchNormalization", x, *(self.constant(v) for v in values))

    def weights(self, kind, *shape):
        if kind == "binary":
            size = self.rng.uniform(0.1, 2.0, (shape[0],) + (1,) * (len(shape) - 1))
            return self.bipolar(self.constant(self.rng.normal(size=shape)), size)
        return self.quant(self.constant(self.rng.normal(size=shape)), 0.7, 2, narrow=1)

    def proto(self, nodes):
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.shape])],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(a, name) for name, a in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def save(self, path):
        path.write_bytes(self.proto(self.nodes).SerializeToString())
        return path

    def reference(self, images):
        runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        # node by node: fused weights of a normalization round sums that are whole numbers
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = runtime.InferenceSession(
            self.proto(self.standard).SerializeToString(), options, ["CPUExecutionProvider"]
        )
        x = images.reshape(-1, *self.shape).astype(np.float32)
        return session.run(None, {"x": x})[0]


def convolutional(rng, kind):
    """Everything in one model: the nodes that binary and ternary exporters write."""
    m = Model(rng, (3, 12, 12))
    x = m.add("Div", "x", m.constant(255.0))
    x = m.add("Conv", x, m.weights(kind, 6, 3, 3, 3), pads=[1, 1, 1, 1])
    x = m.add("MaxPool", m.norm(x, 6), kernel_shape=[2, 2], strides=[2, 2])
    x = m.bipolar(x) if kind == "binary" else m.quant(x, 1.2, 2, narrow=1)
    skip = x
    x = m.add("Conv", x, m.weights(kind, 6, 3, 3, 3), pads=[1, 1, 1, 1], group=2)
    x = m.bipolar(m.norm(x, 6))
    x = m.add("Add", x, skip) if kind == "binary" else x
    x = m.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = m.multi_threshold(m.norm(x, 6), np.sort(rng.normal(size=(6, 3)), axis=1), 0.5, -1.0)
    x = m.add(
        "Conv", x, m.weights(kind, 8, 6, 2, 2), m.constant(rng.normal(size=8)), strides=[1, 1]
    )
    x = m.quant(m.add("Relu", m.norm(x, 8)), 0.25, 4, signed=0)
    x = m.add("GlobalAveragePool", m.add("Sign", m.norm(x, 8)))
    x = m.add("Flatten", x)
    x = m.add("Gemm", x, m.weights(kind, 5, 8), m.constant(rng.normal(size=5)), transB=1)
    return m


def dense(rng, kind):
    m = Model(rng, (20,))
    x = m.add("Sub", "x", m.constant(100.0))
    x = m.bipolar(x)
    w = m.add("Transpose", m.weights(kind, 16, 20), perm=[1, 0])
    x = m.add("MatMul", x, w)
    x = m.bipolar(m.add("Add", x, m.constant(rng.normal(size=16))), 0.5)
    w = m.add("Transpose", m.weights(kind, 4, 16), perm=[1, 0])
    x = m.add("MatMul", x, w)
    m.norm(x, 4)
    return m


@pytest.mark.parametrize("kind", ["binary", "ternary"])
@pytest.mark.parametrize("build", [convolutional, dense])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_runtime(tmp_path, build, kind, seed):
    rng = np.random.default_rng(seed)
    model = build(rng, kind)
    imported = import_qonnx(model.save(tmp_path / "m.onnx"))
    assert imported.unsupported == ()
    graph = imported.graph
    assert graph.kind == kind
    images = rng.integers(0, 256, size=(60, graph.input_size)).astype(np.uint8)
    expected = model.reference(images)
    # float32 in the runtime, exact here: a sum on the edge of a threshold may fall either way there
    close = np.isclose(scores(graph, images), expected, rtol=1e-4, atol=1e-4).all(axis=1)
    assert close.mean() >= 0.95, close.mean()
    assert np.ptp(expected, axis=0).min() > 0  # the images do reach the output


@pytest.mark.parametrize(("bits", "narrow"), [(2, 0), (2, 1), (4, 0)])
def test_ties_fall_as_in_the_runtime(tmp_path, bits, narrow):
    """Halves round to even and the sign of 0 is 0: whole numbers everywhere, so equal exactly."""
    rng = np.random.default_rng(1)
    m = Model(rng, (20,))

    def layer(x, outputs, inputs):
        w = m.quant(m.constant(rng.normal(size=(outputs, inputs))), 1.0, 2, narrow=1)
        return m.add("MatMul", x, m.add("Transpose", w, perm=[1, 0]))

    x = layer(m.bipolar(m.add("Sub", "x", m.constant(128.0))), 16, 20)
    x = layer(m.quant(x, 2.0, bits, narrow=narrow), 12, 16)
    layer(m.add("Sign", x), 4, 12)
    graph = import_qonnx(m.save(tmp_path / "m.onnx")).graph
    images = rng.integers(0, 256, size=(200, 20)).astype(np.uint8)
    np.testing.assert_array_equal(scores(graph, images), m.reference(images))


@pytest.mark.parametrize("kind", ["binary", "ternary"])
@pytest.mark.parametrize("build", [convolutional, dense])
def test_equals_the_executor_of_qonnx(tmp_path, monkeypatch, build, kind):
    wrapper = pytest.importorskip("qonnx.core.modelwrapper", reason="qonnx is not installed")
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    # it runs single nodes in onnxruntime, which may know fewer versions than onnx writes
    make_model = onnx.helper.make_model
    monkeypatch.setattr(
        onnx.helper, "make_model", lambda graph, **k: make_model(graph, **(k | {"ir_version": 9}))
    )
    rng = np.random.default_rng(8)
    model = build(rng, kind)
    path = model.save(tmp_path / "m.onnx")
    graph = import_qonnx(path).graph
    images = rng.integers(0, 256, size=(10, graph.input_size)).astype(np.uint8)
    proto = model.proto(model.nodes)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(images)
    executed = wrapper.ModelWrapper(proto).transform(InferShapes())
    x = images.reshape(-1, *model.shape).astype(np.float32)
    expected = execute_onnx(executed, {"x": x})[model.last]
    close = np.isclose(scores(graph, images), expected, rtol=1e-4, atol=1e-4).all(axis=1)
    assert close.mean() >= 0.9


@pytest.fixture
def run(monkeypatch, capsys):
    from rramchar.cli.main import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rramchar", "nn", "import", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return call


def test_command(tmp_path, run):
    model = dense(np.random.default_rng(0), "binary")
    output = tmp_path / "net.npz"
    code, out, err = run(model.save(tmp_path / "m.onnx"), "-o", output, "--json")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert [layer["outputs"] for layer in result["layers"]] == [16, 4]
    assert result["parameters"] == 16 * 20 + 4 * 16
    assert result["unsupported"] == []
    assert load_network(output).parameters == result["parameters"]
    code, out, _ = run(tmp_path / "m.onnx", "-o", output)
    assert code == 0
    assert "384 weights" in out


def test_unsupported_nodes_are_all_named(tmp_path, run):
    rng = np.random.default_rng(0)
    m = Model(rng, (3, 8, 8))
    w = m.add("Conv", "x", m.constant(rng.normal(size=(4, 3, 3, 3))))  # weights of full precision
    a = m.add("LRN", "x", size=3)
    b = m.add("Conv", "x", m.weights("binary", 4, 3, 3, 3), dilations=[2, 2])
    m.add("Sum", w, a, b)
    output = tmp_path / "net.npz"
    code, out, err = run(m.save(tmp_path / "m.onnx"), "-o", output, "--json")
    result = json.loads(out)
    assert code == 2
    assert not output.exists()
    assert result["parameters"] == 0
    assert [(u["node"], u["operation"]) for u in result["unsupported"]] == [
        (1, "Conv"),
        (2, "LRN"),
        (4, "Conv"),
        (5, "Sum"),
    ]
    assert "node 1 of 5 (Conv 'my_t0'): its weights are not -s, 0 and +s" in err
    assert "node 2 of 5 (LRN 'my_t1'): the operation LRN is not known" in err
    assert "dilations [2, 2]" in err


def _small(rng=None):
    return dense(rng or np.random.default_rng(0), "binary").proto(
        dense(np.random.default_rng(0), "binary").nodes
    )


def _external(p):
    t = p.graph.initializer[0]
    t.data_location = TensorProto.EXTERNAL
    entry = t.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def _huge(p):
    del p.graph.initializer[0].dims[:]
    p.graph.initializer[0].dims.extend([2**40, 2**30])


def _short(p):
    p.graph.initializer[1].raw_data = b"\0"


def _missing(p):
    del p.graph.initializer[0]


def _cycle(p):
    p.graph.node[0].input[0] = p.graph.node[-1].output[0]


def _twice(p):
    p.graph.node[1].output[0] = p.graph.node[0].output[0]


def _no_output(p):
    p.graph.output[0].name = "nothing"


def _free_shape(p):
    p.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "k"


def _nan(p):
    t = p.graph.initializer[0]
    t.CopyFrom(numpy_helper.from_array(np.float32(np.nan), t.name))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_external, "its data lie in another file"),
        (_huge, "expected at most"),
        (_short, "cannot be read"),
        (_missing, r"node 1 of .*'c0' is no initializer.*missing"),
        (_cycle, "cycle"),
        (_twice, "is there already"),
        (_no_output, "'nothing' is given by no node"),
        (_free_shape, "fixed lengths"),
        (_nan, "NaN"),
        (lambda p: p.graph.input.add(name="y"), "has 2 inputs"),
        (lambda p: p.graph.ClearField("node"), "no ONNX graph with nodes"),
    ],
)
def test_broken_models(tmp_path, harm, words):
    proto = _small()
    harm(proto)
    path = tmp_path / "bad.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=words) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_are_no_models(tmp_path):
    for name, data in (("empty", b""), ("text", b"hello"), ("zeros", bytes(1000))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=name):
            read_onnx(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_onnx(tmp_path / "none.onnx")


def test_flipped_bytes_never_give_a_traceback(tmp_path):
    data = bytearray(_small().SerializeToString())
    rng = np.random.default_rng(0)
    path = tmp_path / "m.onnx"
    for position in rng.choice(len(data), 150, replace=False):
        broken = bytearray(data)
        broken[position] ^= 0x5F
        path.write_bytes(broken)
        try:
            import_qonnx(path)
        except InputError as error:
            assert path.name in str(error)  # noqa: PT017


def test_without_the_package(tmp_path, monkeypatch):
    from rramchar.errors import MissingToolError

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingToolError, match=r"rramchar\[qonnx\]"):
        read_onnx(tmp_path / "m.onnx")
