"""Error rates of random reads on ngspice, at one condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rramchar.ber.counts import confusion_counts
from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.rare import UNSOLVED, RareEstimate, RareProblem, line_sampling
from rramchar.ber.spice_reads import SpiceReads
from rramchar.ber.states import States
from rramchar.characterize.reader import Reader
from rramchar.errors import InputError, SimulationError
from rramchar.technology import Condition, Technology
from rramchar.testbench import ReadParameters
from rramchar.testbench.read import read_transistors
from rramchar.testbench.variation import Variation, spreads_of

Progress = Callable[[int, int], None]
_BATCH = 512


@dataclass(frozen=True)
class SpiceSetting:
    """A read circuit at one condition.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner, temperature, supply.
    parameters : ReadParameters
        Circuit and timing.
    mismatch, process : bool
        Vary each transistor; vary the die.
    workers : int or None
        Worker processes; they change no number.
    """

    technology: Technology
    condition: Condition
    parameters: ReadParameters
    mismatch: bool = True
    process: bool = False
    workers: int | None = None

    @contextmanager
    def reads(self, states: States) -> Iterator[SpiceReads]:
        """Start ngspice and return the space of random reads."""
        spreads = spreads_of(self.technology, read_transistors(self.parameters))
        if not (self.mismatch or self.process):
            spreads = ()
        elif not any(s.sigma_vth_v or s.sigma_vth_global_v for s in spreads):
            raise InputError(
                f"technology {self.technology.name}: gives no a_vt_v_m, so no transistor varies; "
                "expected coefficients, or a read without mismatch"
            )
        variation = Variation(0, spreads) if spreads else None
        with Reader(
            self.technology, self.condition, self.parameters,
            variation=variation, workers=self.workers,
        ) as reader:  # fmt: skip
            yield SpiceReads(reader, states, spreads, mismatch=self.mismatch, process=self.process)


@dataclass(frozen=True, eq=False)
class SpiceCounts:
    """Outcomes of random reads.

    Parameters
    ----------
    counts : array of int, shape (3, 4)
        Stored plus, zero, minus x outcome plus, zero, minus, invalid; solved reads only. [1]
    simulations : int
        All reads.
    failed_simulations : int
        Those that ngspice could not solve.
    """

    counts: NDArray[np.int64]
    simulations: int
    failed_simulations: int

    def interval(self) -> tuple[float, float]:
        """Return the 95 % Clopper-Pearson interval of the error rate.

        Its lower end takes every failed read for right, its upper end for wrong.
        """
        solved = int(self.counts.sum())
        errors = solved - int(np.trace(self.counts[:, :3]))
        trials = solved + self.failed_simulations
        low, _ = clopper_pearson(errors, trials)
        _, high = clopper_pearson(errors + self.failed_simulations, trials)
        return float(low), float(high)


def sample_spice(
    setting: SpiceSetting,
    states: States,
    *,
    seed: int = 0,
    precision: float = 0.2,
    budget: int = 5000,
    target: float | None = None,
    progress: Progress | None = None,
) -> RareEstimate:
    """Estimate the error rate of complementary pairs by line sampling on ngspice.

    Parameters
    ----------
    setting : SpiceSetting
        The circuit.
    states : States
        The resistances.
    seed, precision, budget, target, progress
        See `rramchar.ber.rare.line_sampling`; the budget holds all reads, those that find the
        direction of the lines included.

    Returns
    -------
    RareEstimate
        `simulations` are all reads.

    Raises
    ------
    InputError
        If an argument cannot be used, or the precharge is incomplete at this condition.
    SimulationError
        If the nominal read, or one that finds the direction, could not be solved. Other reads that
        fail are counted, and the interval takes both their outcomes.
    """
    with setting.reads(states) as reads:
        picture = reads.linear_picture()
        spent = reads.reader.simulations
        if budget <= spent:
            raise InputError(f"budget: {budget} reads, and finding the direction took {spent}")
        report = progress or (lambda done, total: None)
        found = line_sampling(
            RareProblem(picture.directions, reads.wrong, picture.predict),
            seed=seed, precision=precision, budget=budget - spent, target=target,
            progress=lambda done, total: report(spent + done, budget),
        )  # fmt: skip
        return _with_setup(found, spent, reads)


def count_spice(
    setting: SpiceSetting,
    states: States,
    *,
    reads_per_weight: int,
    ternary: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> SpiceCounts:
    """Count the outcomes of random reads on ngspice: plain Monte Carlo.

    Parameters
    ----------
    setting : SpiceSetting
        The circuit.
    states : States
        The resistances; a stored 0 has two independent HRS.
    reads_per_weight : int
        Reads of each stored weight.
    ternary : bool
        Sample three outcomes of +1, 0 and -1; otherwise latch +1 and -1 from output ``q``.
    seed : int
        The same seed gives the same counts for any number of workers.
    progress : callable, optional
        Called with the reads done and planned.

    Returns
    -------
    SpiceCounts
        Counts of the solved reads, and how many failed.

    Raises
    ------
    InputError
        If an argument cannot be used, or the precharge is incomplete at this condition.
    SimulationError
        If the nominal read, or every read of a weight, could not be solved.
    """
    if reads_per_weight < 1:
        raise InputError(f"reads: {reads_per_weight}, expected at least 1")
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    weights = (1, 0, -1) if ternary else (1, -1)
    total = np.zeros((3, 4), dtype=np.int64)
    planned, done, failed = reads_per_weight * len(weights), 0, 0
    with setting.reads(states) as reads:
        for weight in weights:
            # A stream for each weight, so that counting other weights too changes nothing.
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(weight + 1,)))
            for start in range(0, reads_per_weight, _BATCH):
                size = min(_BATCH, reads_per_weight - start)
                points = rng.standard_normal((size, reads.dimensions + 1))
                stored = np.full(size, weight)
                codes = reads.outcomes(stored, points, latched=not ternary)
                solved = codes != UNSOLVED
                total += confusion_counts(stored[solved], codes[solved])
                done += size
                failed += int((~solved).sum())
                if progress is not None:
                    progress(done, planned)
            if not total[1 - weight].sum():
                raise SimulationError(
                    "convergence", f"all {reads_per_weight} reads of a stored {weight:+d} failed"
                )
    return SpiceCounts(total, planned, failed)


def _with_setup(found: RareEstimate, spent: int, reads: SpiceReads) -> RareEstimate:
    note = found.note
    if reads.stale:
        extra = f"{reads.stale} reads started before their precharge was complete"
        note = f"{note}; {extra}" if note else extra
    return replace(
        found,
        simulations=spent + found.simulations,
        failed_simulations=reads.reader.failed,
        note=note,
    )
