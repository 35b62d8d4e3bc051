"""A CMOS process as data: what a cell generator and a sweep must know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rramchar.errors import InputError

ABSOLUTE_ZERO_C = -273.15
# ngspice takes temperatures far outside any model's validity; beyond this a number is a slip.
HIGHEST_TEMPERATURE_C = 1000.0


@dataclass(frozen=True)
class Device:
    """One transistor of a process.

    Parameters
    ----------
    role : str
        What the generators call it: ``nmos``, ``pmos``, ``nmos_hvt``, ``pmos_hvt``, ``nmos_io``,
        ``pmos_io``.
    polarity : str
        ``n`` or ``p``.
    model : str
        Name of the SPICE model or subcircuit.
    subcircuit : bool
        True where the library defines the device as a subcircuit (X), not a model (M).
    minimum_width_m, minimum_length_m : float
        Smallest drawn size. [m]
    a_vt_v_m : float
        Pelgrom coefficient of the threshold, sigma(Vth) = a_vt / sqrt(W L). [V m]
    a_beta_m : float
        Pelgrom coefficient of the current factor, sigma(beta)/beta = a_beta / sqrt(W L)
        (Pelgrom et al., IEEE JSSC 24(5), 1433 (1989)). [m]
    sigma_vth_global_v : float
        Standard deviation of the threshold from die to die, shared by all devices of the role. [V]
    supply_v : float or None
        Largest voltage between its terminals in normal use, where it is not the technology's
        nominal core supply (I/O devices). [V]
    parameters : tuple of (str, float)
        Instance parameters that are always written, such as ``nf`` and ``m``, with their values.
    """

    role: str
    polarity: str
    model: str
    subcircuit: bool
    minimum_width_m: float
    minimum_length_m: float
    a_vt_v_m: float
    a_beta_m: float = 0.0
    sigma_vth_global_v: float = 0.0
    supply_v: float | None = None
    parameters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Library:
    """One model file to take in, with the section to use for each corner.

    Parameters
    ----------
    path : Path
        The file; ``{corner}`` in it stands for the corner's section name.
    section : str or None
        Section of a ``.lib`` file (``{corner}`` allowed), or None for a plain ``.include``.
    spellings : tuple of (str, str)
        Corners that this file spells differently from the technology's own list.
    """

    path: Path
    section: str | None
    spellings: tuple[tuple[str, str], ...] = ()

    def at(self, corner: str, spelling: str) -> tuple[Path, str | None]:
        """Return the file and its section for a corner.

        Parameters
        ----------
        corner : str
            Corner name.
        spelling : str
            The technology's spelling of it, used unless this file has its own.

        Returns
        -------
        path : Path
            The file.
        section : str or None
            Its section, or None for a plain ``.include``.
        """
        word = dict(self.spellings).get(corner, spelling)
        path = Path(str(self.path).replace("{corner}", word))
        return path, None if self.section is None else self.section.replace("{corner}", word)


@dataclass(frozen=True)
class Technology:
    """A CMOS process: libraries, corners, devices, supplies and how sizes are written.

    Parameters
    ----------
    name, description : str
        Short name, and what the process is.
    libraries : tuple of Library
        Model files in the order in which they are taken in.
    corners : mapping of str to str
        Corner name (``tt``, ``ff``, ...) to the library's own spelling.
    devices : mapping of str to Device
        Devices by role.
    vdd_nominal_v, vdd_max_v : float
        Nominal and highest core supply. [V]
    width_parameter, length_parameter : str
        How the instance parameters are spelled.
    size_unit_m : float
        What 1 means in such a parameter: 1 for metres, 1e-6 where the kit writes micrometres. [m]
    diffusion_length_m : float or None
        Length of source and drain, for their areas and perimeters; None leaves them to the
        model. [m]
    options : mapping of str to str
        ngspice options that the models need (see `rramchar.spice.deck.SETTINGS` for those that
        are settings of the simulator).
    digest : str
        SHA-256 over the definition and every model file, those that a model file takes in included.
    vdd_ternary_v : float or None
        Supply at which a pair of two high resistances reads as 0: below it reads are slow enough
        to be caught undecided. [V]
    parameters : mapping of str to float
        Netlist parameters that the models expect to be set, such as ``mc_mm_switch``.
    """

    name: str
    description: str
    libraries: tuple[Library, ...]
    corners: Mapping[str, str]
    devices: Mapping[str, Device]
    vdd_nominal_v: float
    vdd_max_v: float
    width_parameter: str
    length_parameter: str
    size_unit_m: float
    diffusion_length_m: float | None
    options: Mapping[str, str]
    digest: str
    vdd_ternary_v: float | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("corners", "devices", "options", "parameters"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def device(self, role: str) -> Device:
        """Return the device of a role.

        Raises
        ------
        InputError
            If the technology has no device of that role.
        """
        try:
            return self.devices[role]
        except KeyError:
            raise InputError(
                f"technology {self.name}: no device {role!r}; it has {', '.join(self.devices)}"
            ) from None

    def library_lines(self, corner: str) -> list[str]:
        """Return the ``.param``, ``.lib`` and ``.include`` lines for a corner.

        Parameters
        ----------
        corner : str
            A corner name of this technology.

        Returns
        -------
        list of str
            Lines of a netlist; paths are quoted.

        Raises
        ------
        InputError
            If the technology has no such corner.
        """
        spelling = self.corner_section(corner)
        lines = [f".param {name}={value:.9g}" for name, value in self.parameters.items()]
        for library in self.libraries:
            path, section = library.at(corner, spelling)
            lines.append(f'.include "{path}"' if section is None else f'.lib "{path}" {section}')
        return lines

    def device_supply_v(self, role: str) -> float:
        """Return the supply that a device is made for: its own, or the nominal core supply. [V]"""
        own = self.device(role).supply_v
        return self.vdd_nominal_v if own is None else own

    def corner_section(self, corner: str) -> str:
        """Return the library's spelling of a corner name."""
        try:
            return self.corners[corner]
        except KeyError:
            raise InputError(
                f"corner: {corner!r} is not a corner of {self.name}; "
                f"expected one of {', '.join(self.corners)}"
            ) from None


@dataclass(frozen=True, order=True)
class Condition:
    """Process corner, temperature and supply of one simulation; usable as a key.

    Parameters
    ----------
    corner : str
        Corner name of the technology.
    temperature_c : float
        Temperature. [degC]
    vdd_v : float
        Core supply. [V]
    """

    corner: str
    temperature_c: float
    vdd_v: float

    def check(self, technology: Technology) -> None:
        """Refuse a condition that the technology cannot be simulated at.

        Raises
        ------
        InputError
            On an unknown corner, a temperature at or below absolute zero or beyond
            1000 degC, or a supply that is not positive or above the technology's highest.
        """
        technology.corner_section(self.corner)
        for name in ("temperature_c", "vdd_v"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name}: {value!r}, expected a number")
        if not ABSOLUTE_ZERO_C < self.temperature_c <= HIGHEST_TEMPERATURE_C:
            raise InputError(
                f"temperature_c: {self.temperature_c:g} degC, expected above absolute zero "
                f"({ABSOLUTE_ZERO_C} degC) and up to {HIGHEST_TEMPERATURE_C:g}"
            )
        if not 0 < self.vdd_v <= technology.vdd_max_v:
            raise InputError(
                f"vdd_v: {self.vdd_v:g} V, expected above 0 and up to {technology.vdd_max_v:g} V "
                f"(the highest core supply of {technology.name})"
            )
