"""Where the demo keeps each of its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DemoFiles:
    """Paths of the demo's results below one folder.

    Parameters
    ----------
    folder : Path
        The demo's folder.
    """

    folder: Path

    @property
    def reads_run(self) -> Path:
        """Run directory of the PCSA sweep."""
        return self.folder / "reads"

    @property
    def xnor_run(self) -> Path:
        """Run directory of the XNOR truth table."""
        return self.folder / "xnor"

    @property
    def waveforms(self) -> Path:
        """Waveforms of four reads (.npz)."""
        return self.folder / "waveforms.npz"

    @property
    def reads(self) -> Path:
        """Results of the PCSA sweep (CSV)."""
        return self.folder / "reads.csv"

    @property
    def xnor(self) -> Path:
        """Results of the XNOR truth table (CSV)."""
        return self.folder / "xnor.csv"

    @property
    def resistance_model(self) -> Path:
        """Fitted LRS and HRS distributions (JSON)."""
        return self.folder / "resistance.json"

    @property
    def ber_table(self) -> Path:
        """BER table (CSV)."""
        return self.folder / "ber.csv"

    @property
    def sampling(self) -> Path:
        """Ternary error against sampling time and supply (CSV)."""
        return self.folder / "sampling.csv"

    @property
    def map_check(self) -> Path:
        """Decision map against direct simulation of measured pairs (JSON)."""
        return self.folder / "map_check.json"

    def network(self, weights: str, seed: int) -> Path:
        """Trained network (.npz)."""
        return self.folder / "networks" / f"{weights}_seed{seed}.npz"

    @property
    def accuracy_ber(self) -> Path:
        """Accuracy against error rate (CSV)."""
        return self.folder / "accuracy_ber.csv"

    @property
    def accuracy_supply(self) -> Path:
        """Accuracy against supply and corner (CSV)."""
        return self.folder / "accuracy_supply.csv"

    @property
    def summary(self) -> Path:
        """What ran: counts, failures, seeds, versions (JSON)."""
        return self.folder / "summary.json"

    @property
    def notebook(self) -> Path:
        """Executed notebook."""
        return self.folder / "report.ipynb"

    @property
    def report(self) -> Path:
        """The report, one self-contained page (HTML)."""
        return self.folder / "report.html"
