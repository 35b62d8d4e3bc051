"""Monte Carlo sweeps with every sampling: keys, workers, interruptions, more samples."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
from plans import document, rows

from rramchar.errors import InputError, StoreError
from rramchar.sweep import Plan, load, make_plan, run_plan
from rramchar.sweep.layout import iterate
from rramchar.testbench.sampling import SAMPLINGS
from rramchar.testbench.variation import describe_variation

every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)


def sampled(sampling: str, *, samples: int = 12, seed: int = 4, **monte_carlo: object) -> Plan:
    """Return a plan of 2 supplies, 2 resistances and some samples."""
    described = document(vdd_v=[0.9, 1.2], r_bl_ohm=["9k", "12k"], r_blb_ohm="10k")
    described["plan"]["seed"] = seed
    described["monte_carlo"] = {"samples": samples, "sampling": sampling, **monte_carlo}
    return make_plan(described)


def keys(plan: Plan) -> set[bytes]:
    return {point.key for point in iterate(plan)}


def test_random_is_the_default_and_keeps_the_keys_of_older_runs() -> None:
    described = document(r_blb_ohm="10k")
    described["monte_carlo"] = {"samples": 3}
    made = make_plan(described)
    assert made.document()["monte_carlo"]["sampling"] == "random"
    assert set(describe_variation(made.variation)) == {"seed", "mismatch", "process", "spreads"}
    described["monte_carlo"]["sampling"] = "random"
    assert keys(make_plan(described)) == keys(made)


@every_sampling
def test_a_resolved_plan_keeps_its_sampling(sampling: str) -> None:
    plan = sampled(sampling)
    again = make_plan(plan.document())
    assert again.document() == plan.document()
    assert keys(again) == keys(plan)


def test_keys_tell_designs_apart() -> None:
    plans = [
        sampled(sampling, seed=seed, process=process)
        for sampling in SAMPLINGS
        for seed in (4, 5)
        for process in (False, True)
    ]
    together = set().union(*(keys(plan) for plan in plans))
    assert len(together) == sum(len(plan) for plan in plans)


@pytest.mark.parametrize("sampling", ["random", "sobol"])
def test_more_samples_of_an_extendable_design_keep_their_keys(sampling: str) -> None:
    assert keys(sampled(sampling, samples=8)) < keys(sampled(sampling, samples=12))


def test_another_number_of_samples_is_another_latin_hypercube() -> None:
    assert not keys(sampled("lhs", samples=8)) & keys(sampled("lhs", samples=12))


@pytest.mark.parametrize(
    ("monte_carlo", "message"),
    [
        ({"sampling": "halton"}, "monte_carlo.sampling.*'halton'"),
        ({"sampling": "lhs", "samples": 10_000_000}, "sampling 'lhs': 10,000,000 samples.*sobol"),
    ],
)
def test_bad_sampling(monte_carlo: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sampled(**{"sampling": "random", **monte_carlo})


def test_ten_million_samples_are_laid_out_without_being_drawn() -> None:
    plan = sampled("sobol", samples=10_000_000)
    start = time.process_time()
    assert len(plan) == 40_000_000
    first = next(iterate(plan))
    assert first.sample == 0
    assert time.process_time() - start < 1


class Interrupted(Exception):
    """Raised in the middle of a run."""


@every_sampling
def test_rows_do_not_depend_on_workers_or_interruptions(sampling: str, tmp_path: Path) -> None:
    plan = sampled(sampling, process=True)

    def interrupt(done: int, _planned: int, _failed: int) -> None:
        if done:
            raise Interrupted

    run_plan(plan, tmp_path / "one", workers=1)
    with pytest.raises(Interrupted):
        run_plan(plan, tmp_path / "two", workers=2, progress=interrupt)
    assert 0 < len(load(tmp_path / "two")) < len(plan)
    summary = run_plan(plan, tmp_path / "two", workers=2)
    assert summary.reused > 0
    assert summary.simulated > 0
    one, two = (rows(load(tmp_path / name)) for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert (one["status"] == "ok").all()
    assert list(one["sample"][:13]) == [*range(12), 0]
    # Every sample is another circuit, and the same one at both supplies (common random numbers).
    # The cell's peak voltage shows it: unlike the sense time it hangs on no near decision.
    assert one["sense_time_s"].nunique() == len(plan)
    part = one[one["r_bl_ohm"] == 9e3]
    peaks = part.pivot(index="sample", columns="vdd_v", values="cell_peak_v")
    assert peaks.corr().iloc[0, 1] > 0.95


def test_a_killed_latin_hypercube_resumes_to_the_same_rows(tmp_path: Path) -> None:
    """SIGKILL the run in the middle; its design is made anew by the processes that go on."""
    described = document(vdd_v=[0.8, 0.9, 1.0, 1.1, 1.2], r_bl_ohm=["9k", "12k"], r_blb_ohm="10k")
    described["monte_carlo"] = {"samples": 24, "sampling": "lhs"}
    path, run = tmp_path / "plan.toml", tmp_path / "killed"
    path.write_text(tomli_w.dumps(described), encoding="utf-8")
    command = [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", str(path)]
    process = subprocess.Popen(
        [*command, "--out", str(run), "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    plan = make_plan(described)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if _stored(run):
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < _stored(run) < len(plan)
    summary = run_plan(plan, run, workers=2)
    assert summary.reused > 0
    run_plan(plan, tmp_path / "whole", workers=1)
    killed, whole = (rows(load(folder)) for folder in (run, tmp_path / "whole"))
    pd.testing.assert_frame_equal(killed, whole, check_exact=True)


def _stored(run: Path) -> int:
    try:
        return len(load(run))
    except StoreError:  # the run has not begun to write
        return 0


@pytest.mark.parametrize(("sampling", "reused"), [("random", 16), ("sobol", 16), ("lhs", 0)])
def test_more_samples_simulate_only_what_is_new(sampling: str, reused: int, tmp_path: Path) -> None:
    """Except with a Latin hypercube, of which every sample changes."""
    run_plan(sampled(sampling, samples=4), tmp_path, workers=1)
    before = load(tmp_path)
    summary = run_plan(sampled(sampling, samples=8), tmp_path, workers=1)
    assert (summary.reused, summary.simulated) == (reused, 32 - reused)
    after = load(tmp_path)
    assert len(after) == 32
    kept = before["sense_time_s"].isin(after["sense_time_s"])
    assert kept.sum() == reused
