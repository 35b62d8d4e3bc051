"""Models whose numbers were published, or chosen by us where a paper prints none.

`published_model` gives them in the form of a fitted model, so that they can be drawn from and
compared with a fit. Their intervals have no width: they are constants, not estimates.
"""

from __future__ import annotations

from typing import Any

from rramchar.devices.weak_reset import WeakReset
from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, Parameter

_OURS = "constants chosen for rramchar"
PUBLISHED = ("iedm2019", "arxiv2107")
CHOSEN = ("relaxation", "read-noise")  # for samples: constants of our own


def published_model(name: str) -> FittedModel:
    """Return a model with published or chosen constants.

    Parameters
    ----------
    name : str
        ``iedm2019`` or ``arxiv2107``; ``relaxation`` and ``read-noise`` are constants of our own,
        of the size that is usual in HfO2 cells, for samples and tests.

    Returns
    -------
    FittedModel
        ``provenance["source"]`` says where the constants come from.

    Raises
    ------
    InputError
        If there is no such model.
    """
    makers = {
        "iedm2019": _iedm2019, "arxiv2107": _arxiv2107, "relaxation": _relaxation,
        "read-noise": _read_noise,
    }  # fmt: skip
    if name in makers:
        return makers[name]()
    raise InputError(f"model {name!r}: expected one of {', '.join(PUBLISHED + CHOSEN)}")


def _arxiv2107() -> FittedModel:
    """Return the constants of arXiv:2107.06064, as in its public code (MIT licence)."""
    population: dict[str, Any] = {
        "m1": {"distribution": "exponential", "scale": _exactly(6.564678011593196e-4),
               "lower": 3.7415768289771944e-5, "upper": 7.6e-3, "unit": "1/pulse"},
        "t_star": {"distribution": "lognormal", "median": _exactly(542.5385224079308),
                   "sigma": _exactly(0.8033817700570505), "lower": 41.0, "upper": 2000.0,
                   "unit": "pulse"},
        "c1": {"distribution": "normal", "mean": _exactly(0.005293141020227579),
               "sd": _exactly(0.05320804175540371), "lower": -0.15, "upper": 0.15, "unit": "1"},
        "m2": {"distribution": "exponential", "scale": _exactly(2.8890516951651312e-5),
               "lower": 0.0, "upper": 1.3e-4, "unit": "1/pulse"},
        "R0": {"distribution": "normal", "mean": _exactly(6988.0), "sd": _exactly(381.7),
               "lower": 6252.0, "upper": 7897.0, "unit": "ohm"},
        "rtn_amplitude": {"distribution": "uniform", "lower": 0.0, "upper": 0.5,
                          "end": _exactly(0.5), "unit": "1"},
        "alpha": {"distribution": "constant", "value": 0.025, "unit": "1"},
    }  # fmt: skip
    parameters = {
        "alpha": _constant(0.025, "1"),
        "p_up": _constant(8e-4, "1"),
        "p_down": _constant(2e-3, "1"),
        "rtn_amplitude_max": _constant(0.5, "1"),
    }
    for name, spec in population.items():
        for field in ("mean", "sd", "median", "sigma", "scale"):
            if field in spec:
                unit = "1" if field == "sigma" else spec["unit"]
                parameters[f"{name}_{field}"] = _constant(spec[field]["value"], unit)
    source = (
        "A. Majumdar et al., arXiv:2107.06064, constants of its public code, "
        "github.com/Atreya95/Learning-with-memory-device-imperfections"
    )
    return FittedModel(
        "weak_reset_arxiv2107", parameters, population, provenance={"source": source}
    )


def _iedm2019() -> FittedModel:
    """Return the law of IEDM 2019 with the constants of the device record.

    The paper prints the equation, not C, beta, Gmin and Gmax; those, eta and the spreads between
    devices are chosen to look like its Figs. 7 and 8.
    """
    record, t_ref, eta = WeakReset(), 100e-9, 1e-6
    spreads = {"C": 0.25, "eta": 0.1}
    population: dict[str, Any] = {
        "C": {"distribution": "lognormal", "median": _exactly(record.rate_s_s),
              "sigma": _exactly(spreads["C"]), "unit": "S/s"},
        "beta": {"distribution": "normal", "mean": _exactly(record.beta), "sd": _exactly(0.3),
                 "lower": 0.0, "unit": "1"},
        "eta": {"distribution": "lognormal", "median": _exactly(eta),
                "sigma": _exactly(spreads["eta"]), "unit": "S"},
        "Gmax": {"distribution": "normal", "mean": _exactly(record.g_max_s),
                 "sd": _exactly(8e-6), "lower": 2 * record.g_min_s, "unit": "S"},
        "Gmin": {"distribution": "constant", "value": record.g_min_s, "unit": "S"},
        "read_noise": {"distribution": "constant", "value": 0.3e-6, "unit": "S"},
        "correlation": {"ln_C_beta": 0.0},
    }  # fmt: skip
    parameters = {
        "C": _constant(record.rate_s_s, "S/s"),
        "C_pulse": _constant(record.rate_s_s * t_ref, "S"),
        "slope": _constant(record.beta / (record.g_max_s - record.g_min_s), "1/S"),
        "beta": _constant(record.beta, "1"),
        "eta": _constant(eta, "S"),
        "Gmin": _constant(record.g_min_s, "S"),
        "Gmax": _constant(record.g_max_s, "S"),
        "read_noise": _constant(0.3e-6, "S"),
        "v_ref": _constant(1.2, "V"),
        "t_ref": _constant(t_ref, "s"),
        "v_s": _constant(record.v_scale_v, "V"),
        "width_exponent": _constant(1.0, "1"),
    }
    source = (
        "law: T. Hirtzlin et al., IEDM 2019, Fig. 10, doi 10.1109/IEDM19573.2019.8993555; "
        "constants chosen for rramchar, the paper does not print them"
    )
    return FittedModel("weak_reset_iedm2019", parameters, population, provenance={"source": source})


def _relaxation() -> FittedModel:
    """Return a relaxation at 27 degC that widens with the logarithm of time."""
    parameters = {
        "shift_1s_siemens": _constant(-1e-6, "S"),
        "shift_per_decade_siemens": _constant(-3e-7, "S/decade"),
        "sigma_1s_siemens": _constant(4.5e-6, "S"),
        "sigma_per_decade_siemens": _constant(9e-7, "S/decade"),
    }
    times = [10.0**decade for decade in range(-2, 5)]
    population: dict[str, Any] = {
        "law": "log_time", "time_reference_s": 1.0, "temperature_reference_c": 27.0,
        "conditions": [{"time_s": time, "temperature_c": 27.0} for time in times],
        "ranges": [], "initial_siemens": [4e-5, 2e-4],
    }  # fmt: skip
    return FittedModel("retention", parameters, population, provenance={"source": _OURS})


def _read_noise() -> FittedModel:
    """Return three devices: 1/f noise alone, and with a fast or a slow telegraph."""
    quiet = {"mean_siemens": 1e-4, "rate_hz": 100.0, "background_relative_sigma": 0.01,
             "background_slope": -1.0, "rtn": False}  # fmt: skip
    fast = {**quiet, "rtn": True, "p_up": 0.04, "p_down": 0.06, "rtn_relative_step": 0.06,
            "rtn_share_high": 0.4}  # fmt: skip
    slow = {**fast, "p_up": 0.02, "p_down": 0.02, "rtn_relative_step": -0.05,
            "rtn_share_high": 0.5, "mean_siemens": 5e-5}  # fmt: skip
    population = {"devices": [quiet, fast, slow], "timed": True}
    return FittedModel(
        "read_noise", {"spectrum_slope": _constant(-1.0, "1")}, population,
        provenance={"source": _OURS},
    )  # fmt: skip


def _constant(value: float, unit: str) -> Parameter:
    return Parameter(value, value, value, unit)


def _exactly(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value}
