"""Runs of programming plans on real ngspice: results, resuming, noise, write-verify, failures."""

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest

from rramchar.errors import SimulationError
from rramchar.programming import load_program_plan, make_program_plan, read_pulses, run_program
from rramchar.programming import run as run_module
from rramchar.programming.play import SequenceJob, play
from rramchar.programming.run import SequenceChunk, run_sequences
from rramchar.provenance import read_comment_header
from rramchar.spice.session import process_session
from rramchar.sweep import load_plan
from rramchar.testbench.program import build_program

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.toml"))


def _plan(sequence, *, cell=None, device=None, **head):
    return make_program_plan(
        {
            "plan": {"testbench": "program", **head},
            "cell": cell or {},
            "device": device or {},
            "sequence": sequence,
        }
    )


def _job(plan):
    point = next(plan.points())
    shapes = {(s.pulse.width_s, s.pulse.edge_s) for s in point.steps}
    decks = {
        (width_s, edge_s): build_program(
            plan.technology, point.condition, plan.cell, plan.model, width_s=width_s, edge_s=edge_s
        )
        for width_s, edge_s in shapes
    }
    return point.key, SequenceJob(
        plan.cell, plan.model, point.steps, plan.cycles, plan.states(), point.entropy, decks
    )


def _rows(plan):
    return list(play(process_session(), _job(plan)[1]))


def test_a_cell_is_cycled_between_its_states():
    plan = _plan([{"operation": "reset", "sl_v": 1.6}, {"operation": "set"}], cycles=3)
    rows = _rows(plan)
    assert [row["pulse"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["cycle"] for row in rows] == [1, 1, 2, 2, 3, 3]
    for row in rows:
        high = row["operation"] == "reset"
        assert (row["r_after_ohm"] > 100e3) == high
        assert (row["r_after_ohm"] < 10e3) != high
        assert 1e-12 < row["energy_j"] < 1e-9
    for before, after in zip(rows, rows[1:], strict=False):
        assert after["r_before_ohm"] == before["r_after_ohm"]
    # Without noise every cycle is the same.
    assert rows[5]["r_after_ohm"] == pytest.approx(rows[3]["r_after_ohm"], rel=1e-3)


def test_what_is_read_after_a_pulse_is_the_state():
    plan = _plan([{"operation": "set", "wl_v": 1.5}])
    (row,) = _rows(plan)
    state = plan.model.state_of(row["r_after_ohm"], 0.1)
    # The device sees a little less than the read voltage, where sinh is a little flatter.
    assert 0.1 / plan.model.current_a(0.1, state) == pytest.approx(row["r_after_ohm"], rel=0.01)


def test_write_verify_ends_at_the_target_and_skips_what_is_there():
    steps = [
        {"operation": "set", "device": "both", "wl_v": 1.2, "wl_step_v": 0.1, "repeat": 12,
         "until_below_ohm": "8k"},
        {"operation": "set", "device": "both", "until_below_ohm": "8k"},
        {"operation": "reset", "device": "blb", "sl_v": 0.7, "sl_step_v": 0.1, "repeat": 15,
         "until_above_ohm": "120k"},
    ]  # fmt: skip
    cell = {"kind": "2t2r", "initial_r_bl_ohm": "40k", "initial_r_blb_ohm": "6k"}
    rows = _rows(_plan(steps, cell=cell))
    sets = [row for row in rows if row["step"] == 1]
    assert {row["device"] for row in sets} == {"bl"}
    assert [row["reached"] for row in sets] == [False] * (len(sets) - 1) + [True]
    assert sets[-1]["r_after_ohm"] < 8e3 <= sets[-2]["r_after_ohm"]
    assert not [row for row in rows if row["step"] == 2]
    resets = [row for row in rows if row["step"] == 3]
    assert resets[-1]["reached"]
    assert resets[-1]["r_after_ohm"] > 120e3
    assert len(resets) < 15


def test_a_target_out_of_reach_ends_at_the_limit():
    step = {"operation": "reset", "sl_v": 0.6, "repeat": 3, "until_above_ohm": "1M"}
    rows = _rows(_plan([step]))
    assert [row["reached"] for row in rows] == [False] * 3


def test_noise_comes_from_the_seed_and_stays_between_pulses():
    def after(seed, eta):
        device = {"model": "weak_reset", "eta_s": eta}
        step = {"operation": "weak_reset", "sl_v": 1.3, "repeat": 20}
        return np.array([r["r_after_ohm"] for r in _rows(_plan([step], device=device, seed=seed))])

    quiet, noisy, again, other = after(1, 0.0), after(1, 1e-6), after(1, 1e-6), after(2, 1e-6)
    assert np.all(np.diff(quiet) > 0)
    assert np.array_equal(noisy, again)
    assert not np.allclose(noisy, other, rtol=1e-4)
    assert not np.allclose(noisy, quiet, rtol=1e-4)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_shipped_examples_are_valid(path):
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    load = load_program_plan if document["plan"]["testbench"] == "program" else load_plan
    assert len(load(path)) > 0


def test_a_run_is_resumed_and_extended(tmp_path):
    steps = [{"operation": "set", "wl_v": [1.4, 1.8]}]
    first = run_program(_plan(steps), tmp_path, workers=1)
    assert (first.ok, first.simulated, first.reused, first.failed) == (2, 2, 0, 0)
    frame = read_pulses(tmp_path)
    assert list(frame["step1_wl_v"]) == [1.4, 1.8]
    assert frame["r_after_ohm"].iloc[0] > frame["r_after_ohm"].iloc[1]
    assert read_comment_header(tmp_path / "pulses.csv")["plan"]["plan"]["seed"] == 1
    again = run_program(_plan(steps), tmp_path, workers=1)
    assert (again.simulated, again.reused) == (0, 2)
    steps[0]["wl_v"] = [1.4, 1.6, 1.8]
    more = run_program(_plan(steps), tmp_path, workers=1)
    assert (more.simulated, more.reused) == (1, 2)
    assert more.notes
    assert list(read_pulses(tmp_path)["step1_wl_v"]) == [1.4, 1.6, 1.8]
    assert make_program_plan(load_program_plan(tmp_path / "plan.toml").document()).cycles == 1


def test_workers_do_not_change_results(tmp_path):
    steps = [{"operation": "weak_reset", "sl_v": [1.2, 1.3, 1.4], "repeat": 3}]
    plan = _plan(steps, device={"model": "weak_reset", "eta_s": 1e-6}, samples=2)
    for name, workers in (("one", 1), ("two", 2)):
        run_program(plan, tmp_path / name, workers=workers)
    one, two = (read_pulses(tmp_path / name) for name in ("one", "two"))
    assert one.equals(two)


def test_a_pulse_that_cannot_be_solved_is_recorded(monkeypatch):
    plan = _plan([{"operation": "set", "repeat": 3}])

    def failing(session, job, before_run=None):
        yield {"pulse": 1, "r_after_ohm": 1e3}
        raise SimulationError("convergence", "timestep too small")

    monkeypatch.setattr(run_module, "play", failing)
    ((_, row),) = run_sequences(SequenceChunk((_job(plan),), 30.0)).rows
    assert (row["status"], row["reason"]) == ("failed", "convergence")
    assert row["detail"] == "pulse 2: timestep too small"
    frame = run_module.pulse_frame(plan, {next(plan.points()).key: row})
    assert list(frame["status"]) == ["ok", "failed"]
    assert frame["r_after_ohm"].isna().tolist() == [False, True]


def test_a_pulse_that_takes_too_long_is_recorded(tmp_path):
    plan = dataclasses.replace(_plan([{"operation": "set"}]), pulse_timeout_s=1e-5)
    summary = run_program(plan, tmp_path, workers=1)
    assert (summary.ok, summary.failed, dict(summary.reasons)) == (0, 1, {"timeout": 1})
    assert read_pulses(tmp_path)["reason"].tolist() == ["timeout"]
    retried = run_program(_plan([{"operation": "set"}]), tmp_path, workers=1, retry_failed=True)
    assert (retried.ok, retried.failed) == (1, 0)


@pytest.mark.slow
def test_random_sequences_all_converge():
    rng = np.random.default_rng(7)
    for _ in range(100):
        steps = []
        for operation in rng.choice(["set", "reset", "read", "weak_reset", "form"], size=4):
            line = "bl_v" if operation in ("set", "form") else "sl_v"
            step = {"operation": str(operation), "width_s": float(10 ** rng.uniform(-7, -4))}
            if operation != "read":
                step |= {line: float(rng.uniform(0.5, 3.5)), "wl_v": float(rng.uniform(0.9, 5.0))}
            steps.append(step)
        corner = str(rng.choice(["tt", "ff", "ss", "fs", "sf"]))
        plan = make_program_plan(
            {
                "plan": {"testbench": "program"},
                "cell": {"initial_r_bl_ohm": float(10 ** rng.uniform(3.5, 5.7))},
                "axes": {"corner": corner, "temperature_c": float(rng.uniform(-40, 125))},
                "sequence": steps,
            }
        )
        rows = _rows(plan)
        assert len(rows) == 4
        assert all(row["r_after_ohm"] > 1e3 for row in rows)
