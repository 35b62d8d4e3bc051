"""Adam in place, in blocks that stay in the cache, and a cosine learning rate."""

from __future__ import annotations

import math

import numpy as np

from rramchar.nn.quantize import Array, Quantizer

BLOCK = 32768


def cosine_rate(step: int, steps: int, rate: float) -> float:
    """Return the learning rate of a step: half a cosine from `rate` down to 0.

    Loshchilov and Hutter, "SGDR", arXiv:1608.03983, without restarts.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        Number of all steps.
    rate : float
        Rate of the first step. [1]

    Returns
    -------
    float
        The rate. [1]

    Examples
    --------
    >>> cosine_rate(50, 100, 0.01)
    0.005
    """
    return rate * (1 + math.cos(math.pi * step / steps)) / 2


class Adam:
    """The moments of one array of parameters, and the update that uses them.

    Kingma and Ba, arXiv:1412.6980. The moments are kept without the factors 1 - beta, which are
    put into the step size and epsilon instead: two passes less.

    Parameters
    ----------
    parameters : array of float32, contiguous
        Updated in place by `step`.
    beta1, beta2 : float
        Decay of the first and of the second moment. [1]
    epsilon : float
        Added to the root of the second moment.
    """

    def __init__(
        self, parameters: Array, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self._flat = parameters.reshape(-1)
        self._first = np.zeros_like(self._flat)
        self._second = np.zeros_like(self._flat)
        self._scratch = np.empty(min(BLOCK, self._flat.size), dtype=np.float32)
        self._betas = (beta1, beta2)
        self._epsilon = epsilon
        self._steps = 0

    def step(
        self,
        gradient: Array,
        rate: float,
        quantize: Quantizer | None = None,
        quantized: Array | None = None,
    ) -> None:
        """Update the parameters, and requantize each block while it is in the cache.

        Parameters
        ----------
        gradient : array of float32, shape of the parameters, contiguous
            Overwritten.
        rate : float
            Learning rate. [1]
        quantize : callable, optional
            Called with each updated block and the block of `quantized` to write.
        quantized : array of float32, shape of the parameters, contiguous
            Receives the quantized parameters.
        """
        beta1, beta2 = self._betas
        self._steps += 1
        root = math.sqrt((1 - beta2) / (1 - beta2**self._steps))
        size = np.float32(rate * (1 - beta1) / (1 - beta1**self._steps) / root)
        epsilon = np.float32(self._epsilon / root)
        decay1, decay2 = np.float32(beta1), np.float32(beta2)
        flat_gradient = gradient.reshape(-1)
        flat_quantized = None if quantized is None else quantized.reshape(-1)
        for start in range(0, self._flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            w, g = self._flat[part], flat_gradient[part]
            m, v = self._first[part], self._second[part]
            scratch = self._scratch[: w.size]
            m *= decay1
            m += g
            g *= g
            v *= decay2
            v += g
            np.sqrt(v, out=scratch)
            scratch += epsilon
            np.divide(m, scratch, out=scratch)
            scratch *= size
            w -= scratch
            if quantize is not None and flat_quantized is not None:
                quantize(w, flat_quantized[part])
