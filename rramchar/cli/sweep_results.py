"""``rramchar sweep``: look at the results of a run, draw them, export them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.sweep.rerun import Rerun

RunArgument = Annotated[Path, typer.Argument(help="Run directory.", show_default=False)]
MOST_PANELS = 12
PointArgument = Annotated[
    int, typer.Argument(help="Number in the column `point`.", show_default=False)
]


def export(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    to: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
    as_json: JsonOption = False,
) -> None:
    """Write a run's results as a table with units in the column names.

    Example: rramchar sweep export runs/first --to csv -o first.csv
    """
    from rramchar.sweep import export as export_run

    check_writable(output, option="-o")
    rows = export_run(run, output, to)
    emit(
        {"rows": rows, "output": str(output)},
        as_json,
        lambda: stdout.print(f"{rows} rows written to {output}"),
    )


def show(
    run: RunArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds until the run ends.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Summarize a run, also one that is running: progress, failures by reason, outcomes.

    Example: rramchar sweep show runs/first --watch
    """
    from rramchar.cli.sweep_show import summary_table, watch_run
    from rramchar.sweep import summarize

    if watch and as_json:
        raise InputError("--watch: goes on and on, and --json prints one document; choose one")
    if watch:
        watch_run(run)
    with progress_bar() as bar:

        def advance(done: int, total: int) -> None:
            if not bar.tasks:
                bar.add_task("laying out the plan", total=total)
            bar.update(bar.tasks[0].id, completed=done)

        report = summarize(run, progress=advance)
        for task in bar.tasks:
            bar.update(task.id, visible=False)
    emit(report.as_dict(), as_json, lambda: stdout.print(summary_table(report)))


def plot(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write (.png).")],
    x: Annotated[str | None, typer.Option("--x", help="Column along the figure.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Column up the figure.")] = None,
    z: Annotated[
        str | None, typer.Option("--z", help="Column shown as colour, over two axes.")
    ] = None,
    hue: Annotated[str | None, typer.Option(help="Column that tells curves apart.")] = None,
    panel: Annotated[str | None, typer.Option(help="Column with a panel per value.")] = None,
    where: Annotated[
        str, typer.Option(help="Rows to draw: corner=tt|ss,vdd_v=0.6,r_bl_ohm=5k.")
    ] = "",
    over: Annotated[
        str, typer.Option(help="Axes whose values are drawn as a spread: r_bl_ohm,r_blb_ohm.")
    ] = "",
    kind: Annotated[
        str | None,
        typer.Option(help="line, box, histogram, heatmap, fraction or scatter; by the data."),
    ] = None,
    logx: Annotated[
        bool | None, typer.Option("--logx/--linx", help="Scale of x; by the data.")
    ] = None,
    logy: Annotated[
        bool | None, typer.Option("--logy/--liny", help="Scale of y; by the data.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw any column of a run's results over any axis, as the kind of figure that fits the data.

    Example: rramchar sweep plot runs/first --x vdd_v --y sense_time_s --hue corner -o sense.png
    """
    from rramchar.report.sweep_plot import plot_sweep
    from rramchar.report.sweep_view import choose_view, select_rows
    from rramchar.sweep import load

    check_writable(output, option="-o")
    view = choose_view(
        select_rows(load(run), where),
        x=x,
        y=y,
        z=z,
        hue=hue,
        panel=panel,
        over=[name.strip() for name in over.split(",") if name.strip()],
        kind=kind,
        logx=logx,
        logy=logy,
    )
    write_figure(output, plot_sweep(view))
    counts = view.counts()
    listed = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items())
    emit(
        {"output": str(output), "kind": view.kind, **counts},
        as_json,
        lambda: stdout.print(f"{view.kind} of {listed}\nwritten: {output}", markup=False),
    )


def reproduce(
    run: RunArgument,
    point: PointArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Deck to write; printed by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a deck for plain `ngspice -b` that makes one point of a run, failed or not.

    Example: rramchar sweep reproduce runs/first 123 -o point.cir && ngspice -b point.cir
    """
    from rramchar.sweep import reproducing_deck

    if output is not None:
        check_writable(output, option="-o")
    found = reproducing_deck(run, point)
    if output is not None:
        output.write_text(found.text, encoding="utf-8")
    summary = {
        "point": point,
        **found.values,
        **{name: found.row[name] for name in ("status", "reason", "detail")},
        "solver": found.solver,
        "output": None if output is None else str(output),
        **({"deck": found.text} if output is None else {}),
    }

    def tell() -> None:
        if output is None:
            stdout.file.write(found.text)
            return
        state = found.row["reason"] or found.row["status"]
        stdout.print(
            f"point {point} ({state}), with the solver options {found.solver}, {found.why}\n"
            f"written: {output}; run it with: ngspice -b {output}",
            markup=False,
        )

    emit(summary, as_json, tell)


def waveforms(
    run: RunArgument,
    points: Annotated[
        list[int], typer.Argument(help="Numbers in the column `point`.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; RUN/waveforms by default.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate points again and keep their waveforms, as .raw files for the usual viewers.

    Example: rramchar sweep waveforms runs/first 12 13 --plot reads.png
    """
    from rramchar.sweep.rerun import rerun, write_waveforms

    if plot is not None:
        check_writable(plot, option="--plot")
        if len(set(points)) > MOST_PANELS:
            raise InputError(f"--plot: {len(set(points))} points, at most {MOST_PANELS} fit")
    done: list[tuple[Rerun, Path | None]] = []
    with progress_bar() as bar:
        for again in rerun(run, points):
            if not bar.tasks:
                bar.add_task("simulating", total=len(set(points)))
            done.append((again, write_waveforms(run, again, out) if again.waves else None))
            bar.advance(bar.tasks[0].id)
    done.sort(key=lambda item: points.index(item[0].point))
    kept = [again for again, _ in done if again.waves]
    if plot is not None and kept:
        from rramchar.report.sweep_plot import plot_reruns

        write_figure(plot, plot_reruns(kept))
    listed = [
        {
            "point": again.point,
            "status": again.row["status"],
            "reason": again.row.get("reason"),
            "detail": again.row.get("detail"),
            "file": path,
            "samples": len(again.waves.get("time", ())),
            "differs": again.differs,
        }
        for again, path in done
    ]

    def tell() -> None:
        for again, path in done:
            stdout.print(_rerun_text(again, path), markup=False)
        if plot is not None and kept:
            stdout.print(f"written: {plot}", markup=False)

    emit({"points": listed, "plot": plot if kept else None}, as_json, tell)
    if len(kept) < len(done) or any(again.differs for again, _ in done):
        raise typer.Exit(1)


def _rerun_text(again: Rerun, path: Path | None) -> str:
    if again.differs is None:
        compared = "not stored by the run yet"
    elif again.differs:
        compared = f"DIFFERS from what the run stored in {', '.join(again.differs)}"
    else:
        compared = "the same as the run stored"
    if path is None:
        text = f"failed ({again.row['reason']}: {again.row['detail']})"
        return (
            f"point {again.point}: {text}, {compared}; `rramchar sweep reproduce` writes a deck to "
            "look into it"
        )
    return f"point {again.point}: {path}, {compared}"


def outcome_map(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write (.png).")],
    corner: Annotated[str, typer.Option(help="Process corner to show.")] = "tt",
    temperature: Annotated[float, typer.Option(help="Temperature to show, in degC.")] = 27.0,
    sample_time: Annotated[
        str | None, typer.Option("--sample-time", help="Sampling time; the plan's by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the outcome over both resistances from a finished grid, one panel per supply.

    Example: rramchar sweep map runs/first -o outcomes.png --sample-time 6n
    """
    from rramchar.ber.decision_map import decision_map
    from rramchar.report.reads import plot_outcome_map
    from rramchar.sweep import load
    from rramchar.sweep.plan import read_parameters
    from rramchar.units import parse_quantity

    check_writable(output, option="-o")
    frame = load(run)
    parameters = read_parameters(frame.attrs["plan"])
    chosen = frame[(frame["corner"] == corner) & (frame["temperature_c"] == temperature)]
    supplies = sorted(chosen["vdd_v"].unique(), reverse=True)
    if not supplies:
        raise InputError(f"{run}: holds no reads at corner {corner}, {temperature:g} degC")
    maps = {
        vdd: decision_map(
            frame,
            corner=corner,
            temperature_c=temperature,
            vdd_v=vdd,
            window_s=parameters.sensing_time_s,
        )
        for vdd in supplies
    }
    time_s = (
        parameters.sample_time_s
        if sample_time is None
        else parse_quantity(sample_time, "s", name="--sample-time")
    )
    write_figure(output, plot_outcome_map(maps, time_s))
    emit(
        {"output": str(output), "supplies_v": supplies, "sample_time_s": time_s},
        as_json,
        lambda: stdout.print(f"written: {output}", markup=False),
    )
