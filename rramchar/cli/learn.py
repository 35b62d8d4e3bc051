"""``rramchar learn``: train networks in the array itself, by weak RESET pulses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rramchar.cli import learn_study
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
from rramchar.cli.nn_common import DataOption, SeedOption

app = typer.Typer(
    no_args_is_help=True,
    help="Learning on the chip: networks of 2T2R synapses trained by weak RESET pulses.",
)


@app.command()
def run(
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the run; an unfinished one there goes on."
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|FILE.npz",
            help="As for [bold]nn train[/]; without it mnist where --data is given, else digits.",
        ),
    ] = None,
    data: DataOption = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME|MODEL.json",
            help="Devices: iedm2019, arxiv2107, ideal, or a model of [bold]fit weak-reset[/].",
        ),
    ] = "iedm2019",
    rule: Annotated[
        str,
        typer.Option(
            "--rule",
            help="adam (its step as a number of pulses), or threshold (a pulse where the gradient "
            "is large; no memory per weight).",
        ),
    ] = "adam",
    check: Annotated[
        bool | None,
        typer.Option(
            "--check/--no-check",
            help="SET both devices of a synapse whose bit has flipped. On by default for bnn.",
            show_default=False,
        ),
    ] = None,
    synapse: Annotated[
        str,
        typer.Option("--synapse", help="bnn (the bit), or analog (difference of conductances)."),
    ] = "bnn",
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", help="Of all in all. Without it 30 for digits, else 10."),
    ] = None,
    hidden: Annotated[
        list[int] | None,
        typer.Option(
            "--hidden",
            help="Neurons of a hidden layer; repeat for more. Without it 256 for digits, else "
            "1024.",
        ),
    ] = None,
    seed: SeedOption = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other field of LearnSettings, such as tau=3, pulse=0.05, beta=3, eta=0.01, "
            "imperfections=pink,rtn, read_offset=0.05, read_model=reads.json, v_reset_v=1.3V; "
            "repeat for more.",
        ),
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network in the array; Ctrl-C keeps the epochs that are done.

    Example: rramchar learn run --dataset digits --out runs/learned

    Example: rramchar learn run --dataset mnist --data DIR --out runs/mnist

    Example: rramchar learn run --no-check --set pulse=0.1 --out runs/saturated
    """
    from rramchar.nn.datasets import load_dataset
    from rramchar.nn.learn.counters import normalized_conductance
    from rramchar.nn.learn.devices_build import device_model
    from rramchar.nn.learn.run_folder import run_in_folder
    from rramchar.nn.learn.settings import default_learn_settings
    from rramchar.nn.learn.settings_text import parse_fields

    if plot is not None:
        check_writable(plot, option="--plot")
    name = dataset or ("digits" if data is None else "mnist")
    images = load_dataset(name, data)
    named: dict[str, Any] = {
        "model": model, "rule": rule, "check": check, "synapse": synapse, "epochs": epochs,
        "hidden": tuple(hidden) if hidden else None, "seed": seed,
    }  # fmt: skip
    taken = {field: f"give --{field}" for field in named}
    chosen = default_learn_settings(images, **named, **parse_fields(settings or [], taken))
    device_model(chosen.resolved())  # refuses a file that cannot be used, before anything else
    if dataset is None and data is None:
        stderr.print("no --dataset and no --data: learning the embedded digits", markup=False)
    try:
        with late_progress("steps") as report:
            done = run_in_folder(images, chosen, out, report)
    except KeyboardInterrupt:
        stderr.print(
            f"interrupted; finished epochs are kept in {out}; run the same command to go on",
            markup=False,
        )
        raise typer.Exit(130) from None
    document = {**done.document, "files": {k: str(v) for k, v in done.files.items()}}
    document["epochs_found"] = done.found
    if plot is not None:
        from rramchar.report.learning import plot_learning_run

        conductance = normalized_conductance(done.result.state)
        figure = plot_learning_run(done.result.history, conductance, _title(document))
        write_figure(plot, figure)
        document["plot"] = str(plot)
    emit(document, as_json, lambda: _show(document))


app.command()(learn_study.study)


def _title(document: dict[str, Any]) -> str:
    """Return what was learned, by which devices and how."""
    settings = document["settings"]
    return (
        f"{'-'.join(map(str, document['sizes']))} on {document['dataset']}, devices "
        f"{Path(settings['model']).name}, rule {settings['rule']}, {settings['synapse']} synapses, "
        f"{'with' if settings['check'] else 'without'} the check"
    )


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _show(document: dict[str, Any]) -> None:
    counters = document["counters"]
    epochs, found = len(document["history"]), document["epochs_found"]
    best = max(row["test_accuracy"] for row in document["history"])
    stdout.print(_title(document), markup=False)
    if found:
        went = "nothing was left to do" if found == epochs else f"went on after epoch {found}"
        stdout.print(f"found a run of {_epochs(found)} in the folder; {went}")
    stdout.print(
        f"test accuracy {document['test_accuracy']:.2%} after {_epochs(epochs)} "
        f"(best {best:.2%}) in {document['seconds']:.1f} s"
    )
    for kind, name in (("weak_resets", "weak RESETs"), ("sets", "SETs")):
        found = counters[kind]
        stdout.print(
            f"{name} per device: mean {found['mean']:.1f}, 99 % of devices at most "
            f"{found['q99']:.0f}, most {found['max']}"
        )
    stdout.print(
        f"endurance: the most used device would stand {counters['trainings_within_1e5']:,.0f} such "
        "trainings within the 10^5 cycles shown on 64 devices, "
        f"{counters['trainings_within_55e9']:.1e} within the 55e9 shown on two (IEDM 2019)"
    )
    for path in (*document["files"].values(), *filter(None, [document.get("plot")])):
        stdout.print(f"written to {path}", markup=False)
