"""``rramchar nn show``: what a network file holds."""

from __future__ import annotations

from rramchar.cli.common import JsonOption, emit, stdout
from rramchar.cli.nn_common import NetworkArgument, chain


def show(network: NetworkArgument, as_json: JsonOption = False) -> None:
    """What a network file holds: layers, weights, input, origin.

    Example: rramchar nn show net.npz
    """
    from rramchar.nn.network_file import load_network

    loaded = load_network(network)
    layers = [
        {
            "inputs": layer.inputs,
            "outputs": layer.outputs,
            "zero_fraction": layer.zero_fraction,
            "threshold_min": None if threshold is None else int(threshold.min()),
            "threshold_max": None if threshold is None else int(threshold.max()),
        }
        for layer in loaded.layers
        for threshold in [getattr(layer, "threshold", None)]  # a graph has them in own nodes
    ]
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

    def show_text() -> None:
        level = "" if encoding.level is None else f", +1 from {encoding.level}"
        stdout.print(f"{loaded.kind} network {chain(loaded)}, {loaded.parameters:,} weights")
        stdout.print(f"input {encoding.kind}, pixels 0 to {encoding.maximum}{level}")
        for i, layer in enumerate(layers):
            end = (
                "scores"
                if layer["threshold_min"] is None
                else f"thresholds {layer['threshold_min']} to {layer['threshold_max']}"
            )
            stdout.print(
                f"layer {i}: {layer['inputs']} to {layer['outputs']}, "
                f"{layer['zero_fraction']:.1%} of the weights are 0, {end}"
            )
        for name, value in loaded.metadata.items():
            stdout.print(f"{name}: {value}", markup=False)

    emit(result, as_json, show_text)
