"""``write_template``: a file that loads once it is filled in."""

import re

import pytest

from rramchar.errors import InputError
from rramchar.technology import load_technology, shipped_technologies, write_template

LIBRARY = "".join(
    f".lib {corner}\n.model nch nmos level=1\n.model pch pmos level=1\n.endl {corner}\n"
    for corner in ("tt", "ff", "ss", "fs", "sf")
)


def test_the_template_loads_once_its_paths_and_names_are_filled_in(tmp_path):
    path = write_template(tmp_path / "my_kit.toml")
    text = path.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="FILL_IN/path/to/the/models.lib does not exist"):
        load_technology(path)
    (tmp_path / "models.lib").write_text(LIBRARY)
    text = text.replace("FILL_IN/path/to/the/models.lib", "models.lib")
    text = text.replace("FILL_IN_nmos_33", "nch").replace("FILL_IN_nmos", "nch")
    path.write_text(text.replace("FILL_IN_pmos", "pch"))
    technology = load_technology(path)
    assert technology.name == "my_kit"
    assert list(technology.corners) == ["tt", "ff", "ss", "fs", "sf"]
    # What is commented out is right as well.
    text = re.sub(r"(?m)^# (\[devices|\[options|\[param|model|pol|min|supply_v|scale|ng|mc)", r"\1",
                  path.read_text())  # fmt: skip
    text = re.sub(r"(?m)^# (ternary_v|diffusion_length_m|parameters)", r"\1", text)
    path.write_text(text)
    technology = load_technology(path)
    assert technology.device_supply_v("nmos_io") == 3.3
    assert technology.vdd_ternary_v == 0.8
    assert technology.diffusion_length_m == 0.4e-6
    assert dict(technology.options)["ngbehavior"] == "hsa"
    assert dict(technology.parameters) == {"mc_mm_switch": 0}
    assert technology.device("nmos").parameters == (("nf", 1), ("m", 1))


def test_like_a_shipped_one(tmp_path):
    path = write_template(tmp_path / "copy.toml", like="generic130")
    copy, original = load_technology(path), load_technology("generic130")
    assert copy.name == "copy"
    assert dict(copy.devices) == dict(original.devices)
    assert path.read_text(encoding="utf-8").startswith("# Started from generic130.\n")


@pytest.mark.parametrize("like", [None, *shipped_technologies()])
def test_nothing_is_overwritten(tmp_path, like):
    path = tmp_path / "mine.toml"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists and is not overwritten"):
        write_template(path, like=like)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("stem", "name"),
    [("tsmc 65-lp", "tsmc_65_lp"), ("65nm", "t_65nm"), ('x"\n.control', "x___control"), ("é", "_")],
)
def test_any_file_name_gives_a_name_that_a_netlist_can_carry(tmp_path, stem, name):
    path = write_template(tmp_path / f"{stem}.toml", like="generic130")
    assert f'\nname = "{name}"\n' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "like", "words"),
    [
        ("mine.txt", None, "ends in .toml"),
        ("no/folder/mine.toml", None, "cannot be written"),
        ("mine.toml", "generic999", "neither a shipped technology"),
        ("mine.toml", "gone.toml", "gone.toml does not exist"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, like, words):
    with pytest.raises(InputError, match=words):
        write_template(tmp_path / name, like=like)
    assert not (tmp_path / "mine.toml").exists()
