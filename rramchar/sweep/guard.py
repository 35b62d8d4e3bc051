"""Watch a run's model files: no result is kept that may come from other files than the plan's."""

from __future__ import annotations

from pathlib import Path

from rramchar.errors import InputError, StoreError
from rramchar.technology import Technology, load_technology
from rramchar.technology.modelfiles import collect_model_files

_Stamp = tuple[tuple[Path, int, int, int], ...]


class ModelGuard:
    """The model files of a technology as they were when a run started.

    ngspice reads them whenever it parses a circuit, at any time during a run. Before a result is
    stored, `check` sees that they are still the same; what a worker read before that moment was
    the same too. As long as no file's size, time and inode changed, nothing is read.

    Parameters
    ----------
    technology : Technology
        As the plan has it.
    name : str
        How the plan names it.

    Raises
    ------
    StoreError
        If the files changed since the plan was read.
    """

    def __init__(self, technology: Technology, name: str) -> None:
        self._technology = technology
        self._files = [file.path for file in collect_model_files(self._roots()).files]
        self._stamp = self._look()
        self._digests = self._read()
        if load_technology(name).digest != technology.digest:
            raise StoreError(
                f"the files of technology {technology.name} changed after the plan was read; read "
                "the plan again"
            )

    def check(self) -> None:
        """See that the files are those of the start.

        Raises
        ------
        StoreError
            If they are not.
        """
        stamp = self._look()
        if stamp == self._stamp:
            return
        if self._read() != self._digests:
            names = sorted({str(new[0]) for new in set(stamp) ^ set(self._stamp)})
            raise StoreError(
                f"the model files of {self._technology.name} changed during the run "
                f"({', '.join(names)}); what was simulated with the old ones is kept, the points "
                "in flight are not. Put the old files back and run the same command again to go "
                "on, or run it with the new ones, which simulates every point anew"
            )
        self._stamp = stamp

    def _roots(self) -> list[Path]:
        corners = self._technology.corners.items()
        libraries = self._technology.libraries
        return list(dict.fromkeys(lib.at(*corner)[0] for lib in libraries for corner in corners))

    def _look(self) -> _Stamp:
        return tuple(stamp for path in self._files if (stamp := _stamp_of(path)))

    def _read(self) -> list[list[str]] | None:
        try:
            return collect_model_files(self._roots()).digests
        except InputError:  # it cannot be read any more
            return None


def _stamp_of(path: Path) -> tuple[Path, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return path, status.st_mtime_ns, status.st_size, status.st_ino
