"""From what a user says about read errors, a rate or a row of a table, to an error model."""

from __future__ import annotations

from pathlib import Path

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn.inject import layer_confusions
from rramchar.nn.network import Network


def confusions_at(network: Network, rate: float) -> tuple[Confusion, ...]:
    """Return the error model of a plain bit error rate, one confusion for each layer.

    Parameters
    ----------
    network : Network
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
    if network.kind == "binary":
        return (Confusion.binary_symmetric(rate),) * len(network.layers)
    return tuple(Confusion.ternary_adjacent(rate, layer.zero_fraction) for layer in network.layers)


def parse_error_model(
    network: Network, ber: str | None, where: str | None = None
) -> tuple[Confusion, ...] | None:
    """Turn an error rate, or a table and a condition, into an error model.

    Parameters
    ----------
    network : Network
        Whose weights are read.
    ber : str or None
        A rate such as ``1e-3``, or the path of a BER table. None: no errors.
    where : str or None
        The row of the table, such as ``vdd_v=0.6,corner=ss``.

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
    if ber is None:
        if where is not None:
            raise InputError(f"--where {where}: chooses a row of a table; give --ber TABLE.csv too")
        return None
    try:
        rate = float(ber)
    except ValueError:
        return _from_table(network, Path(ber), where or "")
    if where is not None:
        raise InputError(
            f"--where {where}: goes with a table, but --ber {ber} is a rate; leave one out"
        )
    try:
        return confusions_at(network, rate)
    except InputError as error:
        raise InputError(f"--ber {ber}: {error}") from None


def _from_table(network: Network, path: Path, where: str) -> tuple[Confusion, ...]:
    from rramchar.ber.table import BerTable
    from rramchar.ber.where import parse_where

    if not path.is_file():
        raise InputError(
            f"--ber {path}: neither a number nor an existing file; expected a rate such as 1e-3 "
            "or a BER table (CSV)"
        )
    conditions = parse_where(where)
    try:
        confusion = BerTable.load(path).confusion(**conditions)
        layer_confusions(network, confusion)
    except InputError as error:
        message = str(error)
        raise InputError(message if str(path) in message else f"{path}: {message}") from None
    return (confusion,) * len(network.layers)
