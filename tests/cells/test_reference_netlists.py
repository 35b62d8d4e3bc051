"""netlists/*.cir are what the generators print today, and plain ngspice runs them."""

import difflib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "write_reference_netlists.py"
NETLISTS = ROOT / "netlists"
COMMANDS = ("pcsa", "xnor_pcsa", "1t1r", "2t2r", "column", "array")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_reference_netlists", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", COMMANDS)
def test_a_generators_output_has_not_drifted(script, command):
    path = NETLISTS / f"{command}.cir"
    drift = "".join(
        difflib.unified_diff(
            path.read_text(encoding="utf-8").splitlines(keepends=True),
            script.reference(command).splitlines(keepends=True),
            f"netlists/{path.name}",
            f"rramchar netlist {command}",
        )
    )
    assert not drift, (
        f"{drift}\nThe generator prints another deck than netlists/{path.name}. If that is meant, "
        "write the references anew and commit them:\n"
        "    .venv/bin/python scripts/write_reference_netlists.py"
    )


def test_every_reference_is_covered_and_described(script):
    assert sorted(path.stem for path in NETLISTS.glob("*.cir")) == sorted(COMMANDS)
    assert sorted(script.COMMANDS) == sorted(COMMANDS)
    readme = (NETLISTS / "README.md").read_text(encoding="utf-8")
    for path in (*NETLISTS.glob("*.cir"), *NETLISTS.glob("*.lib")):
        assert f"`{path.name}`" in readme


def test_references_hold_no_path_of_a_machine():
    for path in NETLISTS.iterdir():
        # A plain division in a formula has no letter on both sides.
        assert not re.search(r"[\"'\s](/[A-Za-z]\w*){2,}", path.read_text(encoding="utf-8")), path


@pytest.mark.skipif(not shutil.which("ngspice"), reason="no ngspice program")
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        # 5k against 50k at 1.2 V and 80 fF.
        ("pcsa", {"sense_time_s": (0.325e-9, 0.02), "v_q_sampled_v": (0, 0.02),
                  "v_qb_sampled_v": (1.2, 0.02)}),
        ("xnor_pcsa", {"sense_time_s": (0.383e-9, 0.02), "v_q_sampled_v": (0, 0.02),
                       "v_qb_sampled_v": (1.2, 0.02)}),
        # Row 1 of four: 5k against 50k; wires and junctions of four cells.
        ("column", {"sense_time_0_s": (0.134e-9, 0.02), "v_q0_sampled_v": (0, 0.02),
                    "v_qb0_sampled_v": (1.2, 0.02)}),
        # 5k against 100k in every cell; the signs are checked in tests/cli/test_array_cli.py.
        ("array", {f"sense_time_{column}_s": (0.1354e-9, 0.02) for column in range(4)}),
        # 0.1 V over the device and an access transistor of 560 ohm.
        ("1t1r", {"i_bl_a": (0.1 / 5.56e3, 0.02)}),
        ("2t2r", {"i_bl_a": (0.1 / 5.56e3, 0.02), "i_blb_a": (0.1 / 50.56e3, 0.02)}),
    ],
)  # fmt: skip
def test_plain_ngspice_runs_the_references_in_their_folder(tmp_path, command, expected):
    # One thread: on busy cores OpenMP makes such a small circuit a hundred times slower.
    (tmp_path / ".spiceinit").write_text("set num_threads=1\n")
    done = subprocess.run(
        ["ngspice", "-b", f"{command}.cir"],
        cwd=NETLISTS,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()
    found = dict(re.findall(r"^(\w+)\s*=\s*([-+.\deE]+)", done.stdout, re.MULTILINE))
    for name, (value, tolerance) in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=tolerance, abs=0.02 * (value == 0))
