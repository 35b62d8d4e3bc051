"""``rramchar fit resistance``: the statistics of both states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import JsonOption, PlotOption, stdout
from rramchar.cli.fit_common import (
    FileArgument,
    LayoutOption,
    ModelFileOption,
    ResamplesOption,
    SeedOption,
    run_fit,
)

if TYPE_CHECKING:
    from rramchar.fitting import FittedModel


def resistance(
    file: FileArgument,
    layout: LayoutOption = None,
    model: Annotated[
        str,
        typer.Option(
            help="auto, lognormal, student_t, sinh_arcsinh or two_lognormals; auto takes the "
            "smallest clustered BIC for each state."
        ),
    ] = "auto",
    output: ModelFileOption = None,
    plot: PlotOption = None,
    seed: SeedOption = 0,
    resamples: ResamplesOption = 2000,
    as_json: JsonOption = False,
) -> None:
    """Fit LRS and HRS: distribution, its parts from device and cycle, correlations, drift.

    Intervals are 95 % intervals over devices. Censored readings count as such.
    Says which distributions were tried, and how well a lognormal does.

    Example: rramchar fit resistance cells.csv -o resistance.json --plot quantiles.png
    """
    from rramchar.fitting import fit_resistance
    from rramchar.report.states import plot_states

    run_fit(
        file,
        layout,
        lambda frame, facts: fit_resistance(
            frame, model=model, seed=seed, resamples=resamples, provenance=facts
        ),
        lambda fitted, frame: plot_states(fitted, frame, file.name),
        _show,
        command=f"rramchar fit resistance {file.name} --model {model} --seed {seed} "
        f"--resamples {resamples}",
        output=output,
        plot=plot,
        as_json=as_json,
    )


def _show(model: FittedModel) -> None:
    for state, facts in model.goodness.items():
        tried = ", ".join(
            f"{name} {entry['bic_clustered']:.1f}" for name, entry in facts["candidates"].items()
        )
        stdout.print(f"{state.upper()}: {facts['family']} (clustered BIC: {tried})")
        if "ks_distance" in facts:
            stdout.print(
                f"  {facts['remark']} (Kolmogorov-Smirnov distance {facts['ks_distance']:.3f}, "
                f"{facts['family_ks_distance']:.3f} for {facts['family']}; skewness "
                f"{facts['skewness']:+.2f}, excess kurtosis {facts['excess_kurtosis']:+.2f})"
            )
        else:
            stdout.print(f"  {facts['remark']}")
        for reason, count in {**facts["censored"], **facts["left_out"]}.items():
            if count:
                kind = "censored" if reason in facts["censored"] else "left out"
                stdout.print(f"  {count} readings {kind}: {reason}")
