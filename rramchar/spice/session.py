"""One libngspice per process: load a deck, alter values, run, read vectors.

It works on `rramchar.spice.binding`; what ngspice prints is judged in `rramchar.spice.messages`.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import SimulationError
from rramchar.spice.binding import load_binding
from rramchar.spice.deck import DC_LADDER, LADDERS, DcDeck, Deck, Solver, setting_commands
from rramchar.spice.messages import cannot_recover, last_words, reason_given_up, rejection

_COMMANDS_BEFORE_RELEASE = 2000

Waves = dict[str, NDArray[np.float64]]


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
        self._library = load_binding()
        self._loaded: str | None = None
        self._deck: Deck | DcDeck | None = None
        self._solver: Solver | None = None
        self._commands = 0
        self._settings: dict[str, str] = {}
        self._altered: dict[str, float] = {}
        self.suspect = False
        self._notes: int | None = None
        # OpenMP doubles the processor time of circuits this small, and far worse on busy cores.
        self.command("set num_threads=1")
        self.command("set nomoremode")
        self.command("set noinit")  # no table of the initial voltages for every point

    @property
    def version(self) -> int:
        """Major version of the ngspice that is loaded."""
        return int(self._library.ngspice_version or 0)

    def take_notes(self, descriptor: int) -> None:
        """Write every message of ngspice into an open file too, where it outlives a crash."""
        self._notes = descriptor
        self._library.take_notes(descriptor)

    def mark(self) -> None:
        """Start the notes anew, for a new point; it also shows that the process is alive."""
        if self._notes is not None:
            os.ftruncate(self._notes, 0)
            self._note("")

    def _note(self, text: str) -> None:
        if self._notes is not None:
            os.write(self._notes, f"{text}\n".encode())

    def command(self, text: str) -> list[str]:
        """Send one command; return what ngspice printed, stdout and stderr, in order."""
        self._commands += 1
        if self._commands > _COMMANDS_BEFORE_RELEASE:
            self._library.release_history()
            self._commands = 0
        return self._library.send(text)

    def load(self, deck: Deck | DcDeck, solver: Solver) -> None:
        """Parse a deck unless it is the one already loaded and still unaltered in structure.

        Parameters
        ----------
        deck : Deck or DcDeck
            The simulation; simulator settings among its options are made first, and those of an
            earlier deck taken back.
        solver : Solver
            Its numerical options.

        Raises
        ------
        SimulationError
            With reason ``bad_netlist`` if ngspice rejects the deck, or ``crash`` if an earlier deck
            has left libngspice unable to load any: the process must be replaced.
        """
        if self._loaded is not None and deck is self._deck and solver is self._solver:
            return
        text = deck.text(solver)
        if text == self._loaded:
            self._deck, self._solver = deck, solver
            return
        self.unload()
        self._apply_settings(setting_commands(deck.options))
        self._note("reading the circuit")
        # Until the new deck is accepted, nothing may be run: ngspice would run an older circuit.
        printed = self._library.load(text)
        if complaint := rejection(printed):
            self.suspect = True
            self.command("remcirc")
            raise SimulationError("bad_netlist", complaint)
        if cannot_recover(printed):
            self.suspect = True
            raise SimulationError("crash", last_words(printed))
        self._loaded = text
        self._deck, self._solver = deck, solver

    def _apply_settings(self, commands: dict[str, str]) -> None:
        if self._settings:
            # In HSPICE mode ngspice keeps a deck's ".option scale" for every later circuit.
            self.command("unset scale")
        if commands == self._settings:
            return
        for name in self._settings.keys() - commands.keys():
            self.command(f"unset {name}")
        for command in commands.values():
            self.command(command)
        self._settings = commands

    def unload(self) -> None:
        """Remove the loaded circuit and its vectors."""
        if self._loaded is not None:
            self.command("destroy all")
            self.command("remcirc")
            self._loaded = None
            self._altered = {}

    def alter(self, values: Mapping[str, float]) -> None:
        """Change element values of the loaded circuit, and check that changes take effect.

        Parameters
        ----------
        values : mapping of str to float
            ngspice's name of a parameter, such as ``@r.xcell.xbl.rrram[resistance]``, to its new
            value. What has the value already is passed over.

        Raises
        ------
        SimulationError
            With reason ``bad_netlist`` if a value is not finite, or if a name, altered for the
            first time since the circuit was loaded, reads back differently.
        """
        changed = {k: float(v) for k, v in values.items() if self._altered.get(k) != v}
        for name, value in changed.items():
            if not math.isfinite(value):
                raise SimulationError("bad_netlist", f"{name}: {value} is not a finite number")
            self.command(f"alter {name} = {value!r}")
        # ngspice ignores an unknown name in silence; one that it took once, it takes again.
        for name in changed.keys() - self._altered.keys():
            value, found = changed[name], self._library.vector(name)
            if found is None or not np.isclose(found[0], value, rtol=1e-9, atol=0):
                got = "nothing" if found is None else f"{found[0]:g}"
                raise SimulationError(
                    "bad_netlist", f"altering {name} to {value:g} had no effect (read back {got})"
                )
        self._altered |= changed

    def run(self, deck: Deck, vectors: Sequence[str]) -> Waves:
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
        if self._loaded is None or self._solver is None:
            raise SimulationError("bad_netlist", "no circuit is loaded")
        printed = self._run_transient(deck, self._solver)
        try:
            time = self._library.vector("time")
            finished = time is not None and time[-1] >= deck.stop_time_s * (1 - 1e-6)
            if not finished:
                raise SimulationError("convergence", reason_given_up(printed))
            return {"time": time, **self._vectors(vectors)}
        finally:
            self.command("destroy all")

    def _run_transient(self, deck: Deck, solver: Solver) -> list[str]:
        """Run the loaded deck, in two parts if it settles first; return what ngspice printed."""
        if solver.settling_trtol is None or deck.settling_time_s <= 0:
            return self.command("run")
        # ngspice takes its options anew when it resumes: checked by the steps that it makes.
        self.command(f"option trtol={solver.settling_trtol:g}")
        self.command(f"stop when time > {deck.settling_time_s:.9g}")
        printed = self.command("run")
        self.command("delete all")
        self.command(f"option trtol={solver.options['trtol']}")
        time = self._library.vector("time")
        if time is None or time[-1] < deck.settling_time_s:
            return printed  # given up already
        return self.command("resume")

    def run_dc(self, deck: DcDeck) -> Waves:
        """Run the loaded DC sweep and return its recorded vectors.

        Parameters
        ----------
        deck : DcDeck
            The deck that is loaded.

        Returns
        -------
        dict of str to array, shape (points,)
            ``sweep``, the value of the swept source [V], and every vector of ``deck.save``.

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
            sweep = self._library.vector("v-sweep")
            if sweep is None or len(sweep) != deck.points:
                raise SimulationError("convergence", reason_given_up(printed))
            return {"sweep": sweep, **self._vectors(deck.save)}
        finally:
            self.command("destroy all")

    def _vectors(self, names: Sequence[str]) -> Waves:
        waves = {}
        for name in names:
            wave = self._library.vector(name)
            if wave is None:
                raise SimulationError("bad_netlist", f"{name} was not recorded")
            waves[name] = wave
        return waves


@functools.cache
def process_session() -> Session:
    """Return this process's only session."""
    return Session()


def simulate(
    session: Session, deck: Deck, alterations: Mapping[str, float], accuracy: str
) -> tuple[Waves, str]:
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

    def attempt() -> Waves:
        session.alter(alterations)
        return session.run(deck, deck.save)

    return _climb(session, deck, LADDERS[accuracy], attempt)


def simulate_dc(session: Session, deck: DcDeck) -> tuple[Waves, str]:
    """Run a DC sweep, trying one set of solver options after the other.

    Parameters
    ----------
    session : Session
        This process's session.
    deck : DcDeck
        The circuit and its sweep.

    Returns
    -------
    waves : dict of str to array, shape (points,)
        ``sweep`` [V] and the deck's saved vectors.
    solver : str
        Name of the options of `rramchar.spice.deck.DC_LADDER` that solved it.

    Raises
    ------
    SimulationError
        With the reason and words of the last attempt, if none of the options solved it.
    """
    return _climb(session, deck, DC_LADDER, lambda: session.run_dc(deck))


def _climb(
    session: Session, deck: Deck | DcDeck, ladder: Sequence[Solver], attempt: Callable[[], Waves]
) -> tuple[Waves, str]:
    last: SimulationError | None = None
    for solver in ladder:
        try:
            session.load(deck, solver)
            return attempt(), solver.name
        except SimulationError as error:
            last = error
            session.unload()
            if error.reason != "convergence":
                break
    assert last is not None  # no ladder is empty
    raise last
