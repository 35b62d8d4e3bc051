"""Random variation of the transistors of a circuit: local mismatch and global process shifts.

All numbers are drawn in Python, as rows of a design (see `rramchar.testbench.sampling`): sample k
is the same row at every corner, supply, temperature and resistance (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rramchar.cells.transistor import MISMATCH_PREFIX, Transistor
from rramchar.technology import Technology
from rramchar.testbench.sampling import Array, Design


@dataclass(frozen=True)
class Placed:
    """A transistor at its place in a circuit.

    Parameters
    ----------
    path : str
        Subcircuit instances from the top, joined by dots, such as ``xcell.xbl``.
    transistor : Transistor
        The transistor.
    """

    path: str
    transistor: Transistor

    @property
    def label(self) -> str:
        """Path and name, for tables."""
        return f"{self.path}.{self.transistor.name}"

    @cached_property
    def shift_parameter(self) -> str:
        """ngspice's name of the source that shifts the threshold."""
        return f"@v.{self.path}.v{MISMATCH_PREFIX}{self.transistor.name}[dc]"

    @cached_property
    def width_parameter(self) -> str:
        """ngspice's name of the width (devices that are models, not subcircuits)."""
        return f"@m.{self.path}.m{self.transistor.name}[w]"


@dataclass(frozen=True)
class Spread:
    """Standard deviations of one placed transistor.

    Parameters
    ----------
    placed : Placed
        The transistor.
    sign : int
        +1 for NMOS, -1 for PMOS: sign of the gate source that makes the transistor weaker, times
        -1.
    sigma_vth_v : float
        Local: a_vt / sqrt(W L). [V]
    sigma_beta : float
        Local, relative: a_beta / sqrt(W L); 0 where the width cannot be altered. [1]
    sigma_vth_global_v : float
        From die to die, common to all devices of the role. [V]
    """

    placed: Placed
    sign: int
    sigma_vth_v: float
    sigma_beta: float
    sigma_vth_global_v: float


@dataclass(frozen=True)
class Variation:
    """How the transistors of a circuit vary from sample to sample.

    Parameters
    ----------
    seed : int
        Seed of all samples.
    spreads : tuple of Spread
        One per transistor.
    mismatch : bool
        Draw local variation.
    process : bool
        Draw global variation.
    sampling : str
        How samples are drawn: ``random``, ``lhs`` or ``sobol``.
    samples : int or None
        Number of samples, which a Latin hypercube must know; the others may leave it out.

    Raises
    ------
    InputError
        If the sampling is unknown, or a Latin hypercube has no or too many samples.

    References
    ----------
    Pelgrom et al., "Matching properties of MOS transistors", IEEE JSSC 24(5), 1433 (1989): the
    local standard deviations scale with 1 / sqrt(W L).
    """

    seed: int
    spreads: tuple[Spread, ...]
    mismatch: bool = True
    process: bool = False
    sampling: str = "random"
    samples: int | None = None

    def __post_init__(self) -> None:
        _ = self.design  # checks it

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles of the transistors, sorted: each has one global shift."""
        return tuple(sorted({spread.placed.transistor.role for spread in self.spreads}))

    @cached_property
    def design(self) -> Design:
        """The design whose rows are the samples.

        Its dimensions are a threshold per transistor in the order of `spreads`, a global shift per
        role in the order of `roles`, and a beta per transistor: a Sobol sequence is most even in
        its first dimensions and between neighbours, and the thresholds of mirrored transistors
        matter most. (The columns of a ``random`` design are all alike; there threshold and beta
        alternate and the roles come last, as in the first release.) All of them are always there,
        so that one source switched off leaves the other unchanged.
        """
        dimensions = 2 * len(self.spreads) + len(self.roles)
        return Design(self.sampling, self.seed, dimensions, self.samples)

    def alterations(self, sample: int) -> dict[str, float]:
        """Return what to alter in the circuit to make it a sample.

        Parameters
        ----------
        sample : int
            Number of the sample, from 0.

        Returns
        -------
        dict of str to float
            ngspice's name of each parameter to its value: gate sources [V], widths [m].

        Raises
        ------
        InputError
            If there is no such sample.
        """
        thresholds, shifts, betas = self._normals(sample)
        die = dict(zip(self.roles, shifts, strict=True))
        values: dict[str, float] = {}
        for spread, z_vth, z_beta in zip(self.spreads, thresholds, betas, strict=True):
            shift = 0.0
            if self.mismatch:
                shift += spread.sigma_vth_v * z_vth
            if self.process:
                shift += spread.sigma_vth_global_v * die[spread.placed.transistor.role]
            values |= shift_alteration(spread, float(shift))
            if self.mismatch and spread.sigma_beta > 0:
                width = spread.placed.transistor.width_m * (1 + spread.sigma_beta * float(z_beta))
                values[spread.placed.width_parameter] = width
        return values

    def _normals(self, sample: int) -> tuple[Array, Array, Array]:
        """Return a sample's normals of the thresholds, of the roles and of the betas."""
        normals = self.design.normals(sample)
        count = len(self.spreads)
        if self.sampling == "random":
            return normals[: 2 * count : 2], normals[2 * count :], normals[1 : 2 * count : 2]
        return normals[:count], normals[count:-count], normals[-count:]

    def nominal(self) -> dict[str, float]:
        """Return everything that samples alter, at its nominal value."""
        values: dict[str, float] = {}
        for spread in self.spreads:
            values |= shift_alteration(spread, 0.0)
            if spread.sigma_beta > 0:
                values[spread.placed.width_parameter] = spread.placed.transistor.width_m
        return values


def shift_alteration(spread: Spread, shift_v: float) -> dict[str, float]:
    """Return the alteration that shifts one threshold towards weaker by some volts.

    Parameters
    ----------
    spread : Spread
        The transistor.
    shift_v : float
        Shift of the threshold's magnitude; positive is weaker. [V]

    Returns
    -------
    dict of str to float
        One entry: the gate source and its value. [V]
    """
    return {spread.placed.shift_parameter: -spread.sign * shift_v}


def spreads_of(technology: Technology, placed: tuple[Placed, ...]) -> tuple[Spread, ...]:
    """Return the standard deviations of placed transistors, from the technology's coefficients.

    Parameters
    ----------
    technology : Technology
        Gives a_vt, a_beta and the global sigma of each device.
    placed : tuple of Placed
        The transistors.

    Returns
    -------
    tuple of Spread
        In the same order.
    """
    spreads = []
    for item in placed:
        device = technology.device(item.transistor.role)
        # ngspice takes an altered width times `.option scale`, but reads it back without.
        alterable = not device.subcircuit and technology.size_unit_m == 1.0
        root_area_m = math.sqrt(item.transistor.width_m * item.transistor.drawn_length(technology))
        spreads.append(
            Spread(
                placed=item,
                sign=1 if device.polarity == "n" else -1,
                sigma_vth_v=device.a_vt_v_m / root_area_m,
                sigma_beta=device.a_beta_m / root_area_m if alterable else 0.0,
                sigma_vth_global_v=device.sigma_vth_global_v,
            )
        )
    return tuple(spreads)


def describe_variation(variation: Variation | None) -> Mapping[str, object] | None:
    """Return what determines the samples of a variation, for digests and reports."""
    if variation is None:
        return None
    described: dict[str, object] = {
        "seed": variation.seed,
        "mismatch": variation.mismatch,
        "process": variation.process,
        "spreads": [
            [s.placed.label, s.sigma_vth_v, s.sigma_beta, s.sigma_vth_global_v]
            for s in variation.spreads
        ],
    }
    if variation.sampling != "random":  # left out there, so that older runs keep their keys
        described["sampling"] = variation.sampling
    if not variation.design.extendable:
        described["samples"] = variation.samples
    return described
