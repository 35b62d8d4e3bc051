"""The results of a finished run are read where the kit is not."""

import shutil

import pytest

from rramchar.errors import InputError
from rramchar.resources import resource
from rramchar.sweep import load, load_plan, run_plan
from rramchar.technology import write_template

PLAN = """\
[plan]
testbench = "read"
technology = "mine.toml"
[axes]
r_bl_ohm = ["5k", "50k"]
r_blb_ohm = ["20k"]
"""


def test_results_outlive_the_model_files(tmp_path):
    shutil.copy(resource("netlists", "generic130.lib"), tmp_path)
    technology = write_template(tmp_path / "mine.toml", like="generic130")
    technology.write_text(technology.read_text().replace("shipped:", ""))
    (tmp_path / "plan.toml").write_text(PLAN)
    run_plan(load_plan(tmp_path / "plan.toml"), tmp_path / "run", workers=1)
    before = load(tmp_path / "run")
    (tmp_path / "generic130.lib").unlink()
    after = load(tmp_path / "run")
    assert list(after["outcome"]) == ["minus", "plus"]
    assert before.equals(after)
    with pytest.raises(InputError, match="generic130.lib does not exist"):
        load_plan(tmp_path / "run" / "plan.toml")
