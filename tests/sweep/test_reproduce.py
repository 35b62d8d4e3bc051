"""Decks of single points, run with the ngspice program and compared with what the sweep stored."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import change_plan, document

from rramchar.errors import InputError, StoreError
from rramchar.spice.deck import LADDERS
from rramchar.spice.library import find_program
from rramchar.sweep import load, make_plan, reproducing_deck, run_plan
from rramchar.sweep.altered import write_alterations
from rramchar.sweep.reproduce import comment_lines
from rramchar.sweep.store import Store

needs_ngspice = pytest.mark.skipif(find_program() is None, reason="no ngspice program")


def varied(**axes: Any) -> dict[str, Any]:
    described = document(vdd_v=[0.6, 1.2], **axes)
    described["monte_carlo"] = {"samples": 2, "process": True}
    return described


@pytest.fixture(scope="module", params=["pcsa", "xnor_pcsa"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Monte Carlo run of either amplifier."""
    folder = tmp_path_factory.mktemp(request.param)
    described = varied(**({"x": [1, -1]} if request.param == "xnor_pcsa" else {}))
    described["parameters"]["amplifier"] = request.param
    run_plan(make_plan(described), folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose points all fail: at 900 degC ngspice gives up on the transistor models."""
    folder = tmp_path_factory.mktemp("hot")
    run_plan(make_plan(document(temperature_c=[900], r_bl_ohm=["5k"])), folder, workers=1)
    return folder


def batch(deck: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "point.cir").write_text(deck)
    return subprocess.run(
        ["ngspice", "-b", "point.cir"], cwd=folder, capture_output=True, text=True, check=False
    )


@needs_ngspice
def test_decks_give_the_stored_sense_time(run: Path, tmp_path: Path) -> None:
    frame = load(run)
    compared = 0
    for row in frame[frame["sense_time_s"].notna()].iloc[::2].itertuples():
        deck = reproducing_deck(run, row.point)
        assert deck.solver == row.solver
        assert ".control" not in deck.text
        printed = batch(deck.text, tmp_path).stdout
        (found,) = re.findall(r"^sense_time_s\s*=\s*(\S+)", printed, re.MULTILINE)
        assert float(found) == pytest.approx(row.sense_time_s, rel=0.01)
        compared += 1
    assert compared >= 6


@needs_ngspice
def test_samples_differ_in_their_decks(run: Path) -> None:
    """The comparison above would mean little if mismatch changed nothing."""
    frame = load(run).dropna(subset=["sense_time_s"])
    pairs = frame[frame["vdd_v"] == 1.2].groupby(["r_bl_ohm", "r_blb_ohm"])["sense_time_s"]
    assert (pairs.max() / pairs.min()).max() > 1.02
    first, second = (reproducing_deck(run, point).text for point in (0, 1))
    assert re.findall(r"Vmm_foot .*", first) != re.findall(r"Vmm_foot .*", second)


@needs_ngspice
def test_a_failed_point_fails_by_hand_too(hot: Path, tmp_path: Path) -> None:
    deck = reproducing_deck(hot, 1)
    assert deck.row["reason"] == "convergence"
    assert deck.solver == LADDERS["sweep"][-1].name
    comments = " ".join(line[2:].strip() for line in deck.text.splitlines() if line[:1] == "*")
    assert "status: failed, convergence" in comments
    assert " ".join(deck.row["detail"].split()) in comments
    assert "temperature_c = 900" in comments
    assert "r_blb_ohm = 60000" in comments
    done = batch(deck.text, tmp_path)
    assert "aborted" in done.stdout + done.stderr
    assert "sense_time_s  " not in done.stdout


@pytest.mark.parametrize("reason", ["timeout", "crash", "bad_netlist"])
def test_every_reason_has_its_deck(tmp_path: Path, reason: str) -> None:
    """The reason is written into the store here; the deck must not depend on how it came about."""
    made = make_plan(document(r_bl_ohm=["5k"], r_blb_ohm=["50k"]))
    run_plan(made, tmp_path, workers=1)
    with Store(tmp_path, made.testbench.result_fields) as store:
        (key,) = store.keys()
        row = {"status": "failed", "reason": reason, "detail": "x\n.control\nshell rm\n.endc"}
        store.add([(key, row)])
    deck = reproducing_deck(tmp_path, 0)
    assert (deck.solver, deck.why) == (LADDERS["sweep"][0].name, "the first that was tried")
    lines = deck.text.splitlines()
    assert not [line for line in lines if line.startswith((".control", "shell", ".endc"))]
    assert any("x .control shell rm .endc" in line for line in lines)


@given(st.lists(st.text(), min_size=1))
def test_comments_are_harmless_whatever_they_hold(facts: list[str]) -> None:
    for line in comment_lines(facts):
        assert re.fullmatch(r"\* [ -\[\]-~]*", line)
        assert len(line) <= 90
        assert not line.startswith("*#")  # a command to ngspice


def test_points_that_cannot_be_reproduced(hot: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"point 2: not in the plan; expected 0 to 1"):
        reproducing_deck(hot, 2)
    with pytest.raises(InputError, match=r"point -1: not in the plan"):
        reproducing_deck(hot, -1)
    with pytest.raises(StoreError, match="is it a run directory"):
        reproducing_deck(tmp_path, 0)


def test_a_technology_that_changed_or_is_gone(tmp_path: Path) -> None:
    import rramchar.technology
    from rramchar.resources import resource

    source = Path(rramchar.technology.__file__).parent / "data" / "generic130.toml"
    definition = source.read_text(encoding="utf-8").replace("shipped:", "")
    technology, library = tmp_path / "mine.toml", tmp_path / "generic130.lib"
    technology.write_text(definition.replace('generic130"', 'mine"', 1))
    library.write_bytes(resource("netlists", "generic130.lib").read_bytes())
    described = document(r_bl_ohm=["5k"], r_blb_ohm=["50k"])
    described["plan"]["technology"] = str(technology)
    run = tmp_path / "run"
    run_plan(make_plan(described), run, workers=1)
    assert str(library) in reproducing_deck(run, 0).text
    library.write_bytes(library.read_bytes() + b"\n* another line\n")
    with pytest.raises(StoreError, match="changed since this run was made"):
        reproducing_deck(run, 0)
    library.unlink()
    with pytest.raises(InputError, match="without the technology's files; bring them back"):
        reproducing_deck(run, 0)
    assert len(load(run)) == 1  # what was stored can still be read


def test_a_point_that_was_not_simulated(tmp_path: Path) -> None:
    run_plan(make_plan(document(r_bl_ohm=["5k"], r_blb_ohm=["50k"])), tmp_path, workers=1)
    change_plan(tmp_path, make_plan(document(r_bl_ohm=["5k"], r_blb_ohm=["50k", "60k"])))
    with pytest.raises(InputError, match="point 1 was not simulated yet"):
        reproducing_deck(tmp_path, 1)


CIRCUIT = """.title two of one
.lib "models.lib" tt
.subckt leaf a b r_ohm=1
Rr a b {r_ohm}
Vmm_m g b 0.0
Mm a g b 0 n12 w=1e-06 l=1.3e-07 pw=3
.ends leaf
.subckt pair a b
Xleft a b leaf r_ohm=2
Xright a b leaf r_ohm=3
.ends pair
.subckt never a
Ra a 0 1
.ends never
Xpair p q pair
Vx x 0 DC 1.2
Xkit p q kit_device w=1
"""


def test_instances_get_their_own_values() -> None:
    text = write_alterations(
        CIRCUIT,
        {
            "@r.xpair.xleft.rr[resistance]": 5e3,
            "@m.xpair.xleft.mm[w]": 2e-6,
            "@v.xpair.xright.vmm_m[dc]": -0.01,
            "@vx[dc]": 0.6,
        },
        size_unit_m=1e-6,
    )
    assert text.splitlines()[:2] == CIRCUIT.splitlines()[:2]
    left, right = (
        text.partition(f".subckt leaf__xpair__x{side} ")[2].partition(".ends")[0]
        for side in ("left", "right")
    )
    assert "Rr a b 5000.0" in left
    assert "w=2.0 l=1.3e-07 pw=3" in left
    assert "Vmm_m g b 0.0" in left
    assert "Rr a b {r_ohm}" in right
    assert "w=1e-06 " in right
    assert "Vmm_m g b -0.01" in right
    assert "Vx x 0 DC 0.6" in text
    assert "Xkit p q kit_device w=1" in text
    assert "never" not in text
    assert ".subckt leaf " not in text


def test_without_alterations_the_circuit_keeps_its_names() -> None:
    text = write_alterations(CIRCUIT, {})
    assert ".subckt leaf a b r_ohm=1" in text
    assert "Xpair p q pair" in text
    assert text.count(".subckt") == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("@r.xpair.xmiddle.rr[resistance]", "no xpair.xmiddle to alter"),
        ("@r.xpair.xleft.rother[resistance]", "no xpair.xleft.rother to alter"),
        ("@m.xpair.xleft.mm[l]", "cannot be written into this element"),
        ("@r.x.rr[r]\n.control", "alteration"),
    ],
)
def test_alterations_that_fit_nothing(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_alterations(CIRCUIT, {name: np.float64(1.0)})
