"""Linear block codes that memories use: Hamming, SECDED, and BCH that corrects two errors.

All are systematic: the first k bits of a word are the data, the rest parity. They are given by the
columns of their parity-check matrix, as whole numbers: the syndrome of an error pattern is the
exclusive or of the columns it touches.

References
----------
R. W. Hamming, "Error detecting and error correcting codes", Bell Syst. Tech. J. 29 (1950) 147.
S. Lin, D. J. Costello, "Error Control Coding", 2nd ed., Prentice Hall 2004, chapters 3 to 6
(extended and shortened codes, BCH codes, bounded-distance decoding).
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

KINDS = ("hamming", "secded", "bch2")
LARGEST_WORD = 1024
# Primitive polynomials over GF(2), by degree (Lin and Costello, table 2.7).
_PRIMITIVE = {3: 0b1011, 4: 0b10011, 5: 0b100101, 6: 0b1000011, 7: 0b10001001,
              8: 0b100011101, 9: 0b1000010001, 10: 0b10000001001, 11: 0b100000000101}  # fmt: skip


@dataclass(frozen=True)
class Code:
    """A code word of `data_bits` data and `parity_bits` parity bits.

    Parameters
    ----------
    kind : str
        ``hamming``, ``secded`` (Hamming with an overall parity bit) or ``bch2``.
    data_bits, parity_bits : int
        Lengths. [1]
    corrects : int
        Errors in a word that the decoder corrects; any other pattern is either taken for a
        correctable one (and more bits get wrong) or detected and left as it is.
    columns : tuple of int
        Parity-check column of each bit, data first.
    """

    kind: str
    data_bits: int
    parity_bits: int
    corrects: int
    columns: tuple[int, ...]

    @property
    def word_bits(self) -> int:
        """Data and parity bits."""
        return self.data_bits + self.parity_bits

    @property
    def name(self) -> str:
        """Such as ``secded(72, 64)``."""
        return f"{self.kind}({self.word_bits}, {self.data_bits})"

    @property
    def devices_per_bit(self) -> float:
        """Devices for each data bit in 1T1R cells; 2T2R has 2."""
        return self.word_bits / self.data_bits


@functools.lru_cache(maxsize=64)
def make_code(kind: str, data_bits: int) -> Code:
    """Return the shortest code of a kind for some data bits, shortened where needed.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    data_bits : int
        Data bits of a word, 1 to 1024.

    Returns
    -------
    Code
        The code.

    Raises
    ------
    InputError
        If the kind is unknown or the word too long.
    """
    if kind not in KINDS:
        raise InputError(f"code: {kind!r}, expected one of {', '.join(KINDS)}")
    if not 1 <= data_bits <= LARGEST_WORD:
        raise InputError(f"word: {data_bits} bits, expected 1 to {LARGEST_WORD}")
    return _bch2(data_bits) if kind == "bch2" else _hamming(data_bits, extended=kind == "secded")


def decode(code: Code, errors: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Decode words by their syndrome, as hardware does.

    Parameters
    ----------
    code : Code
        The code.
    errors : array of bool, shape (words, word_bits)
        Bits read wrongly. A linear code errs alike whatever is stored, so zeros stand for it.

    Returns
    -------
    left : array of bool, shape (words, word_bits)
        Bits wrong after decoding.
    detected : array of bool, shape (words,)
        Words that the decoder reports as uncorrectable and leaves as they are.
    """
    columns = np.array(code.columns, dtype=np.int64)
    syndrome = np.bitwise_xor.reduce(np.where(errors, columns, 0), axis=1)
    known = _corrections(code)
    left = errors.copy()
    detected = np.zeros(len(errors), dtype=bool)
    for word, value in enumerate(syndrome.tolist()):
        pattern = known.get(value)
        if pattern is None:
            detected[word] = True
        else:
            left[word, list(pattern)] ^= True
    return left, detected


@functools.lru_cache(maxsize=16)
def _corrections(code: Code) -> dict[int, tuple[int, ...]]:
    """Return the bits to flip for each syndrome that the decoder corrects."""
    known: dict[int, tuple[int, ...]] = {0: ()}
    for size in range(1, code.corrects + 1):
        for bits in itertools.combinations(range(code.word_bits), size):
            value = functools.reduce(lambda a, b: a ^ b, (code.columns[b] for b in bits))
            known[value] = bits
    return known


def _hamming(data_bits: int, *, extended: bool) -> Code:
    parity = 2
    while 2**parity - parity - 1 < data_bits:
        parity += 1
    # Data takes the columns that are no power of two, in rising order.
    data = [c for c in range(3, 2**parity) if c & (c - 1)][:data_bits]
    columns = [*data, *(1 << i for i in range(parity))]
    if not extended:
        return Code("hamming", data_bits, parity, 1, tuple(columns))
    # One more check over the whole word: every column gets an odd number of ones.
    top = 1 << parity
    columns = [c | top if c.bit_count() % 2 == 0 else c for c in columns]
    return Code("secded", data_bits, parity + 1, 1, (*columns, top))


def _bch2(data_bits: int) -> Code:
    degree = next(m for m in _PRIMITIVE if 2**m - 1 - 2 * m >= data_bits)
    modulus = _PRIMITIVE[degree]
    powers = [1]
    for _ in range(2**degree - 2):
        value = powers[-1] << 1
        powers.append(value ^ modulus if value >> degree else value)
    generator = _multiply(_minimal(powers, degree, 1), _minimal(powers, degree, 3))
    parity = generator.bit_length() - 1
    # Systematic: the column of data bit i is x^(parity + i) modulo the generator.
    data, value = [], 1 << (parity - 1)
    for _ in range(data_bits):
        value <<= 1
        value = value ^ generator if value >> parity else value
        data.append(value)
    return Code("bch2", data_bits, parity, 2, (*data, *(1 << i for i in range(parity))))


def _minimal(powers: list[int], degree: int, exponent: int) -> int:
    """Return the minimal polynomial of a power of the primitive element, as bits."""
    order = len(powers)
    logs = {value: i for i, value in enumerate(powers)}
    conjugates = {exponent * 2**i % order for i in range(degree)}
    polynomial = [1]  # coefficients in GF(2^m), constant term first
    for root in conjugates:
        shifted = [0, *polynomial]
        for i, value in enumerate(polynomial):
            if value:
                shifted[i] ^= powers[(logs[value] + root) % order]
        polynomial = shifted
    return sum(value << i for i, value in enumerate(polynomial))


def _multiply(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
    return product
