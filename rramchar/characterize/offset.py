"""Input-referred offset of the amplifier: the ln(R_BL / R_BLb) at which its decision flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from rramchar.characterize.bisect import bisect_batch, bracket_batch
from rramchar.characterize.reader import Query, Reader
from rramchar.errors import InputError
from rramchar.testbench import ReadPoint
from rramchar.testbench.variation import Spread, shift_alteration

Array = NDArray[np.float64]
# Threshold step of the sensitivity analysis: small against the gate overdrive, and its effect large
# against the resolution of the bisection. [V]
SHIFT_V = 0.01
_RESOLUTION = 1e-3
_SPAN = 3.0


@dataclass(frozen=True)
class OffsetResult:
    """Offset of the amplifier at one condition.

    Parameters
    ----------
    offsets_ln_r : array, shape (sample,)
        Offset of each Monte Carlo sample; infinite where the decision does not flip within a
        factor of e^3. [1]
    sigma_ln_r_mc : float
        Standard deviation over the samples. [1]
    sigma_low, sigma_high : float or None
        Its 95 % interval (chi-square). None for a Latin hypercube or Sobol design: its samples
        are not independent, and one design does not tell its own error; other seeds do. [1]
    mean_ln_r_mc : float
        Mean over the samples. [1]
    sensitivity_per_v : dict of str to float
        Offset per volt of threshold shift towards weaker, for each transistor. [1/V]
    sigma_ln_r_sensitivity : float
        Root sum of squares of sensitivity times the threshold's standard deviation. [1]
    simulations : int
        Reads that were simulated.
    """

    offsets_ln_r: Array
    sigma_ln_r_mc: float
    sigma_low: float | None
    sigma_high: float | None
    mean_ln_r_mc: float
    sensitivity_per_v: dict[str, float]
    sigma_ln_r_sensitivity: float
    simulations: int


def find_offset(
    reader: Reader,
    spreads: tuple[Spread, ...],
    *,
    samples: int,
    r_ohm: float = 1e4,
    progress: Callable[[str, int, int], None] | None = None,
) -> OffsetResult:
    """Find the offset by Monte Carlo, and from one sensitivity per transistor.

    The geometric mean of the two resistances stays at `r_ohm`; their ratio is bisected until the
    decision flips. In the sensitivity analysis each threshold is shifted alone, by 10 mV.

    Parameters
    ----------
    reader : Reader
        With a variation, whose sampling it draws from; simulates the reads.
    spreads : tuple of Spread
        Of the reader's circuit.
    samples : int
        Monte Carlo samples, at least 2.
    r_ohm : float
        Geometric mean of the two resistances. [ohm]
    progress : callable, optional
        Called with the step's name and how much of it is done, of how much.

    Returns
    -------
    OffsetResult
        Both estimates.

    Raises
    ------
    InputError
        If an argument cannot be used, or a sample never flips; if the reader's variation is a
        Latin hypercube of another number of samples.
    SimulationError
        If a read could not be solved.
    """
    if samples < 2:
        raise InputError(f"samples: {samples}, expected at least 2")
    variation = reader.variation
    if variation is None:
        raise InputError("reader: made without a variation, so no transistor can be shifted")
    if not variation.design.extendable and variation.samples != samples:
        raise InputError(
            f"samples: {samples}, but the reader's Latin hypercube has {variation.samples}; a part "
            "of it is not stratified"
        )
    if not r_ohm > 0:
        raise InputError(f"r_ohm: {r_ohm:g} ohm, expected above 0")
    report = progress or (lambda name, done, total: None)
    report("sensitivity", 0, 1)
    # Number 0 is the nominal circuit; every other one has one threshold shifted.
    shifts = [{}, *(shift_alteration(spread, SHIFT_V) for spread in spreads)]
    shifted = _flip_points(reader, [(None, shift) for shift in shifts], r_ohm)
    sensitivity = (shifted[1:] - shifted[0]) / SHIFT_V
    report("sensitivity", 1, 1)
    offsets = []
    block = 50
    for start in range(0, samples, block):
        numbers = range(start, min(start + block, samples))
        offsets.append(_flip_points(reader, [(k, None) for k in numbers], r_ohm))
        report("Monte Carlo", numbers.stop, samples)
    found = np.concatenate(offsets)
    if not np.isfinite(found).all():
        raise InputError(
            f"{int((~np.isfinite(found)).sum())} of {samples} samples do not flip within a factor "
            f"of e^{_SPAN:g}; at this condition the amplifier does not decide (supply too low, or "
            "sampled too early)"
        )
    sigma = float(found.std(ddof=1))
    low, high = _sigma_interval(sigma, samples) if variation.sampling == "random" else (None, None)
    sigmas = np.array([spread.sigma_vth_v for spread in spreads])
    return OffsetResult(
        offsets_ln_r=found,
        sigma_ln_r_mc=sigma,
        sigma_low=low,
        sigma_high=high,
        mean_ln_r_mc=float(found.mean()),
        sensitivity_per_v={
            spread.placed.label: float(value)
            for spread, value in zip(spreads, sensitivity, strict=True)
        },
        sigma_ln_r_sensitivity=float(np.sqrt(((sensitivity * sigmas) ** 2).sum())),
        simulations=reader.simulations,
    )


def _sigma_interval(sigma: float, samples: int) -> tuple[float, float]:
    """Return the 95 % interval of a standard deviation from independent normal samples."""
    freedom = samples - 1
    low, high = np.sqrt(freedom / chi2.ppf([0.975, 0.025], freedom))
    return sigma * float(low), sigma * float(high)


def _flip_points(
    reader: Reader, circuits: list[tuple[int | None, dict[str, float] | None]], r_ohm: float
) -> Array:
    """Bisect ln(R_BL / R_BLb) for several circuits at once."""
    x = 1 if reader.parameters.amplifier == "xnor_pcsa" else None

    def below(numbers: NDArray[np.intp], ratios: Array) -> NDArray[np.bool_]:
        queries = []
        for number, ratio in zip(numbers, ratios, strict=True):
            sample, shifts = circuits[number]
            half = float(np.exp(ratio / 2))
            queries.append(Query(ReadPoint(r_ohm * half, r_ohm / half, x), sample, shifts))
        # Below the offset the latch falls to the side of BL. Where the ratio is so close to the
        # offset that it is still undecided when sampled, the lead of one output tells.
        return np.array([row["q_sampled_v"] < row["qb_sampled_v"] for row in reader.read(queries)])

    guess = np.zeros(len(circuits))
    low, high = bracket_batch(below, guess, 0.1, -_SPAN, _SPAN)
    result = low.copy()
    inside = np.flatnonzero(np.isfinite(low))
    if inside.size:
        result[inside] = bisect_batch(
            lambda numbers, ratios: below(inside[numbers], ratios),
            low[inside],
            high[inside],
            _RESOLUTION,
        )
    return result
