"""Which matrix kernel a command ran on, for its JSON, and a hint where a faster one is at hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rramchar.cli.common import stderr


def report_kernel() -> dict[str, Any]:
    """Return numpy's library, kernel and threads; hint on stderr at a faster kernel."""
    from rramchar.nn.blas import blas_kernel, kernel_hint, processor_flags

    kernel = blas_kernel()
    hint = kernel_hint(kernel, processor_flags())
    if hint is not None:
        stderr.print(f"hint: {hint}", style="dim", markup=False)
    return asdict(kernel)
