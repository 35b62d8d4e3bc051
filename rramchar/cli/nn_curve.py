"""``rramchar nn curve``: accuracy against error rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    late_progress,
    stdout,
    write_figure,
)
from rramchar.cli.nn_common import (
    DataOption,
    DatasetOption,
    DrawsOption,
    NetworkArgument,
    SeedOption,
    data_files,
    fitting_dataset,
    spread,
)
from rramchar.cli.nn_kernel import report_kernel


def curve(
    network: NetworkArgument,
    dataset: DatasetOption,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="CURVE.csv", help="File for the curve.")
    ],
    data: DataOption = None,
    rates: Annotated[
        str,
        typer.Option("--rates", help="start:stop:number, evenly in the logarithm, or a,b,c."),
    ] = "1e-5:1e-1:8",
    plot: PlotOption = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Accuracy against error rate, as a CSV file.

    Each rate gives what [bold]nn evaluate --ber RATE[/] gives with the same seed.

    Example: rramchar nn curve net.npz --dataset digits --rates 1e-4:1e-1:7 -o curve.csv
    """
    from rramchar.nn.curve import ber_curve, parse_rates, write_curve
    from rramchar.nn.network_file import load_network
    from rramchar.provenance import provenance

    check_writable(output, option="--output")
    if plot is not None:
        check_writable(plot, option="--plot")
    chosen = parse_rates(rates, name="--rates")
    loaded = load_network(network)
    kernel = report_kernel()
    images = fitting_dataset(network, loaded, dataset, data)
    with late_progress("draws", "evaluating") as report:
        points = ber_curve(
            loaded, images.test_images, images.test_labels, chosen, draws, seed, report
        )
    facts = provenance(
        inputs=[network, *data_files(dataset)],
        command="rramchar nn curve",
        dataset=dataset,
        draws=draws,
        seed=seed,
    )
    write_curve(output, points, facts)
    if plot is not None:
        import pandas as pd

        from rramchar.report.accuracy import plot_accuracy_against

        frame = pd.DataFrame(points).assign(weights=loaded.kind)
        write_figure(plot, plot_accuracy_against(frame, "ber"))
    result = {
        "curve": str(output),
        "plot": plot,
        "draws": draws,
        "seed": seed,
        "blas": kernel,
        "points": points,
    }

    def show() -> None:
        stdout.print(f"without errors  {points[0]['accuracy_clean']:.2%}")
        for point in points:
            stdout.print(f"BER {point['ber']:<8.3g}  {spread(point)}")
        stdout.print(f"written to {output}")

    emit(result, as_json, show)
