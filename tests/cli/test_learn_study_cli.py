"""``rramchar learn study``: what is printed, written and refused."""

from __future__ import annotations

import json
import sys

import pytest

from rramchar.cli.main import main

_TINY = (
    "--seeds",
    "2",
    "--length",
    "trial",
    "--epochs",
    "1",
    "--set",
    "hidden=16",
    "--workers",
    "1",
)


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs ``rramchar learn study ...``: exit code, stdout, stderr."""
    monkeypatch.delenv("RRAMCHAR_DATA", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rramchar", "learn", "study", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return call


def test_json_and_files(run, tmp_path):
    arguments = ("noise", *_TINY, "--set", "ratios=0,1", "--out", tmp_path)
    code, out, err = run(*arguments, "--json")
    result = json.loads(out)
    assert code == 0
    assert result["dataset"] == "digits"
    assert "embedded digits" in err
    assert result["parts"] == 12
    assert len(result["summary"]) == 6
    assert {"published", "found", "interval", "agrees"} <= set(result["findings"][0])
    assert (tmp_path / "noise.png").stat().st_size > 5000
    _, out, _ = run(*arguments, "--plot", tmp_path / "mine.png")
    assert "published: " in out
    assert "digits, 8 × 8 pixels, 64-16-10" in out
    assert f"written to {tmp_path / 'mine.png'}" in out
    first = (tmp_path / "parts").iterdir()
    assert len(list(first)) == 12  # the second call found them all


def test_list_names_all_studies(run):
    code, out, _ = run("list", "--json")
    assert code == 0
    assert {"training", "noise", "flip-pulses", "metaplastic", "energy"} <= set(
        json.loads(out)["studies"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "--out", "x"), "study 'nothing': expected one of training"),
        (("noise",), "--out: missing"),
        (("noise", "--out", "x", "--set", "ratios"), "--set ratios: expected NAME=VALUE"),
        (("noise", "--out", "x", "--set", "a=1", "--set", "a=2"), "a is given twice"),
        (("noise", "--out", "x", "--length", "long"), "length: 'long'"),
        (("noise", "--out", "x", "--set", "colour=red"), "colour"),
        (("noise", "--out", "x", "--plot", "no/such/a.png"), "--plot no/such/a.png"),
        (("noise", "--out", "x", "--dataset", "mnist"), "--data"),
    ],
)
def test_refusals_are_one_line(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_tables_fit_80_columns(run, tmp_path):
    one = (*_TINY, "--seeds", "1", "--dataset", "digits", "--out", tmp_path)
    _, out, _ = run("training", *one)
    assert "without" in out
    assert "one seed" in out
    assert "training_findings.json" in out
    _, out, _ = run("nonlinearity", *_TINY, "--set", "betas_set=0", "--out", tmp_path)
    assert max(len(line) for line in out.splitlines() if line[:1] in "│┃┏└") <= 80


def test_help_has_an_example(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "Example: rramchar learn study" in out
