"""``rramchar fit weak-reset``: the weak-RESET models of IEDM 2019 and arXiv:2107.06064."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import JsonOption, PlotOption, check_writable, late_progress, stdout
from rramchar.cli.fit_common import FileArgument, LayoutOption, ModelFileOption, run_fit

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rramchar.fitting import FittedModel

MODELS = ("iedm2019", "arxiv2107")
_MANY = 20_000  # readings from which a bar is shown


def weak_reset(
    file: FileArgument,
    model: Annotated[str, typer.Option(help="iedm2019 or arxiv2107.")] = "iedm2019",
    layout: LayoutOption = None,
    output: ModelFileOption = None,
    plot: PlotOption = None,
    per_device: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write the parameters of each device here."),
    ] = None,
    g_min: Annotated[
        str | None, typer.Option(help="Take Gmin as known, such as 20uS (iedm2019).")
    ] = None,
    g_max: Annotated[str | None, typer.Option(help="Take Gmax as known (iedm2019).")] = None,
    v_ref: Annotated[
        str | None, typer.Option(help="Voltage for which C is given; median without (iedm2019).")
    ] = None,
    t_ref: Annotated[
        str | None, typer.Option(help="Width for which C is given; median without (iedm2019).")
    ] = None,
    integrated: Annotated[
        bool,
        typer.Option("--integrated", help="Integrate the law within each pulse (iedm2019)."),
    ] = False,
    voltage: Annotated[
        str, typer.Option(help="Column with the pulse voltage, such as v_wl_v (iedm2019).")
    ] = "v_reset_v",
    as_json: JsonOption = False,
) -> None:
    """Fit resistances over weak RESET pulses; needs device, pulse, resistance_ohm.

    iedm2019: C, beta, eta, Gmin, Gmax by maximum likelihood of the increments,
    all devices together and each alone; read noise, and the dependence on
    v_reset_v and pulse_width_s, where the data show them.

    arxiv2107: line with a kink in ln R, 1/f and telegraph noise of each
    device, and how they spread over devices.

    Exit code 1 when the fit did not converge. A parameter that the data do
    not determine is named; its interval is then a limit, not an estimate.

    Example: rramchar fit weak-reset pulses.csv --model iedm2019 -o model.json --plot fit.png
    """
    from rramchar.errors import InputError
    from rramchar.provenance import comment_header

    if model not in MODELS:
        raise InputError(f"--model {model}: expected {' or '.join(MODELS)}")
    if per_device is not None:
        check_writable(per_device, option="--per-device")
    options = _options(g_min, g_max, v_ref, t_ref, integrated, voltage)
    if model != "iedm2019" and options:
        raise InputError(f"{', '.join(options)}: only for --model iedm2019")
    settings = " ".join(f"{name} {text}".strip() for name, (text, _) in options.items())
    command = f"rramchar fit weak-reset {file.name} --model {model} {settings}".strip()
    fitted: list[Any] = []

    def fit(frame: pd.DataFrame, facts: dict[str, object]) -> FittedModel:
        given = {key: value for _, (key, value) in _by_keyword(options)}
        with late_progress("devices") as show:

            def progress(done: int) -> None:
                if len(frame) >= _MANY:
                    show(done, frame["device"].nunique())

            fitted.append(_fit(model, frame, given, facts, str(file), progress))
        if per_device is not None:
            header = comment_header("rramchar weak-RESET parameters of each device", facts)
            table = fitted[0].per_device.to_csv(index=False, lineterminator="\n")
            per_device.write_text(header + table, encoding="utf-8")
        result: FittedModel = fitted[0].model
        return result

    try:
        run_fit(
            file,
            layout,
            fit,
            lambda _, frame: _figure(model, fitted[0], file.name),
            _show,
            command=command,
            output=output,
            plot=plot,
            as_json=as_json,
        )
    except typer.Exit:
        # What the data leave open (mostly Gmin) is said above; the rest of the fit stands.
        if not fitted or not fitted[0].model.converged:
            raise


def _options(
    g_min: str | None, g_max: str | None, v_ref: str | None, t_ref: str | None, integrated: bool,
    voltage: str,
) -> dict[str, tuple[str, Any]]:  # fmt: skip
    """Return the options that were given, with their text and value."""
    from rramchar.units import parse_quantity

    given = {"--g-min": (g_min, "S"), "--g-max": (g_max, "S"), "--v-ref": (v_ref, "V"),
             "--t-ref": (t_ref, "s")}  # fmt: skip
    out: dict[str, tuple[str, Any]] = {
        name: (text, parse_quantity(text, unit, name=name))
        for name, (text, unit) in given.items()
        if text is not None
    }
    if integrated:
        out["--integrated"] = ("", True)
    if voltage != "v_reset_v":
        out["--voltage"] = (voltage, voltage)
    return out


_KEYWORDS = {
    "--g-min": "g_min_s", "--g-max": "g_max_s", "--v-ref": "v_ref_v", "--t-ref": "t_ref_s",
    "--integrated": "integrated", "--voltage": "voltage",
}  # fmt: skip


def _by_keyword(options: dict[str, tuple[str, Any]]) -> list[tuple[str, tuple[str, Any]]]:
    return [(name, (_KEYWORDS[name], value)) for name, (_, value) in options.items()]


def _fit(
    model: str, frame: pd.DataFrame, given: dict[str, Any], facts: dict[str, object], source: str,
    progress: Callable[[int], None],
) -> Any:  # fmt: skip
    from rramchar.fitting.drift import fit_weak_reset_arxiv2107
    from rramchar.fitting.weak_reset import fit_weak_reset_iedm2019

    if model == "iedm2019":
        return fit_weak_reset_iedm2019(
            frame, provenance=facts, progress=progress, source=source, **given
        )
    return fit_weak_reset_arxiv2107(frame, provenance=facts, progress=progress, source=source)


def _figure(model: str, fit: Any, name: str) -> Any:
    from rramchar.report.weak_reset import plot_weak_reset_arxiv2107, plot_weak_reset_iedm2019

    draw = plot_weak_reset_iedm2019 if model == "iedm2019" else plot_weak_reset_arxiv2107
    return draw(fit, name)


def _show(model: FittedModel) -> None:
    from rich.table import Table

    if model.population:
        table = Table(title="from device to device")
        for heading in ("parameter", "distribution", "location", "spread"):
            table.add_column(heading)
        for name, spec in model.population.items():
            if "distribution" in spec and spec["distribution"] != "constant":
                table.add_row(name, spec["distribution"], *_described(spec))
        stdout.print(table)
    goodness = model.goodness
    left_out = "".join(
        f"; {count:,} {what} left out" for what, count in goodness["left_out"].items()
    )
    stdout.print(f"{goodness['readings']:,} readings of {goodness['devices']:,} devices{left_out}")
    stdout.print(goodness["remark"], markup=False)
    for text in goodness["failed"]:
        stdout.print(f"not converged: {text}", markup=False)


def _described(spec: dict[str, Any]) -> tuple[str, str]:
    def text(name: str) -> str:
        if name not in spec:
            return ""
        entry = spec[name]
        return f"{name} {entry['value']:.4g} ({entry['low']:.4g} ... {entry['high']:.4g})"

    location = text("mean") or text("median")
    bounds = [spec.get("lower"), spec.get("upper")]
    ends = " ... ".join("" if end is None else f"{end:.4g}" for end in bounds)
    spread = text("sd") or text("sigma") or text("scale") or text("end")
    return location, f"{spread}{f', within {ends}' if ends != ' ... ' else ''}"
