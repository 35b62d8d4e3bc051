"""Steps of the demo that are not repeated while nothing they depend on has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rramchar import __version__
from rramchar.provenance import digest_file, digest_json

_STAMPS = ".stages"


@dataclass(frozen=True)
class Stage:
    """One step: what it reads, what it writes, how it is done.

    Parameters
    ----------
    name : str
        Short name, also of its stamp file.
    folder : Path
        Folder of the demo.
    inputs : tuple of Path
        Files whose content it depends on.
    outputs : tuple of Path
        Files that it writes.
    settings : mapping
        Everything else that it depends on; JSON-serializable.
    """

    name: str
    folder: Path
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    settings: Mapping[str, Any]

    def run(self, work: Callable[[], None]) -> bool:
        """Do the step unless its outputs are there and made from the same inputs.

        Parameters
        ----------
        work : callable
            Writes the outputs.

        Returns
        -------
        bool
            True if the work was done, False if its results were found.
        """
        stamp = self.folder / _STAMPS / f"{self.name}.json"
        wanted = self._digest()
        if self._is_done(stamp, wanted):
            return False
        stamp.unlink(missing_ok=True)
        work()
        stamp.parent.mkdir(exist_ok=True)
        made = {path.name: digest_file(path) for path in self.outputs}
        stamp.write_text(json.dumps({"inputs": wanted, "outputs": made}), encoding="utf-8")
        return True

    def _digest(self) -> str:
        files = [digest_file(path) for path in self.inputs]
        return digest_json([__version__, dict(self.settings), files])

    def _is_done(self, stamp: Path, wanted: str) -> bool:
        try:
            found = json.loads(stamp.read_text(encoding="utf-8"))
            made = {path.name: digest_file(path) for path in self.outputs}
        except (OSError, ValueError):  # no stamp, half a stamp, or an output that is gone
            return False
        return bool(found == {"inputs": wanted, "outputs": made})
