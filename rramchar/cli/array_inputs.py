"""Weights and inputs of an array, from the command line: drawn at random or read from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.errors import InputError
from rramchar.units import parse_quantity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rramchar.cells.array import ArrayCells

WeightsOption = Annotated[
    str,
    typer.Option(
        help="random (-1 or +1), ternary (random -1, 0, +1), or a .npy file of shape (row, column)."
    ),
]
InputsOption = Annotated[
    str, typer.Option(help="Inputs of xnor_pcsa: random, or a .npy file of +1 and -1 per column.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of what is random.")]
RowsOption = Annotated[
    int | None, typer.Option(help="Rows; those of the file of weights by default.")
]
ColumnsOption = Annotated[
    int | None, typer.Option(help="Columns; those of the file of weights by default.")
]
_LEVELS = {"random": (-1, 1), "ternary": (-1, 0, 1)}


@dataclass(frozen=True)
class ArrayContents:
    """What a user gave as size, weights, inputs and states of an array."""

    weights: str
    inputs: str
    seed: int
    rows: int | None
    columns: int | None
    lrs: str
    hrs: str

    @property
    def weights_name(self) -> str:
        """What the weights are called in a table: how they were drawn, or the file's name."""
        return self.weights if self.weights in _LEVELS else Path(self.weights).name

    def load(
        self, amplifier: str, default_size: int
    ) -> tuple[NDArray[np.int8], ArrayCells, tuple[int, ...] | None]:
        """Return weights, resistances, and inputs where the amplifier has them.

        Parameters
        ----------
        amplifier : str
            ``xnor_pcsa`` has inputs.
        default_size : int
            Rows and columns where neither the user nor a file tells.

        Returns
        -------
        weights : array of int8, shape (row, column)
            -1, 0 or +1.
        cells : ArrayCells
            Resistances.
        inputs : tuple of int, shape (column,), or None
            +1 or -1.

        Raises
        ------
        InputError
            If a file or a value cannot be used.
        """
        from rramchar.cells.array import cells_of_weights, check_inputs, check_weights

        if self.weights in _LEVELS:
            weights = self._random_weights(default_size)
        else:
            weights = check_weights(_load_npy("--weights", self.weights))
            self._check_size(weights.shape)
        cells = cells_of_weights(
            weights,
            r_lrs_ohm=parse_quantity(self.lrs, "ohm", name="--lrs"),
            r_hrs_ohm=parse_quantity(self.hrs, "ohm", name="--hrs"),
        )
        if amplifier != "xnor_pcsa":
            if self.inputs != "random":
                raise InputError("--inputs: given, expected none with the amplifier pcsa")
            return weights, cells, None
        if self.inputs == "random":
            drawn = _generator(self.seed, 1).choice((-1, 1), cells.columns)
        else:
            drawn = _load_npy("--inputs", self.inputs)
        return weights, cells, check_inputs(drawn, cells.columns, xnor=True)

    def _random_weights(self, default_size: int) -> NDArray[np.int8]:
        from rramchar.cells.column import check_count

        rows = default_size if self.rows is None else self.rows
        columns = default_size if self.columns is None else self.columns
        check_count("rows", rows)
        check_count("columns", columns)
        drawn = _generator(self.seed, 0).choice(_LEVELS[self.weights], (rows, columns))
        return drawn.astype("int8")

    def _check_size(self, shape: tuple[int, ...]) -> None:
        for axis, name, given in ((0, "rows", self.rows), (1, "columns", self.columns)):
            if given is not None and given != shape[axis]:
                raise InputError(
                    f"--{name}: {given}, expected {shape[axis]}, the {name} of --weights "
                    "(or leave the option out)"
                )


def _generator(seed: int, stream: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))


def _load_npy(option: str, text: str) -> Any:
    import numpy as np

    try:
        path = Path(text)
        if not path.is_file():
            raise InputError(
                f"{option}: {text!r} is neither random nor a file; expected a .npy file"
            )
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{option} {text!r}: cannot be read as a .npy file ({error}); write it with numpy.save"
        ) from None
    if not isinstance(loaded, np.ndarray):
        raise InputError(f"{option} {text!r}: holds several arrays, expected one (numpy.save)")
    return loaded
