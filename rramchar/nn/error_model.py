"""From what a user says about read errors, a rate or a row of a table, to an error model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rramchar.ber.confusion import Confusion
from rramchar.ber.rows import describe
from rramchar.ber.table import BerTable
from rramchar.ber.where import parse_where
from rramchar.errors import InputError
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.inject import layer_confusions

Model = tuple[Confusion, ...]


def confusions_at(network: AnyNetwork, rate: float) -> Model:
    """Return the error model of a plain bit error rate, one confusion for each layer.

    Parameters
    ----------
    network : Network or Graph
        Binary: +1 and -1 flip into each other. Ternary: single-step errors with each layer's own
        share of zeros, so that the mean error rate of every layer is `rate`.
    rate : float
        Mean error probability per weight. [1]

    Returns
    -------
    tuple of Confusion
        For `inject_network`.

    Raises
    ------
    InputError
        If the rate is no probability or above what single-step errors reach.
    """
    return tuple(
        mean_confusion(network.kind, rate, layer.zero_fraction) for layer in network.layers
    )


def mean_confusion(kind: str, rate: float, zero_fraction: float) -> Confusion:
    """Return the confusion of a mean error rate for weights of a kind.

    Parameters
    ----------
    kind : str
        ``binary`` or ``ternary``.
    rate : float
        Mean error probability per weight. [1]
    zero_fraction : float
        Share of the weights that are 0. [1]

    Returns
    -------
    Confusion
        See `confusions_at`.

    Raises
    ------
    InputError
        If the rate is no probability or above what single-step errors reach.
    """
    if kind == "binary":
        return Confusion.binary_symmetric(rate)
    return Confusion.ternary_adjacent(rate, zero_fraction)


def parse_error_model(
    network: AnyNetwork,
    ber: str | None,
    where: str | None = None,
    layers: Sequence[str] = (),
    *,
    option: str = "--ber",
) -> Model | None:
    """Turn an error rate, or a table and a condition, into an error model.

    Parameters
    ----------
    network : Network or Graph
        Whose weights are read.
    ber : str or None
        A rate such as ``1e-3``, or the path of a BER table. None: no errors.
    where : str or None
        The row of the table, such as ``vdd_v=0.6,corner=ss``; see `confusion_for`.
    layers : sequence of str
        What is different for single layers, such as ``0:corner=tt`` (conditions that replace or
        join those of `where`) or ``1:1e-4`` (a rate, beside a rate).
    option : str
        The option that `ber` came from, for error messages.

    Returns
    -------
    tuple of Confusion, or None
        One for each layer; None without errors.

    Raises
    ------
    InputError
        If the texts cannot be used, the table has not one such row, or the row does not fit the
        network's kind of weights.
    """
    where_option = option.replace("ber", "where")
    if ber is None:
        if where is not None:
            raise InputError(
                f"{where_option} {where}: chooses a row of a table; give {option} TABLE.csv too"
            )
        for text in layers:
            raise InputError(
                f"--layer {text}: changes the errors of one layer; give {option} RATE or "
                f"{option} TABLE.csv too"
            )
        return None
    special = _by_layer(network, layers)
    try:
        float(ber)
    except ValueError:
        return _from_table(network, Path(ber), where or "", special, option)
    if where is not None:
        raise InputError(
            f"{where_option} {where}: goes with a table, but {option} {ber} is a rate; leave one "
            "out"
        )
    rates = [special.get(i, ber) for i in range(len(network.layers))]
    return tuple(_at_rate(network, text, option)[i] for i, text in enumerate(rates))


def confusion_for(table: BerTable, where: Mapping[str, Any]) -> Confusion:
    """Return how weights are read at a condition of a table, between two supplies if need be.

    Parameters
    ----------
    table : BerTable
        The table.
    where : mapping
        Column of `rramchar.ber.rows.KEYS` to value, that leave one row, or one for each supply.

    Returns
    -------
    Confusion
        That of the row. Where the table has no row at ``vdd_v`` but neighbours on both sides:
        binary, symmetric flips at the rate of `BerTable.look_up` (straight in log BER); ternary,
        the two neighbours' confusions mixed in proportion, which states rather too many errors.

    Raises
    ------
    InputError
        If no row or several rows fit, or the supply lies outside the table.
    """
    vdd_v = where.get("vdd_v")
    others = {column: value for column, value in where.items() if column != "vdd_v"}
    if vdd_v is None or table.filter(**where).rows:
        return table.confusion(**where)
    supplies = {row.vdd_v for row in table.filter(**others).rows if row.vdd_v is not None}
    if not supplies or not min(supplies) < vdd_v < max(supplies):
        return table.confusion(**where)  # raises, and lists the supplies that there are
    between = table.look_up(vdd_v, **others)
    ends = [table.select(**others, vdd_v=v) for v in between.between_v]
    if all(row.coding == "binary" for row in ends):
        return Confusion.binary_symmetric(between.ber)
    low, high = between.between_v
    share = (vdd_v - low) / (high - low)
    first, second = (row.confusion().probability for row in ends)
    return Confusion(np.asarray((1 - share) * first + share * second))


def of_kind(table: BerTable, where: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Add ``coding`` to conditions that leave it open, where the table has rows of that kind.

    Parameters
    ----------
    table : BerTable
        The table.
    where : mapping
        Conditions, see `confusion_for`.
    kind : str
        The network's kind of weights: ``binary`` or ``ternary``.

    Returns
    -------
    dict
        So that a table of both codings can be asked the same for both kinds of network.
    """
    others = {column: value for column, value in where.items() if column != "vdd_v"}
    if "coding" in where or not table.filter(**{**others, "coding": kind}).rows:
        return dict(where)
    return {**where, "coding": kind}


def check_coding(table: BerTable, where: Mapping[str, Any], kind: str) -> None:
    """Refuse binary rows for a ternary network.

    Parameters
    ----------
    table : BerTable
        The table.
    where : mapping
        Conditions, from `of_kind`.
    kind : str
        The network's kind of weights: ``binary`` or ``ternary``.

    Raises
    ------
    InputError
        If the network is ternary and the conditions leave a binary row. Such a row does not know
        how a stored 0 is read: every 0 would count as read rightly, which overstates the accuracy.
    """
    others = {column: value for column, value in where.items() if column != "vdd_v"}
    said = describe(dict(where))
    if kind == "ternary" and any(row.coding == "binary" for row in table.filter(**others).rows):
        raise InputError(
            f"{f'the rows with {said}' if said else 'its rows'} have coding binary, which says "
            "nothing about a stored 0; a ternary network needs rows with coding ternary (all 3 x 4 "
            "counts, as ber count, ber from-model or ber from-spice --ternary give them)"
        )


def _at_rate(network: AnyNetwork, text: str, option: str) -> Model:
    try:
        return confusions_at(network, float(text))
    except ValueError:
        raise InputError(
            f"{option} of a layer: {text!r}, expected a rate, because {option} is a rate"
        ) from None
    except InputError as error:
        raise InputError(f"{option} {text}: {error}") from None


def _by_layer(network: AnyNetwork, texts: Sequence[str]) -> dict[int, str]:
    """Turn ``INDEX:TEXT`` into texts by layer."""
    found: dict[int, str] = {}
    for text in texts:
        index, colon, rest = text.partition(":")
        count = len(network.layers)
        if not colon or not index.strip().isdecimal() or int(index) >= count:
            raise InputError(
                f"layer {text!r}: expected INDEX:CONDITION such as 0:corner=ss, with an index from "
                f"0 to {count - 1}"
            )
        if int(index) in found:
            raise InputError(f"layer {text!r}: layer {int(index)} is given twice")
        found[int(index)] = rest.strip()
    return found


def _from_table(
    network: AnyNetwork, path: Path, where: str, special: Mapping[int, str], option: str
) -> Model:
    if not path.is_file():
        raise InputError(
            f"{option} {path}: neither a number nor an existing file; expected a rate such as 1e-3 "
            "or a BER table (CSV)"
        )
    common = parse_where(where)
    own = {i: {**common, **parse_where(text)} for i, text in special.items()}
    conditions = [own.get(i, common) for i in range(len(network.layers))]
    try:
        table = BerTable.load(path)
        chosen = [of_kind(table, condition, network.kind) for condition in conditions]
        for condition in chosen:
            check_coding(table, condition, network.kind)
        models = tuple(confusion_for(table, condition) for condition in chosen)
        layer_confusions(network, models)
    except InputError as error:
        message = str(error)
        raise InputError(message if str(path) in message else f"{path}: {message}") from None
    return models
