"""Latent float32 weights to the weights that are stored, as passes over arrays in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Quantizer = Callable[[Array, Array], None]
TERNARY_THRESHOLD = 0.05
_SIGN_BIT = np.uint32(0x80000000)
_ONE = np.uint32(0x3F800000)  # the bits of 1.0


def sign(values: Array, out: Array) -> None:
    """Write +1 or -1 by the sign bit: two integer passes, several times faster than copysign.

    Parameters
    ----------
    values : array of float32, any shape
        Finite; +0.0 gives +1 and -0.0 gives -1.
    out : array of float32, same shape
        Receives the result; may be `values` itself.
    """
    bits = out.view(np.uint32)
    np.bitwise_and(values.view(np.uint32), _SIGN_BIT, out=bits)
    np.bitwise_or(bits, _ONE, out=bits)


def ternary(values: Array, out: Array) -> None:
    """Write +1 or -1 where the magnitude reaches `TERNARY_THRESHOLD`, else 0.

    The threshold is that of the public code of arXiv:2005.01973 (Laborieux et al.).

    Parameters
    ----------
    values : array of float32, any shape
        Finite.
    out : array of float32, same shape
        Receives the result; must not be `values` itself.
    """
    np.multiply(values, np.float32(1 / TERNARY_THRESHOLD), out=out)
    np.maximum(out, np.float32(-1), out=out)
    np.minimum(out, np.float32(1), out=out)
    np.trunc(out, out=out)


def quantizer(kind: str) -> Quantizer:
    """Return `sign` for ``binary`` and `ternary` for ``ternary``."""
    return {"binary": sign, "ternary": ternary}[kind]
