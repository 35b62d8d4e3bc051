"""Draw docs/figures/schematic_*.svg: the cells and amplifiers with the names of their netlists.

Every name in a drawing is that of a node or an element of the generated subcircuit; a test holds
the two against each other. Run it after a change of a cell:

    .venv/bin/python scripts/draw_schematics.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import schemdraw
from schemdraw import elements as elm

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
# Texts in a drawing that are no name of a netlist.
NOTES = ("2T2R cell",)
NODE_COLOUR = "#0072B2"
HEIGHT, GATE = 1.5, 1.37  # schemdraw's transistor: between its ends, and from them to its gate
OUTER = 5.0  # from the latch to the precharge transistors
PASS = 2.7  # from the latch to the pass transistors

Point = tuple[float, float]


class Sheet:
    """A drawing with the few strokes that these schematics need.

    Coordinates are in schemdraw's units, y upwards. Node names are blue, element names black.
    """

    def __init__(self) -> None:
        self.drawing = schemdraw.Drawing(show=False)
        self.drawing.config(fontsize=12, lw=1.4, margin=0.15, bgcolor="white")

    def wire(self, *points: Point) -> None:
        """Draw a line through points."""
        for start, end in zip(points[:-1], points[1:], strict=True):
            self.drawing.add(elm.Line().at(start).to(end))

    def dot(self, *points: Point) -> None:
        """Draw joints."""
        for point in points:
            self.drawing.add(elm.Dot().at(point))

    def text(self, text: str, at: Point, halign: str = "left", *, node: bool = False) -> None:
        """Write a name."""
        colour = NODE_COLOUR if node else "black"
        at = (at[0] - 0.1, at[1] - 0.1)  # where schemdraw sets a label without an element
        self.drawing.add(
            elm.Label().theta(0).at(at).label(
                text, loc="center", ofst=0, halign=halign, valign="center", color=colour
            )
        )  # fmt: skip

    def port(self, name: str, at: Point, side: str) -> None:
        """Draw a terminal with its node's name on one side: left, right, top or bottom."""
        self.drawing.add(elm.Dot(open=True).at(at))
        dx, dy = {"left": (-0.25, 0), "right": (0.25, 0), "top": (0, 0.35), "bottom": (0, -0.35)}[
            side
        ]
        halign = {"left": "right", "right": "left"}.get(side, "center")
        self.text(name, (at[0] + dx, at[1] + dy), halign, node=True)

    def transistor(self, name: str, top: Point, gate: str, *, p: bool = False) -> Point:
        """Draw a transistor below a point, its gate on the left or the right; return the gate."""
        element = elm.PFet() if p else elm.NFet()
        if gate == "left":
            element = element.reverse()
        self.drawing.add(element.anchor("source" if p else "drain").theta(0).at(top))
        sign = -1 if gate == "left" else 1
        middle = top[1] - HEIGHT / 2
        self.text(name, (top[0] - 0.2 * sign, middle), "left" if gate == "left" else "right")
        return (top[0] + GATE * sign, middle)

    def ground(self, at: Point) -> None:
        """Draw the ground, node 0."""
        self.drawing.add(elm.Ground().theta(0).at(at))
        self.text("0", (at[0] + 0.5, at[1] - 0.35), node=True)

    def capacitor(self, name: str, top: Point, side: str) -> None:
        """Draw a capacitor from a point to the ground."""
        end = (top[0], top[1] - 1.5)
        self.drawing.add(elm.Capacitor().at(top).to(end))
        sign = -1 if side == "left" else 1
        self.text(name, (top[0] + 0.45 * sign, top[1] - 0.45), "right" if sign < 0 else "left")
        self.ground(end)

    def resistor(self, name: str, top: Point, bottom: Point, side: str) -> None:
        """Draw a resistive device."""
        self.drawing.add(elm.Memristor().at(top).to(bottom))
        sign = -1 if side == "left" else 1
        middle = ((top[0] + bottom[0]) / 2 + 0.5 * sign, (top[1] + bottom[1]) / 2)
        self.text(name, middle, "right" if sign < 0 else "left")

    def box(self, corner: Point, opposite: Point) -> None:
        """Draw a dashed frame."""
        (x0, y0), (x1, y1) = corner, opposite
        path = ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
        for start, end in zip(path[:-1], path[1:], strict=True):
            self.drawing.add(elm.Line().at(start).to(end).linestyle("--").color("#777777"))


def one_t_one_r(sheet: Sheet) -> None:
    """Draw the 1T1R cell."""
    gate = _branch(sheet, 0, "left")
    sheet.port("bl", (0, 4.2), "top")
    sheet.port("wl", gate, "left")
    sheet.port("sl", (0, -0.4), "bottom")


def two_t_two_r(sheet: Sheet) -> None:
    """Draw the 2T2R cell: two 1T1R cells on one word line and one source line."""
    right = 5.6
    left_gate, right_gate = _branch(sheet, 0, "left"), _branch(sheet, right, "left")
    for x, line in ((0, "bl"), (right, "blb")):
        sheet.wire((x, 4.2), (x, 5))
        sheet.port(line, (x, 5), "top")
        sheet.box((x - 1.9, -0.1), (x + 2.0, 4.2))
        sheet.text(f"X{line}", (x - 1.75, 3.85))
        sheet.wire((x, -0.4), (x, -1.0))
    # The word line runs below the cells and rises to each gate.
    y = -0.55
    sheet.wire(left_gate, (left_gate[0] - 0.2, left_gate[1]), (left_gate[0] - 0.2, y))
    sheet.wire(right_gate, (right_gate[0] - 0.2, right_gate[1]), (right_gate[0] - 0.2, y))
    sheet.wire((left_gate[0] - 1.4, y), (right_gate[0] - 0.2, y))
    sheet.dot((left_gate[0] - 0.2, y))
    sheet.port("wl", (left_gate[0] - 1.4, y), "left")
    sheet.wire((0, -1.0), (right, -1.0))
    sheet.wire((0, -1.0), (left_gate[0] - 1.4, -1.0))
    sheet.dot((0, -1.0))
    sheet.port("sl", (left_gate[0] - 1.4, -1.0), "left")


def _branch(sheet: Sheet, x: float, side: str) -> Point:
    sheet.resistor("Rrram", (x, 4.2), (x, 2.2), "right")
    sheet.dot((x, 1.9))
    sheet.text("mid", (x + 0.25, 1.95), node=True)
    sheet.wire((x, 2.2), (x, 1.6))
    gate = sheet.transistor("access", (x, 1.6), side)
    sheet.wire((x, 0.1), (x, -0.4))
    return gate


def pcsa(sheet: Sheet) -> None:
    """Draw the binary amplifier; the cell that it reads is a dashed box."""
    _latch(sheet, 8.0)
    for x, line, side in ((0, "bl", "left"), (8.0, "blb", "right")):
        sheet.wire((x, 4.0), (x, 1.7), (2.7 if x == 0 else 5.3, 1.7))
        sheet.port(line, (x, 2.9), side)
    _cell_and_foot(sheet, 4.0, 1.7)


def xnor_pcsa(sheet: Sheet) -> None:
    """Draw the XNOR amplifier: four pass transistors between latch and bit lines."""
    right = 11.0
    _latch(sheet, right)
    for x, source in ((0, "sq"), (right, "sqb")):
        sheet.wire((x, 4.0), (x, 3.3))
        sheet.wire((x - PASS, 3.0), (x - PASS, 3.3), (x + PASS, 3.3), (x + PASS, 3.0))
        sheet.dot((x, 3.3))
        sheet.text(source, (x + 0.2, 3.6), node=True)
    for name, x, gate, net in (
        ("pass_q_bl", -PASS, "left", "x"),
        ("pass_q_blb", PASS, "right", "xb"),
        ("pass_qb_bl", right - PASS, "left", "xb"),
        ("pass_qb_blb", right + PASS, "right", "x"),
    ):
        sheet.port(net, sheet.transistor(name, (x, 3.0), gate), gate)
    bl, blb, middle = -PASS, right + PASS, right / 2
    sheet.wire((bl, 1.5), (bl, -1.0), (middle - 1.3, -1.0))
    sheet.wire((blb, 1.5), (blb, -1.0), (middle + 1.3, -1.0))
    sheet.wire((right - PASS, 1.5), (right - PASS, 0.9), (bl, 0.9))
    sheet.wire((PASS, 1.5), (PASS, 0.3), (blb, 0.3))
    sheet.dot((bl, 0.9), (blb, 0.3))
    sheet.port("bl", (bl, -0.35), "left")
    sheet.port("blb", (blb, -0.35), "right")
    _cell_and_foot(sheet, middle, -1.0)


def _latch(sheet: Sheet, right: float) -> None:
    top, bus = 9.0, 7.0
    sheet.wire((-OUTER, top), (right + OUTER, top))
    sheet.port("vdd", (right / 2, top), "top")
    gates = {}
    for side, x, away, toward in (("q", 0.0, "left", "right"), ("qb", right, "right", "left")):
        outer = x - OUTER if side == "q" else x + OUTER
        end = outer - 1.8 if side == "q" else outer + 1.8
        sen = sheet.transistor(f"precharge_{side}", (outer, top), away, p=True)
        sheet.port("sen", sen, away)
        upper = sheet.transistor(f"latch_p{side}", (x, top), toward, p=True)
        lower = sheet.transistor(f"latch_n{side}", (x, 5.5), toward)
        sheet.wire((outer, top - HEIGHT), (outer, bus), (x, bus))
        sheet.wire((x, top - HEIGHT), (x, 5.5))
        sheet.wire((outer, bus), (end, bus))
        sheet.dot((outer, top), (x, top), (x, bus), (outer, bus))
        sheet.capacitor(f"C{side}", (end, bus), away)
        sheet.text(side, ((outer + x) / 2, bus + 0.3), "center", node=True)
        sheet.wire(upper, lower)
        gates[side] = upper[0]
    # Each side's gates follow the other side's output.
    sheet.wire((gates["qb"], 6.6), (0, 6.6))
    sheet.wire((gates["q"], 6.0), (right, 6.0))
    sheet.dot((gates["qb"], 6.6), (0, 6.6), (gates["q"], 6.0), (right, 6.0))


def _cell_and_foot(sheet: Sheet, x: float, y: float) -> None:
    sheet.box((x - 1.3, y - 0.5), (x + 1.3, y + 0.5))
    sheet.text(NOTES[0], (x, y), "center")
    sheet.wire((x, y - 0.5), (x, y - 1.5))
    sheet.port("sl", (x, y - 1.0), "right")
    gate = sheet.transistor("foot", (x, y - 1.5), "left")
    sheet.port("sen", gate, "left")
    sheet.ground((x, y - 1.5 - HEIGHT))


SCHEMATICS: dict[str, Callable[[Sheet], None]] = {
    "1t1r": one_t_one_r,
    "2t2r": two_t_two_r,
    "pcsa": pcsa,
    "xnor_pcsa": xnor_pcsa,
}


def svg(name: str) -> str:
    """Return a schematic as SVG text.

    Parameters
    ----------
    name : str
        Key of `SCHEMATICS`.

    Returns
    -------
    str
        An SVG document whose names are text, not outlines.
    """
    schemdraw.use("svg")
    schemdraw.config(font="DejaVu Sans, Arial, sans-serif")
    sheet = Sheet()
    SCHEMATICS[name](sheet)
    return sheet.drawing.get_imagedata("svg").decode("utf-8") + "\n"


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    for name in SCHEMATICS:
        path = FIGURES / f"schematic_{name}.svg"
        path.write_text(svg(name), encoding="utf-8")
        print(path)
