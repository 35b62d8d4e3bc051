"""The report on a folder of measured files: what feeds which section, and the whole page."""

from __future__ import annotations

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rramchar.ber import clopper_pearson
from rramchar.errors import InputError
from rramchar.fitting import Parameter
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import simulate
from rramchar.measured import draw_cycling, write_tidy
from rramchar.report import measured_errors, measured_laws, measured_states
from rramchar.report.folder import (
    NOISE_USE,
    PULSES_USE,
    RETENTION_USE,
    STATES_USE,
    find_use,
    open_folder,
)
from rramchar.report.pages import interval_table
from rramchar.resources import resource

CYCLING = "cycling_1t1r_synthetic.csv"
PULSES = "weak_reset_synthetic.csv"
SECTIONS = 8


class Tables(HTMLParser):
    """The tables of a page: rows of texts, heading first."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._open = False

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data):
        if self._open:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped samples that feed sections, and what people keep beside them."""
    folder = tmp_path_factory.mktemp("chip")
    (folder / "day1").mkdir()
    shutil.copy(resource("measurements", CYCLING), folder / "day1")
    shutil.copy(resource("measurements", PULSES), folder)
    for name in ("reset_pulses_synthetic.csv", "reset_pulses_synthetic.toml"):
        shutil.copy(resource("measurements", name), folder)
    (folder / "ber.csv").write_text("# rramchar BER table\ncell,ber\n")
    (folder / "notes.md").write_text("1,2,3\n")
    (folder / "cells.csv.rejected.csv").write_text("line,reason,text\n3,bad,x\n")
    return folder


def test_every_file_is_listed_with_its_use(samples: Path) -> None:
    found = open_folder(samples)
    table = found.table().set_index("file")
    assert list(table.index) == sorted(
        ["ber.csv", f"day1/{CYCLING}", "reset_pulses_synthetic.csv", PULSES]
    )
    assert table.loc[f"day1/{CYCLING}", "used for"] == STATES_USE
    assert table.loc[PULSES, "used for"] == PULSES_USE
    assert table.loc["reset_pulses_synthetic.csv", "layout"] == "reset_pulses_synthetic.toml"
    assert "too few devices: 4" in table.loc["reset_pulses_synthetic.csv", "used for"]
    assert "no readings: rramchar BER table" in table.loc["ber.csv", "used for"]
    assert table.loc["reset_pulses_synthetic.csv", "flagged"] == "1 open"
    assert (found.origin, found.unreadable) == ("SYNTHETIC", ())


def test_a_broken_file_stops_no_other(samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples, tmp_path / "chip")
    (tmp_path / "chip" / "broken.csv").write_text("1,50000,5000\n2,60000,bad\n")
    found = open_folder(tmp_path / "chip", {"broken*": "cycling"})
    (broken,) = found.unreadable
    assert broken.problem.startswith("broken.csv, line 2, field 3")
    assert len(found.used_for(STATES_USE)) == 1


def test_origin_tells_measured_from_synthetic(tmp_path: Path) -> None:
    frame = draw_cycling(4, 3, 1)
    write_tidy(frame, tmp_path / "a.csv", {})
    assert open_folder(tmp_path).origin == "measured"
    write_tidy(frame, tmp_path / "b.parquet", {"synthetic": "drawn"})
    found = open_folder(tmp_path)
    assert found.origin == "partly SYNTHETIC"
    assert [file.title for file in found.files] == ["a.csv", "b.parquet (SYNTHETIC)"]


@pytest.mark.parametrize(
    ("columns", "devices", "use"),
    [
        ({"cycle": 1, "state": ["lrs", "hrs"]}, 4, STATES_USE),
        ({"pulse": [0, 1], "v_reset_v": 1.0}, 8, PULSES_USE),
        ({"pulse": [0, 1], "operation": ["SET", "RESET"]}, 8, PULSES_USE),
        ({"pulse": [1, 2], "operation": "SET"}, 8, ""),
        ({"pulse": [0, 1]}, 7, ""),
        ({"pulse": range(300), "time_s": np.arange(300.0)}, 2, NOISE_USE),
        ({"time_s": np.arange(256.0)}, 1, NOISE_USE),
        ({"time_s": [0.0, 1.0]}, 8, RETENTION_USE),
        ({"time_s": [0.0, 1.0]}, 7, ""),
        ({"time_s": 0.0}, 20, ""),
        ({"cycle": [1, 2], "state": "lrs"}, 8, ""),
    ],
)
def test_what_a_file_holds_decides_its_section(columns, devices, use) -> None:
    one = pd.DataFrame({"resistance_ohm": 1e4, **columns}, index=None if any(
        not np.isscalar(v) for v in columns.values()) else [0])  # fmt: skip
    frame = pd.concat([one.assign(device=d) for d in range(devices)], ignore_index=True)
    found, reason = find_use(frame)
    assert found == use
    assert bool(reason) == (use == "")


@pytest.mark.parametrize(
    ("make", "layouts", "words"),
    [
        (lambda p: p / "nowhere", {}, "is no folder"),
        (lambda p: p, {}, "holds no measured file"),
        (lambda p: p, {"q*": "cycling"}, "'q\\*' meets no file"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, make, layouts, words) -> None:
    if layouts:
        write_tidy(draw_cycling(4, 3, 1), tmp_path / "a.csv", {})
    with pytest.raises(InputError, match=words):
        open_folder(make(tmp_path), layouts)


def test_tables_are_in_handy_units() -> None:
    table = interval_table(
        {"a": Parameter(5e3, 4e3, 6e3, "ohm"), "b": Parameter(-2e-6, -3e-6, -1e-6, "S")}, {"a": "A"}
    )
    assert table.iloc[0].tolist() == ["A", 5.0, 4.0, 6.0, "kΩ"]
    assert table.iloc[1, 1:4].tolist() == pytest.approx([-2.0, -3.0, -1.0])


def test_a_file_that_no_section_can_use_says_why(tmp_path: Path) -> None:
    """One device makes no pair and no spread: each section gives its reason and goes on."""
    write_tidy(draw_cycling(1, 3, 1), tmp_path / "a.csv", {})
    found = open_folder(tmp_path)
    states = measured_states.fit_states(found)
    errors = measured_errors.count_errors(found)
    for page in (measured_states.show_states(states), measured_errors.show_error_rates(errors)):
        assert "<h3>a.csv</h3>" in page.data
        assert "Not possible: " in page.data
    assert "No file of this folder" in measured_laws.show_retention(found).data


def test_rates_without_errors_have_an_upper_end(tmp_path: Path) -> None:
    frame = draw_cycling(10, 20, 1)
    frame["resistance_ohm"] = np.where(frame["state"] == "hrs", 1e5, 5e3) * np.linspace(
        1, 1.1, len(frame)
    )
    write_tidy(frame, tmp_path / "a.csv", {})
    found = open_folder(tmp_path)
    (study,) = measured_errors.count_errors(found)
    table = measured_errors.rate_table(study.result)
    pairs = table[table["cell"] == "2T2R, neighbours"].iloc[0]
    assert pairs["BER"] == 0
    assert pairs["high"] == pytest.approx(float(clopper_pearson(0, 200)[1]))
    assert np.isnan(pairs["low over units"])  # no error tells nothing of how errors spread
    assert measured_errors.worst_table(study.result).empty
    shown = measured_errors.show_error_rates([study]).data
    assert ">NaN<" not in shown
    assert "nothing to correct" in measured_errors.show_codes([study], []).data


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages of the sections on pulses, time and records, on drawn files."""
    folder = tmp_path_factory.mktemp("laws")
    rng = np.random.default_rng(1)
    g = rng.uniform(20e-6, 200e-6, 60)
    relaxed = [
        (device, time, 1 / (g[device] + rng.normal(0, 1e-6 * (1 + np.log10(1 + time)))))
        for time in (0.0, 1.0, 1e2, 1e4)
        for device in range(60)
    ]
    frame = pd.DataFrame(relaxed, columns=["device", "time_s", "resistance_ohm"])
    write_tidy(frame, folder / "relax.csv", {"synthetic": "drawn"})
    reads = np.arange(1024.0)
    records = pd.DataFrame({"device": np.repeat([1, 2], 1024), "time_s": np.tile(reads, 2)})
    records["resistance_ohm"] = 1e4 * (1 + 0.01 * rng.standard_normal(2048))
    write_tidy(records, folder / "noise.csv", {"synthetic": "drawn"})
    drawn = simulate(published_model("arxiv2107"), devices=8, pulses=410, seed=2)
    write_tidy(drawn, folder / "drift.csv", {"synthetic": "drawn"})
    found = open_folder(folder)
    return {
        "relax.csv": measured_laws.show_retention(found).data,
        "noise.csv": measured_laws.show_read_noise(found).data,
        "drift.csv": measured_laws.show_weak_reset(found).data,
    }


@pytest.mark.parametrize(
    ("name", "figures", "words"),
    [
        ("relax.csv", 1, "σ per decade of time"),
        ("noise.csv", 1, "slope of the spectrum"),
        ("drift.csv", 2, "Piecewise drift (arXiv:2107.06064)"),
    ],
)
def test_laws_are_fitted_and_shown_with_intervals(laws, name, figures, words) -> None:
    page = laws[name]
    assert f"<h3>{name} (SYNTHETIC)</h3>" in page
    assert page.count("<img ") == figures
    assert words in page
    assert "Not possible" not in page
    assert ">NaN<" not in page
    check_intervals(page)


def test_relaxation_is_recovered(laws) -> None:
    """Drawn with a spread that grows by 1 uS per decade."""
    parser = Tables()
    parser.feed(laws["relax.csv"])
    row = next(r for r in parser.tables[0] if r[0] == "σ per decade of time")
    assert float(row[2]) < 1.0 < float(row[3])
    assert row[4] == "µS/decade"


@pytest.fixture(scope="module")
def report(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, dict]:
    from typer.testing import CliRunner

    from rramchar.cli.main import app

    page = tmp_path_factory.mktemp("page") / "report.html"
    done = CliRunner().invoke(app, ["report", "measured", str(samples), "-o", str(page), "--json"])
    assert done.exit_code == 0, done.output
    return page.read_text(encoding="utf-8"), page, json.loads(done.stdout)


def test_page_holds_every_section_and_says_synthetic(report) -> None:
    text, page, result = report
    assert text.count("<h2") == SECTIONS
    assert re.search(r"<h1>From measured data to bit error rates: .*, SYNTHETIC</h1>", text)
    captions = re.findall(r'<img alt="([^"]*)"', text)
    assert len(captions) == 5  # states, structure, rates, codes, weak RESET
    assert sum("SYNTHETIC" in caption for caption in captions) == 5
    assert 'src="http' not in text
    assert "Not possible" not in text
    assert (result["unreadable"], result["origin"]) == (0, "SYNTHETIC")
    notebook = json.loads(page.with_suffix(".ipynb").read_text(encoding="utf-8"))
    outputs = [o for c in notebook["cells"] for o in c.get("outputs", ())]
    assert outputs
    assert {o["output_type"] for o in outputs} == {"execute_result"}  # no warnings, no errors


def test_every_estimate_on_the_page_has_an_interval(report) -> None:
    assert check_intervals(report[0].split("<h2", 3)[-1]) > 50  # the first table lists the files


def check_intervals(page: str) -> int:
    """Check that each estimate in the tables of a page lies within its ends; return how many."""
    parser = Tables()
    parser.feed(page)
    checked = 0
    for heading, *rows in parser.tables:
        middle = next(i for i, h in enumerate(heading) if h in ("estimate", "BER", "mean (µS)"))
        for row in rows:
            numbers = [float(x.replace(",", "")) for x in row[middle:] if _is_number(x)]
            step = 3 if heading[middle] == "mean (µS)" else len(numbers)
            for start in range(0, len(numbers), step):
                value, *ends = numbers[start : start + step]
                assert len(ends) in (2, 4), row
                assert ends[0] <= value <= ends[1], row
                checked += 1
    return checked


def test_page_counts_what_the_library_counts(report, samples: Path) -> None:
    (study,) = measured_errors.count_errors(open_folder(samples))
    best = study.result.best
    assert f"<td>{best.errors:,}</td>" in report[0]
    low, high = clopper_pearson(best.errors, best.trials)
    assert f"<td>{float(low):.4g}</td>" in report[0]
    assert f"<td>{float(high):.4g}</td>" in report[0]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d,.]+(e-?\d+)?", text))


MEASURED = Path(os.environ.get("RRAMCHAR_DATA", "/nowhere")) / "measured"
needs_data = pytest.mark.skipif(
    not MEASURED.is_dir(), reason="RRAMCHAR_DATA names no folder with measured data"
)


@needs_data
def test_real_folder_is_sorted_into_sections() -> None:
    found = open_folder(MEASURED)
    assert (found.unreadable, found.origin) == ((), "measured")
    uses = [len(found.used_for(u)) for u in (STATES_USE, PULSES_USE, RETENTION_USE, NOISE_USE)]
    assert uses == [2, 2, 2, 2]


@needs_data
@pytest.mark.slow
def test_report_on_the_real_folder(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from rramchar.cli.main import app

    page = tmp_path / "real.html"
    done = CliRunner().invoke(app, ["report", "measured", str(MEASURED), "-o", str(page), "--json"])
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert "Not possible" not in text
    assert "SYNTHETIC</h1>" not in text
    assert len(re.findall("<img ", text)) == 2 * 7
    for errors, reads in ((2734, 153600), (140, 76800), (765, 27200), (90, 13600)):
        assert re.search(rf"<td>{errors:,}</td>\s*<td>{reads:,}</td>", text)
