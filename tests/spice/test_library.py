"""Finding ngspice, and what is said where it is missing or broken."""

import os
import re
import subprocess
import sys

import numpy
import pytest

from rramchar.errors import MissingToolError
from rramchar.spice import library
from rramchar.spice.installation import Installation, inspect_installation
from rramchar.spice.library import find_library, find_program, install_hint

VARIABLE = "NGSPICE_LIBRARY_PATH"


@pytest.fixture
def no_ngspice(monkeypatch, tmp_path):
    """A machine without the library, as far as the search can tell."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr(library, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: None)
    return tmp_path


def test_the_library_of_this_machine_is_found(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert "ngspice" in find_library().name


def test_the_variable_comes_first(monkeypatch, tmp_path):
    path = tmp_path / "libmine.so"
    path.touch()
    monkeypatch.setenv(VARIABLE, str(path))
    assert find_library() == path


@pytest.mark.parametrize("name", ["absent.so", "."])
def test_a_variable_that_names_no_file_is_refused_and_not_passed_over(monkeypatch, tmp_path, name):
    monkeypatch.setenv(VARIABLE, str(tmp_path / name))
    with pytest.raises(MissingToolError) as raised:
        find_library()
    assert str(raised.value) == f"{VARIABLE}: {tmp_path / name} does not exist"


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = find_library()
    monkeypatch.setenv(VARIABLE, "")
    assert find_library() == found


@pytest.mark.parametrize(
    "name", ["libngspice.so", "libngspice.so.0", "libngspice.dylib", "libngspice.0.dylib"]
)
def test_the_names_of_the_library(no_ngspice, name):
    (no_ngspice / name).touch()
    assert find_library() == no_ngspice / name


def test_conda_comes_before_the_system(no_ngspice, monkeypatch):
    (no_ngspice / "libngspice.so").touch()
    (no_ngspice / "conda" / "lib").mkdir(parents=True)
    (no_ngspice / "conda" / "lib" / "libngspice.so").touch()
    monkeypatch.setenv("CONDA_PREFIX", str(no_ngspice / "conda"))
    assert find_library() == no_ngspice / "conda" / "lib" / "libngspice.so"


def test_without_ngspice_the_message_says_what_to_install(no_ngspice):
    with pytest.raises(MissingToolError) as raised:
        find_library()
    message = str(raised.value)
    assert message.startswith("the shared library of ngspice is not installed; ")
    assert install_hint() in message
    assert len(message.splitlines()) == 1
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        ({"apt-get"}, "sudo apt-get install libngspice0"),
        ({"apt-get", "brew", "conda"}, "sudo apt-get install libngspice0"),
        ({"brew"}, "brew install libngspice"),
        ({"conda"}, "conda install -c conda-forge ngspice-lib"),
        ({"micromamba"}, "micromamba install -c conda-forge ngspice-lib"),
        ({"mamba", "conda"}, "mamba install -c conda-forge ngspice-lib"),
        (set(), "with your package manager (Debian/Ubuntu: libngspice0;"),
        (set(), f"set {VARIABLE} to the library file"),
    ],
)
def test_the_hint_is_for_this_machine(monkeypatch, installed, words):
    monkeypatch.setattr(library.shutil, "which", lambda n: f"/bin/{n}" if n in installed else None)
    assert words in install_hint()


def test_the_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() is None
    program = tmp_path / "ngspice"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_program() == program


# What `technology check` builds on.


def test_this_installation_is_good(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = inspect_installation()
    assert found.ok
    assert found.ngspice_version >= 36
    assert re.fullmatch(r"1\.\d+(\.\d+)*", found.pyspice_version)
    assert Installation(**found.as_dict()) == found


def test_a_variable_that_names_nothing_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent.so"))
    found = inspect_installation()
    assert (found.ok, found.library, found.ngspice_version) == (False, None, None)
    assert f"{VARIABLE}: {tmp_path / 'absent.so'} does not exist" in found.problems


def test_a_file_that_is_no_library_is_a_problem_and_no_traceback(monkeypatch, tmp_path):
    path = tmp_path / "libngspice.so"
    path.write_text("not a library")
    monkeypatch.setenv(VARIABLE, str(path))
    found = inspect_installation()
    assert (found.ok, found.library, found.ngspice_version) == (False, str(path), None)
    (problem,) = [p for p in found.problems if "libngspice" in p]
    assert "libngspice does not start" in problem
    assert f"{path} cannot be loaded as libngspice" in problem
    assert len(problem.splitlines()) == 1


def test_another_librarys_file_is_a_problem_and_no_traceback(monkeypatch):
    # It loads, and has none of ngspice's functions.
    monkeypatch.setenv(VARIABLE, numpy._core._multiarray_umath.__file__)
    found = inspect_installation()
    assert (found.ok, found.ngspice_version) == (False, None)
    (problem,) = [p for p in found.problems if "libngspice" in p]
    assert "cannot be loaded as libngspice" in problem
    assert len(problem.splitlines()) == 1


def test_a_read_without_ngspice_says_so_in_one_line(tmp_path):
    (tmp_path / "plan.toml").write_text(
        '[plan]\ntestbench = "read"\n[axes]\nr_bl_ohm = ["5k"]\nr_blb_ohm = ["50k"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", "plan.toml", "--out", "run"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {VARIABLE: str(tmp_path / "absent.so")},
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    *_, last = done.stderr.splitlines()
    assert last == f"error: {VARIABLE}: {tmp_path / 'absent.so'} does not exist"
    assert "Traceback" not in done.stderr
