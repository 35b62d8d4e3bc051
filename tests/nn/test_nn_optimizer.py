from __future__ import annotations

import numpy as np
import pytest

from rramchar.nn.optimizer import BLOCK, Adam, cosine_rate
from rramchar.nn.quantize import TERNARY_THRESHOLD, quantizer, sign, ternary


def test_cosine():
    rates = [cosine_rate(step, 10, 0.4) for step in range(10)]
    assert rates[0] == 0.4
    assert rates[5] == pytest.approx(0.2)
    assert all(a > b > 0 for a, b in zip(rates, rates[1:], strict=False))


@pytest.mark.parametrize("size", [1, 7, BLOCK, 2 * BLOCK + 5])
def test_adam_equals_its_definition(size):
    rng = np.random.default_rng(size)
    parameters = rng.normal(size=size).astype(np.float32)
    expected = parameters.astype(float)
    first = second = np.zeros(size)
    adam = Adam(parameters)
    for k in range(1, 8):
        gradient = rng.normal(size=size).astype(np.float32)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.astype(float) ** 2
        step = first / (1 - 0.9**k) / (np.sqrt(second / (1 - 0.999**k)) + 1e-8)
        expected = expected - 0.01 / k * step
        adam.step(gradient, 0.01 / k)
    np.testing.assert_allclose(parameters, expected, rtol=1e-4, atol=1e-6)


def test_adam_quantizes_what_it_updates():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(300, 100)).astype(np.float32) * np.float32(0.1)
    quantized = np.full_like(latent, np.nan)
    Adam(latent).step(rng.normal(size=latent.shape).astype(np.float32), 0.05, ternary, quantized)
    expected = np.empty_like(latent)
    ternary(latent, expected)
    np.testing.assert_array_equal(quantized, expected)


def test_sign():
    values = np.array([-2.0, -1e-30, -0.0, 0.0, 1e-30, 5.0], dtype=np.float32)
    out = np.empty_like(values)
    sign(values, out)
    assert out.tolist() == [-1, -1, -1, 1, 1, 1]
    sign(values, values)
    assert values.tolist() == [-1, -1, -1, 1, 1, 1]


def test_ternary():
    t = TERNARY_THRESHOLD
    values = np.array([-9, -1.01 * t, -0.99 * t, 0, 0.99 * t, 1.01 * t, 9], dtype=np.float32)
    out = np.empty_like(values)
    ternary(values, out)
    assert out.tolist() == [-1, -1, 0, 0, 0, 1, 1]


def test_quantizer_by_kind():
    assert quantizer("binary") is sign
    assert quantizer("ternary") is ternary
