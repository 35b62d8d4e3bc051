"""From raw CSV files to a BER table and a weak-RESET population: the documented three commands."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from rramchar.ber import BerTable, clopper_pearson
from rramchar.fitting import load_model
from rramchar.fitting.published import published_model

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "from_csv_to_ber.md"


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """The three commands as the guide prints them."""
    block = GUIDE.read_text(encoding="utf-8").split("\n\n")[1]
    found = [shlex.split(line) for line in block.splitlines()]
    assert [words[0] for words in found] == ["rramchar"] * 3
    return [words[1:] for words in found]


@pytest.fixture
def in_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples where the guide expects them."""
    (tmp_path / "measurements").symlink_to(ROOT / "measurements")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_three_commands_lead_from_raw_files_to_table_and_population(
    run_cli, commands, in_source
) -> None:
    said = []
    for words in commands:
        code, out, err = run_cli(*words, "--json")
        assert (code, err.strip()) == (0, "")
        said.append(json.loads(out))
    imported, counted, fitted = said
    assert (imported["layout"], imported["readings"], imported["devices"]) == (
        "cycling",
        25600,
        128,
    )

    rows = {row.cell: row for row in BerTable.load(in_source / "ber.csv").rows}
    for cell, row in rows.items():
        low, high = clopper_pearson(row.errors, row.trials)
        assert (row.ber_low, row.ber_high) == pytest.approx((float(low), float(high)))
        facts = counted[f"ber_{cell}"]
        assert (row.errors, row.trials) == (facts["errors"], facts["trials"])
        unit = "devices" if cell == "1t1r" else "pairs"
        assert facts[f"low_over_{unit}"] < facts["low"] < facts["high"] < facts[f"high_over_{unit}"]
    assert set(rows) == {"1t1r", "2t2r"}

    assert fitted["converged"] is True
    for parameter in fitted["parameters"].values():
        assert {"value", "low", "high", "unit"} <= set(parameter)
        assert parameter["low"] <= parameter["value"] <= parameter["high"]
    assert load_model(in_source / "weak_reset.json").to_dict()["parameters"] == fitted["parameters"]
    check_population(fitted["population"])
    for picture in ("ber.png", "weak.png"):
        assert (in_source / picture).read_bytes().startswith(b"\x89PNG")


def check_population(found: dict[str, dict]) -> None:
    """The constants that the sample was drawn from lie within their intervals."""
    truth = published_model("iedm2019").population
    fields = {"C": ("median", "sigma"), "beta": ("mean", "sd"), "eta": ("median", "sigma"),
              "Gmax": ("mean", "sd")}  # fmt: skip
    inside = []
    for name, field in [(name, field) for name, both in fields.items() for field in both]:
        interval = found[name][field]
        inside.append(interval["low"] <= truth[name][field]["value"] <= interval["high"])
    # Of eight 95 % intervals two or more miss in 6 % of the samples; this one is fixed.
    assert sum(inside) >= 7


def test_numbers_of_the_guide_are_those_of_its_commands(run_cli, commands, in_source) -> None:
    text = " ".join(GUIDE.read_text(encoding="utf-8").split())
    run_cli(*commands[0])
    _, out, _ = run_cli(*commands[1], "--json")
    counted = json.loads(out)
    for cell, unit, words in (("1t1r", "devices", " errors in "), ("2t2r", "pairs", " in ")):
        facts = counted[f"ber_{cell}"]
        assert f"{facts['errors']:,}{words}{facts['trials']:,}" in text
        for name, digits in (
            ("ber", 2), ("low", 2), ("high", 2), (f"low_over_{unit}", 1), (f"high_over_{unit}", 2)
        ):  # fmt: skip
            number = re.sub(r"e-0(\d)", r"e-\1", f"{facts[name]:.{digits}e}")
            assert number in text, (cell, name, number)


def test_the_raw_file_gives_the_table_of_the_imported_one(run_cli, commands, in_source) -> None:
    run_cli(*commands[0])
    _, imported, _ = run_cli("ber", "count", "cells.parquet", "--json")
    _, raw, _ = run_cli("ber", "count", commands[0][2], "--json")
    a, b = json.loads(imported), json.loads(raw)
    assert a["ber_1t1r"] == b["ber_1t1r"]
    assert a["ber_2t2r"] == b["ber_2t2r"]


def test_a_drawn_population_is_read_and_fitted_again(run_cli, commands, in_source) -> None:
    run_cli(*commands[2])
    drawn = ("--devices", "12", "--pulses", "60", "--seed", "3", "-o", "new.csv")
    assert run_cli("fit", "simulate", "weak_reset.json", *drawn)[0] == 0
    code, out, _ = run_cli("fit", "weak-reset", "new.csv", "--json")
    assert code == 0
    old = load_model("weak_reset.json").population["C"]["median"]["value"]
    new = json.loads(out)["population"]["C"]["median"]
    assert new["low"] < old < new["high"]


def test_a_broken_file_is_refused_and_its_good_rows_are_kept(run_cli, in_source) -> None:
    source = (ROOT / "measurements" / "cycling_1t1r_synthetic.csv").read_text(encoding="utf-8")
    lines = source.splitlines()
    lines[20] = lines[20].replace(",", ",fail,", 1)
    Path("cells.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, out, err = run_cli("measured", "import", "cells.csv", "-o", "cells.parquet", "--json")
    assert (code, out) == (2, "")
    assert "cells.csv, line 21" in err
    assert err.count("\n") == 1
    assert not Path("cells.parquet").exists()
    code, out, _ = run_cli(
        "measured", "import", "cells.csv", "-o", "cells.parquet", "--skip-bad-rows", "--json"
    )
    assert code == 0
    assert (json.loads(out)["rejected"], json.loads(out)["devices"]) == (1, 127)
    assert "fail" in Path("cells.csv.rejected.csv").read_text(encoding="utf-8")
    code, out, _ = run_cli("ber", "count", "cells.parquet", "--json")
    assert (code, json.loads(out)["ber_1t1r"]["trials"]) == (0, 127 * 200)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "measured", "nowhere", "-o", "r.html"), "nowhere: is no folder"),
        (("report", "measured", "-o", "no/r.html"), "the folder no does not exist"),
        (("report", "measured", "-o", "r.html", "--layout", "cells.csv"), "expected PATTERN=NAME"),
        (("report", "measured", "-o", "r.html", "--seed", "-1"), "--seed: -1"),
        (("report", "measured", "-o", "r.html", "--layout", "q*=tidy"), "meets no file"),
        (("report", "measured", "-o", "r.ipynb"), "expected a page"),
    ],
)
def test_report_refuses_in_one_line(run_cli, in_source, words, said) -> None:
    code, out, err = run_cli(*words, "--json")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not Path("r.html").exists()


def test_report_goes_on_past_a_broken_file_and_says_so(run_cli, in_source) -> None:
    os.mkdir("chip")
    Path("chip/cells.csv").write_text("device,cycle,state,resistance_ohm\n1,1,lrs,5k\n")
    code, out, err = run_cli("report", "measured", "chip", "-o", "r.html", "--json")
    assert code == 1
    assert json.loads(out)["unreadable"] == 1
    assert "not read: cells.csv, line 2, column resistance_ohm: '5k'" in err
    assert "cells.csv, line 2" in Path("r.html").read_text(encoding="utf-8")
