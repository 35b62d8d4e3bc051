"""A fitted model as a file: JSON with parameters, intervals, goodness of fit and provenance."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rramchar.errors import InputError

FORMAT = "rramchar-fitted-model"
VERSION = 2  # 2: `converged`


@dataclass(frozen=True)
class Parameter:
    """One fitted parameter.

    Parameters
    ----------
    value : float
        The estimate, in `unit`.
    low, high : float
        Ends of the 95 % interval, in `unit`.
    unit : str
        SI unit, ``decade`` for logarithms, ``1`` for pure numbers.
    standard_error : float, optional
        Standard error of the estimate, in `unit`.
    """

    value: float
    low: float
    high: float
    unit: str
    standard_error: float | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("value", "low", "high", "standard_error"):
            number = getattr(self, name)
            if number is None and name == "standard_error":
                continue
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise InputError(f"{name}: {number!r}, expected a number")
            if not math.isfinite(number):
                raise InputError(f"{name}: {number}, expected a finite number")
        if self.low > self.high:
            raise InputError(f"low: {self.low:g} is above high: {self.high:g}; exchange them")
        if not isinstance(self.unit, str):
            raise InputError(f"unit: {self.unit!r}, expected text")


@dataclass(frozen=True)
class FittedModel:
    """A model with the parameters that describe some data.

    Parameters
    ----------
    name : str
        Which model, for instance ``resistance_lognormal``.
    parameters : dict of str to Parameter
        The estimates.
    population : dict
        How parameters spread from device to device, where that was fitted. JSON-serializable.
    goodness : dict
        How well the model describes the data. JSON-serializable.
    provenance : dict
        Files, command and versions, see `rramchar.provenance`. JSON-serializable.
    converged : bool
        Whether the fit found its maximum; ``goodness["failed"]`` tells where it did not.
    version : int
        Version of the file format.
    """

    name: str
    parameters: Mapping[str, Parameter]
    population: Mapping[str, Any] = field(default_factory=dict)
    goodness: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    converged: bool = True
    version: int = VERSION

    def value(self, name: str) -> float:
        """Return the estimate of a parameter.

        Parameters
        ----------
        name : str
            A key of `parameters`.

        Returns
        -------
        float
            In the parameter's own unit.

        Raises
        ------
        InputError
            If the model has no such parameter; the message lists those it has.
        """
        if name not in self.parameters:
            raise InputError(
                f"model {self.name}: no parameter {name!r}; it has {', '.join(self.parameters)}"
            )
        return self.parameters[name].value

    def to_dict(self) -> dict[str, Any]:
        """Return the model as a JSON-serializable document."""
        return {
            "format": FORMAT,
            "version": self.version,
            "name": self.name,
            "parameters": {k: dataclasses.asdict(v) for k, v in self.parameters.items()},
            "population": dict(self.population),
            "goodness": dict(self.goodness),
            "converged": self.converged,
            "provenance": dict(self.provenance),
        }


def save_model(model: FittedModel, path: str | Path) -> None:
    """Write a model as JSON; an existing file is replaced whole or not at all.

    Parameters
    ----------
    model : FittedModel
        What to write.
    path : str or path
        The file.

    Raises
    ------
    InputError
        If the file cannot be written, or a value cannot be written as JSON.
    """
    path = Path(path)
    try:
        text = json.dumps(model.to_dict(), indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError(f"model {model.name}: cannot be written as JSON: {error}") from None
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def load_model(path: str | Path) -> FittedModel:
    """Read a model that `save_model` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    FittedModel
        Equal to the one saved.

    Raises
    ------
    InputError
        If the file is missing, is not JSON, is not a fitted model, is of a newer version, or a
        field is missing or of the wrong kind.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name and the folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); expected "
            "a model written by `rramchar fit`"
        ) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: not a JSON text ({error})") from None
    return _from_document(document, str(path))


def _from_document(document: Any, source: str) -> FittedModel:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{source}, field format: expected {FORMAT!r}; this is no fitted model")
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InputError(f"{source}, field version: {version!r}, expected a whole number from 1")
    if version > VERSION:
        raise InputError(
            f"{source}, field version: {version} is newer than {VERSION}, the latest that this "
            "rramchar reads; update rramchar"
        )
    kinds = {"name": str, "parameters": dict, "population": dict, "goodness": dict}
    for key, kind in {**kinds, "provenance": dict}.items():
        if not isinstance(document.get(key), kind):
            expected = "text" if kind is str else "an object"
            raise InputError(f"{source}, field {key}: missing or not {expected}")
    converged = document.get("converged", True)  # version 1 has none
    if not isinstance(converged, bool):
        raise InputError(f"{source}, field converged: {converged!r}, expected true or false")
    parameters = {
        name: _parameter(entry, f"{source}, field parameters.{name}")
        for name, entry in document["parameters"].items()
    }
    return FittedModel(
        name=document["name"],
        parameters=parameters,
        population=document["population"],
        goodness=document["goodness"],
        provenance=document["provenance"],
        converged=converged,
        version=version,
    )


def _parameter(entry: Any, place: str) -> Parameter:
    known = [f.name for f in dataclasses.fields(Parameter)]
    if not isinstance(entry, dict):
        raise InputError(f"{place}: {entry!r}, expected an object with {', '.join(known)}")
    for key in entry:
        if key not in known:
            raise InputError(f"{place}.{key}: unknown; expected {', '.join(known)}")
    for key in known[:4]:
        if key not in entry:
            raise InputError(f"{place}.{key}: missing; expected {', '.join(known)}")
    try:
        return Parameter(**entry)
    except InputError as error:
        raise InputError(f"{place}.{error}") from None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")
