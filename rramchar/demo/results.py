"""The demo's results, read back from its files for the report's figures and tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.ber import BerTable
from rramchar.ber.decision_map import DecisionMap, decision_map
from rramchar.demo.files import DemoFiles
from rramchar.demo.reads import demo_plan, load_waveforms
from rramchar.demo.tables import measured_sample, read_results
from rramchar.errors import InputError
from rramchar.fitting import load_model, quantile_points
from rramchar.measured import read_measured, state_values

MAP_SUPPLIES_V = (1.2, 0.6)
_FITTED = {
    "median_ohm": "median",
    "sigma_log10": "σ of log10 R",
    "sigma_d2d_log10": "σ from device to device",
    "sigma_c2c_log10": "σ from cycle to cycle",
}


@dataclass(frozen=True)
class DemoResults:
    """Everything that the demo's report shows.

    Parameters
    ----------
    files : DemoFiles
        Where the results lie.
    reads, xnor : DataFrame
        Results of the two sweeps.
    table : BerTable
        The BER table.
    summary : dict
        What ran.
    """

    files: DemoFiles
    reads: pd.DataFrame
    xnor: pd.DataFrame
    table: BerTable
    summary: dict[str, Any]

    @property
    def sample_time_s(self) -> float:
        """Sampling time of the ternary read. [s]"""
        return float(demo_plan("reads").parameters.sample_time_s)

    def waveforms(self) -> list[dict[str, Any]]:
        """Return the waveforms of four reads."""
        return load_waveforms(self.files.waveforms)

    def typical_reads(self) -> pd.DataFrame:
        """Return the reads at the typical corner and 27 degC."""
        return self.reads[(self.reads["corner"] == "tt") & (self.reads["temperature_c"] == 27)]

    def reads_at(self, temperature_c: float) -> pd.DataFrame:
        """Return the reads of all corners at one temperature."""
        return self.reads[self.reads["temperature_c"] == temperature_c]

    def maps(self) -> dict[float, DecisionMap]:
        """Return the decision maps of the typical corner at 27 degC, by supply."""
        window = demo_plan("reads").parameters.sensing_time_s
        return {
            vdd: decision_map(
                self.reads, corner="tt", temperature_c=27.0, vdd_v=vdd, window_s=window
            )
            for vdd in MAP_SUPPLIES_V
        }

    def xnor_table(self) -> pd.DataFrame:
        """Return the XNOR truth table: for each input and weight, how many reads were right.

        Returns
        -------
        DataFrame
            Columns ``input, stored weight, product, reads, right``; equal stored states are left
            out, for they hold no binary weight.
        """
        frame = self.xnor[(self.xnor["r_bl_ohm"] > 2e4) != (self.xnor["r_blb_ohm"] > 2e4)]
        weight = np.where(frame["r_bl_ohm"] > frame["r_blb_ohm"], 1, -1)
        product = weight * frame["x"]
        right = frame["outcome"] == np.where(product > 0, "plus", "minus")
        rows = pd.DataFrame(
            {"input": frame["x"], "stored weight": weight, "product": product, "right": right}
        )
        grouped = rows.groupby(["input", "stored weight", "product"])["right"]
        return grouped.agg(reads="count", right="sum").reset_index()

    def quantiles(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return the points of the quantile plot of each state."""
        frame = read_measured(measured_sample(), "cycling")
        return {state: quantile_points(state_values(frame, state)) for state in ("lrs", "hrs")}

    def fits(self) -> dict[str, tuple[float, float]]:
        """Return median [ohm] and sigma of log10 resistance of each fitted state."""
        model = load_model(self.files.resistance_model)
        return {
            state: (model.value(f"{state}_median_ohm"), model.value(f"{state}_sigma_log10"))
            for state in ("lrs", "hrs")
        }

    def fit_table(self) -> pd.DataFrame:
        """Return the main fitted parameters with their 95 % intervals."""
        parameters = load_model(self.files.resistance_model).parameters
        rows = []
        for state in ("lrs", "hrs"):
            for name, words in _FITTED.items():
                p = parameters[f"{state}_{name}"]
                label = f"{state.upper()} {words}"
                rows.append((label, p.value, p.low, p.high, p.unit))
        return pd.DataFrame(rows, columns=["parameter", "estimate", "low", "high", "unit"])

    def ber_bars(self) -> list[dict[str, Any]]:
        """Return the two counted error rates with their intervals."""
        return [
            {"label": label, "ber": row.ber, "low": row.ber_low, "high": row.ber_high}
            for label, cell in (("1T1R, best threshold", "1t1r"), ("2T2R, complementary", "2t2r"))
            for row in self.table.filter(source="counts", cell=cell).rows
        ]

    def error_tables(self) -> dict[str, pd.DataFrame]:
        """Return the error rates of amplifier reads at 27 degC, by coding."""
        frame = self.table.frame
        chosen = frame[(frame["source"] == "pcsa_map") & (frame["temperature_c"] == 27.0)]
        return {
            f"{coding}, sampled at {part['sample_time_s'].iloc[0] * 1e9:g} ns": part
            for coding, part in chosen.groupby("coding")
        }

    def confusion_table(self, vdd_v: float) -> pd.DataFrame:
        """Return the ternary confusion in percent, typical corner, 27 degC, at one supply."""
        where = {"coding": "ternary", "corner": "tt", "temperature_c": 27.0, "vdd_v": vdd_v}
        probability = self.table.confusion(source="pcsa_map", **where).probability
        return pd.DataFrame(
            100 * probability,
            index=["stored +1", "stored 0", "stored −1"],
            columns=["read +1", "read 0", "read −1", "invalid"],
        )

    def sampling_curves(self) -> dict[float, pd.DataFrame]:
        """Return the ternary error against the sampling time, by supply."""
        frame = pd.read_csv(self.files.sampling)
        return {float(vdd): part for vdd, part in frame.groupby("vdd_v")}  # type: ignore[arg-type]

    def accuracy_against_ber(self) -> dict[str, pd.DataFrame]:
        """Return the accuracy against the error rate, by kind of weights."""
        return _by_weights(self.files.accuracy_ber)

    def accuracy_against_supply(self) -> dict[str, pd.DataFrame]:
        """Return the accuracy against supply and corner, by kind of weights."""
        return _by_weights(self.files.accuracy_supply)

    def run_table(self) -> pd.DataFrame:
        """Return what ran, one line per fact."""
        return pd.DataFrame(
            [(name, str(value)) for name, value in self.summary.items()],
            columns=["what", "value"],
        )


def open_results(folder: str | Path) -> DemoResults:
    """Read the results of a finished demo.

    Parameters
    ----------
    folder : str or Path
        The demo's folder.

    Returns
    -------
    DemoResults
        The results.

    Raises
    ------
    InputError
        If the folder does not hold them.
    """
    files = DemoFiles(Path(folder))
    if not files.summary.is_file():
        raise InputError(f"{folder}: holds no finished demo; run: rramchar demo {folder}")
    return DemoResults(
        files=files,
        reads=read_results(files.reads),
        xnor=read_results(files.xnor),
        table=BerTable.load(files.ber_table),
        summary=json.loads(files.summary.read_text(encoding="utf-8")),
    )


def _by_weights(path: Path) -> dict[str, pd.DataFrame]:
    return {str(name): part for name, part in pd.read_csv(path).groupby("weights")}
