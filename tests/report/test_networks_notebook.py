"""The notebook of networks runs, and its page holds every figure."""

from __future__ import annotations

import json

import pytest

from rramchar.report.notebook import execute_notebook
from rramchar.resources import resource

NOTEBOOK = "networks.ipynb"


def test_the_notebook_is_stored_without_results():
    cells = json.loads(resource("notebooks", NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    assert [c["metadata"].get("tags") for c in cells].count(["parameters"]) == 1


@pytest.mark.parametrize("length", ["trial", pytest.param("short", marks=pytest.mark.slow)])
def test_the_notebook_runs(tmp_path, length):
    page = tmp_path / "page.html"
    execute_notebook(
        resource("notebooks", NOTEBOOK),
        tmp_path / "executed.ipynb",
        {"length": length, "folder": str(tmp_path / "study"), "workers": "1"},
        title="networks",
        html=page,
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("<figure>") == 7
    assert text.count("data:image/png;base64,") == 7
    assert "synthetic" in text
    assert "ternary over binary" in text
    assert "test accuracy without errors" in text
    assert "Traceback" not in text
