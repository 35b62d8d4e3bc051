"""The notebook of learning runs, and its page holds every figure and table."""

from __future__ import annotations

import json

import pytest

from rramchar.nn.learn.study import STUDIES
from rramchar.report.notebook import execute_notebook
from rramchar.resources import resource

NOTEBOOK = "learning.ipynb"


def test_the_notebook_is_stored_without_results_and_shows_every_study():
    cells = json.loads(resource("notebooks", NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    assert [c["metadata"].get("tags") for c in cells].count(["parameters"]) == 1
    code = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    assert all(f'page.run("{name}")' in code for name in STUDIES)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    page = tmp_path / "page.html"
    execute_notebook(
        resource("notebooks", NOTEBOOK),
        tmp_path / "executed.ipynb",
        {"length": "trial", "seeds": 2, "folder": str(tmp_path / "study")},
        title="learning",
        html=page,
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == len(STUDIES)
    assert text.count("<th>what the paper says</th>") == len(STUDIES)
    assert "rramchar learn study noise --dataset digits" in text
    assert "Traceback" not in text
