"""Write altered values into a netlist, so that it is one point of a sweep without any command.

Within a sweep a circuit is parsed once and its values are altered from point to point. Two
instances of one subcircuit are then altered apart; in a netlist each needs its own definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rramchar.errors import InputError

_ALTERATION = re.compile(
    r"@(?:[a-z]\.(?P<path>x\w+(?:\.x\w+)*)\.)?(?P<element>\w+)\[(?P<what>\w+)\]"
)
# Instance or element name to what is altered in it: a nested tree, or values by parameter.
_Tree = dict[str, Any]


def write_alterations(
    circuit: str, alterations: Mapping[str, float], *, size_unit_m: float = 1.0
) -> str:
    """Return a circuit's text with altered values written into it.

    Parameters
    ----------
    circuit : str
        Title, model libraries, subcircuits and elements, one per line.
    alterations : mapping of str to float
        ngspice's name of a parameter to its value: ``@r.xcell.xbl.rrram[resistance]`` [ohm],
        ``@v.xamp.vmm_foot[dc]`` [V] or ``@m.xamp.mfoot[w]`` [m], at any depth.
    size_unit_m : float
        What 1 means in a written width (see `rramchar.technology.Technology`). [m]

    Returns
    -------
    str
        The same circuit; a subcircuit that is altered in one instance has a definition of that
        instance's own, named after its path. Definitions that nobody uses are left out.

    Raises
    ------
    InputError
        If the circuit has no such element, or a parameter is not one of the three above.
    """
    tree: _Tree = {}
    for name, value in alterations.items():
        match = _ALTERATION.fullmatch(name)
        if match is None:
            raise InputError(f"alteration {name!r}: expected such as @r.xcell.rx[resistance]")
        branch = tree
        for step in (match["path"] or "").split("."):
            branch = branch.setdefault(step, {}) if step else branch
        if match["what"] == "w":
            value /= size_unit_m
        branch.setdefault(match["element"], {})[match["what"]] = float(value)
    top, definitions = _split(circuit)
    written: dict[str, list[str]] = {}
    lines = _rewrite(top, tree, "", definitions, written)
    # The title and the libraries stay in front, as a reader expects them.
    start = next((i for i, line in enumerate(lines) if not line.startswith(".")), len(lines))
    blocks = [line for block in written.values() for line in ("", *block)]
    return "\n".join([*lines[:start], *blocks, "", *lines[start:]]) + "\n"


def _split(circuit: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the lines outside subcircuits, and the lines of each subcircuit by its name."""
    top: list[str] = []
    definitions: dict[str, list[str]] = {}
    block: list[str] | None = None
    for line in circuit.replace("\n+", " ").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0].lower() == ".subckt":
            block = definitions.setdefault(words[1].lower(), [])
        (top if block is None else block).append(line)
        if words[0].lower() == ".ends":
            block = None
    return top, definitions


def _rewrite(
    lines: list[str],
    tree: _Tree,
    path: str,
    definitions: Mapping[str, list[str]],
    written: dict[str, list[str]],
) -> list[str]:
    """Return lines with the tree's values; definitions that they use are added to `written`."""
    result = []
    left = dict(tree)
    for line in lines:
        words = line.split()
        name = words[0].lower()
        wanted = left.pop(name, {})
        if name.startswith("x"):
            at = max(i for i, word in enumerate(words) if "=" not in word)
            kind = words[at].lower()
            if kind in definitions:  # others are the model library's own
                own = f"{path}{name}"
                words[at] = _define(words[at], own if wanted else "", wanted, definitions, written)
                line = " ".join(words)
        else:
            for what, value in wanted.items():
                line = _EDITS.get((name[0], what), _cannot)(line, value)
        result.append(line)
    if left:
        raise InputError(f"the circuit has no {path.replace('__', '.')}{next(iter(left))} to alter")
    return result


def _define(
    kind: str,
    path: str,
    tree: _Tree,
    definitions: Mapping[str, list[str]],
    written: dict[str, list[str]],
) -> str:
    """Add a subcircuit's definition, its own for a path in which something is altered."""
    name = f"{kind}__{path}" if path else kind
    if name not in written:
        body = _rewrite(definitions[kind.lower()], tree, f"{path}__", definitions, written)
        head, *inside, end = body
        head = re.sub(r"(?i)^(\.subckt\s+)\S+", rf"\g<1>{name}", head)
        end = re.sub(r"(?i)^(\.ends)\s+\S+", rf"\g<1> {name}", end)
        written[name] = [head, *inside, end]
    return name


def _set_value(line: str, value: float) -> str:
    """Set the value of a two-terminal element: the first word behind its nodes."""
    words = line.split()
    at = 4 if len(words) > 4 and words[3].lower() == "dc" else 3
    return " ".join([*words[:at], repr(value), *words[at + 1 :]])


def _set_width(line: str, value: float) -> str:
    return re.sub(r"(?i)(\sw=)\S+", rf"\g<1>{value!r}", line)


def _cannot(line: str, value: float) -> str:
    raise InputError(f"{line.split()[0]}: {value:g} cannot be written into this element")


_EDITS: Mapping[tuple[str, str], Callable[[str, float], str]] = {
    ("r", "resistance"): _set_value,
    ("v", "dc"): _set_value,
    ("m", "w"): _set_width,
}
