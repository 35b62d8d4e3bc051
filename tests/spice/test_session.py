"""The warm simulator: what is loaded is what runs, and every fault has its right name."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rramchar.errors import SimulationError
from rramchar.spice.deck import LADDERS, Deck, Solver
from rramchar.spice.session import process_session, simulate
from rramchar.technology import Condition
from rramchar.testbench.read import ReadParameters, ReadPoint, build_read, read_alterations

PLAIN = Solver("plain", {})
DIVIDER = ".title divider\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k"
RC = ".title rc\nV1 a 0 PWL(0 0 1p 1)\nR1 a b 1k\nC1 b 0 1p"


def _deck(circuit, *, save=("v(b)",), stop=1e-9):
    return Deck(circuit=circuit, temperature_c=27, stop_time_s=stop, max_step_s=stop / 100,
                save=save)  # fmt: skip


@pytest.fixture
def session():
    session = process_session()
    session.unload()
    yield session
    session.unload()


def _final(session, deck):
    session.load(deck, PLAIN)
    return session.run(deck, deck.save)[deck.save[0]][-1]


def _in_a_process_of_its_own(code):
    """Run code in a fresh interpreter; return what it printed."""
    prelude = """\
        from rramchar.errors import SimulationError
        from rramchar.spice.deck import Deck, Solver
        from rramchar.spice.session import Session
        PLAIN = Solver("plain", {})
        def deck(circuit):
            return Deck(circuit=circuit, temperature_c=27, stop_time_s=1e-9, max_step_s=1e-11,
                        save=("v(b)",))
        def attempt(session, circuit):
            try:
                session.load(deck(circuit), PLAIN)
                print("ok", session.run(deck(circuit), ("v(b)",))["v(b)"][-1])
            except SimulationError as error:
                print(error)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# Results.


def test_a_divider_divides(session):
    assert _final(session, _deck(DIVIDER)) == pytest.approx(0.5, rel=1e-6)


def test_an_rc_charges_as_it_should(session):
    deck = _deck(RC, stop=5e-9)
    session.load(deck, LADDERS["report"][0])
    waves = session.run(deck, deck.save)
    assert np.all(np.diff(waves["time"]) > 0)
    assert waves["time"][-1] == pytest.approx(5e-9)
    settled = waves["time"] > 2e-12
    expected = 1 - np.exp(-(waves["time"][settled] - 0.5e-12) / 1e-9)
    np.testing.assert_allclose(waves["v(b)"][settled], expected, atol=2e-3)


def test_what_is_returned_stays_after_the_next_run(session):
    deck = _deck(DIVIDER)
    session.load(deck, PLAIN)
    first = session.run(deck, deck.save)["v(b)"]
    kept = first.copy()
    session.alter({"@r1[resistance]": 9e3})
    session.run(deck, deck.save)
    np.testing.assert_array_equal(first, kept)


def test_the_version_is_one_that_is_supported(session):
    assert 36 <= session.version <= 99


# Alterations.


def test_an_alteration_takes_effect(session):
    deck = _deck(DIVIDER)
    session.load(deck, PLAIN)
    session.alter({"@r1[resistance]": 3e3, "@v1[dc]": 2.0})
    assert session.run(deck, deck.save)["v(b)"][-1] == pytest.approx(0.5, rel=1e-6)
    session.alter({"@r1[resistance]": 1e3})
    assert session.run(deck, deck.save)["v(b)"][-1] == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("value", [1e-3, 1e12, 12345.678901234, 1 / 3])
def test_an_alteration_is_exact(session, value):
    session.load(_deck(DIVIDER), PLAIN)
    session.alter({"@r2[resistance]": value})  # reads back to a part in 1e9, or raises


@pytest.mark.parametrize("name", ["@r9[resistance]", "@r1[colour]", "@x1[resistance]"])
def test_an_alteration_of_nothing_is_a_bad_netlist(session, name):
    session.load(_deck(DIVIDER), PLAIN)
    with pytest.raises(SimulationError, match="had no effect") as raised:
        session.alter({name: 5.0})
    assert raised.value.reason == "bad_netlist"
    assert name in raised.value.detail


# Decks that are not understood.

BAD_CIRCUITS = [
    (DIVIDER + "\nX1 a b nosuch", "unknown subckt"),
    (DIVIDER + "\nM1 a b 0 0 nosuch w=1u l=1u", "nosuch"),
    (DIVIDER + '\n.lib "/nonexistent/models.lib" tt', "/nonexistent/models.lib"),
    (DIVIDER + '\n.include "/nonexistent/models.inc"', "/nonexistent/models.inc"),
    (DIVIDER + "\nQ1 a b", "on line"),
]


@pytest.mark.parametrize(("circuit", "words"), BAD_CIRCUITS)
def test_a_rejected_deck_has_ngspices_own_words(circuit, words):
    # In a process of its own: some of these leave libngspice unusable.
    (line,) = _in_a_process_of_its_own(f"attempt(Session(), {circuit!r})")
    assert line.startswith("bad_netlist: ")
    assert words in line


def test_after_a_rejected_deck_the_one_before_does_not_run():
    lines = _in_a_process_of_its_own(
        f"""\
        session = Session()
        attempt(session, {DIVIDER!r})
        attempt(session, {BAD_CIRCUITS[0][0]!r})
        try:
            session.run(deck(""), ("v(b)",))
            print("ran the circuit before")
        except SimulationError as error:
            print(error)
        attempt(session, {DIVIDER!r})
        """
    )
    assert lines[0].startswith("ok ")
    assert lines[1].startswith("bad_netlist: ")
    assert lines[2] == "bad_netlist: no circuit is loaded"
    assert lines[3] == lines[0]


def test_an_undefined_parameter_is_named_and_what_follows_is_no_convergence_failure():
    # libngspice refuses every circuit after this one: such a process has to be replaced.
    lines = _in_a_process_of_its_own(
        f"""\
        session = Session()
        attempt(session, {DIVIDER.replace("R2 b 0 1k", "R2 b 0 {nope}")!r})
        attempt(session, {DIVIDER!r})
        """
    )
    assert lines[0].startswith("bad_netlist: ")
    assert "nope" in lines[0]
    assert lines[1].startswith(("crash: ", "ok 0.5"))  # newer ngspice may recover


def test_a_vector_that_was_not_recorded(session):
    deck = _deck(DIVIDER)
    session.load(deck, PLAIN)
    with pytest.raises(SimulationError, match=r"bad_netlist: v\(zz\) was not recorded"):
        session.run(deck, ("v(zz)",))


def test_running_nothing(session):
    with pytest.raises(SimulationError, match="bad_netlist: no circuit is loaded"):
        session.run(_deck(DIVIDER), ())


# Decks that do not converge.

CONTRADICTION = _deck(".title two sources in parallel\nV1 b 0 1\nV2 b 0 2\nR1 b 0 1k")


def test_no_convergence_has_ngspices_last_words(session):
    session.load(CONTRADICTION, PLAIN)
    with pytest.raises(SimulationError) as raised:
        session.run(CONTRADICTION, CONTRADICTION.save)
    assert raised.value.reason == "convergence"
    assert "singular" in raised.value.detail or "imestep too small" in raised.value.detail
    assert len(raised.value.detail) <= 400


def test_every_rung_of_the_ladder_is_tried_and_the_session_stays_good(session, monkeypatch):
    tried = []
    load = session.load
    monkeypatch.setattr(session, "load", lambda d, s: (tried.append(s.name), load(d, s)))
    with pytest.raises(SimulationError) as raised:
        simulate(session, CONTRADICTION, {}, "sweep")
    assert raised.value.reason == "convergence"
    assert tried == [solver.name for solver in LADDERS["sweep"]]
    waves, solver = simulate(session, _deck(DIVIDER), {}, "sweep")
    assert solver == "sweep"
    assert waves["v(b)"][-1] == pytest.approx(0.5, rel=1e-6)


def test_a_bad_netlist_is_not_tried_again(session, monkeypatch):
    tried = []
    load = session.load
    monkeypatch.setattr(session, "load", lambda d, s: (tried.append(s.name), load(d, s)))
    with pytest.raises(SimulationError, match="had no effect"):
        simulate(session, _deck(DIVIDER), {"@r9[resistance]": 1.0}, "sweep")
    assert tried == ["sweep"]


# The same input gives the same bits.


@pytest.fixture(scope="module")
def points(generic130):
    """Return decks and alterations of points of three different circuits."""
    found = []
    for vdd, pairs in ((1.2, ((5e3, 50e3), (30e3, 10e3))), (0.6, ((5e3, 50e3), (1e6, 5e5)))):
        condition, parameters = Condition("tt", 27.0, vdd), ReadParameters(c_bl_f=30e-15)
        for pair in pairs:
            deck = build_read(generic130, condition, parameters, ReadPoint(1e4, 2e4))
            found.append((deck, read_alterations(condition, parameters, ReadPoint(*pair))))
    found.append((_deck(RC), {"@r1[resistance]": 2e3}))
    return found


def _fingerprint(session, point):
    waves, solver = simulate(session, *point, "sweep")
    return solver, {name: wave.tobytes() for name, wave in waves.items()}


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3, 0, 0, 2)])
@pytest.mark.parametrize("reload", [False, True])
def test_a_result_does_not_know_what_ran_before(session, points, order, reload):
    alone = []
    for point in points:
        session.unload()
        alone.append(_fingerprint(session, point))
    for i in order:
        if reload:
            session.unload()
        assert _fingerprint(session, points[i]) == alone[i]


def test_a_deck_is_parsed_once_for_all_its_points(session, points):
    parsed = []
    load = session._library.load
    session._library.load = lambda text: (parsed.append(text), load(text))[1]
    try:
        for i in (0, 1, 0, 1, 2, 3):
            simulate(session, *points[i], "sweep")
    finally:
        del session._library.load
    assert len(parsed) == 2


def test_options_of_one_deck_do_not_reach_the_next(session):
    plain = _deck(RC)
    session.load(plain, PLAIN)
    before = session.run(plain, plain.save)
    session.load(replace(plain, options={"scale": "1e-6", "gmin": "1e-3", "method": "gear"}), PLAIN)
    during = session.run(plain, plain.save)
    session.load(plain, PLAIN)
    after = session.run(plain, plain.save)
    assert before["v(b)"].tobytes() == after["v(b)"].tobytes()
    assert before["v(b)"].tobytes() != during["v(b)"].tobytes()


# Long runs.


PEAK_MEMORY = """\
        import resource
        from rramchar.technology import Condition, load_technology
        from rramchar.testbench.read import ReadParameters, ReadPoint, build_read
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        session = Session()
        """


@pytest.mark.parametrize(
    ("deck", "change", "points"),
    [
        # Points that share a deck, and a new parse for every point.
        (f"deck({RC!r})", 'session.alter({"@r1[resistance]": 1e3 + i}); reltol = 1', 3000),
        (
            'build_read(load_technology("generic130"), Condition("tt", 27.0, 1.2),'
            " ReadParameters(), ReadPoint(5e3, 5e4))",
            "reltol = 1 + i % 2",
            250,
        ),
    ],
)
def test_memory_stays_flat(deck, change, points):
    growth = _in_a_process_of_its_own(
        PEAK_MEMORY
        + f"""
        shared, reltol = {deck}, 1
        def run(n):
            global reltol
            for i in range(n):
                session.load(shared, Solver("plain", {{"reltol": f"{{reltol}}e-3"}}))
                {change}
                session.run(shared, shared.save)
        run({points // 5})
        before = peak()
        run({points})
        print(peak() - before)
        """
    )
    kilobytes = int(growth[-1]) / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 2000, f"{kilobytes:.0f} kB in {points} points"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads through /proc")
def test_ngspice_computes_in_one_thread():
    lines = _in_a_process_of_its_own(
        """\
        import os
        from rramchar.technology import Condition, load_technology
        from rramchar.testbench.read import ReadParameters, ReadPoint, build_read
        session = Session()
        before = len(os.listdir("/proc/self/task"))
        read = build_read(load_technology("generic130"), Condition("tt", 27.0, 1.2),
                          ReadParameters(), ReadPoint(5e3, 5e4))
        session.load(read, PLAIN)
        session.run(read, read.save)
        print(len(os.listdir("/proc/self/task")) - before)
        print(session.command("echo $num_threads"))
        """
    )
    assert lines == ["0", "['1']"]
