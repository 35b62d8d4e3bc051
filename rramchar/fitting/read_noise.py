"""Noise of repeated reads: spectrum slope and telegraph noise per device, and over devices.

A trace is modelled as ``G(t) = G0 (1 + background(t) + step s(t))``: a background with a power-law
spectrum and, where it is detected, a two-level telegraph signal s(t).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.readings import take_readings
from rramchar.fitting.rtn import Telegraph, decode, fit_telegraph
from rramchar.fitting.spectrum import LEAST_READS, Spectrum, fit_spectrum

Floats = NDArray[np.float64]
MODEL_NAME = "read_noise"
_UNEVEN = 0.1  # largest deviation of a time step from the median one


def fit_read_noise(
    frame: pd.DataFrame,
    *,
    band_hz: tuple[float, float] | None = None,
    rate_hz: float | None = None,
    rtn: bool = True,
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FittedModel:
    """Fit the read noise of each device and summarize over devices.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, resistance_ohm``, at least 256 equally spaced good reads of
        each device in order of time; ``time_s`` where known.
    band_hz : tuple of float, optional
        Band of the spectrum fit, see `fit_spectrum`. [Hz]
    rate_hz : float, optional
        Reads per second, where the frame has no ``time_s``. Without either, frequencies are in
        cycles per read and rates per read.
    rtn : bool
        Whether to look for telegraph noise (takes most of the time).
    provenance : mapping, optional
        Kept in the model.
    progress : callable, optional
        Called with devices done and their number.

    Returns
    -------
    FittedModel
        ``spectrum_slope`` [1]; with three devices or more ``relative_sigma`` (geometric mean of
        the standard deviations over the means) [1]; ``rtn_share`` of devices with detected
        telegraph noise (Clopper-Pearson) [1]; where it was detected in one device or in at least
        three, ``rtn_relative_step`` [1], ``rtn_rate_up_per_s``, ``rtn_rate_down_per_s`` [1/s]
        (``..._per_read`` without a time). Intervals are the device's own for one device, else
        Student's t over devices. ``population["devices"]`` lists every device.

    Raises
    ------
    InputError
        If a device has too few reads, constant reads, or uneven steps of time.
    """
    readings = take_readings(frame, ("device", "resistance_ohm"), "fit read-noise")
    traces = _traces(readings.frame, readings.sides)
    rows: list[dict[str, Any]] = []
    own: list[dict[str, Parameter]] = []
    times = [rate_hz or _rate(part, name) for name, part in traces]
    timed = all(rate is not None for rate in times)
    spectra = [
        _spectrum(part, rate or 1.0, band_hz, str(name))
        for (name, part), rate in zip(traces, times, strict=True)
    ]
    for (name, part), rate, spectrum in zip(traces, times, spectra, strict=True):
        if progress is not None:
            progress(len(rows), len(traces))
        row, found = _fit_device(_relative(part), spectrum, rate or 1.0, timed, rtn)
        mean = float((1.0 / part["resistance_ohm"]).mean())
        rows.append({"device": str(name), "mean_siemens": mean, **row})
        own.append(found)
    if progress is not None:
        progress(len(rows), len(traces))
    return FittedModel(
        name=MODEL_NAME,
        parameters=_over_devices(own, rows, rtn),
        population={"devices": rows, "timed": timed},
        goodness={
            "devices": len(rows),
            "left_out": readings.left_out,
            "power_law_devices": sum(row["spectrum_excess"] < 2 for row in rows),
            "converged": True,
            "undetermined": [],
            "remark": _remark(rows),
        },
        provenance=dict(provenance or {}),
    )


def simulate_read_noise(
    model: FittedModel, devices: int, reads: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices: each takes the noise of one fitted device, drawn with replacement.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_read_noise`.
    devices, reads : int
        How many devices and reads of each.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        A tidy frame ``device, pulse, time_s, resistance_ohm``; ``time_s`` only where the fit had
        a time. The background is Gaussian with the fitted slope and spread; conductances are kept
        above a thousandth of their mean.
    """
    if model.name != MODEL_NAME:
        raise InputError(f"model {model.name!r} cannot be drawn here; expected {MODEL_NAME!r}")
    known = model.population["devices"]
    parts = []
    for device, pick in enumerate(rng.integers(0, len(known), size=devices), start=1):
        row = known[pick]
        trace = row["background_relative_sigma"] * draw_power_law(
            reads, row["background_slope"], rng
        )
        if row["rtn"]:
            high = draw_telegraph(reads, row["p_up"], row["p_down"], rng)
            trace = trace + row["rtn_relative_step"] * (high - row["rtn_share_high"])
        g = row["mean_siemens"] * np.maximum(1 + trace, 1e-3)
        part = {"device": device, "pulse": np.arange(reads), "resistance_ohm": 1.0 / g}
        if model.population["timed"]:
            part["time_s"] = np.arange(reads) / row["rate_hz"]
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def draw_power_law(reads: int, slope: float, rng: np.random.Generator) -> Floats:
    """Draw Gaussian noise whose spectrum is a power of the frequency.

    Parameters
    ----------
    reads : int
        Length.
    slope : float
        Exponent of the frequency, -1 for 1/f noise. [1]
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    array, shape (reads,)
        Mean 0, standard deviation 1 in expectation over the record. [1]
    """
    frequency = np.fft.rfftfreq(reads)
    size = np.zeros(len(frequency))
    size[1:] = frequency[1:] ** (slope / 2)
    phases = rng.standard_normal((2, len(frequency)))
    drawn = np.fft.irfft((phases[0] + 1j * phases[1]) * size, reads)
    power = 2 * float((size**2).sum()) * 2 / reads**2
    return np.asarray(drawn / np.sqrt(power)) if power > 0 else np.zeros(reads)


def draw_telegraph(reads: int, p_up: float, p_down: float, rng: np.random.Generator) -> Floats:
    """Draw a two-state Markov chain, started in equilibrium.

    Parameters
    ----------
    reads : int
        Length.
    p_up, p_down : float
        Probability of a jump per read, from 0 to 1 and back. [1/read]
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    array, shape (reads,)
        0 or 1.
    """
    first = int(rng.random() < p_up / (p_up + p_down))
    leave = (p_up, p_down) if first == 0 else (p_down, p_up)
    stays: list[NDArray[np.int64]] = []
    while sum(int(part.sum()) for part in stays) < reads:
        stays.append(rng.geometric(leave, size=(64, 2)).ravel())
    joined = np.concatenate(stays)
    states = (first + np.arange(len(joined))) % 2
    return np.repeat(states, joined)[:reads].astype(float)


def continuous_rates(p_up: float, p_down: float, rate_hz: float) -> tuple[float, float]:
    """Return the rates of a chain in continuous time from its jump probabilities per read.

    ``lambda = -ln(1 - p_up - p_down) rate``, shared out as the probabilities are; a jump there and
    back between two reads is thereby allowed for.

    Parameters
    ----------
    p_up, p_down : float
        Jump probabilities per read. [1/read]
    rate_hz : float
        Reads per second. [Hz]

    Returns
    -------
    up, down : float
        [1/s]; NaN where p_up + p_down >= 1: the reads are too slow for the jumps.
    """
    both = p_up + p_down
    if both >= 1:
        return float("nan"), float("nan")
    total = -np.log1p(-both) * rate_hz
    return float(total * p_up / both), float(total * p_down / both)


def _traces(frame: pd.DataFrame, sides: NDArray[np.int64]) -> list[tuple[object, pd.DataFrame]]:
    if sides.any():
        raise InputError(
            f"fit read-noise: {int((sides != 0).sum())} readings are censored, expected none: a "
            "trace with clipped reads has no spectrum; leave those devices out"
        )
    traces: list[tuple[object, pd.DataFrame]] = list(frame.groupby("device", sort=False))
    for name, part in traces:
        if len(part) < LEAST_READS:
            raise InputError(
                f"fit read-noise: device {name} has {len(part)} reads, expected at least "
                f"{LEAST_READS}; leave it out or record longer"
            )
        if part["resistance_ohm"].nunique() == 1:
            raise InputError(
                f"fit read-noise: all reads of device {name} are equal; leave it out (stuck, or "
                "below the resolution of the instrument)"
            )
    return traces


def _rate(part: pd.DataFrame, name: object) -> float | None:
    if "time_s" not in part.columns or part["time_s"].isna().any():
        return None
    steps = np.diff(part["time_s"].to_numpy(dtype=float))
    middle = float(np.median(steps))
    if middle <= 0 or np.abs(steps - middle).max() > _UNEVEN * middle:
        raise InputError(
            f"fit read-noise: the reads of device {name} are not equally spaced in time_s (steps "
            f"{steps.min():g} to {steps.max():g} s); expected one interval, in order of time"
        )
    return float(1.0 / middle)


def _relative(part: pd.DataFrame) -> Floats:
    g = 1.0 / part["resistance_ohm"].to_numpy(dtype=float)
    return np.asarray(g / g.mean() - 1)


def _spectrum(
    part: pd.DataFrame, rate_hz: float, band_hz: tuple[float, float] | None, name: str
) -> Spectrum:
    try:
        return fit_spectrum(_relative(part), rate_hz, band_hz)
    except InputError as error:
        raise InputError(f"fit read-noise: device {name}: {error}") from None


def _fit_device(
    trace: Floats, spectrum: Spectrum, rate_hz: float, timed: bool, rtn: bool
) -> tuple[dict[str, Any], dict[str, Parameter]]:
    row: dict[str, Any] = {
        "relative_sigma": float(trace.std(ddof=1)),
        "rate_hz": rate_hz,
        "band_hz": [spectrum.low_hz, spectrum.high_hz],
        "spectrum_slope": spectrum.slope.value,
        "spectrum_slope_low": spectrum.slope.low,
        "spectrum_slope_high": spectrum.slope.high,
        "density_1hz": spectrum.density_1hz,
        "spectrum_excess": spectrum.excess,
        "background_slope": spectrum.slope.value,
        "background_relative_sigma": float(trace.std(ddof=1)),
        "rtn": False,
    }
    found = {"spectrum_slope": spectrum.slope}
    if rtn:
        levels = fit_telegraph(trace)
        row |= {"rtn": levels.detected, "rtn_reason": levels.reason, "bic_gain": levels.bic_gain}
        if levels.detected:
            found |= _rtn_parameters(levels, rate_hz, timed)
            rest = trace - levels.parameters["step"].value * decode(trace, levels.values)
            background = fit_spectrum(rest, rate_hz, (spectrum.low_hz, spectrum.high_hz))
            row |= {
                "p_up": levels.parameters["p_up"].value,
                "p_down": levels.parameters["p_down"].value,
                "rtn_share_high": float(levels.share_high),
                "rtn_levels": levels.values,
                "background_slope": background.slope.value,
                "background_relative_sigma": float(rest.std(ddof=1)),
                **{n: p.value for n, p in found.items()},
                **{f"{n}_low": p.low for n, p in found.items()},
                **{f"{n}_high": p.high for n, p in found.items()},
            }
    return row, found


def _rtn_parameters(levels: Telegraph, rate_hz: float, timed: bool) -> dict[str, Parameter]:
    up, down = levels.parameters["p_up"], levels.parameters["p_down"]
    step = levels.parameters["step"]
    found = {
        "rtn_relative_step": Parameter(step.value, step.low, step.high, "1", step.standard_error)
    }
    rates = continuous_rates(up.value, down.value, rate_hz)
    if not timed or not np.isfinite(rates[0]):
        return {**found, "rtn_rate_up_per_read": up, "rtn_rate_down_per_read": down}
    for name, p, rate in (("up", up, rates[0]), ("down", down, rates[1])):
        factor = rate / p.value
        found[f"rtn_rate_{name}_per_s"] = Parameter(
            rate, p.low * factor, p.high * factor, "1/s", (p.standard_error or 0.0) * factor
        )
    return found


def _over_devices(
    own: list[dict[str, Parameter]], rows: list[dict[str, Any]], rtn: bool
) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    slopes = [p["spectrum_slope"] for p in own]
    found["spectrum_slope"] = (
        slopes[0] if len(slopes) == 1 else _mean(np.array([p.value for p in slopes]))
    )
    if len(rows) >= 3:
        found["relative_sigma"] = _geometric([row["relative_sigma"] for row in rows], "1")
    if not rtn:
        return found
    with_rtn = [p for p, row in zip(own, rows, strict=True) if row["rtn"]]
    hits, n = len(with_rtn), len(rows)
    exact = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    error = float(np.sqrt(hits * (n - hits) / n**3))
    found["rtn_share"] = Parameter(hits / n, float(exact.low), float(exact.high), "1", error)
    for name in {key: None for p in with_rtn for key in p if key.startswith("rtn_")}:
        values = [p[name] for p in with_rtn if name in p]
        if n == 1:
            found[name] = values[0]
        elif len(values) >= 3:
            found[name] = _geometric([p.value for p in values], values[0].unit)
    return found


def _mean(values: Floats) -> Parameter:
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    half, middle = float(stats.t.ppf(0.975, len(values) - 1)) * error, float(values.mean())
    return Parameter(middle, middle - half, middle + half, "1", error)


def _geometric(values: list[float], unit: str) -> Parameter:
    p = _mean(np.log(np.array(values)))
    value, low, high = (float(np.exp(v)) for v in (p.value, p.low, p.high))
    return Parameter(value, low, high, unit, value * (p.standard_error or 0.0))


def _remark(rows: list[dict[str, Any]]) -> str:
    bent = [row["device"] for row in rows if row["spectrum_excess"] >= 2]
    if not bent:
        return "a power law describes every spectrum in its band"
    shown = ", ".join(bent[:5]) + (", ..." if len(bent) > 5 else "")
    return (
        f"{len(bent)} of {len(rows)} spectra scatter about the power law at least twice as much as "
        f"noise would (steps or peaks): devices {shown}"
    )
