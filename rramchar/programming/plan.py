"""A plan of programming sequences as plain data, laid out point by point."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from rramchar.devices import DeviceModel
from rramchar.devices.model import initial_state, library_path
from rramchar.programming.entries import AXIS_FIELDS, Entry
from rramchar.provenance import digest_file, digest_json
from rramchar.technology import Condition, Technology
from rramchar.testbench.program import WriteCell
from rramchar.testbench.pulses import Step

# Raised when the same plan starts to give other results, so that old ones are not reused.
VERSION = 1
_KEY_BYTES = 16


@dataclasses.dataclass(frozen=True)
class SequencePoint:
    """One planned sequence.

    Parameters
    ----------
    index : int
        Position in the plan.
    key : bytes
        Digest of everything that determines the result.
    condition : Condition
        Corner and temperature, at the nominal supply.
    sample : int
        Repetition with other noise.
    values : dict of str to float
        Value of every axis, such as ``step1_wl_v``.
    steps : tuple of Step
        The sequence.
    entropy : tuple of int
        Seeds its noise; independent of the device and the technology.
    """

    index: int
    key: bytes
    condition: Condition
    sample: int
    values: dict[str, float]
    steps: tuple[Step, ...]
    entropy: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ProgramPlan:
    """Sequences of pulses on one kind of cell, for every condition, axis value and sample.

    Parameters
    ----------
    technology : Technology
        The process.
    technology_name : str
        How the plan names it.
    seed, samples, cycles : int
        Seed of all noise; repetitions of each sequence with other noise; repetitions of the
        steps within a sequence.
    accuracy : str
        Ladder of solver options.
    pulse_timeout_s : float
        Longest time that one pulse may take. [s]
    cell : WriteCell
        The cell.
    model : DeviceModel
        Its devices.
    initial_r_ohm : mapping of str to float
        Resistance of each device before the first pulse. [ohm]
    corners : tuple of str
        Process corners.
    temperatures_c : tuple of float
        Temperatures. [degC]
    entries : tuple of Entry
        The steps, with the axes in them.
    """

    technology: Technology
    technology_name: str
    seed: int
    samples: int
    cycles: int
    accuracy: str
    pulse_timeout_s: float
    cell: WriteCell
    model: DeviceModel
    initial_r_ohm: Mapping[str, float]
    corners: tuple[str, ...]
    temperatures_c: tuple[float, ...]
    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        """Return the number of sequences."""
        return (
            len(self.corners)
            * len(self.temperatures_c)
            * math.prod(len(v) for v in self.axes.values())
            * self.samples
        )

    @property
    def axes(self) -> dict[str, tuple[float, ...]]:
        """Values of every axis in the steps, by a name such as ``step1_wl_v``."""
        return {
            f"step{number}_{field}": entry.values[field]
            for number, entry in enumerate(self.entries, 1)
            for field in AXIS_FIELDS
            if len(entry.values[field]) > 1
        }

    def steps(self, values: Mapping[str, float]) -> tuple[Step, ...]:
        """Return the steps at given axis values."""
        return tuple(
            entry.step(
                {f: values.get(f"step{number}_{f}", entry.values[f][0]) for f in AXIS_FIELDS}
            )
            for number, entry in enumerate(self.entries, 1)
        )

    def states(self) -> dict[str, float]:
        """Return the state of each device before the first pulse, in the model's unit."""
        return {
            name: initial_state(self.model, value, self.cell.read_v)
            for name, value in self.initial_r_ohm.items()
        }

    def points(self) -> Iterator[SequencePoint]:
        """Lay out all sequences; corner varies slowest, sample fastest."""
        base = self._base_digest()
        names = list(self.axes)
        index = 0
        for corner, temperature_c in itertools.product(self.corners, self.temperatures_c):
            condition = Condition(corner, temperature_c, self.technology.vdd_nominal_v)
            for chosen in itertools.product(*self.axes.values()):
                values = dict(zip(names, chosen, strict=True))
                steps = self.steps(values)
                played = [dataclasses.asdict(condition), [dataclasses.asdict(s) for s in steps]]
                for sample in range(self.samples):
                    drawn = digest_json([self.seed, sample, *played])
                    key = bytes.fromhex(digest_json([base, drawn]))[:_KEY_BYTES]
                    entropy = tuple(int(drawn[i : i + 8], 16) for i in range(0, 32, 8))
                    yield SequencePoint(index, key, condition, sample, values, steps, entropy)
                    index += 1

    def document(self) -> dict[str, Any]:
        """Return the plan as resolved: every default and every axis value written out."""
        cell = dataclasses.asdict(self.cell)
        cell |= {f"initial_r_{name}_ohm": value for name, value in self.initial_r_ohm.items()}
        return {
            "plan": {
                "testbench": "program",
                "technology": self.technology_name,
                "seed": self.seed,
                "samples": self.samples,
                "cycles": self.cycles,
                "accuracy": self.accuracy,
                "pulse_timeout_s": self.pulse_timeout_s,
            },
            "cell": cell,
            "device": {"model": self.model.name, **dataclasses.asdict(self.model)},  # type: ignore[call-overload]
            "axes": {"corner": list(self.corners), "temperature_c": list(self.temperatures_c)},
            "sequence": [entry.document() for entry in self.entries],
        }

    def _base_digest(self) -> str:
        document = self.document()
        return digest_json(
            {
                "version": VERSION,
                "technology": self.technology.digest,
                "device_library": digest_file(library_path(self.model)),
                "cell": document["cell"],
                "device": document["device"],
                "accuracy": self.accuracy,
                "cycles": self.cycles,
            }
        )
