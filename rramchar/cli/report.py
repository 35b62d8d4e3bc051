"""``rramchar report``: figures of a run, and report notebooks as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stderr, stdout
from rramchar.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    no_args_is_help=True, help="Draw figures of a run, or execute a notebook into one HTML page."
)


@app.command()
def reads(
    run: Annotated[Path, typer.Argument(help="Run directory of a read sweep.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write (.png).")],
    corner: Annotated[str, typer.Option(help="Process corner to show.")] = "tt",
    temperature: Annotated[float, typer.Option(help="Temperature to show, in degC.")] = 27.0,
    as_json: JsonOption = False,
) -> None:
    """Draw the sense time over both resistances, one panel per supply.

    Example: rramchar report reads runs/first -o sense_time.png
    """
    from rramchar.report.reads import plot_sense_time_map
    from rramchar.report.style import png_bytes
    from rramchar.sweep import load

    check_writable(output, option="-o")
    frame = load(run)
    chosen = frame[
        (frame["corner"] == corner) & (frame["temperature_c"] == temperature) & frame["x"].isna()
    ]
    supplies = sorted(chosen["vdd_v"].unique(), reverse=True)
    if not supplies:
        raise InputError(
            f"{run}: no reads of a binary amplifier at corner {corner}, {temperature:g} degC; "
            f"it holds corners {sorted(frame['corner'].unique())} and temperatures "
            f"{sorted(frame['temperature_c'].unique())}"
        )
    _require_grid(run, chosen)
    output.write_bytes(png_bytes(plot_sense_time_map(chosen, supplies)))
    emit(
        {"output": str(output), "supplies_v": supplies},
        as_json,
        lambda: stdout.print(f"written: {output}", markup=False),
    )


def _require_grid(run: Path, reads: pd.DataFrame) -> None:
    """Refuse reads that are not one for each pair of several resistances."""
    lengths = [reads[name].nunique() for name in ("r_bl_ohm", "r_blb_ohm")]
    expected = lengths[0] * lengths[1] * reads["vdd_v"].nunique()
    if min(lengths) > 1 and len(reads) == expected:
        return
    held = f"{len(reads)} reads of {lengths[0]} R_BL and {lengths[1]} R_BLb"
    raise InputError(
        f"{run}: holds {held}, expected one read for each pair of at least two of both and each "
        "supply; sweep them as axes without Monte Carlo, or draw this run with rramchar sweep plot"
    )


@app.command()
def measured(
    output: Annotated[Path, typer.Option("--output", "-o", help="Page to write (.html).")],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of measured files; without, the shipped synthetic samples."),
    ] = None,
    layout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=NAME|MAP.toml",
            help="Layout of files, such as 'cells*.csv=cycling'; guessed without.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of bootstrap and random pairings.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Report on a folder: states, bit errors, weak RESET, retention, read noise.

    Reads every measured file in the folder and its sub-folders and writes one
    page. A file NAME.toml beside NAME.csv is its layout. Exit code 1 when a
    file could not be read; the page and the message say why.

    Example: rramchar report measured chip7 -o chip7.html
    """
    from rramchar.report.folder import open_folder
    from rramchar.report.notebook import execute_notebook, require_notebook_tools
    from rramchar.resources import resource

    check_writable(output, option="-o")
    require_notebook_tools()
    if seed < 0:
        raise InputError(f"--seed: {seed}, expected a whole number from 0")
    layouts = dict(_setting(text, "--layout", "PATTERN=NAME") for text in layout or [])
    place = "" if folder is None else str(folder)
    with stderr.status("reading the folder"):
        found = open_folder(place, layouts)  # refuses before a notebook is started
    source = resource("notebooks", "measured_to_ber.ipynb")
    executed = _executed(output, source)
    parameters = {"folder": place, "layouts": layouts, "seed": seed}
    title = f"From measured data to bit error rates: {found.title}"
    with stderr.status(f"fitting {len(found.files)} files; large ones take minutes"):
        execute_notebook(source, executed, parameters, title=title, html=output)
    emit(
        {
            "output": output,
            "notebook": executed,
            "origin": found.origin,
            "files": found.table().to_dict("records"),
            "unreadable": len(found.unreadable),
        },
        as_json,
        lambda: stdout.print(f"written: {output}", markup=False),
    )
    for file in found.unreadable:
        stderr.print(f"not read: {file.problem}", style="yellow", markup=False)
    if found.unreadable:
        raise typer.Exit(1)


@app.command()
def notebook(
    source: Annotated[Path, typer.Argument(help="Notebook (.ipynb).", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Page to write (.html).")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter of the notebook: NAME=VALUE.")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "rramchar report",
    as_json: JsonOption = False,
) -> None:
    """Execute a notebook and export its results as one self-contained page.

    Example: rramchar report notebook notebooks/demo.ipynb --set folder=demo -o report.html
    """
    from rramchar.report.notebook import execute_notebook

    if not source.is_file():
        raise InputError(f"{source}: does not exist; expected a notebook")
    check_writable(output, option="-o")
    parameters = {}
    for text in set_ or []:
        name, value = _setting(text, "--set", "NAME=VALUE")
        if not name.isidentifier():
            raise InputError(f"--set {text!r}: expected NAME=VALUE")
        parameters[name] = value
    executed = _executed(output, source)
    with stderr.status(f"executing {source.name}"):
        execute_notebook(source, executed, parameters, title=title, html=output)
    emit(
        {"output": str(output), "notebook": str(executed)},
        as_json,
        lambda: stdout.print(f"written: {output}", markup=False),
    )


def _executed(output: Path, source: Path) -> Path:
    """Return where the executed notebook goes: beside the page, never over its source."""
    executed = output.with_suffix(".ipynb")
    if executed == output:
        raise InputError(f"-o {output}: is the name of a notebook; expected a page (.html)")
    if executed.exists() and executed.samefile(source):
        raise InputError(f"-o {output}: would overwrite {source}; choose another name")
    return executed


def _setting(text: str, option: str, expected: str) -> tuple[str, str]:
    """Split what stands in an option of the form A=B."""
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise InputError(f"{option} {text!r}: expected {expected}")
    return name, value
