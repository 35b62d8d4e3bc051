"""How often each device was pulsed, beside the endurance that was demonstrated.

Hirtzlin et al., IEDM 2019, Figs. 18 and 19: cycles of a strong SET and a weak RESET (1.5 V, 1 us,
200 uA): 10^5 on 64 devices, all functional; 55e9 on two devices. A training there took about 10^4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.energy_devices import load_device_energies
from rramchar.nn.learn.state import LearnState

ENDURANCE_64_DEVICES = 1e5
ENDURANCE_2_DEVICES = 55e9
KINDS = ("weak_resets", "sets")


def device_counts(state: LearnState, kind: str) -> list[NDArray[np.int32]]:
    """Return the pulses of every device, layer by layer.

    Parameters
    ----------
    state : LearnState
        After learning.
    kind : str
        ``weak_resets`` or ``sets``.

    Returns
    -------
    list of array, shape (2 * synapses,)
        The BL devices first.
    """
    return [
        np.concatenate([layer.synapses.counters[f"{kind}_{side}"] for side in ("bl", "blb")])
        for layer in state.layers
    ]


def device_energy_j(
    state: LearnState, weak_reset_j: float, set_j: float
) -> list[NDArray[np.float64]]:
    """Return the programming energy that every device took.

    Parameters
    ----------
    state : LearnState
        After learning.
    weak_reset_j, set_j : float
        Energy of one pulse. [J]

    Returns
    -------
    list of array, shape (2 * synapses,)
        As `device_counts`. [J]
    """
    pairs = zip(device_counts(state, "weak_resets"), device_counts(state, "sets"), strict=True)
    return [resets * weak_reset_j + sets * set_j for resets, sets in pairs]


def summarize_counters(state: LearnState) -> dict[str, Any]:
    """Summarize the counters against the endurance figures.

    Parameters
    ----------
    state : LearnState
        After learning.

    Returns
    -------
    dict
        For ``weak_resets`` and ``sets`` each the ``total``, and per device ``mean``, ``median``,
        ``q99``, ``max``, ``layer_means``, and ``devices_above_1e5``; ``energy_j``: ``total``, and
        per device ``mean`` and ``max``, at the shipped energies of one pulse, whatever its strength
        (`rramchar.nn.energy_devices`) [J]; ``trainings_within_1e5`` and
        ``trainings_within_55e9``: how many such runs the most used device would stand, if a weak
        RESET wears like a whole cycle of the published test (it wears less).
    """
    found: dict[str, Any] = {}
    for kind in KINDS:
        layers = device_counts(state, kind)
        every = np.concatenate(layers)
        found[kind] = {
            "total": int(every.sum(dtype=np.int64)),
            "mean": float(every.mean()),
            "median": float(np.median(every)),
            "q99": float(np.quantile(every, 0.99)),
            "max": int(every.max()),
            "layer_means": [float(layer.mean()) for layer in layers],
            "devices_above_1e5": int(np.count_nonzero(every > ENDURANCE_64_DEVICES)),
        }
    pulse = load_device_energies()
    every_j = np.concatenate(device_energy_j(state, pulse.weak_reset.energy_j, pulse.set.energy_j))
    found["energy_j"] = {
        "total": float(every_j.sum()),
        "mean": float(every_j.mean()),
        "max": float(every_j.max()),
    }
    most = max(found["weak_resets"]["max"], found["sets"]["max"], 1)
    return found | {
        "trainings_within_1e5": ENDURANCE_64_DEVICES / most,
        "trainings_within_55e9": ENDURANCE_2_DEVICES / most,
    }


def counter_histogram(state: LearnState) -> list[dict[str, Any]]:
    """Count devices by their pulses, in bins of a third of an octave above 8.

    Parameters
    ----------
    state : LearnState
        After learning.

    Returns
    -------
    list of dict
        ``kind``, ``layer`` (from 0), ``least`` and ``most`` pulses of the bin (both included), and
        ``devices`` in it; empty bins are left out.
    """
    rows = []
    for kind in KINDS:
        for number, counts in enumerate(device_counts(state, kind)):
            edges = _edges(int(counts.max()))
            places = np.searchsorted(edges, counts, side="right") - 1
            for place, devices in enumerate(np.bincount(places, minlength=len(edges))):
                if devices:
                    rows.append(
                        {
                            "kind": kind,
                            "layer": number,
                            "least": int(edges[place]),
                            "most": int(edges[place + 1]) - 1 if place + 1 < len(edges) else None,
                            "devices": int(devices),
                        }
                    )
    return rows


def normalized_conductance(state: LearnState) -> NDArray[np.float32]:
    """Return the conductance of every device, from 0 to about 1 after a SET.

    Parameters
    ----------
    state : LearnState
        After learning.

    Returns
    -------
    array, shape (device,)
        All layers, BL devices of each first. [1]
    """
    return np.concatenate(
        [
            device.normalized()
            for layer in state.layers
            for device in (layer.synapses.bl, layer.synapses.blb)
        ]
    )


def _edges(most: int) -> NDArray[np.int64]:
    """Return the lowest count of each bin, with one bin above `most`."""
    octaves = np.arange(9, 3 * np.log2(most + 16) + 3)
    wide = np.rint(2.0 ** (octaves / 3)).astype(np.int64)
    edges = np.concatenate([np.arange(9), wide[wide > 8]])
    return edges[: np.searchsorted(edges, most, side="right") + 1]
