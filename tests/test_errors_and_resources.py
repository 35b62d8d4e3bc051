"""Exceptions and their exit codes; the files that ship with the package."""

import pickle

import pytest

from rramchar import errors
from rramchar.errors import InputError, RramcharError, SimulationError
from rramchar.resources import resource


@pytest.mark.parametrize(
    ("kind", "code"),
    [("RramcharError", 2), ("InputError", 2), ("MissingToolError", 2), ("StoreError", 2),
     ("SimulationError", 1)],
)  # fmt: skip
def test_exit_codes(kind, code):
    raised = getattr(errors, kind)
    assert issubclass(raised, RramcharError)
    assert raised.exit_code == code


def test_every_public_exception_has_the_one_base_class():
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(found) >= 5
    assert all(issubclass(value, RramcharError) for value in found)


def test_a_simulation_error_keeps_reason_and_words():
    error = SimulationError("timeout", "no answer in 60 s")
    assert (error.reason, error.detail) == ("timeout", "no answer in 60 s")
    assert str(error) == "timeout: no answer in 60 s"


def test_a_simulation_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(SimulationError("convergence", "timestep too small")))
    assert (error.reason, error.detail) == ("convergence", "timestep too small")
    assert str(error) == "convergence: timestep too small"


def test_shipped_files_are_found():
    for folder, name in (
        ("netlists", "generic130.lib"),
        ("measurements", "cycling_1t1r_synthetic.csv"),
        ("notebooks", "demo.ipynb"),
    ):
        path = resource(folder, name)
        assert path.is_absolute()
        assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("folder", "name"),
    [("netlists", "absent.lib"), ("nowhere", "generic130.lib"), ("netlists", "")],
)
def test_an_absent_shipped_file_says_so(folder, name):
    with pytest.raises(InputError, match="not part of this installation") as raised:
        resource(folder, name)
    assert f"{folder}/{name}" in str(raised.value)
