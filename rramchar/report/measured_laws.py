"""Report sections on pulses, retention and read noise of measured files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rramchar.errors import InputError
from rramchar.fitting import FittedModel, Parameter
from rramchar.fitting.drift import DriftFit, fit_weak_reset_arxiv2107
from rramchar.fitting.read_noise import fit_read_noise
from rramchar.fitting.retention import fit_retention
from rramchar.fitting.weak_reset import WeakResetFit, fit_weak_reset_iedm2019
from rramchar.report.folder import (
    NOISE_USE,
    PULSES_USE,
    RETENTION_USE,
    MeasuredFile,
    MeasuredFolder,
)
from rramchar.report.noise import plot_read_noise
from rramchar.report.pages import for_each, interval_table, show_each, show_note
from rramchar.report.retention import plot_retention
from rramchar.report.style import show
from rramchar.report.tables import show_table
from rramchar.report.weak_reset import plot_weak_reset_arxiv2107, plot_weak_reset_iedm2019
from rramchar.units import format_quantity

_PULSE = {"v_ref": "V", "t_ref": "s"}
_LAW = {
    "C": "C, fall per second at Gmax",
    "C_pulse": "C, fall per reference pulse",
    "slope": "β / (Gmax − Gmin)",
    "beta": "β",
    "eta": "η, noise of a pulse",
    "v_s": "v_s, voltage for a factor e",
    "width_exponent": "exponent of the pulse width",
    "noise_exponent": "exponent of the noise",
    "read_noise": "read noise",
}
_CHANGE = {
    "shift_1s_siemens": "shift after 1 s",
    "shift_per_decade_siemens": "shift per decade of time",
    "sigma_1s_siemens": "σ after 1 s",
    "sigma_per_decade_siemens": "σ per decade of time",
    "shift_floor_siemens": "shift that no temperature changes",
    "shift_activated_siemens": "activated shift at the highest temperature",
    "sigma_floor_siemens": "σ that no temperature changes",
    "sigma_activated_siemens": "activated σ at the highest temperature",
    "activation_energy_ev": "activation energy of σ",
    "shift_activation_energy_ev": "activation energy of the shift",
    "time_exponent": "exponent of the time",
}
_NOISE = {
    "spectrum_slope": "slope of the spectrum, mean over devices",
    "relative_sigma": "σ of G over its mean",
    "rtn_share": "share of devices with telegraph noise",
    "rtn_relative_step": "telegraph step of G over its mean",
    "rtn_rate_up_per_s": "jumps up",
    "rtn_rate_down_per_s": "jumps down",
    "rtn_rate_up_per_read": "jumps up",
    "rtn_rate_down_per_read": "jumps down",
}
_LONG = 400  # pulses of a record; in shorter ones the kink of the drift cannot be told


@dataclass(frozen=True)
class PulseFits:
    """Weak-RESET models fitted to one file.

    Parameters
    ----------
    voltage : str
        Column with the voltage of the pulses.
    law : WeakResetFit
        Of IEDM 2019.
    drift : DriftFit or None
        Of arXiv:2107.06064, where all pulses are alike and records long enough.
    """

    voltage: str
    law: WeakResetFit
    drift: DriftFit | None


def show_weak_reset(folder: MeasuredFolder) -> Any:
    """Fit and show the weak-RESET population of every file that holds RESET pulses."""

    def fit(file: MeasuredFile) -> PulseFits:
        frame = file.readings
        voltage = _pulse_voltage(frame)
        law = fit_weak_reset_iedm2019(frame, voltage=voltage, source=file.name)
        return PulseFits(voltage, law, _drift(frame, voltage, file.name))

    def draw(file: MeasuredFile, fits: PulseFits) -> Iterable[Any]:
        model = fits.law.model
        yield show_note(_law_note(model, fits.voltage))
        yield show(
            plot_weak_reset_iedm2019(fits.law, file.title),
            f"Weak RESET of {file.title}: devices with the noise-free law, increments with the law "
            "of all devices, residuals, and what each device says.",
        )
        kept = {n: p for n, p in model.parameters.items() if n not in _PULSE}
        yield show_table(interval_table(kept, _LAW))
        yield show_table(population_table(model))
        if fits.drift is not None:
            yield from _draw_drift(file, fits.drift)

    nothing = "No file of this folder holds RESET pulses on enough devices."
    return show_each(for_each(folder.used_for(PULSES_USE), fit), draw, nothing)


def show_retention(folder: MeasuredFolder, seed: int = 0) -> Any:
    """Fit and show the retention or relaxation of every file with readings over time."""

    def fit(file: MeasuredFile) -> FittedModel:
        return fit_retention(file.readings, seed=seed)

    def draw(file: MeasuredFile, model: FittedModel) -> Iterable[Any]:
        yield show_note(_sentence(model.goodness["remark"]))
        yield show(
            plot_retention(model, file.title),
            f"Change of the conductance in {file.title}, with 95 % bootstrap intervals over "
            "devices.",
        )
        yield show_table(interval_table(model.parameters, _CHANGE))
        yield show_table(condition_table(model))

    nothing = "No file of this folder holds readings of programmed devices over time."
    return show_each(for_each(folder.used_for(RETENTION_USE), fit), draw, nothing)


def show_read_noise(folder: MeasuredFolder) -> Any:
    """Fit and show the read noise of every file with long records."""

    def fit(file: MeasuredFile) -> FittedModel:
        return fit_read_noise(file.readings)

    def draw(file: MeasuredFile, model: FittedModel) -> Iterable[Any]:
        yield show_note(_sentence(model.goodness["remark"]))
        yield show(
            plot_read_noise(model, file.readings, file.title),
            f"Read noise of {file.title}: spectra with their power laws, what those leave, part of "
            "one record, and the slopes of all devices.",
        )
        yield show_table(interval_table(model.parameters, _NOISE))

    nothing = "No file of this folder holds long records of one device."
    return show_each(for_each(folder.used_for(NOISE_USE), fit), draw, nothing)


def population_table(model: FittedModel) -> pd.DataFrame:
    """Return how parameters spread over devices, with 95 % intervals.

    Parameters
    ----------
    model : FittedModel
        A weak-RESET model.

    Returns
    -------
    DataFrame
        Columns ``parameter, distribution, quantity, estimate, low, high, unit``. Quantities without
        an interval (bounds, what is taken as constant) are left out.
    """
    parts = []
    for name, spec in model.population.items():
        entries = {
            field: Parameter(
                entry["value"], entry["low"], entry["high"],
                "1" if field == "sigma" else spec["unit"],
            )
            for field, entry in spec.items()
            if isinstance(entry, dict) and {"value", "low", "high"} <= set(entry)
        }  # fmt: skip
        table = interval_table(entries)
        table.insert(0, "parameter", name)
        table.insert(1, "distribution", spec.get("distribution", ""))
        parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def condition_table(model: FittedModel) -> pd.DataFrame:
    """Return mean and spread of the change of conductance for each time and temperature.

    Parameters
    ----------
    model : FittedModel
        Of `rramchar.fitting.retention.fit_retention`.

    Returns
    -------
    DataFrame
        Conductances in µS, with 95 % bootstrap intervals over devices.
    """
    rows = []
    for row in model.population["conditions"]:
        micro = {
            f"{words}{end}": 1e6 * row[f"{key}_{field}"]
            for key, words in (("mean", "mean (µS)"), ("sigma", "σ (µS)"))
            for field, end in (("siemens", ""), ("low", ", low"), ("high", ", high"))
        }
        rows.append(
            {
                "temperature (°C)": f"{row['temperature_c']:g}",
                "time (s)": f"{row['time_s']:.3g}",
                "devices": f"{row['devices']:,}",
                **micro,
            }
        )
    return pd.DataFrame(rows)


def _pulse_voltage(frame: pd.DataFrame) -> str:
    """Return the column with the voltage that the pulses vary."""
    for name in ("v_reset_v", "v_wl_v"):
        if name in frame.columns and frame[name].nunique() > 1:
            return name
    return "v_reset_v"


def _drift(frame: pd.DataFrame, voltage: str, source: str) -> DriftFit | None:
    alike = all(frame[c].nunique() < 2 for c in (voltage, "pulse_width_s") if c in frame.columns)
    if not alike or frame["pulse"].max() <= _LONG:
        return None
    try:
        return fit_weak_reset_arxiv2107(frame, source=source)
    except InputError:  # too few long records: the law above stands
        return None


def _draw_drift(file: MeasuredFile, fit: DriftFit) -> Iterable[Any]:
    goodness = fit.model.goodness
    yield show_note(f"Piecewise drift (arXiv:2107.06064). {_limits(goodness)}")
    yield show(
        plot_weak_reset_arxiv2107(fit, file.title),
        f"ln(R / R0) of {file.title} with line, kink and telegraph; residuals; their "
        "autocorrelation; devices and fitted distributions.",
    )
    # The rest of the parameters describe distributions, and stand in the next table.
    people = fit.model.population
    kept = {n: p for n, p in fit.model.parameters.items() if n.rsplit("_", 1)[0] not in people}
    yield show_table(interval_table(kept))
    yield show_table(population_table(fit.model))


def _law_note(model: FittedModel, voltage: str) -> str:
    pulse = " and ".join(
        format_quantity(model.value(name), unit)
        for name, unit in _PULSE.items()
        if name in model.parameters
    )
    reference = f" C is given for a pulse of {pulse}." if pulse else ""
    word_line = " Voltage: that of the word line." if voltage == "v_wl_v" else ""
    return f"Law of IEDM 2019.{reference}{word_line} {_limits(model.goodness)}"


def _limits(goodness: Any) -> str:
    words = [_sentence(goodness["remark"])]
    if goodness["undetermined"]:
        words.append(
            f"Not determined by these data, so that low and high are only limits: "
            f"{', '.join(goodness['undetermined'])}."
        )
    if goodness["failed"]:
        words.append(f"Not converged, do not use the intervals: {'; '.join(goodness['failed'])}.")
    return " ".join(words)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
