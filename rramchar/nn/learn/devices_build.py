"""Make the devices that the settings ask for: by name, or drawn from a fitted model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rramchar.devices.weak_reset_law import WeakResetDevices, pulse_strength
from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, load_model
from rramchar.fitting.population import draw_population
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import DRAWERS, draw_devices
from rramchar.nn.learn.devices import DeviceArray, Floats, IdealDevices
from rramchar.nn.learn.devices_drift import DriftArray
from rramchar.nn.learn.devices_iedm import IedmDevices
from rramchar.nn.learn.settings import LearnSettings

_QUANTILES = 10_001


def device_model(settings: LearnSettings) -> FittedModel | None:
    """Return the fitted or published model of the settings' devices; None for ``ideal``.

    Parameters
    ----------
    settings : LearnSettings
        Its `model` is a name or a file.

    Returns
    -------
    FittedModel or None
        Checked to be a weak-RESET model.

    Raises
    ------
    InputError
        If the file cannot be read or holds another model.
    """
    if settings.model == "ideal":
        return None
    if settings.model in ("iedm2019", "arxiv2107"):
        return published_model(settings.model)
    model = load_model(settings.model)
    if model.name not in DRAWERS:
        raise InputError(
            f"{settings.model}: holds model {model.name!r}, expected one of {', '.join(DRAWERS)}, "
            "from `rramchar fit weak-reset`"
        )
    return model


def build_devices(
    settings: LearnSettings,
    model: FittedModel | None,
    count: int,
    rng: np.random.Generator,
    store: Floats | None = None,
) -> DeviceArray:
    """Make devices after a full SET.

    Parameters
    ----------
    settings : LearnSettings
        Resolved.
    model : FittedModel or None
        From `device_model`.
    count : int
        Number of devices.
    rng : numpy.random.Generator
        Draws the parameters of each device, and goes on as the devices' own generator.
    store : array of float32, shape (count,), optional
        Where devices of a single number keep it, such as a column of a table.

    Returns
    -------
    DeviceArray
        New devices.

    Raises
    ------
    InputError
        If the model cannot answer what the settings ask, such as another voltage.
    """
    if model is None:
        assert settings.pulse is not None
        return IdealDevices(count, settings.pulse, settings.set_spread, rng, store)
    if settings.model == "iedm2019":
        law = _chosen_law(settings, model)
        strength = _strength(settings, law, model)
        return IedmDevices(count, law, strength, settings.set_spread, rng, settings.beta_set, store)
    on = settings.imperfections or ()
    drawn = draw_devices(model if "d2d" in on else _without_spread(model), count, rng)
    if isinstance(drawn, WeakResetDevices):
        strength = _strength(settings, drawn, model)
        return IedmDevices(count, drawn, strength, settings.set_spread, rng, store=store)
    if settings.v_reset_v is not None or settings.pulse_width_s is not None:
        raise InputError(
            f"v_reset_v, pulse_width_s: model {model.name} does not say how a pulse acts at "
            "another voltage or width; leave them out"
        )
    return DriftArray(drawn, settings.set_spread, rng, pink="pink" in on, rtn="rtn" in on)


def _chosen_law(settings: LearnSettings, model: FittedModel) -> WeakResetDevices:
    """Return the law with the settings' normalised constants, alike for all devices."""
    assert settings.pulse is not None
    assert settings.beta is not None
    assert settings.eta is not None
    low, high = model.value("Gmin"), model.value("Gmax")
    span = high - low

    def number(value: float) -> np.ndarray:
        return np.asarray(value, dtype=float)

    return WeakResetDevices(
        fall_s=number(settings.pulse * span),
        beta=number(settings.beta),
        eta_s=number(settings.eta * span),
        g_min_s=number(low),
        g_max_s=number(high),
        v_ref_v=model.value("v_ref"),
        t_ref_s=model.value("t_ref"),
        v_scale_v=model.value("v_s"),
        width_exponent=model.value("width_exponent"),
        read_noise_s=number(0.0),
    )


def _strength(settings: LearnSettings, law: WeakResetDevices, model: FittedModel) -> float:
    """Return the strength of the settings' pulse relative to the reference pulse."""
    if settings.v_reset_v is not None and law.v_scale_v is None:
        raise InputError(
            f"v_reset_v: {settings.v_reset_v:g} V, but the model's data had one voltage and do not "
            "say how another acts; leave it out, or fit data of several voltages"
        )
    timed = "t_ref" in model.parameters
    if settings.pulse_width_s is not None and not (timed and "width_exponent" in model.parameters):
        raise InputError(
            f"pulse_width_s: {settings.pulse_width_s:g} s, but the model's data had one width and "
            "do not say how another acts; leave it out, or fit data of several widths"
        )
    return float(
        pulse_strength(
            law.v_ref_v if settings.v_reset_v is None else settings.v_reset_v,
            law.t_ref_s if settings.pulse_width_s is None else settings.pulse_width_s,
            v_ref_v=law.v_ref_v,
            t_ref_s=law.t_ref_s,
            v_scale_v=law.v_scale_v,
            width_exponent=law.width_exponent,
        )
    )


def _without_spread(model: FittedModel) -> FittedModel:
    """Return a model whose devices all have the population's mean parameters."""
    middle = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    population = {
        name: {"distribution": "constant", "value": float(draw_population(spec, middle).mean())}
        if isinstance(spec, dict) and "distribution" in spec
        else spec
        for name, spec in model.population.items()
    }
    return replace(model, population=population)
