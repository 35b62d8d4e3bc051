"""One simulation as plain data: a circuit's text, its analysis, and what is recorded."""

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
    """

    name: str
    options: Mapping[str, str]
    step_factor: float = 1.0


# ngspice's default chgtol of 1e-14 C exceeds the charge on a sense amplifier's outputs and gives
# wrong decisions. A step that fits no multiple of the source edges avoids "timestep too small".
_SWEEP = {"method": "trap", "reltol": "3e-4", "chgtol": "1e-17"}
_REPORT = {"method": "trap", "reltol": "1e-4", "chgtol": "1e-17"}
_GEAR = {"method": "gear", "reltol": "3e-4", "chgtol": "1e-17", "itl4": "100"}
_ROBUST = {"method": "gear", "reltol": "1e-3", "chgtol": "1e-17", "itl1": "500", "itl4": "500",
           "gminsteps": "20", "srcsteps": "20"}  # fmt: skip

LADDERS: Mapping[str, tuple[Solver, ...]] = {
    "sweep": (
        Solver("sweep", _SWEEP),
        Solver("sweep-0.94", _SWEEP, 0.94),
        Solver("gear", _GEAR, 0.53),
        Solver("robust", _ROBUST, 0.31),
    ),
    "report": (
        Solver("report", _REPORT),
        Solver("report-0.94", _REPORT, 0.94),
        Solver("gear", _GEAR | {"reltol": "1e-4"}, 0.53),
        Solver("robust", _ROBUST, 0.31),
    ),
}


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
    options : mapping of str to str
        ngspice options that the technology asks for.
    measures : tuple of str
        ``.meas`` lines for a reader who runs the deck by hand.
    """

    circuit: str
    temperature_c: float
    stop_time_s: float
    max_step_s: float
    save: tuple[str, ...]
    initial_voltages_v: Mapping[str, float] = field(default_factory=dict)
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
        options = {**self.options, **solver.options, "temp": f"{self.temperature_c:g}"}
        step = self.max_step_s * solver.step_factor
        lines = [self.circuit.strip(), ""]
        lines.append(".options " + " ".join(f"{key}={value}" for key, value in options.items()))
        if self.initial_voltages_v:
            nodes = " ".join(f"v({n})={v:g}" for n, v in self.initial_voltages_v.items())
            lines.append(f".ic {nodes}")
        lines.append(".save all" if by_hand else f".save {' '.join(self.save)}")
        lines.append(f".tran {step:.6g} {self.stop_time_s:.9g} 0 {step:.6g}")
        if by_hand:
            lines += self.measures
        lines += [".end", ""]
        return "\n".join(lines)
