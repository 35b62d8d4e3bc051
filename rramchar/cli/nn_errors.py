"""The options that say what goes wrong on a chip, and what they mean together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.nn.chips import HardwareErrors
    from rramchar.nn.graph import AnyNetwork
    from rramchar.nn.pair_reads import PairReads
    from rramchar.nn.weak_pairs import WeakPairs

BerOption = Annotated[
    str | None,
    typer.Option(
        "--ber",
        metavar="RATE|TABLE.csv",
        help="Errors of a programmed chip: rate per weight, or a BER table. Without: none.",
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        help='The row of the table, such as "vdd_v=0.6,corner=ss"; with --resistance, the '
        "condition of its --read-model.",
    ),
]
LayerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--layer", metavar="INDEX:...", help="Other condition or rate of one layer; repeat."
    ),
]
ResistanceOption = Annotated[
    Path | None,
    typer.Option(
        "--resistance",
        metavar="MODEL.json",
        help="Instead of --ber: draw every resistance from this fitted model.",
    ),
]
ReadModelOption = Annotated[
    Path | None,
    typer.Option(
        "--read-model", metavar="MODEL.json", help="The amplifier that reads --resistance."
    ),
]
AmplifiersOption = Annotated[
    str,
    typer.Option(
        "--amplifiers", help="One mismatch per column of an array, per pair, or nominal ones."
    ),
]
BadOption = Annotated[
    float | None, typer.Option("--bad", metavar="SHARE", help="Share of stuck or weak pairs.")
]
BadReadsOption = Annotated[
    float | None,
    typer.Option(
        "--bad-reads", help="Share of a weak pair's reads that are wrong. Without: stuck pairs."
    ),
]
BadSpreadOption = Annotated[
    str,
    typer.Option(
        "--bad-spread",
        metavar="row=S,column=S,die=S",
        help="How far bad pairs gather: sigma of ln(share) between rows, columns and dies.",
    ),
]
ArrayOption = Annotated[
    str, typer.Option("--array", metavar="ROWSxCOLUMNS", help="Size of the arrays.")
]
ReadBerOption = Annotated[
    str | None,
    typer.Option(
        "--read-ber", metavar="RATE|TABLE.csv", help="Errors that are drawn anew at every read."
    ),
]
ReadWhereOption = Annotated[
    str | None, typer.Option("--read-where", help="The row of the table of --read-ber.")
]
ImagesPerReadOption = Annotated[
    int | None,
    typer.Option(
        "--images-per-read",
        help="Images that share a read: 1 as on a chip, more is faster; the mean is the same, the "
        "spread between chips too large.  [default: 1000]",
    ),
]


@dataclass(frozen=True)
class ErrorTexts:
    """The options as they were given; see the module's types."""

    ber: str | None = None
    where: str | None = None
    layers: tuple[str, ...] = ()
    resistance: Path | None = None
    read_model: Path | None = None
    amplifiers: str = "column"
    bad: float | None = None
    bad_reads: float | None = None
    bad_spread: str = ""
    array: str = "32x32"
    read_ber: str | None = None
    read_where: str | None = None
    images_per_read: int | None = None

    def given(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, by name."""
        changed = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                plain = isinstance(value, int | float)
                listed = list(value) if isinstance(value, tuple) else str(value)
                changed[field.name] = value if plain else listed
        return changed

    def files(self) -> list[Path]:
        """Return the files that the errors come from: tables and fitted models."""
        tables = [Path(text) for text in (self.ber, self.read_ber) if text is not None]
        models = [path for path in (self.resistance, self.read_model) if path is not None]
        return [*(path for path in tables if not _is_rate(path)), *models]


def _is_rate(path: Path) -> bool:
    try:
        float(str(path))
    except ValueError:
        return False
    return True


def hardware_errors(network: AnyNetwork, texts: ErrorTexts) -> HardwareErrors:
    """Turn the options into what goes wrong on a chip.

    Parameters
    ----------
    network : Network
        The network.
    texts : ErrorTexts
        The options.

    Returns
    -------
    HardwareErrors
        Checked against the network.

    Raises
    ------
    InputError
        If options contradict each other, or one cannot be used.
    """
    from rramchar.nn.chips import IMAGES_PER_READ, HardwareErrors
    from rramchar.nn.error_model import parse_error_model

    if (texts.resistance is None) != (texts.read_model is None):
        raise InputError("--resistance and --read-model go together; give both or neither")
    if texts.resistance is not None and texts.ber is not None:
        raise InputError("--ber and --resistance: both are errors of programming; give one of them")
    _refuse_idle(texts)
    reading = parse_error_model(network, texts.read_ber, texts.read_where, option="--read-ber")
    bad = _bad_pairs(texts)
    if texts.images_per_read is not None and reading is None and (bad is None or bad.stuck):
        raise InputError(
            f"--images-per-read {texts.images_per_read}: nothing is drawn anew at a read; give "
            "--read-ber or --bad-reads too"
        )
    programming: Any
    if texts.resistance is not None:
        programming = _pair_reads(texts)
    else:
        programming = parse_error_model(network, texts.ber, texts.where, texts.layers)
    shared = IMAGES_PER_READ if texts.images_per_read is None else texts.images_per_read
    return HardwareErrors(programming, bad, reading, shared)


def _refuse_idle(texts: ErrorTexts) -> None:
    """Refuse options of the drawn devices where none are drawn: they would change nothing."""
    default = ErrorTexts()
    if texts.amplifiers != default.amplifiers and texts.resistance is None:
        raise InputError(
            f"--amplifiers {texts.amplifiers}: goes with --resistance and --read-model; add them, "
            "or leave this out"
        )
    if texts.array != default.array and texts.resistance is None and texts.bad is None:
        raise InputError(
            f"--array {texts.array}: goes with --resistance and --read-model, or with --bad; add "
            "them, or leave this out"
        )


def _bad_pairs(texts: ErrorTexts) -> WeakPairs | None:
    from rramchar.nn.array_layout import ArrayLayout
    from rramchar.nn.weak_pairs import WeakPairs

    if texts.bad is None:
        if texts.bad_reads is not None or texts.bad_spread:
            raise InputError("--bad-reads and --bad-spread: need --bad SHARE, the share of pairs")
        return None
    sigmas = {}
    for part in filter(None, (p.strip() for p in texts.bad_spread.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            if name not in ("row", "column", "die"):
                raise ValueError
            sigma = float(value)
        except ValueError:
            raise InputError(
                f"--bad-spread {part!r}: expected row=S, column=S or die=S with a number S"
            ) from None
        if f"{name}_sigma" in sigmas:
            raise InputError(
                f"--bad-spread {texts.bad_spread}: {name} is given twice; give it once"
            )
        sigmas[f"{name}_sigma"] = sigma
    return WeakPairs(texts.bad, texts.bad_reads, layout=ArrayLayout.parse(texts.array), **sigmas)


def _pair_reads(texts: ErrorTexts) -> PairReads:
    from rramchar.ber.states import states_of
    from rramchar.ber.where import parse_where
    from rramchar.fitting import load_model
    from rramchar.fitting.read_decision import read_conditions
    from rramchar.nn.array_layout import ArrayLayout
    from rramchar.nn.pair_reads import PairReads, choose_condition

    assert texts.resistance is not None
    assert texts.read_model is not None
    if texts.layers:
        raise InputError("--layer: goes with --ber; --resistance reads all layers alike")
    where = parse_where(texts.where or "")
    sample_time = where.pop("sample_time_s", None)
    condition = choose_condition(read_conditions(load_model(texts.read_model)), where)
    states = states_of(load_model(texts.resistance))
    layout = ArrayLayout.parse(texts.array)
    return PairReads(states, condition, sample_time, texts.amplifiers, layout)
