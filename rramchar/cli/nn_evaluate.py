"""``rramchar nn evaluate``: accuracy over programmed chips, with errors of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    late_progress,
    stderr,
    stdout,
    write_figure,
)
from rramchar.cli.nn_common import (
    DataOption,
    DatasetOption,
    NetworkArgument,
    SeedOption,
    data_files,
    fitting_dataset,
    spread,
)
from rramchar.cli.nn_errors import (
    AmplifiersOption,
    ArrayOption,
    BadOption,
    BadReadsOption,
    BadSpreadOption,
    BerOption,
    ErrorTexts,
    ImagesPerReadOption,
    LayerOption,
    ReadBerOption,
    ReadModelOption,
    ReadWhereOption,
    ResistanceOption,
    WhereOption,
    hardware_errors,
)
from rramchar.cli.nn_kernel import report_kernel
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.nn.adaptive import ChipSample, Precision
    from rramchar.nn.chips import HardwareErrors
    from rramchar.nn.dataset import Dataset
    from rramchar.nn.graph import AnyNetwork


def evaluate(
    network: NetworkArgument,
    dataset: DatasetOption,
    data: DataOption = None,
    ber: BerOption = None,
    where: WhereOption = None,
    layer: LayerOption = None,
    resistance: ResistanceOption = None,
    read_model: ReadModelOption = None,
    amplifiers: AmplifiersOption = "column",
    bad: BadOption = None,
    bad_reads: BadReadsOption = None,
    bad_spread: BadSpreadOption = "",
    array: ArrayOption = "32x32",
    read_ber: ReadBerOption = None,
    read_where: ReadWhereOption = None,
    images_per_read: ImagesPerReadOption = None,
    draws: Annotated[
        int | None, typer.Option("--draws", help="Programmed chips to draw.  [default: 20]")
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            "--interval",
            help="Draw as many chips as the 95 % interval of the mean needs to be this narrow: "
            "half-width in percentage points.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="The most chips that --interval draws.")
    ] = 1000,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="CHIPS.csv", help="Write each chip's accuracy."),
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy on the test images when weights are stored and read with errors.

    Three kinds of errors are kept apart: those of programming (--ber, or
    --resistance with --read-model), fixed for a programmed chip; bad pairs
    (--bad), stuck or weak, in rows, columns or dies; and those of reading
    (--read-ber), drawn anew at every read. A draw is one chip. The interval is
    the 95 % interval of the mean over chips; with --interval the number of
    chips follows from the first 20 (Stein's rule, so that it stays honest).
    With a rate, binary weights flip; ternary weights move by one step and +1
    never becomes -1. With a table, an invalid read is a weight of 0.

    Example: rramchar nn evaluate net.npz --dataset digits --ber 1e-2 --interval 0.1

    Example: rramchar nn evaluate net.npz --dataset digits
    --ber table.csv --where "vdd_v=0.6,corner=ss" -o chips.csv --plot chips.png
    """
    from rramchar.nn.chip_accuracy import clean_accuracy
    from rramchar.nn.evaluate import check_seed
    from rramchar.nn.network_file import load_network

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    if draws is not None and interval is not None:
        raise InputError(f"--draws {draws} and --interval {interval:g}: give one of them")
    check_seed(seed)
    precision = _precision(draws, interval, limit)
    loaded = load_network(network)
    texts = ErrorTexts(
        ber=ber,
        where=where,
        layers=tuple(layer or ()),
        resistance=resistance,
        read_model=read_model,
        amplifiers=amplifiers,
        bad=bad,
        bad_reads=bad_reads,
        bad_spread=bad_spread,
        array=array,
        read_ber=read_ber,
        read_where=read_where,
        images_per_read=images_per_read,
    )
    errors = hardware_errors(loaded, texts)
    kernel = report_kernel()
    images = fitting_dataset(network, loaded, dataset, data)
    with late_progress("images", "without errors") as report:
        clean = clean_accuracy(loaded, images.test_images, images.test_labels, report)
    sample, seconds = _sample(loaded, images, errors, clean, draws, precision, seed)
    result = {
        **_figures(sample, clean, len(images.test_labels), seconds),
        "accuracy": sample.accuracy,
        "interval_asked": interval,
        "interval_reached": sample.reached,
        "network": str(network),
        "dataset": dataset,
        "errors": texts.given(),
        "ber": ber,
        "where": where,
        "seed": seed,
        "blas": kernel,
        "output": output,
        "plot": plot,
    }
    if output is not None:
        _write(output, result, [network, *texts.files(), *data_files(dataset)])
    if plot is not None:
        from rramchar.report.accuracy import plot_chips

        chips = sample.accuracy[:0] if errors.none else sample.accuracy
        write_figure(plot, plot_chips(chips, clean, sample.interval))
    emit(result, as_json, lambda: _show(result, texts))
    if not sample.reached:
        stderr.print(
            f"the interval is wider than asked: {limit} chips are not enough; raise --limit",
            style="yellow",
        )
        raise typer.Exit(1)


def _precision(draws: int | None, interval: float | None, limit: int) -> Precision | None:
    """Check how many chips are asked for, before any work; return the precision, if that is it."""
    from rramchar.nn.adaptive import FIRST_DRAWS, Precision, check_draws

    if interval is not None:
        return Precision(interval / 100, min(FIRST_DRAWS, max(limit, 3)), limit)
    if draws is not None:
        check_draws(draws)
    return None


def _sample(
    network: AnyNetwork,
    images: Dataset,
    errors: HardwareErrors,
    clean: float,
    draws: int | None,
    precision: Precision | None,
    seed: int,
) -> tuple[ChipSample, float]:
    """Return the chips' accuracies and the seconds that they took."""
    from time import perf_counter

    import numpy as np

    from rramchar.nn.adaptive import ChipSample, sample_fixed, sample_until
    from rramchar.nn.chip_accuracy import chip_accuracies
    from rramchar.nn.chip_interval import mean_interval

    since = perf_counter()
    if errors.none:
        only = np.array([clean])
        return ChipSample(only, mean_interval(only)), perf_counter() - since
    step = 1 / len(images.test_labels) if _chips_can_differ(network, errors) else 0.0
    with late_progress("steps", "evaluating") as report:

        def measure(chips: range) -> Any:
            return chip_accuracies(
                network, images.test_images, images.test_labels, errors, chips, seed, report
            )

        if precision is None:
            sample = sample_fixed(measure, 20 if draws is None else draws, step)
        else:
            sample = sample_until(measure, precision, step)
    return sample, perf_counter() - since


def _chips_can_differ(network: AnyNetwork, errors: HardwareErrors) -> bool:
    """Return whether any error has a probability above 0; without, the accuracy is exact."""
    from rramchar.nn.evaluate import can_err
    from rramchar.nn.pair_reads import PairReads

    if isinstance(errors.programming, PairReads) or can_err(network, errors.programming):
        return True
    bad = errors.bad_pairs
    harmful = bad is not None and bad.share > 0 and bad.read_error != 0
    return harmful or can_err(network, errors.reading)


def _figures(sample: ChipSample, clean: float, images: int, seconds: float) -> dict[str, Any]:
    low, high = sample.interval
    return {
        "accuracy_mean": sample.mean,
        "accuracy_std": sample.std,
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_clean": clean,
        "draws": len(sample.accuracy),
        "images": images,
        "seconds": seconds,
        "percentiles": sample.percentiles(),
    }


def _write(path: Path, result: dict[str, Any], inputs: list[Path]) -> None:
    import pandas as pd

    from rramchar.nn.tables import write_frame
    from rramchar.provenance import provenance

    kept = ("dataset", "errors", "seed", "images", "interval_asked", "interval_reached")
    numbers = {name: value for name, value in result.items() if name.startswith("accuracy_")}
    facts = provenance(
        inputs=inputs,
        command="rramchar nn evaluate",
        **{name: result[name] for name in kept},
        **{name: None if value != value else value for name, value in numbers.items()},
        percentiles=result["percentiles"],
    )
    frame = pd.DataFrame({"chip": range(result["draws"]), "accuracy": result["accuracy"]})
    write_frame(path, frame, "accuracy of programmed chips", facts)


def _show(result: dict[str, Any], texts: ErrorTexts) -> None:
    stdout.print(f"{result['images']} test images of {result['dataset']}", markup=False)
    stdout.print(f"without errors  {result['accuracy_clean']:.2%}")
    given = texts.given()
    if given:
        words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        stdout.print(f"with {words}  {spread(result)}, {result['seconds']:.1f} s", markup=False)
        p = result["percentiles"]
        stdout.print(f"chips: 5 % below {p['p5']:.2%}, half below {p['p50']:.2%}")
    for path in (result["output"], result["plot"]):
        if path is not None:
            stdout.print(f"written to {path}", markup=False)
