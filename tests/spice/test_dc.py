"""DC sweeps: in the session, and in a process of their own."""

from dataclasses import replace

import numpy as np
import pytest

from rramchar.errors import SimulationError
from rramchar.spice.deck import DC_LADDER, SETTINGS, DcDeck, Deck, Solver
from rramchar.spice.isolated import IsolatedSimulator
from rramchar.spice.session import process_session, simulate_dc

DECK = DcDeck(
    circuit=".title sweep\nVs a 0 0\nR1 a b 1k\nR2 b 0 3k",
    temperature_c=27.0,
    source="vs",
    start_v=-0.3,
    stop_v=1.2,
    points=16,
    save=("i(vs)", "v(b)"),
)
TRANSIENT = Deck(".title rc\nV1 a 0 1\nR1 a 0 1k", 27, 1e-9, 1e-11, ("v(a)",))
REJECTED = replace(DECK, circuit=".title bad\nVs a 0 0\nX1 a 0 nothing", save=("i(vs)",))


@pytest.fixture
def session():
    session = process_session()
    session.unload()
    yield session
    session.unload()


def test_a_sweep_of_a_divider(session):
    waves, solver = simulate_dc(session, DECK)
    assert solver == "dc"
    np.testing.assert_allclose(waves["sweep"], np.linspace(-0.3, 1.2, 16), atol=1e-12)
    np.testing.assert_allclose(waves["v(b)"], 0.75 * waves["sweep"], atol=1e-9)
    np.testing.assert_allclose(waves["i(vs)"], -waves["sweep"] / 4e3, atol=1e-12)


@pytest.mark.parametrize("points", [2, 3, 7, 100, 181])
def test_the_last_point_is_the_stop_value(session, points):
    waves, _ = simulate_dc(session, replace(DECK, start_v=0.0, stop_v=0.7, points=points))
    assert len(waves["sweep"]) == points
    assert waves["sweep"][-1] == pytest.approx(0.7)


def test_a_vector_that_was_not_recorded(session):
    with pytest.raises(SimulationError, match=r"v\(zz\) was not recorded"):
        simulate_dc(session, replace(DECK, save=("i(vs)", "v(zz)")))


def test_nothing_loaded(session):
    with pytest.raises(SimulationError, match="no circuit is loaded"):
        session.run_dc(DECK)


def test_no_convergence_tries_every_rung(session, monkeypatch):
    tried = []
    load = session.load
    monkeypatch.setattr(session, "load", lambda d, s: (tried.append(s.name), load(d, s)))
    two = replace(DECK, circuit=".title two\nVs a 0 0\nV2 a 0 1\nR1 a 0 1k", save=("i(vs)",))
    with pytest.raises(SimulationError) as raised:
        simulate_dc(session, two)
    assert raised.value.reason == "convergence"
    assert tried == [solver.name for solver in DC_LADDER]


def test_a_missing_name_is_in_the_words_of_a_rejected_deck():
    circuit = ".title t\nVs a 0 0\nM1 a a 0 0 nn w=1u l=1u nonsense=1\n.model nn nmos level=1"
    with IsolatedSimulator() as simulator:
        (found,) = simulator.run([replace(DECK, circuit=circuit, save=("i(vs)",))])
    assert found.reason == "bad_netlist"
    assert "nonsense" in found.detail


# Settings of the simulator.


def test_settings_are_made_and_taken_back(session):
    def found():
        lines = session.command("set")
        return {line.split()[0] for line in lines if line.split()[:1]} & set(SETTINGS)

    simulate_dc(session, replace(DECK, options={"ngbehavior": "hsa", "ng_nomodcheck": "true"}))
    assert found() == {"ngbehavior", "ng_nomodcheck"}
    simulate_dc(session, replace(DECK, options={"ng_nomodcheck": "true"}))
    assert found() == {"ng_nomodcheck"}
    simulate_dc(session, DECK)
    assert found() == set()


def test_a_deck_for_hand_use_says_what_must_be_set_first():
    deck = replace(TRANSIENT, options={"ngbehavior": "hsa", "scale": "1e-6"})
    text = deck.text(Solver("plain", {}), by_hand=True)
    assert "* needs, before it is loaded: set ngbehavior=hsa\n" in text
    (options,) = [line for line in text.splitlines() if line.startswith(".options")]
    assert "scale=1e-6" in options
    assert "ngbehavior" not in options


# In a process of its own.


def test_a_rejected_deck_does_no_harm_to_the_next():
    with IsolatedSimulator() as simulator:
        first, bad, transient, last = simulator.run([DECK, REJECTED, TRANSIENT, DECK])
    assert bad.reason == "bad_netlist"
    assert "nothing" in bad.detail
    assert transient["v(a)"][-1] == pytest.approx(1.0)
    np.testing.assert_array_equal(first["v(b)"], last["v(b)"])


def test_a_deck_that_takes_too_long_is_ended():
    sine = ".title t\nV1 a 0 sin(0 1 1e12)\nR1 a 0 1"
    endless = replace(TRANSIENT, circuit=sine, stop_time_s=1.0, max_step_s=1e-12)
    with IsolatedSimulator(timeout_s=1.5) as simulator:
        late, fine = simulator.run([endless, DECK])
    assert late.reason == "timeout"
    assert fine["sweep"][0] == pytest.approx(-0.3)
