"""The studies of learning: registry, runner, resumption, statistics and what each one finds."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.errors import InputError, StoreError
from rramchar.nn.learn.study import STUDIES, Request, Study, Table, Task, entry, resolve
from rramchar.nn.learn.study_run import findings, plan_study, run_study
from rramchar.nn.learn.study_statistics import difference, holds, interval, summarize
from rramchar.nn.learn.study_training import late_drop
from rramchar.provenance import read_comment_header

MINE = ("training", "noise", "retraining", "nonlinearity", "imperfections", "flip-pulses",
        "retention")  # fmt: skip


def tiny(**options: str) -> Request:
    """A request that takes a second or two."""
    return Request(seeds=2, length="trial", epochs=1, options={"hidden": "16", **options})


def count_work(task: Task, context) -> list[dict]:
    """Note each call in a file, and return a number that depends on the seed alone."""
    with (context.folder / "calls.txt").open("a") as stream:
        stream.write(f"{task.columns['x']} {task.seed}\n")
    value = task.columns["x"] + np.random.default_rng(task.seed).standard_normal()
    return [{"table": "numbers", "value": value, "accuracy": 0.5, "gone": float("nan")}]


def counting_study(xs: tuple[int, ...] = (1, 2), seeds: int = 3) -> Study:
    tasks = [Task(count_work, {"x": x}, {"n": 1}, seed) for x in xs for seed in range(seeds)]
    return Study(
        "flip-pulses", tuple(tasks), (Table("numbers", ("x",), ("value", "accuracy")),), ""
    )


@pytest.fixture(autouse=True)
def no_findings(monkeypatch, request):
    """A study made for a test has nothing published to answer."""
    if "counting" in request.node.name:
        monkeypatch.setattr("rramchar.nn.learn.study_run.findings", lambda result: [])


@pytest.mark.parametrize("name", STUDIES)
def test_every_registered_function_is_there(name):
    one = entry(name)
    for path in (one.plan, one.find, one.plot):
        assert callable(resolve(path))


def test_numbers_given_twice_count_once():
    assert Request(options={"ratios": "0,1,0"}).numbers("ratios", ()) == (0.0, 1.0)


def test_an_unknown_study_is_named_with_those_there_are():
    with pytest.raises(InputError, match="study 'nois'.*training, noise"):
        plan_study("nois", Request())


def test_counting_finished_parts_are_not_done_again(tmp_path):
    first = run_study(counting_study(), tmp_path)
    again = run_study(counting_study((1, 2, 3)), tmp_path)
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    assert len(calls) == len(set(calls)) == 9
    pd.testing.assert_frame_equal(
        first.rows["numbers"], again.rows["numbers"].iloc[:6], check_dtype=False
    )


def test_counting_workers_change_nothing(tmp_path):
    one = run_study(counting_study(), tmp_path / "one")
    two = run_study(counting_study(), tmp_path / "two", workers=2)
    pd.testing.assert_frame_equal(one.rows["numbers"], two.rows["numbers"])
    assert sorted((tmp_path / "two" / "calls.txt").read_text().splitlines()) == sorted(
        (tmp_path / "one" / "calls.txt").read_text().splitlines()
    )


def test_counting_a_damaged_part_is_named(tmp_path):
    run_study(counting_study(), tmp_path)
    part = sorted((tmp_path / "parts").iterdir())[0]
    part.write_text("{")
    with pytest.raises(StoreError, match=part.name):
        run_study(counting_study(), tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"a": 1}],
        [{"table": "numbers", "x": 1, "seed": 1}],
        [{"table": "numbers", "x": 7, "seed": 1, "value": 1.0}],
    ],
)
def test_counting_a_part_with_other_rows_is_named(tmp_path, rows):
    run_study(counting_study((1,), 1), tmp_path)
    (part,) = (tmp_path / "parts").iterdir()
    part.write_text(json.dumps(rows))
    with pytest.raises(StoreError, match=f"{part.name}: damaged .* delete it"):
        run_study(counting_study((1,), 1), tmp_path)


def test_layers_of_one_size_are_layers(tmp_path):
    (task, *_) = plan_study("noise", tiny(hidden="16,16", ratios="0")).tasks
    assert task.settings["learn"]["hidden"] == [16, 16]


def test_a_study_in_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file is a file; choose another folder"):
        run_study(counting_study(), tmp_path / "file" / "below")


def test_counting_summary_and_files(tmp_path):
    result = run_study(counting_study(), tmp_path)
    line = result.summary.iloc[0]
    mine = result.rows["numbers"].query("x == 1")["value"]
    assert line["seeds"] == 3
    assert line["value_mean"] == pytest.approx(mine.mean())
    assert line["value_std"] == pytest.approx(mine.std(ddof=1))
    half = 4.302652729911275 * mine.std(ddof=1) / math.sqrt(3)  # t, 97.5 %, 2 degrees of freedom
    assert line["value_high"] - line["value_mean"] == pytest.approx(half)
    path = tmp_path / "flip-pulses_numbers_summary.csv"
    header = read_comment_header(path)
    assert header["study"] == "flip-pulses"
    assert header["settings"] == {"n": 1}
    assert len(pd.read_csv(path, comment="#")) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"length": "long"}, "length: 'long'"),
        ({"seeds": 0}, "seeds: 0"),
        ({"epochs": 0}, "epochs: 0"),
        ({"first_seed": True}, r"first_seed \(--seed\): True"),
    ],
)
def test_requests_are_checked(fields, words):
    with pytest.raises(InputError, match=words):
        Request(**fields)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("noise", {"ratios": "0,a"}, "--set ratios=0,a"),
        ("noise", {"ratos": "0"}, r"--set ratos=0: .*did you mean ratios\?"),
        ("noise", {"ratios": "-1"}, "--set ratios=-1: expected numbers .* at least 0"),
        ("noise", {"hidden": "x"}, "--set hidden=x: expected whole numbers"),
        ("noise", {"epochs": "2"}, "epochs: give --epochs"),
        ("nonlinearity", {"betas": "0,-3"}, "--set betas=0,-3"),
        ("metaplastic", {"full_scale": "1,2"}, "--set full_scale=1,2: expected one number"),
        ("metaplastic", {"ms": "-1"}, "--set ms=-1"),
        ("noise", {"model": "ideal"}, "model=ideal"),
        ("noise", {"eta": "0.1"}, "--set eta=0.1: .*eta: the study sets it itself"),
        ("retraining", {"change": "rows"}, "change=rows"),
        ("retraining", {"stages": "1"}, "stages=1"),
        ("retraining", {"stages": "2,3"}, "stages=2,3"),
        ("flip-pulses", {"before": "1,1.5"}, "before"),
        ("flip-pulses", {"before": "3"}, "before=3"),
        ("retention", {"times": "10,1"}, "rising times"),
        ("retention", {"strengthen": "0.5"}, "strengthen=0.5"),
        ("retention", {"temperature": "20,30"}, "temperature=20,30"),
        ("flip-pulses", {"models": "none.json"}, "none.json"),
        ("retention", {"retention": "none.json"}, "none.json"),
        ("retention", {"weights": "ternary"}, "weights=ternary"),
        ("retention", {"model": "ideal"}, "model=ideal"),
        ("imperfections", {"imperfections": "pink"}, "imperfections=pink"),
    ],
)
def test_options_that_cannot_be_used(name, options, words):
    with pytest.raises(InputError, match=words):
        plan_study(name, tiny(**options))


def test_the_same_file_with_other_content_is_another_part(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("1")
    task = Task(count_work, {"x": 1}, {"file": str(path)}, 0, None, (str(path),))
    first = task.key()
    path.write_text("2")
    assert task.key() != first


@pytest.mark.parametrize("name", MINE)
def test_a_study_runs_and_answers(name, tmp_path):
    options = {
        "noise": {"ratios": "0,1"},
        "nonlinearity": {"betas": "0,3", "betas_set": "3"},
        "retraining": {"ratios": "0,1", "stages": "2"},
        "flip-pulses": {"before": "1,5,20"},
        "retention": {"times": "1,1e6"},
    }.get(name, {})
    result = run_study(plan_study(name, tiny(**options)), tmp_path)
    answers = findings(result)
    assert answers
    assert all(answer.published and answer.found for answer in answers)
    document = json.loads((tmp_path / f"{name}_findings.json").read_text())
    assert [a["found"] for a in document["findings"]] == [a.found for a in answers]
    shares = [c for c in result.summary if c.startswith("test_accuracy") and "_std" not in c]
    values = result.summary[shares].to_numpy(float)
    assert ((values >= 0) & (values <= 1)).all()
    figure = resolve(entry(name).plot)(result)
    assert all(axis.get_xlabel() or axis.get_ylabel() for axis in figure.axes)


values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


@given(values, st.floats(-10, 10))
def test_intervals_hold_their_mean_and_move_with_the_numbers(numbers, shift):
    low, high = interval(numbers)
    assert low <= np.mean(numbers) + 1e-9
    assert high >= np.mean(numbers) - 1e-9
    moved = interval([n + shift for n in numbers])
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-6)


def test_one_value_has_no_interval_and_no_verdict():
    low, high = interval([1.0])
    assert math.isnan(low)
    assert holds(low, high) is None


def test_verdicts_follow_the_interval():
    assert holds(0.1, 0.2) is True
    assert holds(-0.2, -0.1) is False
    assert holds(-0.1, 0.1) is None
    assert holds(-0.1, 0.1, least=-0.2) is True


def test_differences_are_paired_by_seed():
    rows = pd.DataFrame(
        {"seed": [3, 1, 2, 1, 2, 3], "c": list("aaabbb"), "v": [30.0, 10, 20, 9, 19, 29]}
    )
    assert difference(rows, "v", {"c": "a"}, {"c": "b"}) == pytest.approx((1.0, 1.0, 1.0))


def test_a_late_drop_is_found_and_chance_is_not():
    epochs = np.arange(1, 101)
    noise = np.random.default_rng(0).normal(0, 0.002, (3, 100))
    flat = pd.concat(
        pd.DataFrame({"seed": s, "epoch": epochs, "test_accuracy": 0.95 + noise[s]})
        for s in range(3)
    )
    mean, _, high = late_drop(flat)
    assert abs(mean) < 0.002
    falling = flat.assign(test_accuracy=flat["test_accuracy"] - 0.001 * flat["epoch"])
    mean, _, high = late_drop(falling)
    assert high < -0.08


def test_summary_keeps_conditions_without_a_value():
    rows = pd.DataFrame({"a": [1.0, None, 1.0, None], "seed": [1, 1, 2, 2], "v": [1.0, 2, 3, 4]})
    found = summarize(rows, Table("t", ("a",), ("v",)))
    assert list(found["v_mean"]) == [2.0, 3.0]
