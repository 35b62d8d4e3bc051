from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.network_file import VERSION, load_network, save_network


@pytest.fixture
def saved(tmp_path, make_network):
    network = make_network(np.random.default_rng(1), (6, 5, 4, 3), "ternary", "sign", 16)
    path = tmp_path / "net.npz"
    save_network(replace(network, metadata={"seed": 1}), path)
    return network, path


def _rewrite(path, header, arrays):
    """Write the file again with changed header fields and arrays; None leaves one out."""
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    if header is not None:
        fields = json.loads(content["header"].item())
        fields.update(header)
        content["header"] = np.array(json.dumps(fields))
    content.update(arrays)
    np.savez(path, **{name: array for name, array in content.items() if array is not None})


def test_round_trip(saved):
    network, path = saved
    loaded = load_network(path)
    for mine, theirs in zip(network.layers, loaded.layers, strict=True):
        np.testing.assert_array_equal(mine.weights, theirs.weights)
        if mine.threshold is None:
            assert theirs.threshold is None
        else:
            np.testing.assert_array_equal(mine.threshold, theirs.threshold)
    np.testing.assert_array_equal(network.scale, loaded.scale)
    np.testing.assert_array_equal(network.offset, loaded.offset)
    assert loaded.encoding == network.encoding
    assert loaded.kind == "ternary"
    assert loaded.metadata == {"seed": 1}


def test_the_header_explains_every_array(saved):
    _, path = saved
    with np.load(path) as archive:
        header = json.loads(archive["header"].item())
        assert set(header["arrays"]) == set(archive.files) - {"header"}
    assert header["version"] == VERSION


def test_the_name_is_kept_and_nothing_else_is_left(tmp_path, saved):
    network, path = saved
    save_network(network, tmp_path / "net.v2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.npz", "net.v2"]
    assert path.read_bytes()[:2] == b"PK"


def test_same_network_same_bytes(tmp_path, saved):
    network, _ = saved
    save_network(network, tmp_path / "a.npz")
    save_network(network, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_metadata_must_be_json(tmp_path, saved):
    network, _ = saved
    with pytest.raises(InputError, match=r"bad\.npz.*JSON"):
        save_network(replace(network, metadata={"x": object()}), tmp_path / "bad.npz")
    assert not (tmp_path / "bad.npz").exists()


def test_unwritable_place(tmp_path, saved):
    network, _ = saved
    with pytest.raises(InputError, match="cannot be written"):
        save_network(network, tmp_path / "no" / "net.npz")


@pytest.mark.parametrize(
    ("header", "arrays", "words"),
    [
        ({"version": VERSION + 1}, {}, "newer"),
        ({"version": "1"}, {}, "version"),
        ({"format": "x"}, {}, "format"),
        ({"layers": 3}, {}, "layers"),
        ({"layers": []}, {}, "no layers"),
        ({"layers": [{"type": "lstm"}]}, {}, "lstm"),
        ({"input": {"kind": "sign"}}, {}, "input"),
        ({"input": {"kind": "sign", "maximum": 16, "level": 99}}, {}, "level 99"),
        ({"kind": "binary"}, {}, "weight 0"),
        ({"metadata": None}, {}, "metadata"),
        (None, {"layer0_weights": None}, "layer0_weights.*missing"),
        (None, {"scale": None}, "scale.*missing"),
        (None, {"layer0_weights": np.ones((5, 6))}, "float64, expected int8"),
        (None, {"layer0_weights": np.full((5, 6), 3, np.int8)}, "layer 0: weights: holds 3"),
        (None, {"layer1_threshold": np.zeros(9, np.int64)}, "layer 1: threshold: shape"),
        (None, {"layer1_weights": np.ones((4, 7), np.int8)}, "layer 1: takes 7 inputs"),
        (None, {"offset": np.full(3, np.inf)}, "offset.*infinity"),
        (None, {"header": np.array("{")}, "not JSON"),
        (None, {"header": None}, "no text 'header'"),
        (None, {"scale": np.array([{}, 1, 2], dtype=object)}, "damaged or no plain"),
    ],
)
def test_distorted_files_are_refused(saved, header, arrays, words):
    _, path = saved
    _rewrite(path, header, arrays)
    with pytest.raises(InputError, match=words) as caught:
        load_network(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).count(str(path)) == 1


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "none.npz")


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "a.npz"
    text.write_text("hello")
    empty = tmp_path / "b.npz"
    empty.write_bytes(b"")
    foreign = tmp_path / "c.npz"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("readme.txt", "hello")
    for path in (text, empty, foreign):
        with pytest.raises(InputError, match=path.name):
            load_network(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_cut_files_are_refused(saved, share):
    _, path = saved
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="cut short|damaged"):
        load_network(path)


def test_flipped_bytes_never_give_a_traceback(saved):
    _, path = saved
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for position in rng.choice(len(data), 60, replace=False):
        broken = bytearray(data)
        broken[position] ^= 0x55
        path.write_bytes(broken)
        try:
            load_network(path)
        except InputError as error:
            assert path.name in str(error)  # noqa: PT017


def _patch(path, old, new, *, member="scale.npy"):
    """Replace bytes in a member, with the checksums of a whole archive."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert old in content[member]
    content[member] = content[member].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"'shape': (", b"'shape': [["),  # tokenize.TokenError
        (b"'shape'", b"'shap\0'"),  # SyntaxError or ValueError
        (b"'<f8'", b"['8]"),
        (b"'<f8'", b"{'a'}"),  # TypeError
        (b"(3,)", b"(3 ** 9 ** 9,)"),
        (b"(3,)", b"(2305843009213693951,)"),  # MemoryError
    ],
)
def test_a_damaged_header_of_an_array_is_one_line(saved, old, new):
    _, path = saved
    _patch(path, old, new)
    with pytest.raises(InputError, match="damaged or no plain") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (8, 0x01, "encrypted|password"),  # RuntimeError
        (8, 0x20, "patched"),  # NotImplementedError
        (10, 0x63, "compression method"),  # NotImplementedError
        (10, 0x0E, "damaged"),  # LZMAError
        (6, 0xDB, "version"),  # NotImplementedError
    ],
)
def test_damaged_fields_of_the_archive_are_one_line(saved, offset, value, words):
    _, path = saved
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\1\2")  # of the central directory; a local header has it 2 before
    data[place + offset] = value
    if offset != 6:
        data[offset - 2] = value
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        load_network(path)
    assert str(caught.value).startswith(f"{path}: is damaged or no plain .npz archive: ")
    assert "\n" not in str(caught.value)


def test_a_header_of_endless_depth_is_one_line(saved):
    _, path = saved
    _rewrite(path, None, {"header": np.array("[" * 100_000)})
    with pytest.raises(InputError, match="not JSON"):
        load_network(path)
