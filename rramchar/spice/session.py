"""One libngspice per process: load a deck, alter values, run, read vectors.

The only module that touches the simulator. It works on PySpice's ``NgSpiceShared``, with its own
reading of ngspice's messages: PySpice 1.5 takes every note on stderr for an error.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import MissingToolError, SimulationError
from rramchar.spice.deck import LADDERS, Deck, Solver
from rramchar.spice.library import find_library

# What ngspice prints when a deck was not understood, and when an analysis was given up.
_BAD_DECK = re.compile(
    r"(error on line|unknown subckt|unable to find definition|could not find|undefined parameter|"
    r"can't find model|cannot find|no such|circuit not parsed|netlist.*error|syntax error|"
    r"unknown model|expression err|illegal|fatal)",
    re.IGNORECASE,
)
_GAVE_UP = re.compile(
    r"(timestep too small|simulation\(s\) aborted|no convergence|singular matrix|"
    r"iteration limit|analysis.*aborted|doAnalyses:)",
    re.IGNORECASE,
)
# After some deck errors libngspice refuses every later circuit of the process.
_BROKEN = re.compile(r"cannot recover", re.IGNORECASE)
_NOISE = re.compile(r"^(Note:|Warning:|Using |Reducing|\s*$|stdout |Doing analysis|No\. of Data)")
_COMMANDS_BEFORE_RELEASE = 2000


class Session:
    """A warm libngspice; make one per process and keep it.

    A deck that ngspice rejects can leave the library unable to load any other. From then on
    ``suspect`` is True, and the process should be replaced before it simulates anything else.

    Raises
    ------
    MissingToolError
        If the library is not installed or cannot be loaded.
    """

    def __init__(self) -> None:
        self._library = _load_library()
        self._loaded: str | None = None
        self._commands = 0
        self.suspect = False
        # OpenMP doubles the processor time of circuits this small, and far worse on busy cores.
        self.command("set num_threads=1")
        self.command("set nomoremode")

    @property
    def version(self) -> int:
        """Major version of the ngspice that is loaded."""
        return int(self._library.ngspice_version or 0)

    def command(self, text: str) -> list[str]:
        """Send one command; return what ngspice printed, stdout and stderr, in order."""
        self._commands += 1
        if self._commands > _COMMANDS_BEFORE_RELEASE:
            self._library.release_history()
            self._commands = 0
        return self._library.send(text)

    def load(self, deck: Deck, solver: Solver) -> None:
        """Parse a deck unless it is the one already loaded and still unaltered in structure.

        Parameters
        ----------
        deck : Deck
            The simulation.
        solver : Solver
            Its numerical options.

        Raises
        ------
        SimulationError
            With reason ``bad_netlist`` if ngspice rejects the deck, or ``crash`` if an earlier deck
            has left libngspice unable to load any: the process must be replaced.
        """
        text = deck.text(solver)
        if text == self._loaded:
            return
        self.unload()
        # Until the new deck is accepted, nothing may be run: ngspice would run an older circuit.
        printed = self._library.load(text)
        complaints = [line for line in printed if _BAD_DECK.search(line) and not _NOISE.match(line)]
        if complaints:
            self.suspect = True
            self.command("remcirc")
            raise SimulationError("bad_netlist", _last_words(complaints))
        if any(_BROKEN.search(line) for line in printed):
            self.suspect = True
            raise SimulationError("crash", _last_words(printed))
        self._loaded = text

    def unload(self) -> None:
        """Remove the loaded circuit and its vectors."""
        if self._loaded is not None:
            self.command("destroy all")
            self.command("remcirc")
            self._loaded = None

    def alter(self, values: Mapping[str, float]) -> None:
        """Change element values of the loaded circuit, and check that each change took effect.

        Parameters
        ----------
        values : mapping of str to float
            ngspice's name of a parameter, such as ``@r.xcell.xbl.rrram[resistance]``, to its new
            value.

        Raises
        ------
        SimulationError
            With reason ``bad_netlist`` if a value reads back differently.
        """
        for name, value in values.items():
            self.command(f"alter {name} = {float(value)!r}")
        for name, value in values.items():
            found = self._library.vector(name)
            if found is None or not np.isclose(found[0], value, rtol=1e-9, atol=0):
                got = "nothing" if found is None else f"{found[0]:g}"
                raise SimulationError(
                    "bad_netlist", f"altering {name} to {value:g} had no effect (read back {got})"
                )

    def run(self, deck: Deck, vectors: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Run the loaded deck and return its recorded vectors.

        Parameters
        ----------
        deck : Deck
            The deck that is loaded; its stop time tells whether the analysis was completed.
        vectors : sequence of str
            Names to return beside ``time``, such as ``v(q)``.

        Returns
        -------
        dict of str to array, shape (time,)
            Copies: ngspice's own memory is freed.

        Raises
        ------
        SimulationError
            With reason ``convergence`` if the analysis was given up before its end, or
            ``bad_netlist`` if no deck is loaded or a vector was not recorded.
        """
        if self._loaded is None:
            raise SimulationError("bad_netlist", "no circuit is loaded")
        printed = self.command("run")
        try:
            time = self._library.vector("time")
            finished = time is not None and time[-1] >= deck.stop_time_s * (1 - 1e-6)
            if not finished:
                complaints = [line for line in printed if _GAVE_UP.search(line)] or printed
                raise SimulationError("convergence", _last_words(complaints))
            waves = {"time": time}
            for name in vectors:
                wave = self._library.vector(name)
                if wave is None:
                    raise SimulationError("bad_netlist", f"{name} was not recorded")
                waves[name] = wave
            return waves
        finally:
            self.command("destroy all")


@functools.cache
def process_session() -> Session:
    """Return this process's only session: libngspice keeps its state per process."""
    return Session()


def simulate(
    session: Session, deck: Deck, alterations: Mapping[str, float], accuracy: str
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Run one point of a deck, trying one set of solver options after the other.

    Parameters
    ----------
    session : Session
        This process's session; a deck that it holds already is not parsed again.
    deck : Deck
        The circuit and its analysis.
    alterations : mapping of str to float
        Values to alter before the run (see `Session.alter`).
    accuracy : str
        Ladder of solver options: a key of `rramchar.spice.deck.LADDERS`.

    Returns
    -------
    waves : dict of str to array, shape (time,)
        ``time`` [s] and the deck's saved vectors.
    solver : str
        Name of the options that solved it.

    Raises
    ------
    SimulationError
        With the reason and words of the last attempt, if none of the options solved it.
    """
    last: SimulationError | None = None
    for solver in LADDERS[accuracy]:
        try:
            session.load(deck, solver)
            session.alter(alterations)
            return session.run(deck, deck.save), solver.name
        except SimulationError as error:
            last = error
            session.unload()
            if error.reason != "convergence":
                break
    assert last is not None  # no ladder is empty
    raise last


def _last_words(lines: Sequence[str]) -> str:
    words = " | ".join(line.strip() for line in lines[-4:] if line.strip())
    return words[-400:] or "ngspice printed nothing"


def _load_library() -> Any:
    path = find_library()
    # PySpice prints its own notes on every start (unknown version, no init file); they are kept in
    # the session instead.
    logging.getLogger("PySpice").setLevel(logging.CRITICAL)
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared, ffi, ffi_string_utf8

    class _Library(NgSpiceShared):
        """PySpice's library that collects messages and leaves their judgement to the session."""

        _lines: list[str]
        _stdout: list[str]

        def __init__(self) -> None:
            self._lines = []
            super().__init__()

        @property
        def library_path(self) -> str:
            return str(path)

        @staticmethod
        def _send_char(message_c: Any, _ngspice_id: int, user_data: Any) -> int:
            library = ffi.from_handle(user_data)
            stream, _, content = ffi_string_utf8(message_c).partition(" ")
            library._lines.append(content)
            if stream == "stdout":
                library._stdout.append(content)  # PySpice reads the version from here
            return 0

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
