"""The precharge sense amplifier (PCSA) that compares the two branches of a 2T2R cell.

While ``sen`` is low the outputs ``q`` and ``qb`` are precharged to the supply. When it rises, both
bit lines discharge through the cell; the branch of lower resistance pulls its output down first and
the cross-coupled pair latches. ``q`` stays high when R_BL > R_BLb.

::

             vdd                         vdd
      precharge_q  latch_pq       latch_pqb  precharge_qb      gates: sen, cross-coupled
             └───┬───┘                 └───┬───┘
                 q                         qb
              latch_nq                  latch_nqb               cross-coupled
                 bl                        blb                  (XNOR: four pass transistors)
                 └───────── 2T2R ──────────┘
                             sl
                            foot                                gate: sen
                             0

References: the amplifier is that of Zhao et al., IEEE TCAS I 61(2), 443 (2014); with a 2T2R cell
and its XNOR variant in Hirtzlin et al., IEDM 2019, Fig. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySpice.Spice.Netlist import SubCircuit

from rramchar.cells.checks import require_choice, require_not_negative, require_positive
from rramchar.cells.transistor import Transistor, place_transistor
from rramchar.technology import Technology

FLAVOURS = {"core": ("nmos", "pmos"), "hvt": ("nmos_hvt", "pmos_hvt")}


@dataclass(frozen=True)
class Pcsa:
    """Parameters of a precharge sense amplifier.

    Parameters
    ----------
    flavour : str
        Threshold of its transistors: ``core`` or ``hvt`` (high).
    length_m : float or None
        Channel length of all of them; None is each device's minimum. [m]
    precharge_width_m, latch_p_width_m, latch_n_width_m, foot_width_m : float
        Widths of the precharge PMOS, the latch's PMOS and NMOS, and the foot NMOS between source
        line and ground. [m]
    pass_width_m : float
        Width of the four pass transistors of the XNOR variant. [m]
    c_q_f : float
        Load on each output. [F]
    """

    flavour: str = "core"
    length_m: float | None = None
    precharge_width_m: float = 0.6e-6
    latch_p_width_m: float = 0.6e-6
    latch_n_width_m: float = 0.6e-6
    foot_width_m: float = 2.0e-6
    pass_width_m: float = 0.6e-6
    c_q_f: float = 2e-15

    def __post_init__(self) -> None:
        require_choice(self, "flavour", tuple(FLAVOURS))
        require_positive(
            self,
            "precharge_width_m",
            "latch_p_width_m",
            "latch_n_width_m",
            "foot_width_m",
            "pass_width_m",
        )
        if self.length_m is not None:
            require_positive(self, "length_m")
        require_not_negative(self, "c_q_f")


def pcsa_transistors(pcsa: Pcsa) -> tuple[Transistor, ...]:
    """Return the transistors of the binary amplifier; the latch's sources are the bit lines."""
    return _latch(pcsa, source_q="bl", source_qb="blb")


def xnor_pcsa_transistors(pcsa: Pcsa) -> tuple[Transistor, ...]:
    """Return the transistors of the XNOR amplifier: the latch, and four that pass or cross."""
    nmos, _ = FLAVOURS[pcsa.flavour]
    passes = (
        ("pass_q_bl", "x", "bl", "sq"),
        ("pass_qb_blb", "x", "blb", "sqb"),
        ("pass_q_blb", "xb", "blb", "sq"),
        ("pass_qb_bl", "xb", "bl", "sqb"),
    )
    return (
        *_latch(pcsa, source_q="sq", source_qb="sqb"),
        *(
            Transistor(nmos, name, (source, gate, line, "0"), pcsa.pass_width_m, pcsa.length_m)
            for name, gate, line, source in passes
        ),
    )


def build_pcsa(technology: Technology, pcsa: Pcsa, *, mismatch: bool = False) -> SubCircuit:
    """Return subcircuit ``pcsa`` with nodes ``q qb bl blb sl sen vdd``.

    Parameters
    ----------
    technology : Technology
        The process.
    pcsa : Pcsa
        Sizes and loads.
    mismatch : bool
        True to make every threshold alterable (see `rramchar.cells.transistor`).

    Returns
    -------
    PySpice SubCircuit
        Binary sense amplifier.

    Raises
    ------
    InputError
        If the technology cannot draw a transistor.
    """
    subcircuit = SubCircuit("pcsa", "q", "qb", "bl", "blb", "sl", "sen", "vdd")
    return _fill(subcircuit, technology, pcsa, pcsa_transistors(pcsa), mismatch)


def build_xnor_pcsa(technology: Technology, pcsa: Pcsa, *, mismatch: bool = False) -> SubCircuit:
    """Return subcircuit ``xnor_pcsa`` with nodes ``q qb bl blb sl sen x xb vdd``.

    Four pass transistors connect the latch to the bit lines straight when the input ``x`` is high
    (+1) and crossed when its complement ``xb`` is (-1): ``q`` holds XNOR(input, weight).

    Parameters
    ----------
    technology : Technology
        The process.
    pcsa : Pcsa
        Sizes and loads.
    mismatch : bool
        True to make every threshold alterable (see `rramchar.cells.transistor`).

    Returns
    -------
    PySpice SubCircuit
        XNOR sense amplifier (Hirtzlin et al., IEDM 2019, Fig. 6b).

    Raises
    ------
    InputError
        If the technology cannot draw a transistor.
    """
    subcircuit = SubCircuit("xnor_pcsa", "q", "qb", "bl", "blb", "sl", "sen", "x", "xb", "vdd")
    return _fill(subcircuit, technology, pcsa, xnor_pcsa_transistors(pcsa), mismatch)


def _latch(pcsa: Pcsa, *, source_q: str, source_qb: str) -> tuple[Transistor, ...]:
    nmos, pmos = FLAVOURS[pcsa.flavour]
    return tuple(
        Transistor(role, name, nodes, width_m, pcsa.length_m)
        for role, name, nodes, width_m in (
            (pmos, "precharge_q", ("q", "sen", "vdd", "vdd"), pcsa.precharge_width_m),
            (pmos, "precharge_qb", ("qb", "sen", "vdd", "vdd"), pcsa.precharge_width_m),
            (pmos, "latch_pq", ("q", "qb", "vdd", "vdd"), pcsa.latch_p_width_m),
            (pmos, "latch_pqb", ("qb", "q", "vdd", "vdd"), pcsa.latch_p_width_m),
            (nmos, "latch_nq", ("q", "qb", source_q, "0"), pcsa.latch_n_width_m),
            (nmos, "latch_nqb", ("qb", "q", source_qb, "0"), pcsa.latch_n_width_m),
            (nmos, "foot", ("sl", "sen", "0", "0"), pcsa.foot_width_m),
        )
    )


def _fill(
    subcircuit: SubCircuit,
    technology: Technology,
    pcsa: Pcsa,
    transistors: tuple[Transistor, ...],
    mismatch: bool,
) -> SubCircuit:
    for transistor in transistors:
        place_transistor(subcircuit, technology, transistor, mismatch=mismatch)
    if pcsa.c_q_f > 0:
        subcircuit.C("q", "q", "0", pcsa.c_q_f)
        subcircuit.C("qb", "qb", "0", pcsa.c_q_f)
    return subcircuit
