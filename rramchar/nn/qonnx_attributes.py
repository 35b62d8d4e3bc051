"""The attributes of ONNX nodes: those that are read, and those that change nothing here.

An attribute that is neither, or has a value other than the one that is supported, is refused: to
leave it out of account would give other scores than the model's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rramchar.nn.onnx_file import OnnxNode
from rramchar.nn.qonnx import Unsupported

_WINDOW = {"auto_pad", "dilations", "kernel_shape", "pads", "strides"}
READ: Mapping[str, Collection[str]] = {  # by the node's handler, or without any effect
    "ArgMax": {"keepdims"},
    "AveragePool": _WINDOW | {"ceil_mode", "count_include_pad"},
    "BatchNormalization": {"epsilon", "momentum"},
    "Clip": {"max", "min"},
    "Constant": {"value", "value_float", "value_floats", "value_int", "value_ints"},
    "Conv": _WINDOW | {"group"},
    "Dropout": {"ratio", "seed"},
    "Flatten": {"axis"},
    "Gemm": {"alpha", "beta", "transA", "transB"},
    "MaxPool": _WINDOW | {"ceil_mode", "storage_order"},
    "MultiThreshold": {"data_layout", "out_bias", "out_dtype", "out_scale"},
    "Quant": {"narrow", "rounding_mode", "signed"},
    "Transpose": {"perm"},
}
FIXED: Mapping[str, Mapping[str, tuple[int, ...]]] = {  # the only values that are supported
    "ArgMax": {"axis": (1, -1), "select_last_index": (0,)},
    "BatchNormalization": {"spatial": (1,), "training_mode": (0,)},
    "Dropout": {"is_test": (1,)},
    "Reshape": {"allowzero": (0,)},
    "Softmax": {"axis": (1, -1)},
}
_DEFAULTS = {("ArgMax", "axis"): 0}  # that are not supported


def check_node(node: OnnxNode, known: Collection[str]) -> None:
    """Refuse a node of an operation or with an attribute that nothing here handles.

    Parameters
    ----------
    node : OnnxNode
        Of a model.
    known : collection of str
        Operations with a handler.

    Raises
    ------
    Unsupported
        Naming the operation, or the attribute and its value.
    """
    if node.operation not in known:
        raise Unsupported(f"the operation {node.operation} is not known")
    if not node.outputs:
        raise Unsupported("gives nothing")
    read, fixed = READ.get(node.operation, ()), FIXED.get(node.operation, {})
    for name, value in node.attributes.items():
        if name not in read and name not in fixed:
            raise Unsupported(f"attribute {name} {value!r:.40}, expected none of this name")
    for name, values in fixed.items():
        value = node.attributes.get(name, _DEFAULTS.get((node.operation, name), values[0]))
        if not isinstance(value, int) or value not in values:
            expected = " or ".join(map(str, values))
            raise Unsupported(f"attribute {name} {value!r:.40}, expected {expected}")
