"""``rramchar nn import``: a network from an ONNX file with QONNX quantizers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stderr, stdout
from rramchar.cli.nn_common import show_layers


def import_onnx(
    model: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="A QONNX model.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NET.npz", help="File for the network.")
    ],
    maximum: Annotated[
        int,
        typer.Option(
            "--maximum",
            help="Largest pixel value; the model's input is the pixels from 0 to this, as whole "
            "numbers.",
        ),
    ] = 255,
    as_json: JsonOption = False,
) -> None:
    """Import a network with binary or ternary weights from an ONNX file.

    Knows dense and convolution layers, batch normalization, BipolarQuant, Quant,
    MultiThreshold, Sign, Relu, pooling, residual additions. A node that is not
    supported is named with its place, and nothing is written.

    Example: rramchar nn import model.onnx -o net.npz
    """
    from rramchar.nn.describe import describe_layers
    from rramchar.nn.network_file import save_network
    from rramchar.nn.qonnx import import_qonnx
    from rramchar.provenance import provenance

    check_writable(output, option="--output")
    imported = import_qonnx(model, maximum)
    graph = imported.graph
    if graph is not None:
        graph.metadata["provenance"] = provenance(inputs=[model], command="rramchar nn import")
        save_network(graph, output)
    layers = [] if graph is None else describe_layers(graph)
    result = {
        "model": model,
        "network": None if graph is None else output,
        "weights": None if graph is None else graph.kind,
        "layers": layers,
        "parameters": 0 if graph is None else graph.parameters,
        "unsupported": list(imported.unsupported),
    }

    def show() -> None:
        if graph is None:
            return
        stdout.print(
            f"{graph.kind} network of {len(graph.nodes)} nodes, {len(layers)} layers with "
            f"{graph.parameters:,} weights, {graph.classes} classes"
        )
        show_layers(layers)
        stdout.print(f"written to {output}")

    emit(result, as_json, show)
    if graph is None:
        for one in imported.unsupported:
            stderr.print(
                f"error: {model}: {one['place']}: {one['reason']}", markup=False, highlight=False
            )
        raise typer.Exit(2)
