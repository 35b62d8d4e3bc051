"""Second part of the demo: measured resistances, fitted, counted, and read by the amplifier."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from rramchar.ber import (
    OUTCOMES,
    BerRow,
    BerTable,
    ResistancePairs,
    complementary_pairs,
    confusion_counts,
    count_1t1r,
    count_2t2r,
    make_row,
    ternary_pairs,
)
from rramchar.ber.decision_map import (
    UNMAPPED,
    DecisionMap,
    decision_map,
    latched_outcomes,
)
from rramchar.fitting import fit_resistance_lognormal, save_model
from rramchar.measured import read_measured
from rramchar.provenance import provenance
from rramchar.resources import resource
from rramchar.sweep import Plan, make_plan, results, run_plan

SAMPLE = "cycling_1t1r_synthetic.csv"
PROGRAMMING = "synthetic sample"
SAMPLING_SUPPLIES_V = (0.5, 0.6, 0.8, 1.2)
_CHECKED_PAIRS = 300


def measured_sample() -> Path:
    """Return the path of the shipped sample of cycled resistances (synthetic)."""
    return resource("measurements", SAMPLE)


def read_results(table: Path) -> pd.DataFrame:
    """Read the exported results of a sweep."""
    frame = pd.read_csv(table, comment="#")
    frame["precharge_ok"] = frame["precharge_ok"].astype("boolean")
    return frame


def write_resistance_model(sample: Path, seed: int, output: Path) -> None:
    """Fit the resistance states of a measured file and keep the model."""
    frame = read_measured(sample, "cycling")
    facts = provenance(inputs=[sample])
    save_model(fit_resistance_lognormal(frame, seed=seed, provenance=facts), output)


def write_ber_table(sample: Path, reads: pd.DataFrame, plan: Plan, output: Path) -> None:
    """Count errors on measured resistances, alone and as read by the amplifier.

    Parameters
    ----------
    sample : Path
        Cycled resistances.
    reads : DataFrame
        Results of the read sweep.
    plan : Plan
        Its plan: gives sampling time and window.
    output : Path
        BER table to write. Rows of source ``counts``: 1T1R at the best threshold and 2T2R by
        comparing the two resistances. Rows of source ``pcsa_map``, for every condition of the
        sweep: a binary read latched at the end of the window, and a ternary read at the sampling
        time.
    """
    frame = read_measured(sample, "cycling")
    binary, ternary = complementary_pairs(frame), ternary_pairs(frame)
    rows = [
        make_row(cell="1t1r", coding="binary", source="counts", programming=PROGRAMMING,
                 counts=count_1t1r(frame).confusion),
        make_row(cell="2t2r", coding="binary", source="counts", programming=PROGRAMMING,
                 counts=count_2t2r(frame).confusion),
    ]  # fmt: skip
    parameters = plan.parameters
    for (corner, temperature, vdd), chosen in condition_maps(
        reads, parameters.sensing_time_s
    ).items():
        for coding, pairs, time in (
            ("binary", binary, parameters.sensing_time_s),
            ("ternary", ternary, parameters.sample_time_s),
        ):
            rows.append(_map_row(chosen, coding, pairs, time, corner, temperature, vdd))
    facts = provenance(inputs=[sample], command="rramchar demo", digest=plan.technology.digest)
    BerTable.from_rows(rows).save(output, facts)


def condition_maps(
    reads: pd.DataFrame, window_s: float
) -> dict[tuple[str, float, float], DecisionMap]:
    """Return the decision map of every condition in a read sweep.

    Parameters
    ----------
    reads : DataFrame
        Results of the read sweep.
    window_s : float
        How long sensing was simulated. [s]

    Returns
    -------
    dict
        ``(corner, temperature_c, vdd_v)`` to map.
    """
    conditions = reads[["corner", "temperature_c", "vdd_v"]].drop_duplicates()
    return {
        (corner, temperature, vdd): decision_map(
            reads, corner=corner, temperature_c=temperature, vdd_v=vdd, window_s=window_s
        )
        for corner, temperature, vdd in conditions.itertuples(index=False)
    }


def write_sampling_curve(sample: Path, reads: pd.DataFrame, plan: Plan, output: Path) -> None:
    """Write the ternary error against the sampling time, typical corner, 27 degC.

    Columns ``vdd_v`` [V], ``sample_time_s`` [s], ``error`` [1] (all stored weights alike often).
    """
    pairs = ternary_pairs(read_measured(sample, "cycling"))
    window = plan.parameters.sensing_time_s
    rows = []
    for vdd in SAMPLING_SUPPLIES_V:
        chosen = decision_map(reads, corner="tt", temperature_c=27.0, vdd_v=vdd, window_s=window)
        fall = chosen.fall_time(pairs.r_bl_ohm, pairs.r_blb_ohm)
        weight = np.sign(pairs.r_bl_ohm - pairs.r_blb_ohm)
        for time in np.geomspace(window / 200, window, 60):
            seen = np.where(fall > time, 0, weight)
            rows.append((vdd, float(f"{time:.6g}"), float(np.mean(seen != pairs.stored))))
    frame = pd.DataFrame(rows, columns=["vdd_v", "sample_time_s", "error"])
    frame.to_csv(output, index=False)


def check_map(
    sample: Path, reads: pd.DataFrame, plan: Plan, seed: int, run: Path, output: Path
) -> None:
    """Simulate measured pairs directly and compare with the decision map; keep the counts.

    Parameters
    ----------
    sample : Path
        Cycled resistances.
    reads : DataFrame
        Results of the read sweep.
    plan : Plan
        Its plan.
    seed : int
        Seed of the choice of pairs.
    run : Path
        Folder for the run directories.
    output : Path
        JSON: ``pairs``, ``agree``, ``failed``, ``vdd_v``, ``corner``, ``temperature_c``.
    """
    rng = np.random.default_rng(seed)
    pairs = ternary_pairs(read_measured(sample, "cycling"))
    picked = rng.choice(len(pairs.stored), size=_CHECKED_PAIRS, replace=False)
    vdd = 0.6
    chosen = decision_map(
        reads, corner="tt", temperature_c=27.0, vdd_v=vdd, window_s=plan.parameters.sensing_time_s
    )
    outcomes = chosen.outcomes(
        pairs.r_bl_ohm[picked], pairs.r_blb_ohm[picked], plan.parameters.sample_time_s
    )
    document = plan.document()
    document["axes"] = {"corner": "tt", "temperature_c": 27.0, "vdd_v": vdd}
    document["list"] = {
        "r_bl_ohm": pairs.r_bl_ohm[picked].tolist(),
        "r_blb_ohm": pairs.r_blb_ohm[picked].tolist(),
    }
    listed = make_plan(document)
    run_plan(listed, run)
    rows = results(listed, run)
    solved = rows["status"] == "ok"
    agree = rows["outcome"].to_numpy() == np.array(OUTCOMES)[outcomes]
    counts = {
        "pairs": len(picked),
        "agree": int(agree[solved].sum()),
        "failed": int((~solved).sum()),
        "vdd_v": vdd,
        "corner": "tt",
        "temperature_c": 27.0,
    }
    output.write_text(json.dumps(counts), encoding="utf-8")


def _map_row(
    chosen: DecisionMap,
    coding: str,
    pairs: ResistancePairs,
    sample_time_s: float,
    corner: str,
    temperature_c: float,
    vdd_v: float,
) -> BerRow:
    codes = chosen.outcomes(pairs.r_bl_ohm, pairs.r_blb_ohm, sample_time_s)
    if coding == "binary":
        codes = latched_outcomes(codes)
    known = codes != UNMAPPED
    return make_row(
        cell="2t2r",
        coding=coding,
        source="pcsa_map",
        programming=PROGRAMMING,
        corner=corner,
        temperature_c=temperature_c,
        vdd_v=vdd_v,
        sample_time_s=sample_time_s,
        counts=confusion_counts(pairs.stored[known], codes[known]),
    )
