"""The read testbench: a 2T2R cell, its sense amplifier, one precharge and one sensing phase.

The read starts where the previous one ended (``q`` low, ``qb`` high, bit lines discharged), so that
its time and energy are those of a read among others and not of a first read from rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySpice.Spice.Netlist import Circuit

from rramchar.cells import (
    OneTOneR,
    Pcsa,
    build_one_t_one_r,
    build_pcsa,
    build_two_t_two_r,
    build_xnor_pcsa,
)
from rramchar.cells.checks import (
    is_number,
    require_choice,
    require_not_negative,
    require_positive,
)
from rramchar.cells.one_t_one_r import access_transistor
from rramchar.cells.pcsa import pcsa_transistors, xnor_pcsa_transistors
from rramchar.errors import InputError
from rramchar.measure import ReadResult, measure_read
from rramchar.spice.deck import Deck
from rramchar.technology import Condition, Technology
from rramchar.testbench.variation import Placed

AMPLIFIERS = ("pcsa", "xnor_pcsa")
LARGEST_RESISTANCE_OHM = 1e12
# Share of the precharge after which the solver is accurate again.
_SETTLING_SHARE = 0.5
_RECORDED = (
    "v(sen)",
    "v(q)",
    "v(qb)",
    "i(vdd)",
    "v(bl)",
    "v(blb)",
    "v(xcell.xbl.mid)",
    "v(xcell.xblb.mid)",
)


@dataclass(frozen=True)
class ReadParameters:
    """Everything about a read except what a sweep varies from point to point.

    Parameters
    ----------
    amplifier : str
        ``pcsa`` or ``xnor_pcsa``.
    flavour : str
        Threshold of the amplifier's transistors: ``core`` or ``hvt``.
    access : str
        Access transistor of the cell: ``core`` or ``io`` (thick oxide).
    length_m, access_length_m : float or None
        Channel lengths of amplifier and access transistors; None is the device's minimum. [m]
    precharge_width_m, latch_p_width_m, latch_n_width_m, foot_width_m, pass_width_m : float
        Widths in the amplifier (see `rramchar.cells.Pcsa`). [m]
    access_width_m : float
        Width of the access transistors. [m]
    c_bl_f, c_q_f, c_sl_f : float
        Capacitance of each bit line, load on each output, capacitance of the source line. [F]
    wl_v : float or None
        Word-line voltage; None means the supply. [V]
    edge_time_s : float
        Duration of the enable edges. [s]
    precharge_time_s : float
        Duration of the precharge. [s]
    sample_time_s : float
        When the outputs are sampled after the start of sensing. [s]
    window_time_s : float or None
        How long sensing is simulated; None means up to the sampling time. A longer window tells
        when outputs fall that had not yet fallen at the sampling time. [s]
    """

    amplifier: str = "pcsa"
    flavour: str = "core"
    access: str = "core"
    length_m: float | None = None
    access_length_m: float | None = None
    precharge_width_m: float = 0.6e-6
    latch_p_width_m: float = 0.6e-6
    latch_n_width_m: float = 0.6e-6
    foot_width_m: float = 2.0e-6
    pass_width_m: float = 0.6e-6
    access_width_m: float = 1.0e-6
    c_bl_f: float = 80e-15
    c_q_f: float = 2e-15
    c_sl_f: float = 20e-15
    wl_v: float | None = None
    edge_time_s: float = 50e-12
    precharge_time_s: float = 40e-9
    sample_time_s: float = 50e-9
    window_time_s: float | None = None

    def __post_init__(self) -> None:
        require_choice(self, "amplifier", AMPLIFIERS)
        require_positive(self, "edge_time_s", "precharge_time_s", "sample_time_s")
        require_not_negative(self, "c_bl_f", "c_sl_f")
        if self.wl_v is not None:
            require_not_negative(self, "wl_v")
        if self.precharge_time_s < 2 * self.edge_time_s:
            raise InputError(
                f"precharge_time_s: {self.precharge_time_s:g} s, expected at least twice the edge "
                f"time of {self.edge_time_s:g} s"
            )
        if self.window_time_s is not None:
            require_positive(self, "window_time_s")
        if self.window_time_s is not None and self.window_time_s < self.sample_time_s:
            raise InputError(
                f"window_time_s: {self.window_time_s:g} s, expected at least the sampling time of "
                f"{self.sample_time_s:g} s"
            )
        self.amplifier_record()
        self.cell_record()

    def amplifier_record(self) -> Pcsa:
        """Return the amplifier's own record."""
        return Pcsa(
            flavour=self.flavour,
            length_m=self.length_m,
            precharge_width_m=self.precharge_width_m,
            latch_p_width_m=self.latch_p_width_m,
            latch_n_width_m=self.latch_n_width_m,
            foot_width_m=self.foot_width_m,
            pass_width_m=self.pass_width_m,
            c_q_f=self.c_q_f,
        )

    def cell_record(self) -> OneTOneR:
        """Return the cell's own record."""
        return OneTOneR(
            access=self.access,
            access_width_m=self.access_width_m,
            access_length_m=self.access_length_m,
        )

    @property
    def sensing_time_s(self) -> float:
        """How long sensing is simulated. [s]"""
        return self.sample_time_s if self.window_time_s is None else self.window_time_s


@dataclass(frozen=True)
class ReadPoint:
    """What differs between reads that share a parsed circuit.

    Parameters
    ----------
    r_bl_ohm, r_blb_ohm : float
        Resistances of the two devices. [ohm]
    x : int or None
        Input of the XNOR amplifier, +1 or -1; None for the binary one.
    """

    r_bl_ohm: float
    r_blb_ohm: float
    x: int | None = None

    def check(self, parameters: ReadParameters) -> None:
        """Refuse resistances or inputs that are out of range for the amplifier.

        Raises
        ------
        InputError
            Naming the field and its value.
        """
        for name in ("r_bl_ohm", "r_blb_ohm"):
            value = getattr(self, name)
            if not is_number(value) or not 0 < value <= LARGEST_RESISTANCE_OHM:
                shown = f"{value:g} ohm" if isinstance(value, float) else repr(value)
                raise InputError(
                    f"{name}: {shown}, expected a number of ohm above 0 and up to "
                    f"{LARGEST_RESISTANCE_OHM:g}"
                )
        if (self.x is None) != (parameters.amplifier == "pcsa") or self.x not in (None, 1, -1):
            raise InputError(
                f"x: {self.x}, expected +1 or -1 with xnor_pcsa and nothing with pcsa "
                f"(amplifier is {parameters.amplifier})"
            )


def read_transistors(parameters: ReadParameters) -> tuple[Placed, ...]:
    """Return the transistors of the read circuit and where they are.

    Parameters
    ----------
    parameters : ReadParameters
        Sizes and amplifier.

    Returns
    -------
    tuple of Placed
        Those of the amplifier, then the two access transistors of the cell.
    """
    amplifier = parameters.amplifier_record()
    transistors = (
        pcsa_transistors(amplifier)
        if parameters.amplifier == "pcsa"
        else xnor_pcsa_transistors(amplifier)
    )
    access = access_transistor(parameters.cell_record())
    return (
        *(Placed("xamp", transistor) for transistor in transistors),
        Placed("xcell.xbl", access),
        Placed("xcell.xblb", access),
    )


def build_read(
    technology: Technology,
    condition: Condition,
    parameters: ReadParameters,
    point: ReadPoint,
    *,
    mismatch: bool = False,
) -> Deck:
    """Return the deck of one read.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner, temperature, supply.
    parameters : ReadParameters
        Circuit and timing.
    point : ReadPoint
        Resistances and input; they can be changed later with `read_alterations`.
    mismatch : bool
        True to make every threshold alterable (see `rramchar.testbench.variation`).

    Returns
    -------
    Deck
        Title, circuit and transient analysis.

    Raises
    ------
    InputError
        If a size, a condition or a resistance cannot be used.
    """
    condition.check(technology)
    point.check(parameters)
    p, vdd = parameters, condition.vdd_v
    circuit = Circuit(f"{p.amplifier} read of a 2T2R cell, {technology.name}, {condition.corner}")
    circuit.raw_spice = "\n".join(technology.library_lines(condition.corner)) + "\n"
    circuit.subcircuit(build_one_t_one_r(technology, p.cell_record(), mismatch=mismatch))
    circuit.subcircuit(build_two_t_two_r())
    if p.amplifier == "pcsa":
        circuit.subcircuit(build_pcsa(technology, p.amplifier_record(), mismatch=mismatch))
        circuit.X("amp", "pcsa", "q", "qb", "bl", "blb", "sl", "sen", "vdd")
    else:
        amplifier = build_xnor_pcsa(technology, p.amplifier_record(), mismatch=mismatch)
        circuit.subcircuit(amplifier)
        circuit.X("amp", "xnor_pcsa", "q", "qb", "bl", "blb", "sl", "sen", "x", "xb", "vdd")
        x_v = vdd if point.x == 1 else 0.0
        circuit.V("x", "x", "0", x_v)
        circuit.V("xb", "xb", "0", vdd - x_v)
    circuit.X("cell", "two_t_two_r", "bl", "blb", "wl", "sl",
              r_bl_ohm=point.r_bl_ohm, r_blb_ohm=point.r_blb_ohm)  # fmt: skip
    for name, value in (("bl", p.c_bl_f), ("blb", p.c_bl_f), ("sl", p.c_sl_f)):
        if value > 0:
            circuit.C(name, name, "0", value)
    circuit.V("dd", "vdd", "0", vdd)
    circuit.V("wl", "wl", "0", vdd if p.wl_v is None else p.wl_v)
    edge, rise = p.edge_time_s, p.precharge_time_s
    circuit.PieceWiseLinearVoltageSource(
        "sen", "sen", "0", values=[(0, vdd), (edge, 0), (rise, 0), (rise + edge, vdd)]
    )
    window = p.sensing_time_s
    return Deck(
        circuit=str(circuit),
        temperature_c=condition.temperature_c,
        # Two edges of slack: sensing starts in the middle of the rising one.
        stop_time_s=rise + window + 2 * edge,
        max_step_s=largest_step(rise, window),
        settling_time_s=_SETTLING_SHARE * rise,
        save=_RECORDED,
        initial_voltages_v={"q": 0.0, "qb": vdd, "bl": 0.0, "blb": 0.0, "sl": 0.0},
        options=dict(technology.options),
        measures=_measures(vdd, p),
    )


def read_alterations(
    condition: Condition, parameters: ReadParameters, point: ReadPoint
) -> dict[str, float]:
    """Return what must be altered in a loaded deck to make it the read of another point.

    Parameters
    ----------
    condition : Condition
        The condition that the deck was built for.
    parameters : ReadParameters
        The parameters that the deck was built for.
    point : ReadPoint
        The point to go to.

    Returns
    -------
    dict of str to float
        ngspice's name of each parameter to its value.
    """
    point.check(parameters)
    values = {
        "@r.xcell.xbl.rrram[resistance]": point.r_bl_ohm,
        "@r.xcell.xblb.rrram[resistance]": point.r_blb_ohm,
    }
    if point.x is not None:
        x_v = condition.vdd_v if point.x == 1 else 0.0
        values |= {"@vx[dc]": x_v, "@vxb[dc]": condition.vdd_v - x_v}
    return values


def read_result(
    waves: Mapping[str, object], condition: Condition, parameters: ReadParameters
) -> ReadResult:
    """Measure the recorded waveforms of a read.

    Parameters
    ----------
    waves : mapping of str to array, shape (time,)
        ``time`` and the deck's saved vectors.
    condition : Condition
        Gives the supply.
    parameters : ReadParameters
        Gives the timing.

    Returns
    -------
    ReadResult
        Outcome, times and energy.
    """
    time, sen, q, qb, current, bl, blb, mid, mid_b = (
        np.asarray(waves[name]) for name in ("time", *_RECORDED)
    )
    return measure_read(
        time,
        sen,
        q,
        qb,
        current,
        cell_v=np.stack([bl - mid, blb - mid_b]),
        vdd_v=condition.vdd_v,
        sense_edge_after_s=parameters.precharge_time_s / 2,
        sample_time_s=parameters.sample_time_s,
    )


def largest_step(precharge_s: float, window_s: float) -> float:
    """Return the largest time step of a read, from the duration of its two phases. [s]"""
    # A twelfth of the window, made incommensurate with the edges (see rramchar.spice.deck).
    return (precharge_s + window_s) / 12 * 0.9871


def _measures(vdd_v: float, p: ReadParameters) -> tuple[str, ...]:
    half = vdd_v / 2
    start = p.precharge_time_s + p.edge_time_s / 2
    sample = start + p.sample_time_s
    return (
        f".meas tran sense_time_s trig v(sen) val={half:g} rise=1 "
        f"targ par('abs(v(q)-v(qb))') val={half:g} td={start:g} cross=1",
        f".meas tran v_q_sampled_v find v(q) at={sample:g}",
        f".meas tran v_qb_sampled_v find v(qb) at={sample:g}",
    )
