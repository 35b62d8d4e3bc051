"""``rramchar netlist``: decks with what was asked for in them, and nothing else."""

import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COMMANDS = ("pcsa", "xnor_pcsa", "1t1r", "2t2r", "column", "array")


def _refused(result):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_deck_and_nothing_else(run_cli, command):
    code, out, err = run_cli("netlist", command)
    assert (code, err) == (0, "")
    assert out.startswith(".title ")
    assert out.endswith(".end\n")
    assert out.count("\n.end\n") == 1
    assert ".control" not in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["pcsa", "--vdd", "0.6"], "Vdd vdd 0 0.6"),
        (["pcsa", "--r-bl", "7k", "--r-blb", "1meg"],
         "Xcell bl blb wl sl two_t_two_r r_bl_ohm=7000.0 r_blb_ohm=1000000.0"),
        (["pcsa", "--c-bl", "30f"], "Cblb blb 0 3e-14"),
        (["pcsa", "--c-q", "0"], "Vdd vdd 0 1.2"),
        (["pcsa", "--sample-time", "20n", "--precharge-time", "10n"],
         r".meas tran v_q_sampled_v find v(q) at=3.0025e-08"),
        (["xnor_pcsa", "--x", "-1"], "Vxb xb 0 1.2"),
        (["xnor_pcsa"], "Vxb xb 0 0.0"),
        (["1t1r", "--r", "12k"], "Xcell bl wl sl one_t_one_r r_ohm=12000.0"),
        (["2t2r", "--wl", "2.5"], "Vwl wl 0 2.5"),
        (["2t2r", "--v-bl", "0.2"], ".dc vread 0 0.2 0.02"),
        (["column", "--rows", "3", "--row", "2", "--vdd", "0.6"], "Vwl2 wl2 0 0.6"),
        (["column", "--rows", "3", "--unselected", "-0.2"], "Vwl1 wl1 0 -0.2"),
        (["pcsa", "--set", "c_sl_f=7f"], "Csl sl 0 7e-15"),
        (["column", "--set", "c_bl_f=9f"], "Cblb blb 0 9e-15"),
        (["column", "--c-bl-cell", "3f"], "Cblb blb 0 3e-15"),
        (["column", "--r-bl-cell", "2.5"], "Rbl bl_in bl 2.5"),
        (["column", "--rows", "2", "--r-bl", "7k", "--r-blb", "70k", "--lrs", "4k", "--hrs", "90k"],
         "Xcol0 q0 qb0 sen vdd0 wl0 wl1 column r_bl0_ohm=7000.0 r_bl1_ohm=90000.0 "
         "r_blb0_ohm=70000.0 r_blb1_ohm=4000.0"),
        (["column", "--amplifier", "xnor_pcsa", "--x", "-1"], "Vxb0 xb0 0 1.2"),
        (["array"], "Vwl31 wl31 0 0.0"),
        (["array"], "Vdd31 vdd31 0 1.2"),
        (["array", "--rows", "2", "--columns", "3", "--row", "1"], "Vwl1 wl1 0 1.2"),
    ],
)  # fmt: skip
def test_arguments_reach_the_deck(run_cli, arguments, line):
    code, out, _ = run_cli("netlist", *arguments)
    assert code == 0
    assert line in out.splitlines()


def test_flavour_corner_and_temperature_reach_the_deck(run_cli):
    _, out, _ = run_cli(
        "netlist", "pcsa", "--flavour", "hvt", "--corner", "fs", "--temperature=-40"
    )
    assert re.search(r"^Mlatch_nq q qb bl 0 n12h ", out, re.MULTILINE)
    assert re.search(r'^\.lib ".*/generic130\.lib" fs$', out, re.MULTILINE)
    assert re.search(r"^\.options .*\btemp=-40$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pcsa", "--corner", "xx"], "corner: 'xx' is not a corner of generic130; expected one of"),
        (["pcsa", "--technology", "sky999"], "neither a shipped technology"),
        (["pcsa", "--technology", "absent.toml"], "absent.toml does not exist"),
        (["pcsa", "--r-bl", "0"], "r_bl_ohm: 0 ohm"),
        (["pcsa", "--r-bl", "-5"], "r_bl_ohm: -5 ohm"),
        (["pcsa", "--r-blb", "high"], "--r-blb: 'high' is not a number"),
        (["pcsa", "--r-bl", "5kV"], "--r-bl: '5kV' is in V, expected ohm"),
        (["pcsa", "--r-bl", "nan"], "--r-bl: 'nan' is not a number"),
        (["pcsa", "--vdd", "12"], "vdd_v: 12 V, expected above 0 and up to 1.6 V"),
        (["pcsa", "--vdd", "0"], "vdd_v: 0 V"),
        (["pcsa", "--temperature", "-300"], "temperature_c: -300 degC"),
        (["pcsa", "--temperature", "300K"], "write the temperature in degC"),
        (["pcsa", "--c-bl", "80F"], "write 80fF or 80f"),
        (["pcsa", "--c-q", "-1f"], "c_q_f: -1e-15"),
        (["pcsa", "--flavour", "lvt"], "flavour: 'lvt', expected one of core, hvt"),
        (["pcsa", "--precharge-time", "0"], "precharge_time_s: 0"),
        (["pcsa", "--sample-time", "50V"], "--sample-time: '50V' is in V, expected s"),
        (["xnor_pcsa", "--x", "0"], "x: 0, expected +1 or -1"),
        (["xnor_pcsa", "--x", "one"], "valid integer"),
        (["1t1r", "--r", "0"], "r_bl_ohm: 0 ohm"),
        (["1t1r", "--v-bl", "0"], "v_bl_v: 0 V"),
        (["2t2r", "--v-bl", "nan"], "--v-bl: 'nan' is not a number"),
        (["2t2r", "--wl", "high"], "--wl: 'high' is not a number"),
        (["2t2r", "--r-blb", "1e13"], "r_blb_ohm: 1e+13 ohm"),
        (["column", "--rows", "0"], "rows: 0, expected a whole number from 1 to 4096"),
        (["column", "--rows", "-32"], "rows: -32"),
        (["column", "--rows", "4", "--row", "4"], "row: 4, expected a whole number from 0 to 3"),
        (["column", "--pattern", "all"], "pattern: 'all', expected one of lrs, hrs, against"),
        (["column", "--r-bl", "0"], "r_bl_ohm: 0 ohm"),
        (["column", "--x", "1"], "inputs: given, expected none with the amplifier pcsa"),
        (["column", "--amplifier", "xnor_pcsa", "--x", "2"], "inputs: expected only +1 and -1"),
        (["column", "--c-bl-cell", "-1f"], "c_bl_cell_f: -1e-15"),
        (["array", "--rows", "0"], "rows: 0"),
        (["array", "--columns", "-1"], "columns: -1"),
        (["array", "--rows", "4", "--row", "9"], "row: 9, expected a whole number from 0 to 3"),
        (["array", "--weights", "absent.npy"], "--weights: 'absent.npy' is neither random nor"),
        (["array", "--amplifier", "opamp"], "amplifier: 'opamp', expected one of pcsa, xnor"),
        (["pcsa", "--vd", "1.2"], "No such option"),
        (["pcsb"], "No such command"),
        (["pcsa", "extra"], "extra"),
    ],
)
def test_a_slip_is_one_clear_line(run_cli, arguments, words):
    assert words in _refused(run_cli("netlist", *arguments))


# Hostile arguments.

OPTIONS = {
    "pcsa": ["--corner", "--technology", "--temperature", "--vdd", "--r-bl", "--r-blb", "--c-bl",
             "--c-q", "--flavour", "--precharge-time", "--sample-time"],
    "xnor_pcsa": ["--corner", "--r-bl", "--x"],
    "1t1r": ["--corner", "--technology", "--r", "--wl", "--v-bl"],
    "2t2r": ["--corner", "--technology", "--r-bl", "--r-blb", "--wl", "--v-bl", "--temperature"],
    "column": ["--amplifier", "--set", "--c-bl-cell", "--unselected", "--lrs", "--pattern"],
    "array": ["--amplifier", "--r-bl-cell", "--hrs", "--weights", "--inputs"],
}  # fmt: skip
PLACES = [(command, option) for command, options in OPTIONS.items() for option in options]
PAYLOADS = [
    "\n.control\nshell id\n.endc",
    "\r\n.control",
    "\u2028.control",
    "\x85.control",
    "`id`",
    "$(id)",
    '"\n.include /etc/passwd',
    ";shell id",
    " $ a comment",
    "{1+1}",
    "*",
    "\x00",
]
# What a number in a deck is made of, and every dot command of ours.
WORDS = re.compile(r"^\.(title|lib|subckt|ends|options|ic|save|tran|meas|dc|print|end)\b")


def _is_harmless(result, shape):
    code, out, err = result
    if code != 0:
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1, err
        return
    for text in (".control", "shell", "`", "$(", "passwd", "\r", "\x00", "\u2028", "\x85"):
        assert text not in out
    # Line for line the deck that harmless arguments give: only numbers and names differ.
    assert [line.split()[0] for line in out.splitlines() if line] == shape
    assert all(WORDS.match(line) for line in out.splitlines() if line.startswith("."))


@pytest.fixture
def shapes(run_cli):
    """First word of every line of each command's deck."""
    return {
        command: [line.split()[0] for line in run_cli("netlist", command)[1].splitlines() if line]
        for command in COMMANDS
    }


@pytest.mark.parametrize(("command", "option"), PLACES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_behind_a_good_value_is_refused(run_cli, command, option, payload):
    good = {"--corner": "tt", "--technology": "generic130", "--flavour": "core", "--x": "1"}
    value = good.get(option, "1")
    _refused(run_cli("netlist", command, f"{option}={value}{payload}"))


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    place=st.sampled_from(PLACES),
    text=st.one_of(
        st.text(max_size=20),
        st.text(string.digits + ".eE+-kMmunpfV \n\r;%{}$`'\"*", max_size=8),
        st.tuples(st.sampled_from(["tt", "5k", "1", "generic130"]), st.sampled_from(PAYLOADS)).map(
            "".join
        ),
    ),
)
def test_no_argument_reaches_the_deck_unread(run_cli, shapes, place, text):
    command, option = place
    result = run_cli("netlist", command, f"{option}={text}")
    shape = shapes[command]
    if option in ("--c-bl", "--c-bl-cell"):  # a capacitance of 0 is left out
        shape = [word for word in shape if word not in ("Cbl", "Cblb") or word in result[1]]
    if option == "--c-q":
        shape = [word for word in shape if word not in ("Cq", "Cqb") or f"\n{word} " in result[1]]
    _is_harmless(result, shape)
