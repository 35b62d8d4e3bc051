"""``rramchar fit simulate``: new devices drawn from a fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stdout

if TYPE_CHECKING:
    from rramchar.fitting import FittedModel


def simulate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL.json|NAME",
            help="Fitted model, or a built-in one: iedm2019, arxiv2107, relaxation, read-noise.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Tidy readings: .csv or .parquet.")
    ],
    devices: Annotated[int, typer.Option(help="How many devices to draw.")] = 64,
    pulses: Annotated[
        int, typer.Option(help="Pulses on each device; cycles or reads for other models.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Draw new devices from a fitted model and write their readings.

    Works for every kind of model that has a simulate function: weak RESET,
    resistance states, read noise, retention, SET and RESET laws.

    Example: rramchar fit simulate model.json --devices 64 --pulses 200 --seed 1 -o drawn.csv
    """
    from rramchar.fitting.simulate import simulate as draw
    from rramchar.measured.write import check_suffix, write_tidy

    check_writable(output, option="--output")
    check_suffix(output)
    fitted, name = _model(model)
    frame = draw(fitted, devices, pulses, seed)
    facts: dict[str, Any] = {
        "synthetic": f"drawn by rramchar from {fitted.name}, not measured",
        "made_by": f"rramchar fit simulate {name} --devices {devices} --pulses {pulses} "
        f"--seed {seed} -o {output.name}",
    }
    if "source" in fitted.provenance:
        facts["source"] = fitted.provenance["source"]
    write_tidy(frame.assign(resistance_ohm=frame["resistance_ohm"].map(_six_digits)), output, facts)
    result = {
        "file": output, "model": fitted.name, "devices": devices, "pulses": pulses, "seed": seed,
        "readings": len(frame),
    }  # fmt: skip
    emit(
        result,
        as_json,
        lambda: stdout.print(
            f"synthetic: {len(frame):,} readings of {devices:,} devices written to {output}",
            markup=False,
        ),
    )


def _six_digits(value: float) -> float:
    """Round a drawn reading to what an instrument gives."""
    return float(f"{value:.6g}")


def _model(text: str) -> tuple[FittedModel, str]:
    """Return a fitted model from its file, or a published one by name."""
    from rramchar.fitting import load_model
    from rramchar.fitting.published import CHOSEN, PUBLISHED, published_model

    if text in PUBLISHED + CHOSEN and not Path(text).exists():
        return published_model(text), text
    return load_model(text), Path(text).name
