"""One undisturbed run, made once, that every interrupted or damaged one is compared with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from faults import GRID
from plans import plan, rows

from rramchar.sweep import load, run_plan


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the grid, with one worker; copy it before you change it."""
    folder = tmp_path_factory.mktemp("finished")
    run_plan(plan(**GRID), folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def reference(finished: Path) -> pd.DataFrame:
    """Its rows, without their timing."""
    return rows(load(finished))
