"""Error rates after decoding, exactly, and the comparison of coded 1T1R with 2T2R.

Errors of a word are independent, each with probability p. A decoder that corrects t errors maps
every pattern within distance t of a code word onto that word, and leaves every other pattern alone
(detected). Hence the wrong data bits that remain, summed over all patterns of weight w, are a whole
number M_w, and the error rate of the data is ``sum_w M_w p^w (1 - p)^(n - w) / k``: no bound and no
cancellation. M_w follows from the number of code words by data and parity weight, which the
MacWilliams identity gives from the far fewer words of the dual code.

References
----------
F. J. MacWilliams, "A theorem on the distribution of weights in a systematic code", Bell Syst. Tech.
J. 42 (1963) 79.
M. Bocquet et al., "In-memory and error-immune differential RRAM implementation of binarized deep
neural networks", IEDM 2018, 20.6 (2T2R against error correction at equal redundancy).
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rramchar.ber.codes import Code
from rramchar.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decoded:
    """Rates after decoding.

    Parameters
    ----------
    ber : array
        Wrong data bits over data bits. [1]
    word_error : array
        Words with at least one wrong data bit after decoding, or reported as uncorrectable. [1]
    detected : array
        Words reported as uncorrectable. [1]
    miscorrected : array
        Words that the decoder changed into another code word, unnoticed. [1]
    """

    ber: Floats
    word_error: Floats
    detected: Floats
    miscorrected: Floats


def decoded_rates(code: Code, p: ArrayLike) -> Decoded:
    """Return the rates after decoding words whose bits err independently.

    Parameters
    ----------
    code : Code
        The code.
    p : array
        Error rate of a bit before decoding. [1]

    Returns
    -------
    Decoded
        Exact to rounding.

    Raises
    ------
    InputError
        If a rate is no probability.
    """
    rate = np.asarray(p, dtype=float)
    if not ((rate >= 0) & (rate <= 1)).all():
        raise InputError(f"ber: {rate.min():g} to {rate.max():g}, expected rates from 0 to 1")
    left, missed, detected = _patterns(code)
    wrong = _polynomial(left, rate) / code.data_bits
    found, unnoticed = _polynomial(detected, rate), _polynomial(missed, rate)
    return Decoded(wrong, found + unnoticed, found, unnoticed)


def differential_ber(ber_1t1r: ArrayLike, sigma_ratio: float = 1.0) -> Floats:
    """Return the 2T2R error rate that goes with a 1T1R one, for independent lognormal states.

    1T1R at the threshold where both states err alike: ``p1 = Phi(-D / (s_L + s_H))`` with D the
    distance of the medians in ln R; 2T2R: ``p2 = Phi(-D / sqrt(s_L^2 + s_H^2))``. So
    ``p2 = Phi(c Phi^-1(p1))`` with ``c = (1 + r) / sqrt(1 + r^2)``, the square root of 2 where both
    spreads are alike.

    Parameters
    ----------
    ber_1t1r : array
        Error rate of single devices, below 1/2. [1]
    sigma_ratio : float
        ``r = s_H / s_L``. [1]

    Returns
    -------
    array
        Error rate of pairs. [1]
    """
    if not (math.isfinite(sigma_ratio) and sigma_ratio > 0):
        raise InputError(f"sigma_ratio: {sigma_ratio}, expected a number above 0")
    factor = (1 + sigma_ratio) / math.hypot(1, sigma_ratio)
    with np.errstate(divide="ignore"):
        return special.ndtr(factor * special.ndtri(np.asarray(ber_1t1r, float)))


@functools.lru_cache(maxsize=64)
def _patterns(code: Code) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Count, by weight w: wrong data bits left by all patterns, patterns miscorrected, detected."""
    n, k = code.word_bits, code.data_bits
    decoded_bits, found_bits = [0] * (n + 1), [0] * (n + 1)
    decoded, missed = [0] * (n + 1), [0] * (n + 1)
    for (data, parity), words in _code_words(code).items():
        for weight, in_data, count in _around(code, data, parity):
            patterns = words * count
            decoded[weight] += patterns
            decoded_bits[weight] += patterns * data  # what is wrong after decoding
            found_bits[weight] += patterns * in_data  # what was wrong before
            if data + parity:
                missed[weight] += patterns
    every_bit = [k * math.comb(n - 1, w - 1) if w else 0 for w in range(n + 1)]
    left = tuple(every_bit[w] - found_bits[w] + decoded_bits[w] for w in range(n + 1))
    detected = tuple(math.comb(n, w) - decoded[w] for w in range(n + 1))
    return left, tuple(missed), detected


def _around(code: Code, data: int, parity: int) -> list[tuple[int, int, int]]:
    """Return weight, wrong data bits and number of the patterns that decode to a code word.

    The word has `data` ones among its data and `parity` ones among its parity bits.
    """
    found = []
    k, m, t = code.data_bits, code.parity_bits, code.corrects
    for i in range(min(t, data) + 1):  # data ones missing
        for j in range(min(t - i, parity) + 1):  # parity ones missing
            for a in range(min(t - i - j, k - data) + 1):  # data ones too many
                for b in range(min(t - i - j - a, m - parity) + 1):
                    count = (
                        math.comb(data, i) * math.comb(parity, j)
                        * math.comb(k - data, a) * math.comb(m - parity, b)
                    )  # fmt: skip
                    found.append((data + parity - i - j + a + b, data - i + a, count))
    return found


def _code_words(code: Code) -> dict[tuple[int, int], int]:
    """Return the number of code words by data and parity weight (MacWilliams identity)."""
    k, m = code.data_bits, code.parity_bits
    columns = np.array(code.columns, dtype=np.uint32)
    combinations = np.arange(2**m, dtype=np.uint32)
    weights = np.zeros((2, 2**m), dtype=np.int64)
    for bit, column in enumerate(columns):
        weights[0 if bit < k else 1] += np.bitwise_count(combinations & column) & 1
    dual = Counter(zip(weights[0].tolist(), weights[1].tolist(), strict=True))
    first, second = _krawtchouk(k), _krawtchouk(m)
    # Summed one coordinate after the other.
    by_data: dict[tuple[int, int], int] = {}
    for (u, v), words in dual.items():
        for data in range(k + 1):
            by_data[data, v] = by_data.get((data, v), 0) + words * first[data][u]
    total: dict[tuple[int, int], int] = {}
    for (data, v), value in by_data.items():
        for parity in range(m + 1):
            key = data, parity
            total[key] = total.get(key, 0) + value * second[parity][v]
    return {key: value // 2**m for key, value in total.items() if value}


@functools.lru_cache(maxsize=32)
def _krawtchouk(n: int) -> tuple[tuple[int, ...], ...]:
    """Return ``K_w(u)``, the coefficient of z^w in ``(1 - z)^u (1 + z)^(n - u)``, as [w][u]."""
    by_u = []
    row = [math.comb(n, w) for w in range(n + 1)]
    for _ in range(n + 1):
        by_u.append(row)
        # Times (1 - z) / (1 + z).
        quotient: list[int] = []
        for w, value in enumerate(row):
            before = row[w - 1] if w else 0
            quotient.append(value - before - (quotient[w - 1] if w else 0))
        row = quotient
    return tuple(zip(*by_u, strict=True))


def _polynomial(counts: tuple[int, ...], p: Floats) -> Floats:
    """Return ``sum_w counts_w p^w (1 - p)^(n - w)``; the counts may exceed any float."""
    n = len(counts) - 1
    total = np.zeros_like(p)
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log1p(-p)
    for w, count in enumerate(counts):
        if count:
            exponent = np.where(w > 0, w * np.where(p > 0, log_p, -1e300), 0.0)
            exponent = exponent + np.where(w < n, (n - w) * np.where(p < 1, log_q, -1e300), 0.0)
            total = total + np.exp(math.log(count) + exponent)
    return total
