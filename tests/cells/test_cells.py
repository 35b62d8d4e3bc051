"""Cell generators: what they place between which nodes, and what they refuse to place."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.cells import (
    OneTOneR,
    Pcsa,
    build_one_t_one_r,
    build_pcsa,
    build_two_t_two_r,
    build_xnor_pcsa,
)
from rramchar.cells.transistor import check_size
from rramchar.errors import InputError

# Drain, gate, source, bulk, model of every transistor of the amplifiers.
LATCH = {
    "precharge_q": ("q", "sen", "vdd", "vdd", "p12"),
    "precharge_qb": ("qb", "sen", "vdd", "vdd", "p12"),
    "latch_pq": ("q", "qb", "vdd", "vdd", "p12"),
    "latch_pqb": ("qb", "q", "vdd", "vdd", "p12"),
    "foot": ("sl", "sen", "0", "0", "n12"),
}
PCSA = LATCH | {
    "latch_nq": ("q", "qb", "bl", "0", "n12"),
    "latch_nqb": ("qb", "q", "blb", "0", "n12"),
}
XNOR_PCSA = LATCH | {
    "latch_nq": ("q", "qb", "sq", "0", "n12"),
    "latch_nqb": ("qb", "q", "sqb", "0", "n12"),
    "pass_q_bl": ("sq", "x", "bl", "0", "n12"),
    "pass_qb_blb": ("sqb", "x", "blb", "0", "n12"),
    "pass_q_blb": ("sq", "xb", "blb", "0", "n12"),
    "pass_qb_bl": ("sqb", "xb", "bl", "0", "n12"),
}


def _transistors(subcircuit):
    """Return nodes and model, and sizes, of every M element in a subcircuit's text."""
    found = {}
    for line in str(subcircuit).splitlines():
        if line.startswith("M"):
            name, *words = line.split()
            sizes = {key: float(value) for key, value in (w.split("=") for w in words[5:])}
            found[name[1:]] = (tuple(words[:5]), sizes)
    return found


def _header(subcircuit):
    return next(line for line in str(subcircuit).splitlines() if line.startswith(".subckt"))


@pytest.mark.parametrize(
    ("build", "header", "expected"),
    [
        (build_pcsa, ".subckt pcsa q qb bl blb sl sen vdd", PCSA),
        (build_xnor_pcsa, ".subckt xnor_pcsa q qb bl blb sl sen x xb vdd", XNOR_PCSA),
    ],
)
def test_amplifiers(generic130, build, header, expected):
    subcircuit = build(generic130, Pcsa())
    assert _header(subcircuit) == header
    found = {name: nodes for name, (nodes, _) in _transistors(subcircuit).items()}
    assert found == expected


def test_the_amplifiers_two_sides_are_mirror_images(generic130):
    mirror = {"q": "qb", "qb": "q", "bl": "blb", "blb": "bl", "sq": "sqb", "sqb": "sq"}
    for build in (build_pcsa, build_xnor_pcsa):
        found = {
            (nodes, tuple(sizes.items()))
            for nodes, sizes in _transistors(build(generic130, Pcsa())).values()
        }
        swapped = {(tuple(mirror.get(n, n) for n in nodes), sizes) for nodes, sizes in found}
        assert swapped == found


def test_hvt_amplifiers_take_other_devices(generic130):
    found = _transistors(build_xnor_pcsa(generic130, Pcsa(flavour="hvt")))
    assert {nodes[-1] for nodes, _ in found.values()} == {"n12h", "p12h"}


def test_the_1t1r_cell_has_its_device_on_the_bit_line(generic130):
    subcircuit = build_one_t_one_r(generic130, OneTOneR())
    assert _header(subcircuit) == ".subckt one_t_one_r bl wl sl r_ohm=10000.0"
    assert "Rrram bl mid {r_ohm}" in str(subcircuit).splitlines()
    assert {k: v[0] for k, v in _transistors(subcircuit).items()} == {
        "access": ("mid", "wl", "sl", "0", "n12")
    }


def test_the_io_access_transistor(generic130):
    cell = OneTOneR(access="io", access_width_m=1.5e-6, access_length_m=0.5e-6)
    nodes, sizes = _transistors(build_one_t_one_r(generic130, cell))["access"]
    assert nodes[-1] == "n50"
    assert (sizes["w"], sizes["l"]) == (1.5e-6, 0.5e-6)


def test_the_2t2r_cell_is_two_1t1r_cells():
    text = str(build_two_t_two_r())
    assert _header(text).startswith(".subckt two_t_two_r bl blb wl sl ")
    assert [line for line in text.splitlines() if line.startswith("X")] == [
        "Xbl bl wl sl one_t_one_r r_ohm={r_bl_ohm}",
        "Xblb blb wl sl one_t_one_r r_ohm={r_blb_ohm}",
    ]


def test_the_polarity_is_documented():
    assert "+1 when R_BL > R_BLb" in build_two_t_two_r.__doc__


def test_output_loads(generic130):
    def loads(pcsa):
        text = str(build_pcsa(generic130, pcsa))
        return {n: float(v) for n, v in re.findall(r"^C(\w+) \w+ 0 (\S+)$", text, re.MULTILINE)}

    assert loads(Pcsa(c_q_f=7e-15)) == {"q": 7e-15, "qb": 7e-15}
    assert loads(Pcsa(c_q_f=0.0)) == {}


@given(st.integers(150, 10**6), st.integers(130, 10**6))
def test_sizes_are_written_so_that_they_read_back(generic130, width_nm, length_nm):
    cell = OneTOneR(access_width_m=width_nm * 1e-9, access_length_m=length_nm * 1e-9)
    _, sizes = _transistors(build_one_t_one_r(generic130, cell))["access"]
    diffusion = 0.34e-6
    assert sizes["w"] == pytest.approx(width_nm * 1e-9, rel=1e-8)
    assert sizes["l"] == pytest.approx(length_nm * 1e-9, rel=1e-8)
    assert sizes["ad"] == sizes["as"] == pytest.approx(width_nm * 1e-9 * diffusion, rel=1e-8)
    assert sizes["pd"] == sizes["ps"] == pytest.approx(2 * (width_nm * 1e-9 + diffusion), rel=1e-8)


WIDTHS = ["precharge_width_m", "latch_p_width_m", "latch_n_width_m", "foot_width_m", "pass_width_m"]


@pytest.mark.parametrize("value", [0, 0.0, -1e-6, math.nan, math.inf, "0.6u", None, True, [1e-6]])
@pytest.mark.parametrize("field", [*WIDTHS, "length_m"])
def test_a_size_that_is_no_positive_number(field, value):
    if (field, value) == ("length_m", None):
        pytest.skip("a length of None is the device's minimum")
    with pytest.raises(InputError, match=f"^{field}: .*, expected a number above 0$"):
        Pcsa(**{field: value})


@pytest.mark.parametrize("value", [-1e-15, math.nan, math.inf, "2f", None])
def test_a_load_that_is_no_number(value):
    with pytest.raises(InputError, match=r"^c_q_f: .*, expected a number of at least 0$"):
        Pcsa(c_q_f=value)


@pytest.mark.parametrize("field", ["access_width_m", "access_length_m"])
@pytest.mark.parametrize("value", [0, -1e-6, math.nan, math.inf, "1u", None])
def test_an_access_transistor_that_is_none(field, value):
    if (field, value) == ("access_length_m", None):
        pytest.skip("a length of None is the device's minimum")
    with pytest.raises(InputError, match=f"^{field}: .*, expected a number above 0$"):
        OneTOneR(**{field: value})


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [(Pcsa, "flavour", "lvt"), (Pcsa, "flavour", "core\n.control"), (Pcsa, "flavour", 3),
     (OneTOneR, "access", "thick"), (OneTOneR, "access", None)],
)  # fmt: skip
def test_a_word_that_is_no_choice(record, field, value):
    with pytest.raises(InputError, match=f"^{field}: .*, expected one of core, ") as raised:
        record(**{field: value})
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("latch_n_width_m", 0.14e-6, "width of nmos: 1.4e-07 m, expected 1.5e-07 m (the minimum"),
        ("length_m", 0.12e-6, "length of pmos: 1.2e-07 m, expected 1.3e-07 m (the minimum of p12"),
        ("foot_width_m", 2.0, "width of nmos: 2 m, expected 1.5e-07 m"),  # metres, not micrometres
        ("length_m", 0.13, "length of pmos: 0.13 m, expected"),
        ("foot_width_m", 1.1e-3, "to 0.001 m"),
    ],
)
def test_a_size_that_the_process_cannot_draw(generic130, field, value, words):
    for build in (build_pcsa, build_xnor_pcsa):
        with pytest.raises(InputError) as raised:
            build(generic130, Pcsa(**{field: value}))
        assert words in str(raised.value)


def test_a_size_that_the_io_device_cannot_have(generic130):
    with pytest.raises(InputError, match=r"length of nmos_io: 1\.3e-07 m, expected 5e-07 m"):
        build_one_t_one_r(generic130, OneTOneR(access="io", access_length_m=0.13e-6))


@pytest.mark.parametrize(("access", "length"), [("core", "1.3e-07"), ("io", "5e-07")])
def test_a_length_that_is_not_given_is_the_minimum_of_the_device(generic130, access, length):
    assert f" l={length} " in str(build_one_t_one_r(generic130, OneTOneR(access=access)))


def test_the_minimum_itself_can_be_drawn_however_it_is_computed(generic130):
    for length in (0.13e-6, 130e-9, 13 * 1e-8, 0.13 / 1e6):
        check_size(generic130, "nmos", 0.15e-6, length)
    check_size(generic130, "nmos", 1e-3, 1e-3)
    with pytest.raises(InputError, match="no device 'npn'; it has nmos, pmos"):
        check_size(generic130, "npn", 1e-6, 1e-6)


@pytest.mark.parametrize("value", [math.nan, -1.0, 0.0])
def test_check_size_refuses_what_is_no_size(generic130, value):
    with pytest.raises(InputError, match="width of nmos"):
        check_size(generic130, "nmos", value, 0.13e-6)
    with pytest.raises(InputError, match="length of nmos"):
        check_size(generic130, "nmos", 1e-6, value)
