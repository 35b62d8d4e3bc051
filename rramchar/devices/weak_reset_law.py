r"""The weak-RESET law of IEDM 2019 pulse by pulse, for arrays of devices that differ.

Hirtzlin et al., IEDM 2019, Fig. 10 (doi 10.1109/IEDM19573.2019.8993555), one step per pulse:

.. math::

    G \leftarrow \max(G_{min},\; G - c\, e^{-\beta x} + \eta N(0, 1)), \qquad
    x = \frac{G_{max} - G}{G_{max} - G_{min}}

with :math:`c = C\, t_{ref}` for the reference pulse. The floor, and how c follows voltage and
width,

.. math::

    c(V, w) = C\, t_{ref}\, e^{(|V| - v_{ref})/v_s}\, (w / t_{ref})^p ,

are ours: the paper prints the law for one pulse. So is the noise of a pulse of another strength,
eta times the strength to the power q. For a fall per pulse that is large against
:math:`(G_{max} - G_{min})/\beta` the differential equation and one step of it differ; `integrated`
devices follow the equation within the pulse, as does ``WeakReset``, the record beside the SPICE
subcircuit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeakResetDevices:
    """Parameters of many devices; every field is an array over devices or one number for all.

    Parameters
    ----------
    fall_s : array, shape (devices,)
        c: fall of the conductance per reference pulse at ``g_max_s``. [S]
    beta : array, shape (devices,)
        Non-linearity. [1]
    eta_s : array, shape (devices,)
        Standard deviation of the conductance that each pulse adds. [S]
    g_min_s, g_max_s : array, shape (devices,)
        Floor, and the conductance after a SET. [S]
    v_ref_v, t_ref_s : float
        The reference pulse. [V], [s]
    v_scale_v : float or None
        Voltage that makes the fall e times larger; None: not known, every voltage acts alike. [V]
    width_exponent : float
        p of the pulse width. [1]
    read_noise_s : array, shape (devices,)
        Standard deviation that a reading adds; the device does not keep it. [S]
    noise_exponent : float
        q: power of the strength in the noise of a pulse. [1]
    integrated : bool
        Whether the equation is integrated within a pulse instead of taken as one step.
    """

    fall_s: Floats
    beta: Floats
    eta_s: Floats
    g_min_s: Floats
    g_max_s: Floats
    v_ref_v: float
    t_ref_s: float
    v_scale_v: float | None
    width_exponent: float
    read_noise_s: Floats
    noise_exponent: float = 0.0
    integrated: bool = False

    def strength(self, v_reset_v: ArrayLike, pulse_width_s: ArrayLike) -> Floats:
        """Return the fall of pulses relative to the reference pulse; see `pulse_strength`. [1]"""
        return pulse_strength(
            v_reset_v,
            pulse_width_s,
            v_ref_v=self.v_ref_v,
            t_ref_s=self.t_ref_s,
            v_scale_v=self.v_scale_v,
            width_exponent=self.width_exponent,
        )


def pulse_strength(
    v_reset_v: ArrayLike,
    pulse_width_s: ArrayLike,
    *,
    v_ref_v: float,
    t_ref_s: float,
    v_scale_v: float | None,
    width_exponent: float,
) -> Floats:
    """Return the fall of a pulse relative to that of the reference pulse.

    Parameters
    ----------
    v_reset_v, pulse_width_s : array_like, same shape
        Magnitude and width of the pulses. [V], [s]
    v_ref_v, t_ref_s, v_scale_v, width_exponent
        As in `WeakResetDevices`.

    Returns
    -------
    array
        ``exp((|V| - v_ref) / v_s) (w / t_ref)^p``. [1]
    """
    width = (np.asarray(pulse_width_s, dtype=float) / t_ref_s) ** width_exponent
    if v_scale_v is None:
        return np.broadcast_to(width, np.broadcast(width, v_reset_v).shape)
    return np.exp((np.abs(np.asarray(v_reset_v, dtype=float)) - v_ref_v) / v_scale_v) * width


def mean_fall(
    conductance_s: ArrayLike, devices: WeakResetDevices, strength: ArrayLike = 1.0
) -> Floats:
    """Return by how much a pulse lowers the conductance on average, before the floor.

    Parameters
    ----------
    conductance_s : array_like, shape (..., devices)
        Before the pulse. [S]
    devices : WeakResetDevices
        Their parameters.
    strength : array_like, broadcastable
        From `WeakResetDevices.strength`. [1]

    Returns
    -------
    array, shape (..., devices)
        ``c exp(-beta x)``, or ``ln(1 + k c exp(-beta x)) / k`` integrated within the pulse, with
        ``k = beta / (Gmax - Gmin)``. [S]
    """
    span = devices.g_max_s - devices.g_min_s
    x = (devices.g_max_s - np.asarray(conductance_s)) / span
    fall = np.asarray(strength) * devices.fall_s * np.exp(-devices.beta * x)
    if not devices.integrated:
        return np.asarray(fall)
    slope = np.where(np.abs(devices.beta) > 1e-9, devices.beta, 1e-9) / span
    return np.asarray(np.log1p(np.maximum(slope * fall, -0.999)) / slope)


def step_conductance(
    conductance_s: ArrayLike,
    devices: WeakResetDevices,
    normal: ArrayLike,
    strength: ArrayLike = 1.0,
) -> Floats:
    """Return the conductance after one pulse on every device.

    Parameters
    ----------
    conductance_s : array_like, shape (..., devices)
        Before the pulse. [S]
    devices : WeakResetDevices
        Their parameters.
    normal : array_like, shape (..., devices)
        Standard normal draws.
    strength : array_like, broadcastable
        From `WeakResetDevices.strength`. [1]

    Returns
    -------
    array, shape (..., devices)
        Not below ``g_min_s``. [S]
    """
    moved = np.asarray(conductance_s) - mean_fall(conductance_s, devices, strength)
    noise = devices.eta_s * np.asarray(strength) ** devices.noise_exponent
    return np.maximum(devices.g_min_s, moved + noise * np.asarray(normal))
