"""Codes and their error rates: exact against every pattern, and against a decoder at random."""

import itertools

import numpy as np
import pytest

from rramchar.ber.codes import KINDS, decode, make_code
from rramchar.ber.ecc import decoded_rates, differential_ber
from rramchar.errors import InputError

SMALL = [("hamming", 4), ("hamming", 7), ("secded", 4), ("secded", 8), ("bch2", 5), ("bch2", 7)]


@pytest.mark.parametrize(("kind", "data"), SMALL)
def test_rates_equal_a_sum_over_every_error_pattern(kind, data):
    code = make_code(kind, data)
    errors = np.array(list(itertools.product([False, True], repeat=code.word_bits)))
    left, detected = decode(code, errors)
    for p in (0.02, 0.3):
        chance = np.prod(np.where(errors, p, 1 - p), axis=1)
        found = decoded_rates(code, p)
        assert found.ber == pytest.approx(chance @ left[:, :data].mean(axis=1), rel=1e-12)
        assert found.detected == pytest.approx(chance @ detected, rel=1e-9, abs=1e-15)
        missed = ~detected & left.any(axis=1)
        assert found.miscorrected == pytest.approx(chance @ missed, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("kind", "data", "p"), [("hamming", 16, 0.03), ("secded", 64, 0.02)])
def test_rates_agree_with_a_decoder_at_random(kind, data, p):
    code = make_code(kind, data)
    errors = np.random.default_rng(1).random((40_000, code.word_bits)) < p
    left, detected = decode(code, errors)
    found = decoded_rates(code, p)
    per_word = left[:, :data].mean(axis=1)
    assert abs(per_word.mean() - found.ber) < 4 * per_word.std() / np.sqrt(len(errors))
    assert abs(detected.mean() - found.detected) < 4 * np.sqrt(found.detected / len(errors))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [1, 4, 11, 16, 57, 64])
def test_the_decoder_corrects_what_the_code_promises(kind, data):
    code = make_code(kind, data)
    assert len(set(code.columns)) == code.word_bits
    for size in range(code.corrects + 1):
        patterns = list(itertools.combinations(range(code.word_bits), size))[:500]
        errors = np.zeros((len(patterns), code.word_bits), dtype=bool)
        for row, bits in enumerate(patterns):
            errors[row, list(bits)] = True
        left, detected = decode(code, errors)
        assert not left.any()
        assert not detected.any()
    if kind == "secded":
        pairs = np.zeros((code.word_bits - 1, code.word_bits), dtype=bool)
        pairs[:, 0] = True
        pairs[np.arange(len(pairs)), np.arange(1, code.word_bits)] = True
        assert decode(code, pairs)[1].all()


def test_textbook_lengths():
    lengths = {("hamming", 4): 7, ("hamming", 64): 71, ("secded", 64): 72, ("secded", 8): 13,
               ("secded", 4): 8, ("bch2", 7): 15, ("bch2", 51): 63, ("bch2", 113): 127}  # fmt: skip
    assert {key: make_code(*key).word_bits for key in lengths} == lengths


def test_rare_errors_follow_their_leading_term():
    """SECDED leaves every double error: k-th share of C(n, 2) p^2 patterns with two wrong bits."""
    code = make_code("secded", 64)
    p = 1e-9
    pairs = code.word_bits * (code.word_bits - 1) / 2
    assert decoded_rates(code, p).ber == pytest.approx(pairs * 2 / code.word_bits * p**2, rel=1e-5)
    ends = decoded_rates(code, [0.0, 0.5])
    assert ends.ber[0] == 0
    assert ends.ber[1] == pytest.approx(0.5)


def test_pairs_match_secded_at_equal_redundancy():
    """Two devices per bit: SECDED(8, 4) and 2T2R lie within a factor of two (IEDM 2018)."""
    code = make_code("secded", 4)
    assert code.devices_per_bit == 2
    p = np.geomspace(1e-5, 1e-2, 13)
    ratio = decoded_rates(code, p).ber / differential_ber(p)
    assert (ratio > 0.5).all()
    assert (ratio < 2).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_code("turbo", 8), "code: 'turbo'"),
        (lambda: make_code("secded", 0), "word: 0 bits"),
        (lambda: decoded_rates(make_code("secded", 8), 1.5), "expected rates from 0 to 1"),
        (lambda: differential_ber(0.1, 0), "sigma_ratio: 0"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
