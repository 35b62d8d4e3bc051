"""Numbers with SI prefixes: what is read, what is printed, and what is refused."""

import math
import string

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.units import format_quantity, parse_quantity

PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "K": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6,
            "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}  # fmt: skip
UNITS = ("V", "ohm", "s", "A", "J")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("100n", "s", 100e-9),
        ("1.2V", "V", 1.2),
        ("10 kΩ", "ohm", 1e4),
        ("10kΩ", "ohm", 1e4),  # the ohm sign, another character than the Greek letter
        ("10kOhm", "ohm", 1e4),
        ("10 kohms", "ohm", 1e4),
        ("5K", "ohm", 5e3),
        ("3e-9", "s", 3e-9),
        ("+.5", "V", 0.5),
        ("5.", "V", 5.0),
        ("-40", "C", -40.0),
        ("27 °C", "C", 27.0),
        ("27degC", "C", 27.0),
        ("80f", "F", 80e-15),
        ("80fF", "F", 80e-15),
        ("0.08 pF", "F", 80e-15),
        ("5meg", "ohm", 5e6),  # SPICE's spelling of 1e6
        ("5Megohm", "ohm", 5e6),
        ("1e3meg", "ohm", 1e9),
        ("5 MΩ", "ohm", 5e6),
        ("5m", "ohm", 5e-3),
        ("  5k  ", "ohm", 5e3),
        (5, "ohm", 5.0),
        (np.int64(5), "ohm", 5.0),
        (np.float32(0.5), "V", 0.5),
    ],
)
def test_reads(text, unit, value):
    found = parse_quantity(text, unit)
    assert type(found) is float
    assert found == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("", "ohm", "is not a number"),
        ("   ", "ohm", "is not a number"),
        ("five", "ohm", "is not a number"),
        ("k", "ohm", "is not a number"),  # quantiphy knows k as Boltzmann's constant
        ("x = 5k", "ohm", "is not a number"),
        ("5k -- a note", "ohm", "is not a number"),
        ("1,5", "V", "is not a number"),  # a decimal comma must not become 15
        ("1 000", "V", "is not a number"),
        ("1_000", "V", "is not a number"),
        ("0x10", "V", "is not a number"),
        ("1e-", "V", "is not a number"),
        ("1.2.3", "V", "is not a number"),
        ("--5", "V", "is not a number"),
        ("$5", "", "is not a number"),
        ("5%", "", "is not a number"),
        ("١٢", "V", "is not a number"),
        ("nan", "V", "is not a number"),
        ("inf", "V", "is not a number"),
        ("5k;", "ohm", "is not a number"),
        ("5k\n.control", "ohm", "is not a number"),
        ("5k`id`", "ohm", "is not a number"),
        (None, "ohm", "is not a number"),
        ([5], "ohm", "is not a number"),
        (b"5", "ohm", "is not a number"),
        (True, "ohm", "is not a number"),
        (np.True_, "ohm", "is not a number"),
        ("1e400", "V", "is not finite"),
        (math.nan, "V", "is not finite"),
        (-math.inf, "V", "is not finite"),
        ("1.2A", "V", "is in A, expected V"),
        ("5ks", "ohm", "is in s, expected ohm"),
        ("5V", "", "is in V, expected no unit"),
        ("5e3k", "", "is in k, expected no unit"),  # an exponent and a prefix at once
        ("27c", "C", "is in c, expected C"),  # not 27 hundredths of a degree
        ("1E", "V", "is in E, expected V"),
        ("300K", "C", "is ambiguous; write the temperature in degC"),
        ("80F", "F", "is ambiguous; write 80fF or 80f"),
        ("80 F", "F", "is ambiguous; write 80fF or 80f"),
    ],
)
def test_refuses(text, unit, words):
    with pytest.raises(InputError) as raised:
        parse_quantity(text, unit, name="--level")
    message = str(raised.value)
    assert message.startswith("--level: ")
    assert words in message
    assert "\n" not in message


def test_a_refusal_says_what_is_expected():
    with pytest.raises(InputError, match=r"expected a number such as 4\.7k or 4\.7e3 \[ohm\]"):
        parse_quantity("soon", "ohm")


@given(
    number=st.floats(-1e6, 1e6, allow_nan=False),
    prefix=st.sampled_from(sorted(PREFIXES)),
    unit=st.sampled_from(UNITS),
    space=st.sampled_from(["", " "]),
    with_unit=st.booleans(),
)
def test_prefix_times_number(number, prefix, unit, space, with_unit):
    text = f"{number:.9f}{space}{prefix}{unit if with_unit else ''}"
    assert parse_quantity(text, unit) == pytest.approx(
        float(f"{number:.9f}") * PREFIXES[prefix], rel=1e-12
    )


@given(value=st.floats(-1e15, 1e15, allow_nan=False), unit=st.sampled_from(UNITS))
def test_what_is_printed_is_read_back(value, unit):
    assume(value == 0 or abs(value) > 1e-17)
    text = format_quantity(value, unit, digits=12)
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-11)


@given(
    st.one_of(
        st.text(max_size=30),
        st.text(string.digits + ".eE+-kMmunpfΩV \n;%{}$'\"", max_size=12),
    ),
    st.sampled_from(["", "V", "ohm", "s", "F", "C"]),
)
def test_any_text_gives_a_finite_float_or_one_line(text, unit):
    refusal = ""
    try:
        value = parse_quantity(text, unit)
    except InputError as error:
        refusal = str(error)
    if refusal:
        assert len(refusal.splitlines()) == 1
        return
    assert math.isfinite(value)
    # A value comes only from a text that is one number with letters behind it.
    assert text.strip()[0] in "+-." + string.digits
    assert len(text.split()) <= 2


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (1.78e-10, "s", 3, "178 ps"),
        (1e4, "ohm", 4, "10 kohm"),
        (123456.789, "ohm", 4, "123.5 kohm"),
        (0.0, "V", 4, "0 V"),
        (-2.5e-3, "V", 2, "-2.5 mV"),
        (1.5, "", 4, "1.5"),
        (math.inf, "s", 4, "inf"),
        (math.nan, "s", 4, "nan"),
    ],
)
def test_prints(value, unit, digits, text):
    assert format_quantity(value, unit, digits=digits) == text
