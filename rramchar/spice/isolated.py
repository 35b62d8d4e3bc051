"""Decks in a process of their own: one that ngspice chokes on does no harm to the caller."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import TracebackType

from pebble import ProcessExpired, ProcessPool

from rramchar.errors import SimulationError
from rramchar.spice.deck import DcDeck, Deck
from rramchar.spice.session import Waves, process_session, simulate, simulate_dc

Result = Waves | SimulationError


class IsolatedSimulator:
    """A child process that runs decks one after the other; to be used in a ``with`` block.

    The child is replaced after a deck that ngspice rejects, crashes on or does not finish: a
    session that has seen one may refuse good decks.

    Parameters
    ----------
    timeout_s : float
        Longest time for one deck, after which the child is ended. [s]
    """

    def __init__(self, *, timeout_s: float = 60.0) -> None:
        self.timeout_s = timeout_s
        self._pool: ProcessPool | None = None

    def __enter__(self) -> IsolatedSimulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_child()

    def run(self, decks: Sequence[Deck | DcDeck]) -> list[Result]:
        """Run decks.

        Parameters
        ----------
        decks : sequence of Deck or DcDeck
            What to run.

        Returns
        -------
        list of (dict or SimulationError)
            For every deck the recorded vectors (see `rramchar.spice.session.Session`), or the
            error with which it failed.
        """
        return [self._run_one(deck) for deck in decks]

    def _run_one(self, deck: Deck | DcDeck) -> Result:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(max_workers=1, context=context)
        spoilt = True
        try:
            result, spoilt = self._pool.schedule(
                _in_child, args=(deck,), timeout=self.timeout_s
            ).result()
        except FutureTimeoutError:
            result = SimulationError("timeout", f"not done after {self.timeout_s:g} s")
        except ProcessExpired as error:
            result = SimulationError("crash", f"ngspice ended its process ({error})")
        if spoilt:
            self._end_child()
        return result

    def _end_child(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None


def _in_child(deck: Deck | DcDeck) -> tuple[Result, bool]:
    session = process_session()
    try:
        if isinstance(deck, DcDeck):
            return simulate_dc(session, deck)[0], session.suspect
        return simulate(session, deck, {}, "report")[0], session.suspect
    except SimulationError as error:
        return error, session.suspect
