"""One simulation as plain data: a circuit's text, its analysis, and what is recorded.

Among a deck's options may stand settings of the simulator itself (`SETTINGS`): what a kit's
``.spiceinit`` sets before any circuit is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Solver:
    """A named set of numerical options; the ladder of `LADDERS` tries one after the other.

    Parameters
    ----------
    name : str
        Recorded with every solved point.
    options : mapping
        ngspice ``.options``.
    step_factor : float
        Factor on the deck's largest time step. [1]
    settling_trtol : float or None
        ``trtol`` while a deck settles (see `Deck`); None where all of it is simulated alike. [1]
    """

    name: str
    options: Mapping[str, str]
    step_factor: float = 1.0
    settling_trtol: float | None = None


# ngspice's default chgtol of 1e-14 C exceeds the charge on a sense amplifier's outputs and gives
# wrong decisions. trtol (7 by default) is how far the estimated error of a step is taken to
# overstate it; in a latch that leaves its balance it hardly does. At equal time, a small trtol with
# a wider reltol is several times more accurate than the reverse.
# The trapezoidal rule (xmu 0.5) goes on ringing after an edge, at the supply current above all; a
# little less damps it.
# A step that fits no multiple of the source edges avoids "timestep too small".
_SWEEP = {
    "method": "trap", "xmu": "0.49", "reltol": "1e-3", "trtol": "1.4", "chgtol": "1e-17",
}  # fmt: skip
_REPORT = {"method": "trap", "reltol": "3e-4", "trtol": "1", "chgtol": "1e-17"}
_FINE = {"method": "trap", "reltol": "1e-4", "trtol": "1", "chgtol": "1e-18"}
_SETTLING_TRTOL = 7.0
_TRAP = {"method": "trap", "reltol": "3e-4", "chgtol": "1e-17"}
_TRAP_REPORT = {"method": "trap", "reltol": "1e-4", "chgtol": "1e-17"}
_GEAR = {"method": "gear", "reltol": "3e-4", "chgtol": "1e-17", "itl4": "100"}
_WRITE = _GEAR | {"reltol": "1e-4"}
_ROBUST = {"method": "gear", "reltol": "1e-3", "chgtol": "1e-17", "itl1": "500", "itl4": "500",
           "gminsteps": "20", "srcsteps": "20"}  # fmt: skip

LADDERS: Mapping[str, tuple[Solver, ...]] = {
    "sweep": (
        Solver("sweep", _SWEEP, settling_trtol=_SETTLING_TRTOL),
        Solver("sweep-0.94", _SWEEP, 0.94),
        Solver("gear", _GEAR, 0.53),
        Solver("robust", _ROBUST, 0.31),
    ),
    "report": (
        Solver("report", _REPORT),
        Solver("report-0.94", _REPORT, 0.94),
        Solver("gear-report", _GEAR | {"reltol": "1e-4"}, 0.53),
        Solver("robust", _ROBUST, 0.31),
    ),
    "fine": (Solver("fine", _FINE, settling_trtol=7.0), Solver("fine-0.94", _FINE, 0.94)),
    # Writes are stiff: at the end of a device's range the trapezoidal rule rings and may not end.
    "write": (
        Solver("write", _WRITE),
        Solver("write-0.53", _WRITE, 0.53),
        Solver("trap", _TRAP, 0.47),
        Solver("robust", _ROBUST, 0.31),
    ),
    "write-report": (
        Solver("write-report", _WRITE | {"reltol": "3e-5"}),
        Solver("write-report-0.53", _WRITE | {"reltol": "3e-5"}, 0.53),
        Solver("trap-report", _TRAP_REPORT, 0.47),
        Solver("robust", _ROBUST, 0.31),
    ),
}


# For currents: with the default gmin of 1e-12 S the leakage of an I/O transistor could not be seen.
_DC = {"reltol": "1e-6", "abstol": "1e-18"}
DC_LADDER: tuple[Solver, ...] = (
    Solver("dc", _DC | {"gmin": "1e-18"}),
    Solver("dc-gmin15", _DC | {"gmin": "1e-15", "itl1": "500", "itl2": "200"}),
    Solver("dc-gmin12", {"reltol": "1e-5", "itl1": "500", "itl2": "200"}),
)

# Settings of the simulator that a kit may need, and whether they carry a value: compatibility with
# other simulators' netlists, and no check of model parameters against their usual ranges.
SETTINGS: Mapping[str, bool] = {"ngbehavior": True, "ng_nomodcheck": False}


def setting_commands(options: Mapping[str, str]) -> dict[str, str]:
    """Return the ``set`` command of every simulator setting among a deck's options.

    Parameters
    ----------
    options : mapping of str to str
        Options of a deck.

    Returns
    -------
    dict of str to str
        Name of the setting to the command that makes it, to be sent before a circuit is loaded.
    """
    return {
        name: f"set {name}={options[name]}" if with_value else f"set {name}"
        for name, with_value in SETTINGS.items()
        if name in options
    }


def _option_lines(options: Mapping[str, str], solver: Solver, temperature_c: float) -> list[str]:
    lines = [f"* needs, before it is loaded: {text}" for text in setting_commands(options).values()]
    own = {name: value for name, value in options.items() if name not in SETTINGS}
    merged = {**own, **solver.options, "temp": f"{temperature_c:g}"}
    return [*lines, ".options " + " ".join(f"{key}={value}" for key, value in merged.items())]


@dataclass(frozen=True)
class Deck:
    """A transient simulation, ready to be written for ngspice.

    Parameters
    ----------
    circuit : str
        Title, model libraries, subcircuits, elements and sources, one per line.
    temperature_c : float
        Temperature. [degC]
    stop_time_s, max_step_s : float
        End of the analysis and largest time step. [s]
    save : tuple of str
        Vectors to record, such as ``v(q)`` and ``i(vdd)``.
    initial_voltages_v : mapping of str to float
        ``.ic`` values that the operating point is computed with. [V]
    settling_time_s : float
        How long the circuit settles at the beginning, as in a precharge: its end state and its
        charge matter, not its course, and a solver may take larger steps. [s]
    options : mapping of str to str
        ngspice options and settings that the technology asks for.
    measures : tuple of str
        ``.meas`` lines for a reader who runs the deck by hand.
    """

    circuit: str
    temperature_c: float
    stop_time_s: float
    max_step_s: float
    save: tuple[str, ...]
    initial_voltages_v: Mapping[str, float] = field(default_factory=dict)
    settling_time_s: float = 0.0
    options: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[str, ...] = ()

    def text(self, solver: Solver, *, by_hand: bool = False) -> str:
        """Return the complete netlist.

        Parameters
        ----------
        solver : Solver
            Numerical options.
        by_hand : bool
            True for a deck that a person runs with ``ngspice -b``: every node is saved and the
            measures are printed.

        Returns
        -------
        str
            A deck that ``ngspice -b`` and libngspice both read.
        """
        step = self.max_step_s * solver.step_factor
        lines = [self.circuit.strip(), ""]
        lines += _option_lines(self.options, solver, self.temperature_c)
        if self.initial_voltages_v:
            nodes = " ".join(f"v({n})={v:g}" for n, v in self.initial_voltages_v.items())
            lines.append(f".ic {nodes}")
        lines.append(".save all" if by_hand else f".save {' '.join(self.save)}")
        lines.append(f".tran {step:.6g} {self.stop_time_s:.9g} 0 {step:.6g}")
        if by_hand:
            lines += self.measures
        lines += [".end", ""]
        return "\n".join(lines)


@dataclass(frozen=True)
class DcDeck:
    """A DC sweep of one source, ready to be written for ngspice.

    Parameters
    ----------
    circuit : str
        Title, model libraries, subcircuits, elements and sources, one per line.
    temperature_c : float
        Temperature. [degC]
    source : str
        Name of the voltage source that is swept, with its ``V``.
    start_v, stop_v : float
        First and last value. [V]
    points : int
        Number of equally spaced values, two or more.
    save : tuple of str
        Vectors to record, such as ``i(vd)``.
    options : mapping of str to str
        ngspice options and settings that the technology asks for.
    """

    circuit: str
    temperature_c: float
    source: str
    start_v: float
    stop_v: float
    points: int
    save: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    def text(self, solver: Solver) -> str:
        """Return the complete netlist; the solver's step factor does not apply."""
        step = (self.stop_v - self.start_v) / (self.points - 1)
        # Half a step beyond the end, so that rounding can not cost the last point.
        end = self.stop_v + step / 2
        return "\n".join(
            [
                self.circuit.strip(),
                "",
                *_option_lines(self.options, solver, self.temperature_c),
                f".save {' '.join(self.save)}",
                f".dc {self.source} {self.start_v:.12g} {end:.12g} {step:.12g}",
                ".end",
                "",
            ]
        )
