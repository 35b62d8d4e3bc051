"""The schematics in docs/figures name what the generated subcircuits hold, and nothing else."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rramchar.cells import (
    OneTOneR,
    Pcsa,
    build_one_t_one_r,
    build_pcsa,
    build_two_t_two_r,
    build_xnor_pcsa,
)

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
NAMES = ("1t1r", "2t2r", "pcsa", "xnor_pcsa")


def _subcircuits(technology, name):
    cell = build_one_t_one_r(technology, OneTOneR())
    return {
        "1t1r": [cell],
        "2t2r": [cell, build_two_t_two_r()],
        "pcsa": [build_pcsa(technology, Pcsa())],
        "xnor_pcsa": [build_xnor_pcsa(technology, Pcsa())],
    }[name]


def _names(subcircuit):
    """Return the names of nodes and elements in a subcircuit's text; bulks are not drawn."""
    names = set()
    for line in str(subcircuit).splitlines():
        words = [word for word in line.split() if "=" not in word]
        match line[:1]:
            case "M":
                names |= {words[0][1:], *words[1:4]}
            case "R" | "C":
                names |= set(words[:3])
            case "X":
                names |= set(words[:-1])
            case ".":
                if words[0] == ".subckt":
                    names |= set(words[2:])
    return names


def _texts(svg):
    texts = (
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("}text")
    )
    return {text for text in texts if text}


@pytest.mark.parametrize("name", NAMES)
def test_a_schematic_has_the_names_of_its_netlist(generic130, name):
    svg = (FIGURES / f"schematic_{name}.svg").read_text(encoding="utf-8")
    expected = set().union(*map(_names, _subcircuits(generic130, name)))
    notes = {"2T2R cell"} if "pcsa" in name else set()
    assert _texts(svg) == expected | notes


def test_the_figures_are_what_the_script_draws():
    pytest.importorskip("schemdraw")
    path = ROOT / "scripts" / "draw_schematics.py"
    spec = importlib.util.spec_from_file_location("draw_schematics", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert tuple(script.SCHEMATICS) == NAMES
    for name in NAMES:
        drawn = (FIGURES / f"schematic_{name}.svg").read_text(encoding="utf-8")
        assert _texts(script.svg(name)) == _texts(drawn)
        assert script.svg(name).count("<path") == drawn.count("<path"), (
            "the script draws another figure; run .venv/bin/python scripts/draw_schematics.py"
        )


def test_every_schematic_is_shown_in_the_docs():
    page = (ROOT / "docs" / "circuits.md").read_text(encoding="utf-8")
    for path in FIGURES.glob("schematic_*.svg"):
        assert f"figures/{path.name}" in page
