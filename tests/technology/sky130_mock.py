"""A small kit laid out like the open PDK sky130: same folders, names and units, our own models.

Devices are subcircuits whose sizes are numbers of micrometres; ``.option scale`` makes them metres;
files take in files; a binned model stands inside the subcircuit. The models are generic180's.
"""

import re

from rramchar.resources import resource

DEVICES = {"nfet_01v8": "n18", "pfet_01v8": "p18", "nfet_g5v0d10v5": "n33"}
CORNERS = ("tt", "ff", "ss", "fs", "sf")
PREFIX = "sky130_fd_pr__"


def _card_sections():
    text = resource("netlists", "generic180.lib").read_text(encoding="utf-8")
    shifts = {c: re.search(rf"\.lib {c}\n\.param ([^\n]+)", text)[1] for c in CORNERS}
    models = dict(re.findall(r"^\.model (\w+) \w+ (.*(?:\n\+.*)*)", text, re.MULTILINE))
    return shifts, models


SHIFTS, MODELS = _card_sections()


def device_file(device, corner):
    """Return a ``pm3`` file: a subcircuit around a binned model."""
    name = f"{PREFIX}{device}"
    kind = "pmos" if device.startswith("p") else "nmos"
    values = dict(item.split("=") for item in SHIFTS[corner].split())
    # Of its own, so that two devices do not define one parameter twice.
    card = MODELS[DEVICES[device]]
    card = re.sub(r"\b(dvt[np]|dvtio|kun|kup|ktox)\b", lambda m: values[m[1]], card)
    slope = f"+{name}__vth0_slope*mc_mm_switch"
    card = re.sub(r"vth0=\{([^}]+)\}", rf"vth0={{\1{slope}}}", card).strip()
    return (
        f"* {device} {corner}\n"
        f".subckt {name} d g s b\n"
        "+ params: l=1 w=1 ad=0 as=0 pd=0 ps=0 nf=1 mult=1\n"
        f"m{name} d g s b {name}__model l={{l}} w={{w}} ad={{ad}} as={{as}} pd={{pd}} ps={{ps}}"
        " nf={nf} m={mult}\n"
        f".model {name}__model.0 {kind} lmin=1.4e-07 lmax=1e-4 wmin=3e-07 wmax=1e-4 {card}\n"
        f".ends {name}\n"
    )


def write_installed(root):
    """Write the layout of an installed kit below a folder that stands for ``$PDK_ROOT``."""
    ngspice = root / "sky130A" / "libs.tech" / "ngspice"
    models = root / "sky130A" / "libs.ref" / "sky130_fd_pr" / "spice"
    (ngspice / "corners").mkdir(parents=True)
    models.mkdir(parents=True)
    sections = []
    for corner in CORNERS:
        sections.append(
            f".lib {corner}\n.param mc_mm_switch=0\n.param mc_pr_switch=0\n"
            f'.include "corners/{corner}.spice"\n.endl {corner}\n'
        )
        lines = [".option scale=1.0u"]
        for device in DEVICES:
            file = f"{PREFIX}{device}__{corner}.pm3.spice"
            (models / file).write_text(device_file(device, corner))
            lines.append(f".param {PREFIX}{device}__vth0_slope=0.003")
            lines.append(f'.include "../../../libs.ref/sky130_fd_pr/spice/{file}"')
        (ngspice / "corners" / f"{corner}.spice").write_text("\n".join(lines) + "\n")
    (ngspice / "sky130.lib.spice").write_text("* sky130\n" + "".join(sections))
    return ngspice


def write_bare(root):
    """Write the layout of a checkout of the primitive library."""
    (root / "models" / "parameters").mkdir(parents=True)
    (root / "models" / "parameters" / "lod.spice").write_text(".param lod_diff=0.0\n")
    for device in DEVICES:
        folder = root / "cells" / device
        folder.mkdir(parents=True)
        start = f"{PREFIX}{device}__"
        (folder / f"{start}mismatch.corner.spice").write_text(f".param {start}vth0_slope=3.3e-03\n")
        for corner in CORNERS:
            pm3 = f"{start}{corner}.pm3.spice"
            (folder / pm3).write_text(device_file(device, corner))
            (folder / f"{start}{corner}.corner.spice").write_text(
                f'.param {start}ajunction_mult=1.0\n.include "{pm3}"\n'
            )
