"""Which matrix kernel numpy runs, and whether the processor could run a faster one.

OpenBLAS chooses its kernel by the processor's model when it is loaded and takes one for AVX2 on
some AVX-512 processors that it does not know. The environment variable ``OPENBLAS_CORETYPE``
chooses another; it must be set before numpy is imported, so only the user can do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np  # noqa: F401 - its library must be loaded to be found
from threadpoolctl import threadpool_info

AVX512_FLAGS = frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl"})
AVX512_KERNELS = frozenset({"skylakex", "cooperlake", "sapphirerapids"})


@dataclass(frozen=True)
class BlasKernel:
    """What numpy multiplies matrices with.

    Parameters
    ----------
    library : str
        Such as ``openblas``; ``unknown`` where it cannot be told.
    kernel : str
        Such as ``SkylakeX`` or ``Haswell``; ``unknown`` where it cannot be told.
    threads : int or None
        Most threads it uses.
    """

    library: str
    kernel: str
    threads: int | None


def blas_kernel() -> BlasKernel:
    """Return which library and kernel numpy's matrix products run on in this process."""
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # scipy brings a library of its own; numpy's is the one beside numpy.
    found.sort(key=lambda pool: "numpy" not in str(pool["filepath"]))
    if not found:
        return BlasKernel("unknown", "unknown", None)
    first = found[0]
    return BlasKernel(
        str(first["internal_api"]),
        str(first.get("architecture") or "unknown"),
        int(first["num_threads"]),
    )


def processor_flags(cpuinfo: str | Path = "/proc/cpuinfo") -> frozenset[str]:
    """Return what the processor can do, by Linux's names; empty where that is not known."""
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return next(
        (frozenset(line.split(":")[1].split()) for line in lines if line.startswith("flags")),
        frozenset(),
    )


def kernel_hint(kernel: BlasKernel, flags: frozenset[str]) -> str | None:
    """Return advice where a faster kernel than the one that runs is available.

    Parameters
    ----------
    kernel : BlasKernel
        What runs.
    flags : frozenset of str
        See `processor_flags`.

    Returns
    -------
    str or None
        One sentence; None where there is nothing to gain.

    Examples
    --------
    >>> kernel_hint(BlasKernel("openblas", "SkylakeX", 1), AVX512_FLAGS) is None
    True
    >>> print(kernel_hint(BlasKernel("openblas", "Haswell", 1), AVX512_FLAGS))
    numpy runs its Haswell kernel on a processor with AVX-512; with the environment variable \
OPENBLAS_CORETYPE=SkylakeX its matrix products are up to twice as fast
    """
    known = kernel.library == "openblas" and kernel.kernel != "unknown"
    if not known or kernel.kernel.lower() in AVX512_KERNELS or not flags >= AVX512_FLAGS:
        return None
    return (
        f"numpy runs its {kernel.kernel} kernel on a processor with AVX-512; with the environment "
        "variable OPENBLAS_CORETYPE=SkylakeX its matrix products are up to twice as fast"
    )
