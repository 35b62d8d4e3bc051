"""Cycling data drawn from published statistics, for demonstrations and tests.

The default statistics are those of a 1T1R chip: within a cell and of the cell means. The draw is a
two-level lognormal, so the long tails and the drift of real cells are not in it.

References
----------
Cycling data (256 cells, 300 cycles) that go with A. Levy et al., IEEE Trans. Electron Devices,
2021, doi 10.1109/TED.2021.3097975; medians and spreads of log10 R computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.cycling import cycling_frame

CLIP_OHM = (1e3, 1e7)
"""Limits of drawn resistances: below, a 1T1R path is its transistor; above, no read resolves."""


@dataclass(frozen=True)
class StateSpread:
    """Two-level lognormal of one resistance state.

    Parameters
    ----------
    median_ohm : float
        Median over all devices and cycles. [ohm]
    sigma_d2d_log10 : float
        Standard deviation of the device means of log10 R. [decade]
    sigma_c2c_log10 : float
        Standard deviation of log10 R within a device. [decade]
    """

    median_ohm: float
    sigma_d2d_log10: float
    sigma_c2c_log10: float

    def __post_init__(self) -> None:
        """Check the fields."""
        if not (np.isfinite(self.median_ohm) and self.median_ohm > 0):
            raise InputError(f"median_ohm: {self.median_ohm}, expected a resistance above 0 ohm")
        for name in ("sigma_d2d_log10", "sigma_c2c_log10"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name}: {value}, expected 0 or more decades")


LRS = StateSpread(median_ohm=4902.0, sigma_d2d_log10=0.044, sigma_c2c_log10=0.064)
HRS = StateSpread(median_ohm=91063.0, sigma_d2d_log10=0.393, sigma_c2c_log10=0.314)


def draw_cycling(
    devices: int,
    cycles: int,
    seed: int,
    *,
    lrs: StateSpread = LRS,
    hrs: StateSpread = HRS,
    clip_ohm: tuple[float, float] = CLIP_OHM,
) -> pd.DataFrame:
    """Draw cycled resistances: lognormal from device to device and from cycle to cycle.

    ``log10 R = log10 median + d2d * N(0, 1) per device + c2c * N(0, 1) per reading``. A device's
    LRS and HRS offsets are drawn independently. Values are clipped to `clip_ohm`.

    Parameters
    ----------
    devices, cycles : int
        How many of each, from 1.
    seed : int
        The same seed gives the same readings; not negative.
    lrs, hrs : StateSpread
        Statistics of the two states.
    clip_ohm : tuple of float
        Lowest and highest resistance. [ohm]

    Returns
    -------
    DataFrame
        A tidy frame in the order of the wide layout, devices and cycles from 1 up. [ohm]
    """
    for name, value, least in (("devices", devices, 1), ("cycles", cycles, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name}: {value}, expected a whole number from {least}")
    streams = np.random.SeedSequence(seed).spawn(2)
    wide = np.empty((devices, 2 * cycles))
    for start, spread, stream in ((0, hrs, streams[0]), (1, lrs, streams[1])):
        wide[:, start::2] = _draw(spread, devices, cycles, np.random.default_rng(stream))
    return cycling_frame(np.arange(1, devices + 1), np.clip(wide, *clip_ohm))


def write_synthetic_cycling(path: str | Path, devices: int, cycles: int, seed: int) -> None:
    """Draw from the published statistics and write the wide cycling layout.

    The file says that it is synthetic and how to make it again; it holds nothing that changes
    from run to run. Resistances carry four significant digits.

    Parameters
    ----------
    path : str or path
        CSV file to write.
    devices, cycles, seed : int
        As in `draw_cycling`.
    """
    frame = draw_cycling(devices, cycles, seed)
    wide = frame["resistance_ohm"].to_numpy().reshape(devices, 2 * cycles)
    lines = [_header(Path(path).name, devices, cycles, seed)]
    for device, row in enumerate(wide, start=1):
        lines.append(",".join([str(device), *(_four_digits(value) for value in row)]) + "\n")
    try:
        Path(path).write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _draw(
    spread: StateSpread, devices: int, cycles: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    offset = spread.sigma_d2d_log10 * rng.standard_normal((devices, 1))
    noise = spread.sigma_c2c_log10 * rng.standard_normal((devices, cycles))
    return spread.median_ohm * 10.0 ** (offset + noise)


def _four_digits(value: float) -> str:
    return f"{float(f'{value:.3e}'):.0f}"


def _header(name: str, devices: int, cycles: int, seed: int) -> str:
    low, high = CLIP_OHM
    return (
        "# SYNTHETIC: drawn by rramchar, not measured\n"
        f"# {devices} devices x {cycles} cycles, seed {seed}\n"
        f"# LRS median {LRS.median_ohm:g} ohm, sigma(log10 R) {LRS.sigma_d2d_log10:g} from device "
        f"to device, {LRS.sigma_c2c_log10:g} within a device\n"
        f"# HRS median {HRS.median_ohm:g} ohm, sigma(log10 R) {HRS.sigma_d2d_log10:g} from device "
        f"to device, {HRS.sigma_c2c_log10:g} within a device\n"
        f"# clipped to {low:g} ... {high:g} ohm\n"
        "# statistics: of the 1T1R cycling data that go with doi 10.1109/TED.2021.3097975\n"
        f"# made by: rramchar measured synthesize --devices {devices} --cycles {cycles} "
        f"--seed {seed} -o {name}\n"
        "# columns: address, then HRS_1, LRS_1, HRS_2, LRS_2, ... in ohm\n"
    )
