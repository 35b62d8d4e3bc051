"""The studies of energy and metaplasticity by command: tables, findings, what is kept."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rramchar.nn.datasets import load_dataset
from rramchar.nn.energy import inference_energy, total
from rramchar.nn.energy_baseline import int8_accuracy, int8_weights
from rramchar.nn.learn.energy_study import equal_accuracy_ratio
from rramchar.nn.learn.study import Request
from rramchar.nn.learn.study_run import findings, plan_study, plot_study, run_study
from rramchar.nn.settings import TrainingSettings

ENERGY = {"sizes": "8,16", "sizes8": "4,8"}


@pytest.fixture(scope="module")
def request_():
    return Request(dataset="digits", seeds=2, length="trial", options=ENERGY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("energy")


@pytest.fixture(scope="module")
def result(request_, folder):
    return run_study(plan_study("energy", request_), folder)


class TestEnergyStudy:
    def test_the_components_make_the_totals(self, result):
        rows, parts = result.rows["energy"], result.rows["components"]
        for _, row in rows.iterrows():
            mine = parts[
                (parts["network"] == row["network"]) & (parts["neurons"] == row["neurons"])
            ]
            mine = mine[mine["seed"] == row["seed"]]
            for phase, name in (("inference", "inference_j"), ("training", "training_j")):
                energies = mine[mine["phase"] == phase]["energy_j"]
                if row["network"] == "int8" and phase == "training":
                    assert not len(energies)
                    assert row[name] is None or math.isnan(row[name])
                else:
                    assert energies.sum() == pytest.approx(row[name])

    def test_the_recognition_is_that_of_the_model(self, request_, result):
        from rramchar.nn.learn.energy_study import _model

        expected = total(inference_energy((64, 16, 10), _model(request_)))
        rows = result.rows["energy"]
        ours = rows[(rows["network"] == "bnn") & (rows["neurons"] == 16)]["inference_j"]
        assert list(ours) == [expected] * 2

    def test_another_node_costs_no_training(self, request_, result, folder):
        runs = {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()}
        assert len(runs) == 8
        other = replace(request_, options={**ENERGY, "node": "130n"})
        again = run_study(plan_study("energy", other), folder)
        assert {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()} == runs
        old, new = (r.rows["energy"]["inference_j"].to_numpy() for r in (result, again))
        assert (new > 5 * old).all()
        np.testing.assert_array_equal(
            result.rows["energy"]["test_accuracy"], again.rows["energy"]["test_accuracy"]
        )

    def test_findings_name_the_published_numbers(self, result):
        text = " ".join(f.published + f.found for f in findings(result))
        for part in ("25 nJ", "50 mJ", "ten times", "16 hidden neurons at 28 nm"):
            assert part in text
        # Digits are not MNIST: no verdict on the published energies.
        assert [f.agrees for f in findings(result)[:2]] == [None, None]

    def test_figure(self, result):
        figure = plot_study(result)
        left, middle, right = figure.axes
        assert left.get_yscale() == "log"
        labels = [text.get_text() for text in left.get_legend().get_texts()]
        assert labels == ["binarized, learned in the array", "8-bit in-memory accelerator"]
        assert {"reads", "products"} <= {t.get_text() for t in middle.get_yticklabels()}
        assert {"weak RESET", "SET"} <= {t.get_text() for t in right.get_yticklabels()}

    def test_faulty_options_are_refused_in_one_line(self, run_cli, tmp_path):
        for option, message in (
            ("node=5n", "nominal supply"),
            ("rows=1.5", "one whole number"),
            ("exponent=1,2", "--set exponent=1,2: expected one number"),
            ("hidden=8", "hidden: the study sets it itself"),
            ("sizes=0", "whole numbers of at least 1"),
            ("exponent=-1", "exponent"),
            ("energies=none.json", "none.json"),
            ("nodes=28n", "nodes"),
        ):
            code, _, stderr = run_cli(
                "learn", "study", "energy", "--out", tmp_path / "r", "--length", "trial",
                "--dataset", "digits", "--set", option,
            )  # fmt: skip
            assert code == 2, option
            assert message in stderr
            assert "Traceback" not in stderr


class TestEqualAccuracy:
    @staticmethod
    def summary(bnn, int8):
        rows = [("bnn", a, e) for a, e in bnn] + [("int8", a, e) for a, e in int8]
        return pd.DataFrame(rows, columns=["network", "test_accuracy_mean", "inference_j_mean"])

    def test_between_sizes_the_energy_lies_on_a_line_in_its_logarithm(self):
        found = equal_accuracy_ratio(
            self.summary([(0.8, 1.0), (0.9, 10.0)], [(0.85, 20.0), (0.95, 2000.0)])
        )
        accuracy, ratio = found
        assert accuracy == 0.9
        assert ratio == pytest.approx(200.0 / 10.0)

    def test_a_larger_network_that_is_worse_does_not_count(self):
        found = equal_accuracy_ratio(
            self.summary([(0.8, 1.0), (0.9, 2.0), (0.85, 4.0)], [(0.7, 1.0), (0.95, 32.0)])
        )
        assert found[0] == 0.9
        assert found[1] == pytest.approx(32.0**0.8 / 2)

    def test_curves_without_a_common_accuracy_have_no_ratio(self):
        assert equal_accuracy_ratio(self.summary([(0.9, 1.0)], [(0.5, 1.0)])) is None


class TestBaseline:
    def test_weights_have_255_levels(self):
        latent = np.linspace(-2, 2, 5001, dtype=np.float32)
        out = np.empty_like(latent)
        int8_weights(latent, out)
        assert len(np.unique(out)) == 255
        inside = np.abs(latent) <= 1
        assert np.abs(out - latent)[inside].max() <= 0.5 / 127 + 1e-6
        assert np.abs(out).max() == 1.0

    def test_it_learns_and_repeats_itself(self):
        data = load_dataset("digits")
        settings = TrainingSettings(hidden=(32,), epochs=15, seed=3)
        first, second = (int8_accuracy(data, settings) for _ in range(2))
        assert first == second
        assert first > 0.93


class TestMetaplasticStudy:
    OPTIONS = (
        "--set",
        "ms=0,25",
        "--set",
        "hidden=64",
        "--set",
        "memories=8-bit, stochastic;float32",
    )

    def test_by_command(self, run_cli, tmp_path):
        arguments = (
            "learn", "study", "metaplastic", "--dataset", "digits", "--length", "trial",
            "--seeds", "2", "--workers", "1", "--out", tmp_path, *self.OPTIONS, "--json",
        )  # fmt: skip
        code, stdout, _ = run_cli(*arguments)
        assert code == 0
        document = json.loads(stdout)
        assert len(document["summary"]) == 4
        assert len(document["findings"]) == 2  # no plain rounding, so no verdict on it
        assert all("points" in finding["interval"] for finding in document["findings"])
        assert (tmp_path / "metaplastic.png").stat().st_size > 10_000
        table = pd.read_csv(tmp_path / "metaplastic_tasks.csv", comment="#")
        assert set(zip(table["learned"], table["task"], strict=True)) == {(0, 0), (1, 0), (1, 1)}
        # A mean over tasks is the mean of the tasks.
        head = pd.read_csv(tmp_path / "metaplastic_sequence.csv", comment="#")
        for _, row in head.iterrows():
            mine = table[(table["memory"] == row["memory"]) & (table["m"] == row["m"])]
            mine = mine[(mine["seed"] == row["seed"]) & (mine["learned"] == 1)]
            assert mine["test_accuracy"].mean() == pytest.approx(row["test_accuracy"])

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("memories=tape", "memories=tape"),
            ("tasks=1", "tasks=1"),
            ("ber=none.csv", "none.csv"),
            ("beta=3", "beta=3"),
            ("ms=a", "ms=a"),
        ],
    )
    def test_faulty_options_are_refused_in_one_line(self, run_cli, tmp_path, option, message):
        code, _, stderr = run_cli(
            "learn", "study", "metaplastic", "--dataset", "digits", "--out", tmp_path / "r",
            "--set", option,
        )  # fmt: skip
        assert code == 2
        assert message in stderr
        assert "Traceback" not in stderr
