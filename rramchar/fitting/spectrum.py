"""Power spectrum of a trace of reads, and the slope of a power law in a band.

References
----------
P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans.
Audio Electroacoust. 15 (1967) 70.
P. Whittle, "Estimation and information in stationary time series", Ark. Mat. 2 (1953) 423.
F. J. Harris, "On the use of windows for harmonic analysis", Proc. IEEE 66 (1978) 51 (correlation
of neighbouring bins under a Hann window).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

from rramchar.errors import InputError
from rramchar.fitting.model import Parameter

Floats = NDArray[np.float64]
_SEGMENTS = 8
LEAST_READS = 256
_LEAST_BINS = 8
# Sum of the squared correlations of a Hann-windowed bin with its neighbours: 1 + 2 (4/9 + 1/36).
_HANN_BINS = 1.0 + 2.0 * (4.0 / 9.0 + 1.0 / 36.0)


@dataclass(frozen=True)
class Spectrum:
    """A power law fitted to a Welch spectrum.

    Parameters
    ----------
    frequency_hz, density : array, shape (bins,)
        The spectrum; density in the square of the trace's unit per hertz.
    low_hz, high_hz : float
        The band of the fit. [Hz]
    slope : Parameter
        Exponent of the frequency, -1 for 1/f noise. [1]
    density_1hz : float
        The fitted law at 1 Hz (or one cycle per read where no time is known).
    excess : float
        Mean squared relative deviation from the law over what averaging leaves; about 1 for a
        power law, well above for steps (RTN) or peaks. [1]
    """

    frequency_hz: Floats
    density: Floats
    low_hz: float
    high_hz: float
    slope: Parameter
    density_1hz: float
    excess: float

    def law(self, frequency_hz: Floats) -> Floats:
        """Return the fitted density at frequencies [Hz]."""
        return self.density_1hz * np.asarray(frequency_hz) ** self.slope.value


def fit_spectrum(
    trace: Floats, rate_hz: float, band_hz: tuple[float, float] | None = None
) -> Spectrum:
    """Fit ``S = A f^slope`` to the spectrum of a trace.

    Welch's spectrum (Hann window, eight times half-overlapping segments, each freed of its mean)
    is fitted by the likelihood of exponentially distributed densities (Whittle), as a
    gamma regression with logarithmic link. The standard error is the larger of two: from the
    scatter about the law, with the correlation of neighbouring bins; and from scores summed over
    thirds of an octave, which also holds where the law bends.

    Parameters
    ----------
    trace : array, shape (reads,)
        Equally spaced reads, at least 256.
    rate_hz : float
        Reads per second. [Hz]
    band_hz : tuple of float, optional
        Lowest and highest frequency of the fit; `default_band` without. [Hz]

    Returns
    -------
    Spectrum
        With the 95 % interval of the slope.

    Raises
    ------
    InputError
        If the trace is too short or constant, or the band holds fewer than 8 bins.
    """
    if len(trace) < LEAST_READS:
        raise InputError(f"spectrum: {len(trace)} reads, expected at least {LEAST_READS}")
    if not np.ptp(trace) > 0:
        raise InputError("spectrum: all reads are equal; a constant trace has no noise to fit")
    length = len(trace) // _SEGMENTS
    frequency, density = signal.welch(trace, fs=rate_hz, window="hann", nperseg=length)
    low, high = band_hz or default_band(len(trace), rate_hz)
    reach = (low * (1 - 1e-9), high * (1 + 1e-9))  # not to lose an end to rounding
    inside = (frequency >= reach[0]) & (frequency <= reach[1]) & (frequency > 0) & (density > 0)
    if inside.sum() < _LEAST_BINS:
        raise InputError(
            f"spectrum: {int(inside.sum())} bins between {low:g} and {high:g} Hz, expected at "
            f"least {_LEAST_BINS}; the trace resolves {rate_hz / length:g} to {rate_hz / 2:g} Hz"
        )
    logs, power = np.log(frequency[inside]), density[inside]
    beta, error, freedom, excess = _gamma_regression(logs, power)
    half = float(stats.t.ppf(0.975, freedom)) * error
    middle = float(beta[1])
    slope = Parameter(middle, middle - half, middle + half, "1", error)
    return Spectrum(
        frequency[1:], density[1:], float(low), float(high), slope, float(np.exp(beta[0])), excess
    )


def default_band(reads: int, rate_hz: float) -> tuple[float, float]:
    """Return the band of a fit: from four bins to an eighth of the rate, or to eight bins.

    Parameters
    ----------
    reads : int
        Length of the trace.
    rate_hz : float
        Reads per second. [Hz]

    Returns
    -------
    low, high : float
        Below, the window leaks; above, jumps between reads fold back. Traces of fewer than 704
        reads have too few bins for that, so that their band reaches up to a third of the rate. [Hz]
    """
    bin_hz = rate_hz / (reads // _SEGMENTS)
    return 4 * bin_hz, max(rate_hz / 8, (3 + _LEAST_BINS) * bin_hz)


def _gamma_regression(logs: Floats, power: Floats) -> tuple[Floats, float, int, float]:
    x = np.column_stack([np.ones_like(logs), logs])
    beta = np.linalg.lstsq(x, np.log(power), rcond=None)[0]
    inverse = np.linalg.inv(x.T @ x)
    for _ in range(100):
        step = inverse @ x.T @ (power * np.exp(-x @ beta) - 1)
        beta = beta + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    rest = power * np.exp(-x @ beta) - 1
    scatter = float(rest @ rest) / (len(logs) - 2)
    plain = inverse[1, 1] * scatter * _HANN_BINS
    block = np.unique(np.floor(3 * (logs - logs[0]) / np.log(2)), return_inverse=True)[1]
    blocks = int(block.max()) + 1
    sums = np.column_stack([np.bincount(block, weights=rest * column) for column in x.T])
    robust = (inverse @ (sums.T @ sums) @ inverse)[1, 1] * blocks / max(blocks - 2, 1)
    # Half-overlapping Hann segments: 2 K - 1 averages of which 1 / 1.056 count as independent.
    expected = 1.056 / (2 * _SEGMENTS - 1)
    return beta, float(np.sqrt(max(plain, robust))), max(blocks - 2, 1), scatter / expected
