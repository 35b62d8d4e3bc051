"""Reads of one condition, asked for in batches, on worker processes that stay warm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rramchar.errors import InputError, SimulationError
from rramchar.sweep.pool import WorkerPool
from rramchar.sweep.worker import Chunk
from rramchar.technology import Condition, Technology
from rramchar.testbench import TESTBENCHES, ReadParameters, ReadPoint
from rramchar.testbench.variation import Variation

# Small chunks: a batch of a bisection holds few points for each worker.
_POINTS_PER_CHUNK = 16
_POINT_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Query:
    """One read that a bisection asks for.

    Parameters
    ----------
    point : ReadPoint
        Resistances and input.
    sample : int or None
        Monte Carlo sample; None for the nominal circuit.
    shifts : mapping of str to float
        Further alterations, such as the threshold of one transistor.
    """

    point: ReadPoint
    sample: int | None = None
    shifts: Mapping[str, float] | None = None


class Reader:
    """Simulates batches of reads at one condition; use it in a ``with`` block.

    `simulations` counts all reads, `failed` those that ngspice could not solve.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner, temperature, supply.
    parameters : ReadParameters
        Circuit and timing.
    variation : Variation, optional
        How samples vary; with it, thresholds can be altered.
    workers : int, optional
        Worker processes.
    accuracy : str
        Ladder of solver options.

    Raises
    ------
    InputError
        If the condition or the parameters cannot be used.
    """

    def __init__(
        self,
        technology: Technology,
        condition: Condition,
        parameters: ReadParameters,
        *,
        variation: Variation | None = None,
        workers: int | None = None,
        accuracy: str = "sweep",
    ) -> None:
        self.condition = condition
        self.parameters = parameters
        self.simulations = 0
        self.failed = 0
        self.variation = variation
        self._accuracy = accuracy
        x = 1 if parameters.amplifier == "xnor_pcsa" else None
        self._deck = TESTBENCHES["read"].deck(
            technology,
            condition,
            parameters,
            ReadPoint(1e4, 2e4, x),
            mismatch=variation is not None,
        )
        self._pool = WorkerPool(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._pool.__exit__(*unused)

    def read(self, queries: Sequence[Query]) -> list[dict[str, Any]]:
        """Simulate a batch of reads.

        Parameters
        ----------
        queries : sequence of Query
            The reads.

        Returns
        -------
        list of dict
            Result columns of the read testbench, in the order of the queries.

        Raises
        ------
        SimulationError
            If one of them could not be solved: a boundary must not rest on a guess.
        InputError
            If a resistance cannot be used.
        """
        rows = self.attempt(queries)
        for query, row in zip(queries, rows, strict=True):
            if row["status"] != "ok":
                raise read_error(query, row)
        return rows

    def attempt(self, queries: Sequence[Query]) -> list[dict[str, Any]]:
        """Simulate a batch of reads of which some may fail.

        Parameters
        ----------
        queries : sequence of Query
            The reads.

        Returns
        -------
        list of dict
            As `read` returns them; where ``status`` is not ``ok``, ``reason`` and ``detail`` say
            why and the measured columns are missing.

        Raises
        ------
        InputError
            If a resistance cannot be used.
        """
        for query in queries:
            query.point.check(self.parameters)
        jobs = [(index.to_bytes(4, "big"), query.point) for index, query in enumerate(queries)]
        shifts = {key: self._shifts(query) for (key, _), query in zip(jobs, queries, strict=True)}
        chunks = (
            self._chunk(jobs[i : i + _POINTS_PER_CHUNK], shifts)
            for i in range(0, len(jobs), _POINTS_PER_CHUNK)
        )
        rows: dict[bytes, dict[str, Any]] = {}
        for result in self._pool.run(chunks):
            rows.update(result.rows)
        self.simulations += len(queries)
        self.failed += sum(row["status"] != "ok" for row in rows.values())
        return [rows[key] for key, _ in jobs]

    def _shifts(self, query: Query) -> dict[str, float]:
        """Return every alterable parameter: the worker's circuit may hold another query's."""
        if self.variation is None:
            return dict(query.shifts or {})
        sampled = {} if query.sample is None else self.variation.alterations(query.sample)
        return {**self.variation.nominal(), **sampled, **(query.shifts or {})}

    def _chunk(
        self, jobs: list[tuple[bytes, ReadPoint]], shifts: dict[bytes, dict[str, float]]
    ) -> Chunk:
        return Chunk(
            testbench="read",
            deck=self._deck,
            accuracy=self._accuracy,
            condition=self.condition,
            parameters=self.parameters,
            point_timeout_s=_POINT_TIMEOUT_S,
            jobs=tuple((key, point, None) for key, point in jobs),
            shifts={key: shifts[key] for key, _ in jobs},
        )


def read_error(query: Query, row: Mapping[str, Any]) -> SimulationError:
    """Return the error that says why a read failed, and at which resistances."""
    point = query.point
    where = f"R_BL = {point.r_bl_ohm:g} ohm, R_BLb = {point.r_blb_ohm:g} ohm"
    return SimulationError(row["reason"], f"{row['detail']} (at {where})")


def check_range(low_ohm: float, high_ohm: float) -> None:
    """Refuse a range of resistances that is empty or not positive."""
    if not 0 < low_ohm < high_ohm:
        raise InputError(
            f"range of resistances: {low_ohm:g} to {high_ohm:g} ohm, expected above 0 and rising"
        )
