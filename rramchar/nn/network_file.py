"""Save a network to an ``.npz`` file and load it back, with every field checked.

The file is a plain numpy archive without pickle. Its member ``header`` is a JSON text that gives
the format version, the input encoding, the layers (of a chain) or nodes (of a graph) in order with
the names of their arrays, and the meaning of each array; so a file can be read without this
package. Version 1 knew chains only; version 2 adds graphs and reads both.
"""

from __future__ import annotations

import json
import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.graph import Graph
from rramchar.nn.graph_file import read_node, write_node
from rramchar.nn.network import DenseLayer, InputEncoding, Network

FORMAT = "rramchar network"
_DAMAGE: tuple[type[Exception], ...] = (
    # what zipfile, and numpy's parser of an array's header, raise where bytes are flipped
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(tokenize.TokenError, SyntaxError),
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError),
    *(OverflowError, MemoryError),
)
VERSION = 2
_MEANING = {
    "weights": "int8, shape (output, input): stored weight -1, 0 or +1",
    "threshold": "int64, shape (output,): fires +1 when sum(weight * input) >= threshold, else -1",
    "scale": "float64, shape (class,): score = scale * sum(weight * input) + offset",
    "offset": "float64, shape (class,): see scale; the class with the highest score wins",
}


def save_network(network: Network | Graph, path: str | Path) -> None:
    """Write a network to an ``.npz`` file, all or nothing.

    Parameters
    ----------
    network : Network or Graph
        What to save; its metadata must be JSON-serializable.
    path : str or path
        The file, written under exactly this name.

    Raises
    ------
    InputError
        If the metadata cannot be written as JSON or the file cannot be written.
    """
    path = Path(path)
    arrays: dict[str, NDArray[Any]] = {"scale": network.scale, "offset": network.offset}
    meaning = {name: _MEANING[name] for name in arrays}
    structure = (_graph_entries if isinstance(network, Graph) else _chain_entries)(
        network,  # type: ignore[arg-type]
        arrays,
        meaning,
    )
    header = {
        "format": FORMAT,
        "version": VERSION,
        "kind": network.kind,
        "input": {
            "kind": network.encoding.kind,
            "maximum": int(network.encoding.maximum),
            "level": None if network.encoding.level is None else int(network.encoding.level),
        },
        **structure,
        "arrays": meaning,
        "metadata": network.metadata,
    }
    try:
        text = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the network's metadata is not JSON: {error}") from None
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with scratch.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, header=np.array(text), **arrays)
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        scratch.unlink(missing_ok=True)


def _chain_entries(
    network: Network, arrays: dict[str, NDArray[Any]], meaning: dict[str, str]
) -> dict[str, Any]:
    layers = []
    for i, layer in enumerate(network.layers):
        entry: dict[str, str | None] = {"type": "dense", "threshold": None}
        for name in ("weights", "threshold"):
            values = getattr(layer, name)
            if values is not None:
                entry[name] = f"layer{i}_{name}"
                arrays[f"layer{i}_{name}"] = values
                meaning[f"layer{i}_{name}"] = _MEANING[name]
        layers.append(entry)
    return {"layers": layers}


def _graph_entries(
    graph: Graph, arrays: dict[str, NDArray[Any]], meaning: dict[str, str]
) -> dict[str, Any]:
    nodes = [write_node(i, node, arrays, meaning) for i, node in enumerate(graph.nodes)]
    return {"shape": list(graph.shape), "nodes": nodes}


def load_network(path: str | Path) -> Network | Graph:
    """Read a network from a file that `save_network` wrote.

    Parameters
    ----------
    path : str or path
        The ``.npz`` file.

    Returns
    -------
    Network or Graph
        The network, checked; a Graph where the file holds nodes.

    Raises
    ------
    InputError
        If the file is missing, is no such archive, is of a newer version, or lacks or distorts
        anything.
    """
    path = Path(path)
    arrays = _read_arrays(path)
    header = _header(path, arrays)
    try:
        common: dict[str, Any] = {
            "encoding": _encoding(path, header),
            "scale": _array(path, arrays, "scale", np.float64),
            "offset": _array(path, arrays, "offset", np.float64),
            "kind": header.get("kind", ""),
            "metadata": header.get("metadata", {}),
        }
        if "nodes" in header:
            entries = _entries(path, header, "nodes")
            nodes = tuple(read_node(i, entry, arrays) for i, entry in enumerate(entries))
            shape = header.get("shape")
            if not isinstance(shape, list):
                raise InputError(f"{path}: header field 'shape' must be a list of lengths")
            return Graph(nodes=nodes, shape=tuple(shape), **common)
        entries = _entries(path, header, "layers")
        layers = tuple(_layer(path, i, entry, arrays) for i, entry in enumerate(entries))
        return Network(layers=layers, **common)
    except InputError as error:
        message = str(error)
        raise InputError(
            message if message.startswith(str(path)) else f"{path}: {message}"
        ) from None
    except (OverflowError, MemoryError) as error:  # a length of hundreds of digits, for example
        raise InputError(f"{path}: a number in its header is too large: {error}") from None


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; expected a network made by `rramchar nn train -o NET.npz`"
        )
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise InputError(
                    f"{path}: is not an .npz archive (or is cut short); expected a network made "
                    "by `rramchar nn train`"
                )
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: is damaged or no plain .npz archive: {reason}") from None


def _header(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    if "header" not in arrays or arrays["header"].dtype.kind != "U" or arrays["header"].ndim:
        raise InputError(
            f"{path}: has no text 'header', so it is not a {FORMAT} file; "
            f"it holds {', '.join(sorted(arrays)) or 'nothing'}"
        )
    try:
        header = json.loads(arrays["header"].item())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its header is not JSON: {error}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{path}: its header does not say format {FORMAT!r}")
    version = header.get("version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{path}: format version {version!r}, expected an integer from 1")
    if version > VERSION:
        raise InputError(
            f"{path}: format version {version} is newer than {VERSION}, the newest that this "
            "rramchar reads; update rramchar"
        )
    return header


def _entries(path: Path, header: dict[str, Any], field: str) -> list[dict[str, Any]]:
    entries = header.get(field)
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise InputError(f"{path}: header field {field!r} must be a list of objects")
    return entries


def _layer(
    path: Path, i: int, entry: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> DenseLayer:
    if entry.get("type") != "dense":
        raise InputError(f"{path}: layer {i} has type {entry.get('type')!r}, expected 'dense'")
    weights = _array(path, arrays, entry.get("weights"), np.int8)
    name = entry.get("threshold")
    threshold = None if name is None else _array(path, arrays, name, np.int64)
    try:
        return DenseLayer(weights, threshold)
    except InputError as error:
        raise InputError(f"{path}: layer {i}: {error}") from None


def _encoding(path: Path, header: dict[str, Any]) -> InputEncoding:
    entry = header.get("input")
    if not isinstance(entry, dict) or set(entry) != {"kind", "maximum", "level"}:
        raise InputError(f"{path}: header field 'input' must hold kind, maximum and level")
    return InputEncoding(entry["kind"], entry["maximum"], entry["level"])


def _array(path: Path, arrays: dict[str, NDArray[Any]], name: Any, dtype: type) -> NDArray[Any]:
    if not isinstance(name, str) or name not in arrays:
        raise InputError(f"{path}: array {name!r} is missing; it holds {', '.join(sorted(arrays))}")
    if arrays[name].dtype != dtype:
        raise InputError(
            f"{path}: array {name!r} has type {arrays[name].dtype}, expected {np.dtype(dtype)}"
        )
    return arrays[name]
