"""Which kernel numpy runs, and the hint at a faster one."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys

import pytest

from rramchar.nn import blas
from rramchar.nn.blas import AVX512_FLAGS, BlasKernel, blas_kernel, kernel_hint, processor_flags


def test_examples():
    assert doctest.testmod(blas).failed == 0


def test_this_process():
    found = blas_kernel()
    assert found.library
    assert found.kernel
    assert found.threads is None or found.threads >= 1


@pytest.mark.parametrize(
    ("kernel", "flags", "hint"),
    [
        (BlasKernel("openblas", "Haswell", 1), AVX512_FLAGS, True),
        (BlasKernel("openblas", "SkylakeX", 1), AVX512_FLAGS, False),
        (BlasKernel("openblas", "SapphireRapids", 1), AVX512_FLAGS, False),
        (BlasKernel("openblas", "Haswell", 1), AVX512_FLAGS - {"avx512vl"}, False),
        (BlasKernel("openblas", "unknown", 1), AVX512_FLAGS, False),
        (BlasKernel("mkl", "unknown", 1), AVX512_FLAGS, False),
    ],
)
def test_hint(kernel, flags, hint):
    text = kernel_hint(kernel, flags)
    assert (text is not None) == hint
    if text is not None:
        assert "OPENBLAS_CORETYPE=SkylakeX" in text


def test_flags(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", encoding="utf-8")
    assert processor_flags(path) == {"fpu", "avx2", "avx512f"}
    assert processor_flags(tmp_path / "none") == frozenset()


@pytest.mark.skipif(not processor_flags() >= AVX512_FLAGS, reason="no AVX-512 here")
def test_a_command_reports_its_kernel_and_hints(tmp_path):
    """numpy with its AVX2 kernel on a processor with AVX-512: one hint, on stderr alone."""
    if blas_kernel().library != "openblas":
        pytest.skip("numpy runs another library here")
    net = tmp_path / "net.npz"
    start = [sys.executable, "-c", "from rramchar.cli.main import main; main()", "nn"]
    done = subprocess.run(
        [*start, "train", "--dataset", "digits", "--epochs", "1", "-o", str(net)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for kernel, hinted in (("Haswell", 1), ("SkylakeX", 0)):
        done = subprocess.run(
            [*start, "evaluate", str(net), "--dataset", "digits", "--json"],
            capture_output=True,
            text=True,
            env={**os.environ, "OPENBLAS_CORETYPE": kernel},
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["blas"]["kernel"] == kernel
        assert done.stderr.count("OPENBLAS_CORETYPE=SkylakeX") == hinted
