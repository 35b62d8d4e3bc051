"""PySpice's libngspice, with its own reading of ngspice's messages.

PySpice 1.5 takes every note on stderr for an error; here messages are collected, and
`rramchar.spice.session` judges them.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import MissingToolError
from rramchar.spice.library import find_library


def load_binding() -> Any:
    """Load libngspice and return PySpice's object for it; its messages are only collected.

    Returns
    -------
    object
        Methods ``send``, ``load``, ``vector``, ``release_history`` and ``take_notes`` beside
        PySpice's own.

    Raises
    ------
    MissingToolError
        If the library is not installed or cannot be loaded.
    """
    path = find_library()
    # PySpice prints its own notes on every start (unknown version, no init file); they are kept in
    # the session instead.
    logging.getLogger("PySpice").setLevel(logging.CRITICAL)
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared, ffi, ffi_string_utf8

    class _Library(NgSpiceShared):
        """PySpice's library that collects messages and leaves their judgement to the session."""

        _lines: list[str]
        _stdout: list[str]
        _notes: int | None

        def __init__(self) -> None:
            self._lines = []
            self._notes = None
            super().__init__()

        @property
        def library_path(self) -> str:
            return str(path)

        @staticmethod
        def _send_char(message_c: Any, _ngspice_id: int, user_data: Any) -> int:
            library = ffi.from_handle(user_data)
            stream, _, content = ffi_string_utf8(message_c).partition(" ")
            library._lines.append(content)
            if library._notes is not None:
                os.write(library._notes, f"{content}\n".encode())
            if stream == "stdout":
                library._stdout.append(content)  # PySpice reads the version from here
            return 0

        def take_notes(self, descriptor: int) -> None:
            self._notes = descriptor

        def send(self, text: str) -> list[str]:
            self._lines = []
            self._stdout = []
            self._ngspice_shared.ngSpice_Command(text.encode("ascii"))
            return self._lines

        def release_history(self) -> None:
            self._ngspice_shared.ngSpice_Command(ffi.NULL)

        def load(self, text: str) -> list[str]:
            # Not splitlines(): it also splits at characters that are no line end to ngspice.
            lines = [ffi.new("char[]", line.encode()) for line in text.split("\n") if line]
            self._lines = []
            self._ngspice_shared.ngSpice_Circ(ffi.new("char *[]", [*lines, ffi.NULL]))
            return self._lines

        def vector(self, name: str) -> NDArray[np.float64] | None:
            info = self._ngspice_shared.ngGet_Vec_Info(name.encode("ascii"))
            if info == ffi.NULL or info.v_length <= 0 or info.v_realdata == ffi.NULL:
                return None
            data = ffi.buffer(info.v_realdata, info.v_length * 8)
            return np.frombuffer(data, dtype=np.float64).copy()

    try:
        return _Library()
    except (OSError, NameError, AttributeError) as error:  # no library, or another one
        raise MissingToolError(f"{path} cannot be loaded as libngspice: {error}") from None
