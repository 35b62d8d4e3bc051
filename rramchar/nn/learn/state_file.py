"""Save an array under training to an ``.npz`` file and load it back, without pickle.

The member ``header`` is a JSON text with settings, sizes and history; ``layer0_...`` and so on are
the arrays of `LearnState.layers`. What follows from the settings alone, such as the parameters of
each device, is not stored but drawn again.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, StoreError
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.state import LearnState

FORMAT = "rramchar learning array"
VERSION = 1
_MEND = "delete it to start again, or choose another folder"


def save_state(state: LearnState, path: str | Path, facts: dict[str, Any] | None = None) -> None:
    """Write a state, all or nothing.

    Parameters
    ----------
    state : LearnState
        What to save.
    path : str or path
        The file.
    facts : dict, optional
        More to keep in the header; JSON-serializable.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "settings": state.settings.as_dict(),
        "sizes": list(state.sizes),
        "maximum": state.maximum,
        "epoch": state.epoch,
        "scheduled": state.scheduled,
        "history": state.history,
        "model_digest": state.model_digest,
        "facts": facts or {},
    }
    arrays = {
        f"layer{i}_{name}": array
        for i, layer in enumerate(state.layers)
        for name, array in layer.state_dict().items()
    }
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with scratch.open("wb") as stream:
            np.savez(stream, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
        os.replace(scratch, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        scratch.unlink(missing_ok=True)


def load_state(path: str | Path) -> tuple[LearnState, dict[str, Any]]:
    """Read a state that `save_state` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    LearnState
        As it was saved.
    dict
        The facts that were saved with it.

    Raises
    ------
    InputError
        If the file is missing, or the device model that it was made with has changed.
    StoreError
        If the file is damaged or of another kind.
    """
    path = Path(path)
    header, arrays = _read(path)
    try:
        settings = LearnSettings.from_dict(header["settings"])
        pixels, *hidden, classes = header["sizes"]
        if tuple(hidden) != settings.hidden:
            raise StoreError(f"{path}: sizes {header['sizes']} and hidden layers do not agree")
        maximum, digest = int(header["maximum"]), header["model_digest"]
        epoch, scheduled = int(header["epoch"]), int(header["scheduled"])
        history, facts = header["history"], header["facts"]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: damaged header ({error!r}); {_MEND}") from None
    state = LearnState(settings, pixels, classes, maximum)
    if state.model_digest != digest:
        raise InputError(
            f"{path}: was made with another device model than {settings.model} holds now; bring "
            "back that model, or start again in another folder"
        )
    state.epoch, state.scheduled, state.history = epoch, scheduled, history
    for i, layer in enumerate(state.layers):
        prefix = f"layer{i}_"
        _fill(path, layer.state_dict(), arrays, prefix)
        layer.load_state(
            {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        )
    return state, facts


def _fill(
    path: Path, expected: dict[str, NDArray[Any]], arrays: dict[str, NDArray[Any]], prefix: str
) -> None:
    """Refuse arrays that are missing or of another shape or type."""
    for name, array in expected.items():
        found = arrays.get(prefix + name)
        if found is None or found.shape != array.shape or found.dtype != array.dtype:
            what = "missing" if found is None else f"{found.dtype} of shape {found.shape}"
            raise StoreError(
                f"{path}: array {prefix}{name} is {what}, expected {array.dtype} of shape "
                f"{array.shape}; the file is damaged; {_MEND}"
            )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected one made by `rramchar learn run`")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(str(arrays.pop("header")))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(
            f"{path}: damaged, or no file of `rramchar learn run` ({error}); {_MEND}"
        ) from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise StoreError(f"{path}: its header does not say format {FORMAT!r}; {_MEND}")
    if header.get("version") != VERSION:
        raise StoreError(
            f"{path}: format version {header.get('version')!r}, expected {VERSION}; update rramchar"
        )
    return header, arrays
