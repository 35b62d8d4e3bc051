"""Digests and file headers: what a file says of itself can be read back."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar import __version__
from rramchar.provenance import (
    comment_header,
    digest_bytes,
    digest_file,
    digest_json,
    provenance,
    read_comment_header,
)

KEYS = st.text("abcdefghijklmnopqrstuvwxyz_ 0123456789", min_size=1).filter(
    lambda key: key == key.strip()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def test_digests_are_sha256(tmp_path):
    # The published test vector of SHA-256 for "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert digest_bytes(b"abc") == digest_file(path) == digest_file(str(path)) == expected


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.randoms())
def test_a_documents_digest_does_not_know_the_order_of_keys(document, random):
    keys = list(document)
    random.shuffle(keys)
    assert digest_json({key: document[key] for key in keys}) == digest_json(document)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), ([1, 2], [2, 1]), ({"a": 1}, {"a": 1.5}),
     ({"a": "1"}, {"a": 1}), ({}, [])],
)  # fmt: skip
def test_different_documents_have_different_digests(one, other):
    assert digest_json(one) != digest_json(other)


def test_a_document_with_nan_has_no_digest():
    with pytest.raises(ValueError, match="JSON"):
        digest_json({"a": float("nan")})


def test_provenance_names_inputs_without_their_folder(tmp_path):
    path = tmp_path / "chip.csv"
    path.write_bytes(b"r_ohm\n5000\n")
    before = datetime.now(UTC).replace(microsecond=0)
    facts = provenance(inputs=[path], seed=7, command="rramchar ber count")
    assert facts["inputs"] == [
        {"name": "chip.csv", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    ]
    assert (facts["rramchar"], facts["seed"]) == (__version__, 7)
    assert facts["packages"]["PySpice"].startswith("1.")
    assert before <= datetime.fromisoformat(facts["created"]) <= datetime.now(UTC)
    assert str(tmp_path) not in json.dumps(facts)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.text("abc xyz", max_size=10))
def test_a_header_is_read_back(tmp_path_factory, facts, title):
    path = tmp_path_factory.mktemp("header") / "table.csv"
    header = comment_header(title, facts)
    assert all(line.startswith("#") for line in header.splitlines())
    path.write_text(header + "a,b\n1,2\n# later: 3\n", encoding="utf-8")
    assert read_comment_header(path) == facts


def test_lines_that_are_no_facts_are_passed_over(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('# A title\n# note: not JSON\n#\n#seed: 3\n# unit: "V"\nx\n# late: 1\n')
    assert read_comment_header(path) == {"seed": 3, "unit": "V"}
    path.write_text("x,y\n# seed: 3\n")
    assert read_comment_header(path) == {}


def test_a_header_cannot_hold_nan():
    with pytest.raises(ValueError, match="JSON"):
        comment_header("title", {"a": float("inf")})
