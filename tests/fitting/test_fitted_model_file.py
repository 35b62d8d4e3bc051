"""The file of a fitted model: round trip, versions, and what is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.fitting import FittedModel, Parameter, load_model, save_model

finite = st.floats(allow_nan=False, allow_infinity=False)
parameters = st.builds(
    lambda value, a, b, unit, error: Parameter(value, min(a, b), max(a, b), unit, error),
    finite,
    finite,
    finite,
    st.sampled_from(["ohm", "decade", "1", "Ω"]),
    st.none() | finite,
)
documents = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | finite | st.text(max_size=5), max_size=3
)
models = st.builds(
    FittedModel,
    name=st.text(min_size=1, max_size=8),
    parameters=st.dictionaries(st.text(min_size=1, max_size=8), parameters, max_size=4),
    population=documents,
    goodness=documents,
    provenance=documents,
    converged=st.booleans(),
)


@settings(deadline=None)
@given(models)
def test_saved_models_come_back_equal(tmp_path_factory, model):
    path = Path(tmp_path_factory.mktemp("model")) / "model.json"
    save_model(model, path)
    assert load_model(path) == model
    assert [p.name for p in path.parent.iterdir()] == ["model.json"]  # no half file left


def _document(**changes):
    model = FittedModel("m", {"r": Parameter(1.0, 0.5, 2.0, "ohm", 0.1)})
    return {**model.to_dict(), **changes}


def _entry(**changes):
    return _document(parameters={"r": {**_document()["parameters"]["r"], **changes}})


BAD = [
    ("[]", "field format"),
    ("{", "line 1, column 2: not JSON"),
    ('{"format": NaN}', "NaN is not a JSON number"),
    (json.dumps({"format": "other"}), "this is no fitted model"),
    (json.dumps(_document(version=3)), "version: 3 is newer than 2"),
    (json.dumps(_document(converged=1)), "field converged: 1, expected true or false"),
    (json.dumps(_document(version="1")), "field version: '1'"),
    (json.dumps(_document(version=0)), "field version: 0"),
    (json.dumps(_document(name=3)), "field name: missing or not text"),
    (json.dumps(_document(goodness=[])), "field goodness: missing or not an object"),
    (json.dumps(_document(parameters={"r": 5})), "field parameters.r: 5, expected an object"),
    (json.dumps(_entry(value="x")), "field parameters.r.value: 'x', expected a number"),
    (json.dumps(_entry(low=9.0)), "field parameters.r.low: 9 is above high: 2"),
    (json.dumps(_entry(unit=1)), "field parameters.r.unit: 1, expected text"),
    (json.dumps(_entry(mean=1)), "field parameters.r.mean: unknown"),
    (
        json.dumps(_document(parameters={"r": {"value": 1.0, "low": 0, "high": 2}})),
        "field parameters.r.unit: missing",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files_are_refused_with_the_field(tmp_path, text, message):
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_model(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_files_of_version_1_still_load(tmp_path):
    old = _document(version=1)
    del old["converged"]  # came with version 2
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old))
    assert load_model(path) == FittedModel(
        "m", {"r": Parameter(1.0, 0.5, 2.0, "ohm", 0.1)}, version=1
    )


def test_missing_binary_and_unwritable_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_model(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a JSON text"):
        load_model(tmp_path / "b.json")
    with pytest.raises(InputError, match="cannot be written"):
        save_model(FittedModel("m", {}), tmp_path / "none" / "m.json")


def test_nothing_is_written_when_a_value_has_no_json(tmp_path):
    path = tmp_path / "m.json"
    path.write_text("before")
    with pytest.raises(InputError, match="cannot be written as JSON"):
        save_model(FittedModel("m", {}, goodness={"ks": float("nan")}), path)
    assert path.read_text() == "before"


def test_unknown_parameters_list_the_known_ones():
    model = FittedModel("m", {"r": Parameter(1.0, 0.5, 2.0, "ohm")})
    assert model.value("r") == 1.0
    with pytest.raises(InputError, match="no parameter 'q'; it has r"):
        model.value("q")
