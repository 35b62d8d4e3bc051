"""Studies give the same whatever was there before and however many processes work."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from rramchar.ber.rows import make_row
from rramchar.ber.table import BerTable
from rramchar.errors import InputError, StoreError
from rramchar.nn.datasets import load_dataset
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import evaluate
from rramchar.nn.network_file import load_network
from rramchar.nn.studies import run_study, summarize
from rramchar.nn.study_plans import (
    StudySettings,
    cells_study,
    matrix_study,
    settings_for,
    table_study,
)
from rramchar.nn.study_tasks import digest_data
from rramchar.nn.table_axis import programming_numbers, programming_words, rows_along
from rramchar.provenance import digest_file, read_comment_header
from rramchar.resources import resource

SMALL = StudySettings(networks=2, draws=3, epochs=2, hidden=(16,), train_images=400)
RATES = [0.0, 1e-2, 1e-1]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    return folder, run_study(matrix_study(SMALL, [0.0], RATES), folder)


def _same(a, b):
    pd.testing.assert_frame_equal(a.networks, b.networks)
    pd.testing.assert_frame_equal(a.summary, b.summary)


def test_rows_are_those_of_the_networks_that_were_kept(matrix):
    folder, result = matrix
    assert len(result.networks) == 2 * 2 * len(RATES)
    (path,) = folder.glob("networks/ternary_seed2_*.npz")
    network = load_network(path)
    data = load_dataset("digits")
    chips = int(np.random.SeedSequence([0, 2]).generate_state(1)[0])
    again = evaluate(
        network, data.test_images, data.test_labels, confusions_at(network, 1e-1), 3, chips
    )
    frame = result.networks
    row = frame[(frame.weights == "ternary") & (frame.train_seed == 2) & (frame.ber == 1e-1)].iloc[
        0
    ]
    assert row.accuracy_mean == again.mean
    assert row.pairs == 64 * 16 + 160
    clean = frame[(frame.ber == 0)]
    assert (clean.draws == 1).all()
    assert (clean.accuracy_mean == clean.accuracy_clean).all()


def test_processes_change_nothing(matrix, tmp_path):
    _same(run_study(matrix_study(SMALL, [0.0], RATES), tmp_path, workers=2), matrix[1])


def test_an_interrupted_study_goes_on_where_it_stopped(matrix, tmp_path):
    study = matrix_study(SMALL, [0.0], RATES)

    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path, progress=interrupt)
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/*")}
    assert len(kept) == 4  # two networks and their parts
    _same(run_study(study, tmp_path), matrix[1])
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_networks_are_used_again_for_other_conditions(matrix, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(matrix[0], folder)
    before = sorted(p.name for p in folder.glob("networks/*"))
    more = run_study(matrix_study(SMALL, [0.0], [0.0, 0.2]), folder)
    assert sorted(p.name for p in folder.glob("networks/*")) == before
    _same(run_study(matrix_study(SMALL, [0.0], [0.0, 0.2]), tmp_path / "new"), more)


def test_files_say_what_was_done(matrix):
    folder, result = matrix
    summary = pd.read_csv(folder / "matrix_summary.csv", comment="#")
    assert summary["accuracy_mean"].tolist() == pytest.approx(
        result.summary["accuracy_mean"].tolist()
    )
    header = (folder / "matrix_summary.csv").read_text().splitlines()[:12]
    assert header[0] == "# matrix study: summary"
    assert '# dataset: "digits"' in header
    assert not list(folder.glob("**/*.part"))


def test_a_damaged_part_is_named(matrix, tmp_path):
    study = matrix_study(SMALL, [0.0], [0.0])
    run_study(study, tmp_path)
    part = next(tmp_path.glob("parts/*.json"))
    for content in ("[{", json.dumps({"a": 1})):
        part.write_text(content)
        with pytest.raises(StoreError, match=f"{part.name}.*delete it"):
            run_study(study, tmp_path)


def test_summary_has_the_interval_over_networks():
    means = [0.90, 0.92, 0.97]
    rows = [
        {"weights": "binary", "ber": 0.1, "train_seed": k, "accuracy_mean": m, "accuracy_std": 0.01,
         "accuracy_low": m - 0.1, "accuracy_high": m + 0.1, "accuracy_clean": 0.98, "draws": 5,
         "images": 100}
        for k, m in enumerate(means)
    ]  # fmt: skip
    (found,) = summarize(pd.DataFrame(rows)).to_dict("records")
    ends = student.interval(0.95, 2, loc=np.mean(means), scale=np.std(means, ddof=1) / 3**0.5)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx(
        (ends[0], min(1, ends[1]))
    )
    assert (found["networks"], found["draws"]) == (3, 5)
    (alone,) = summarize(pd.DataFrame(rows[:1])).to_dict("records")
    assert (alone["accuracy_low"], alone["accuracy_std"]) == pytest.approx((0.8, 0.01))


def test_networks_trained_with_errors_are_others(tmp_path):
    frame = run_study(matrix_study(SMALL, [0.0, 0.1], [0.0]), tmp_path).networks
    assert frame["train_ber"].tolist() == [0.0, 0.0, 0.1, 0.1] * 2
    assert len(list(tmp_path.glob("networks/*.npz"))) == 8
    clean, hardened = (
        frame[frame.train_ber == rate]["accuracy_mean"].tolist() for rate in (0, 0.1)
    )
    assert clean != hardened


def test_what_comes_twice_counts_once(table):
    def named(study):
        return [(t.settings.weights, t.settings.seed, t.hidden_sizes, t.train_ber)
                for t in study.tasks]  # fmt: skip

    twice = dataclasses.replace(SMALL, weights=("binary", "ternary", "binary"))
    assert twice.weights == ("binary", "ternary")
    doubled = matrix_study(twice, [0, 0.0, 0.1], [1e-2, 0.01, 0])
    assert named(doubled) == named(matrix_study(SMALL, [0.0, 0.1], [0.01, 0.0]))
    assert [c.errors for c in doubled.tasks[0].conditions] == [0.01, 0.0]
    assert named(cells_study(SMALL, [16, 8, 16], [0.0])) == named(
        cells_study(SMALL, [16, 8], [0.0])
    )
    rates = {"where": {"corner": "tt"}, "train_rates": [0.0, 0]}
    assert len(table_study(SMALL, table, "vdd_v", **rates).tasks) == 4


@pytest.mark.parametrize("rates", [[0.0], [0.0, 0.1]])
def test_one_network_has_no_interval_without_errors(tmp_path, rates):
    alone = dataclasses.replace(SMALL, networks=1)
    summary = run_study(matrix_study(alone, [0.0], rates), tmp_path).summary
    columns = ["accuracy_std", "accuracy_low", "accuracy_high"]
    clean = summary[summary.ber == 0]
    assert all(summary[column].dtype.kind == "f" for column in columns)
    assert clean[columns].isna().all(axis=None)
    assert summary[summary.ber > 0][columns].notna().all(axis=None)


def test_a_ternary_network_needs_ternary_rows(table, tmp_path):
    rows = [row for row in BerTable.load(table).rows if row.coding == "binary"]
    BerTable.from_rows(rows).save(table)
    where = {"corner": "tt"}
    with pytest.raises(InputError, match=r"ber.csv, for a ternary network: .*coding binary"):
        table_study(SMALL, table, "vdd_v", where)
    binary = dataclasses.replace(SMALL, weights=("binary",))
    assert len(table_study(binary, table, "vdd_v", where).tasks) == 2


def test_equal_bytes_of_another_meaning_are_other_data():
    data = load_dataset("digits")
    same = dataclasses.replace(data)
    assert digest_data(same) == digest_data(data)
    others = [
        dataclasses.replace(data, maximum=255),
        dataclasses.replace(data, classes=11),
        dataclasses.replace(data, shape=(4, 16)),
        dataclasses.replace(data, train_labels=data.train_labels.view(np.uint64)),
        dataclasses.replace(data, test_images=data.test_images.reshape(-1, 32)),
    ]
    assert len({digest_data(one) for one in [data, *others]}) == 6


def test_tables_are_recorded_with_their_digest(table, tmp_path):
    study = table_study(SMALL, table, "vdd_v", {"corner": "tt"})
    run_study(study, tmp_path / "out")
    known = [{"name": "ber.csv", "sha256": digest_file(table)}]
    for name in ("networks", "summary", "gain"):
        assert read_comment_header(tmp_path / "out" / f"table_{name}.csv")["inputs"] == known
    document = json.loads((tmp_path / "out" / "table_study.json").read_text())
    assert document["inputs"] == known
    gain = pd.read_csv(tmp_path / "out" / "table_gain.csv", comment="#")
    assert gain["vdd_v"].tolist() == [0.6, 0.8, 1.0]
    assert (gain["binary_networks"] == 2).all()


def test_cells_of_both_kinds_are_equal(tmp_path):
    frame = run_study(cells_study(SMALL, [8, 24], [0.0]), tmp_path).summary
    assert frame.groupby("weights")["pairs"].apply(list).tolist() == [[592, 1776]] * 2


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "ber.csv"
    rows = []
    for corner in ("tt", "ss"):
        for k, vdd in enumerate((0.6, 0.8, 1.0)):
            wrong = 40 - 15 * k
            where = {"cell": "2t2r", "source": "pcsa_map", "corner": corner, "vdd_v": vdd}
            binary = [[100 - wrong, 0, wrong, 0], [0] * 4, [wrong, 0, 100 - wrong, 0]]
            ternary = [[100 - wrong, wrong, 0, 0], [0, 100, 0, 0], [0, 0, 100 - wrong, wrong]]
            note = f"reset_v={1 + k}V; energy_j={k + 1}nJ"
            for coding, counts in (("binary", binary), ("ternary", ternary)):
                rows.append(make_row(coding=coding, counts=counts, programming=note, **where))
    BerTable.from_rows(rows).save(path)
    return path


@pytest.mark.parametrize(
    ("x", "values"), [("vdd_v", [0.6, 0.8, 1.0]), ("energy_j", [1e-9, 2e-9, 3e-9])]
)
def test_accuracy_along_a_table(table, tmp_path, x, values):
    # In this table the supply goes with the programming: keep the one that is asked for.
    dropped = {"programming": ""} if x == "vdd_v" else {"vdd_v": None}
    rows = [dataclasses.replace(row, **dropped) for row in BerTable.load(table).rows]
    BerTable.from_rows(rows).save(table)
    study = table_study(SMALL, table, x, {} if x == "vdd_v" else {"corner": "tt"})
    frame = run_study(study, tmp_path / "out").summary
    assert study.series == ("corner" if x == "vdd_v" else "train_ber")
    tt = frame[(frame.weights == "ternary")]
    tt = tt[tt.corner == "tt"] if "corner" in tt else tt
    assert tt[x].tolist() == pytest.approx(values)
    assert tt["accuracy_mean"].is_monotonic_increasing  # errors fall along both


def test_programming_numbers():
    assert programming_numbers("SET 200 uA; reset_v=2.5V, pulse_s=100us energy_j=12nJ x=a") == {
        "reset_v": 2.5,
        "pulse_s": pytest.approx(1e-4),
        "energy_j": pytest.approx(1.2e-8),
    }
    assert programming_numbers("synthetic sample") == {}
    assert programming_words("SET 200 uA; reset_v=2.5V, energy_j=12nJ") == "SET 200 uA"
    assert (
        programming_words("reset_v=2.5V, synthetic; energy_j=12nJ, 100 us") == "synthetic; 100 us"
    )
    assert programming_words("reset_v=2.5V") == ""


def test_tables_that_together_have_the_rows(table, tmp_path):
    rows = [row for row in BerTable.load(table).rows if row.corner == "tt"]
    parts = []
    for k, vdd_v in enumerate((0.6, 0.8, 1.0)):
        parts.append(tmp_path / f"part{k}.csv")
        BerTable.from_rows([row for row in rows if row.vdd_v == vdd_v]).save(parts[-1])
    apart = table_study(SMALL, parts, "vdd_v")
    BerTable.from_rows(rows).save(table)
    whole = table_study(SMALL, table, "vdd_v")
    assert len(apart.tasks[0].conditions) == 3
    for one, other in zip(apart.tasks, whole.tasks, strict=True):
        assert [c.document() for c in one.conditions] == [c.document() for c in other.conditions]
    with pytest.raises(InputError, match=f"{parts[0].name}, .*{parts[1].name}, for a binary"):
        table_study(SMALL, parts[:2], "time_s")


def test_the_shipped_table_of_reset_voltages(tmp_path, monkeypatch):
    """The lines in the README of the samples make it again, and it is two lines for a study."""
    shipped = BerTable.load(resource("measurements", "ber_reset_synthetic.csv"))
    text = resource("measurements", "README.md").read_text(encoding="utf-8")
    lines = re.search(r"## ber_reset_synthetic.*?```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(lines[1], {})  # our own file
    assert BerTable.load(tmp_path / "ber_reset_synthetic.csv").rows == shipped.rows
    for x in ("reset_v", "energy_j"):
        study = table_study(SMALL, resource("measurements", "ber_reset_synthetic.csv"), x)
        assert study.note == "synthetic"
        assert len(study.tasks[0].conditions) == 6


def test_rows_that_are_no_line_are_refused(table):
    loaded = BerTable.load(table)
    with pytest.raises(InputError, match="coding, corner, .*vary too|vary too"):
        rows_along(loaded, "vdd_v", {})
    with pytest.raises(InputError, match=r"wrong_v: 0 values.*energy_j, reset_v"):
        rows_along(loaded, "wrong_v", {"coding": "binary"})
    with pytest.raises(InputError, match="vdd_v: 1 values"):
        rows_along(loaded, "vdd_v", {"coding": "binary", "vdd_v": 0.6})
    with pytest.raises(InputError, match=f"{table}, for a binary network"):
        table_study(SMALL, table, "time_s")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StudySettings(weights=("tenary",)), "weights: tenary"),
        (lambda: StudySettings(networks=0), "networks: 0"),
        (lambda: StudySettings(seed=-1), "seed: -1"),
        (lambda: matrix_study(SMALL, [], [0.1]), "train rates: none"),
        (lambda: matrix_study(SMALL, [0.0], [1.5]), "test rates: 1.5"),
        (lambda: cells_study(SMALL, [], [0.1]), "sizes: none"),
        (lambda: cells_study(SMALL, [0], [0.1]), "hidden: 0"),
        (lambda: settings_for("long"), "length: 'long', expected one of trial, short, full"),
        (lambda: run_study(cells_study(SMALL, [4], [0.1]), "x", workers=0), "workers: 0"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(InputError, match=words):
        make()
