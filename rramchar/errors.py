"""The exceptions that rramchar raises on purpose; all share one base class.

A message names the file, field or argument, the value that came, what was expected and how
to mend it. The command line prints it as one line and exits with the class's exit code.
"""

from __future__ import annotations


class RramcharError(Exception):
    """Base class of every error that a user can cause or mend."""

    exit_code = 2


class InputError(RramcharError):
    """An argument, a file or a field holds something that cannot be used."""


class MissingToolError(RramcharError):
    """A program, library or optional package that the call needs is not installed."""


class StoreError(RramcharError):
    """A run directory is locked, damaged, or belongs to something else."""


class WorkersDiedError(RramcharError):
    """Worker processes died again and again before they had taken anything to do."""

    exit_code = 1


class ClusterError(RramcharError):
    """The scheduler of a cluster went away in the middle of a run."""

    exit_code = 1


class SimulationError(RramcharError):
    """ngspice did not deliver a result.

    Parameters
    ----------
    reason : str
        One of ``convergence``, ``timeout``, ``crash``, ``bad_netlist``.
    detail : str
        The simulator's own last words.
    """

    exit_code = 1

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[SimulationError], tuple[str, str]]:
        return type(self), (self.reason, self.detail)  # or it could not leave a worker process
