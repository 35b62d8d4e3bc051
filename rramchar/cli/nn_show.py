"""``rramchar nn show``: what a network file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rramchar.cli.common import JsonOption, emit, stdout
from rramchar.cli.nn_common import NetworkArgument, chain, show_layers

if TYPE_CHECKING:
    from rramchar.nn.graph import AnyNetwork


def show(network: NetworkArgument, as_json: JsonOption = False) -> None:
    """What a network file holds: layers, weights, input, origin.

    Layers are numbered as [bold]nn evaluate --layer[/] counts them.

    Example: rramchar nn show net.npz
    """
    from rramchar.nn.describe import describe_layers, describe_nodes
    from rramchar.nn.graph import Graph
    from rramchar.nn.network_file import load_network

    loaded = load_network(network)
    layers = describe_layers(loaded)
    encoding = loaded.encoding
    result = {
        "network": str(network),
        "weights": loaded.kind,
        "parameters": loaded.parameters,
        "sizes": list(loaded.sizes),
        "input": {"kind": encoding.kind, "maximum": encoding.maximum, "level": encoding.level},
        "layers": layers,
        "metadata": loaded.metadata,
    }
    if isinstance(loaded, Graph):
        result["shape"] = list(loaded.shape)
        result["nodes"] = describe_nodes(loaded)
    emit(result, as_json, lambda: _show_text(loaded, result))


def _show_text(network: AnyNetwork, result: dict[str, Any]) -> None:
    encoding = result["input"]
    level = "" if encoding["level"] is None else f", +1 from {encoding['level']}"
    shape = f" as {_times(result['shape'])}" if "shape" in result else ""
    stdout.print(f"{network.kind} network {chain(network)}, {network.parameters:,} weights")
    stdout.print(f"input {encoding['kind']}, pixels 0 to {encoding['maximum']}{level}{shape}")
    show_layers(result["layers"])
    if "nodes" in result:
        steps = (f"{node['type']} {_times(node['shape_out'])}" for node in result["nodes"])
        stdout.print("order: " + ", ".join(steps))
    for name, value in network.metadata.items():
        stdout.print(f"{name}: {value}", markup=False)


def _times(shape: list[int]) -> str:
    return " x ".join(str(length) for length in shape)
