"""What a learned network loses while its devices relax.

After training, the conductance of every device changes by the law of `rramchar fit retention`:
mean and spread grow with log time (`log_time`) or as the bakes say (`arrhenius`). A device's change
is one process with independent normal increments, as in
`rramchar.fitting.retention.simulate_retention`. The weights are read again at each time; what was
learned outside the array (normalization) stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, Parameter, load_model
from rramchar.fitting.retention import MODEL_NAME, predict_change
from rramchar.nn.learn.devices import DeviceArray

Floats = NDArray[np.float64]
_LEAST_SIEMENS = 1e-9

# Value and 95 % interval [S, S/decade], from
#   rramchar fit retention techB-relaxdata_10k.min.tsv.gz --ranges 0
# on the relaxation data of github.com/akashlevy/RRAM-Relaxation-Master-Model (MIT licence):
# 15,961 cells up to 128 uS, 0.01 s to 1e4 s at 27 degC.
_PUBLISHED = {
    "shift_1s_siemens": (-5.525e-7, -5.980e-7, -5.060e-7, "S"),
    "shift_per_decade_siemens": (-2.168e-7, -2.335e-7, -2.016e-7, "S/decade"),
    "sigma_1s_siemens": (3.993e-6, 3.889e-6, 4.116e-6, "S"),
    "sigma_per_decade_siemens": (7.244e-7, 6.901e-7, 7.586e-7, "S/decade"),
}
_PUBLISHED_TIMES_S = (0.0105, 0.1, 1.0, 97.6, 1e3, 9.97e3)
_ROOM_C = 27.0


def relaxation_model(path: str | None = None) -> FittedModel:
    """Return the law of relaxation: a fitted one, or the one fitted to published data.

    Parameters
    ----------
    path : str, optional
        JSON written by ``rramchar fit retention``; without it, measured relaxation of another
        group's chip (see the source of this module).

    Returns
    -------
    FittedModel
        Named ``retention``.

    Raises
    ------
    InputError
        If the file is none of that kind.
    """
    if path:
        model = load_model(path)
        if model.name != MODEL_NAME:
            raise InputError(
                f"{path}, field name: {model.name!r}, expected {MODEL_NAME!r}; make one with "
                "`rramchar fit retention`"
            )
        return model
    conditions = [{"time_s": t, "temperature_c": _ROOM_C} for t in _PUBLISHED_TIMES_S]
    population = {
        "law": "log_time",
        "time_reference_s": 1.0,
        "temperature_reference_c": _ROOM_C,
        "conditions": conditions,
        "ranges": [],
    }
    source = (
        "fit to the relaxation data of github.com/akashlevy/RRAM-Relaxation-Master-Model (MIT): "
        "15,961 cells, 27 degC, 0.01 s to 1e4 s"
    )
    parameters = {name: Parameter(*values) for name, values in _PUBLISHED.items()}
    return FittedModel(MODEL_NAME, parameters, population, provenance={"source": source})


def relax(
    conductance_s: Floats,
    model: FittedModel,
    times_s: Sequence[float],
    rng: np.random.Generator,
    temperature_c: float = _ROOM_C,
) -> Iterator[Floats]:
    """Yield the conductance of devices at rising times after programming.

    Parameters
    ----------
    conductance_s : array, shape (devices,)
        At the end of programming. [S]
    model : FittedModel
        From `relaxation_model`.
    times_s : sequence of float
        Rising times above 0. [s]
    rng : numpy Generator
        One normal draw per device and time.
    temperature_c : float
        Temperature; the ``log_time`` law does not depend on it. [degree C]

    Yields
    ------
    array, shape (devices,)
        Kept above 1 nS. [S]

    Raises
    ------
    InputError
        If the times are not above 0 and rising.
    """
    check_times(times_s)
    walk, variance = np.zeros(conductance_s.shape), np.zeros(conductance_s.shape)
    for time in times_s:
        mean, sigma = predict_change(model, conductance_s, time, temperature_c)
        step = np.sqrt(np.maximum(sigma**2 - variance, 0.0))
        walk += step * rng.standard_normal(walk.shape)
        variance = np.maximum(variance, sigma**2)
        yield np.maximum(conductance_s + mean + walk, _LEAST_SIEMENS)


def check_times(times_s: Sequence[float]) -> None:
    """Refuse times that do not rise from above 0 s."""
    if any(not late > early for early, late in zip((0.0, *times_s), times_s, strict=False)):
        raise InputError(f"times: {list(times_s)}, expected rising times above 0 s")


def siemens(device: DeviceArray) -> Floats:
    """Return the conductance of all devices. [S]"""
    return np.exp(device.log_conductance().astype(np.float64))


def put_siemens(device: DeviceArray, conductance_s: Floats) -> None:
    """Give devices another conductance, as if they had changed by themselves.

    Parameters
    ----------
    device : DeviceArray
        Of ``iedm2019``, ``arxiv2107`` or a fitted model; changed in place.
    conductance_s : array, shape (devices,)
        Above 0. [S]

    Raises
    ------
    InputError
        If the devices have no conductance in siemens (``ideal``).
    """
    state = device.state_dict()
    if "conductance_s" in state:
        state["conductance_s"][:] = conductance_s
    elif "ln_r_ohm" in state:
        state["ln_r_ohm"][:] = -np.log(conductance_s)
    else:
        raise InputError("model ideal: has no conductance in siemens that could relax")
