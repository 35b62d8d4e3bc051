"""A folder of measured files, read for a report: what each holds, and what it can be used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from rramchar.errors import InputError, RramcharError
from rramchar.measured import STATES, count_flags, import_measured
from rramchar.measured.source import read_start
from rramchar.resources import resource

STATES_USE = "states and bit errors"
PULSES_USE = "weak RESET"
NOISE_USE = "read noise"
RETENTION_USE = "retention"
LEAST_DEVICES = 8  # fewer tell nothing about how devices spread
LEAST_READS = 256  # of each device; fewer give no spectrum

_SAMPLE = "cycling_1t1r_synthetic.csv"
_TEXT = (".csv", ".tsv", ".txt", ".dat")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
_HEADER_BYTES = 4096


@dataclass(frozen=True)
class MeasuredFile:
    """One file of a folder.

    Parameters
    ----------
    name : str
        Path within the folder.
    layout : str
        As which layout it was read; empty where it could not be read.
    frame : DataFrame or None
        Its readings, see `rramchar.measured`.
    use : str
        Section of the report that it feeds, or empty.
    remark : str
        Why it feeds none.
    synthetic : bool
        Whether the file says that it was drawn, not measured.
    problem : str
        Why it could not be read.
    """

    name: str
    layout: str
    frame: pd.DataFrame | None
    use: str
    remark: str
    synthetic: bool = False
    problem: str = ""

    @property
    def title(self) -> str:
        """Name for headings and figures; says where the data are synthetic."""
        name = Path(self.name).name
        return f"{name} (SYNTHETIC)" if self.synthetic else name

    @property
    def readings(self) -> pd.DataFrame:
        """The readings of a file that could be read."""
        if self.frame is None:
            raise InputError(self.problem or f"{self.name}: {self.remark}")
        return self.frame


@dataclass(frozen=True)
class MeasuredFolder:
    """The measured files of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    files : tuple of MeasuredFile
        In alphabetical order; those that cannot be read are among them.
    shipped : bool
        Whether these are the samples that ship with rramchar.
    """

    folder: Path
    files: tuple[MeasuredFile, ...]
    shipped: bool = False

    @property
    def name(self) -> str:
        """Name of the folder, or what the shipped samples are."""
        return "shipped samples" if self.shipped else self.folder.resolve().name

    @property
    def origin(self) -> str:
        """``SYNTHETIC``, ``partly SYNTHETIC`` or ``measured``."""
        marked = [file.synthetic for file in self.files if file.frame is not None]
        if marked and all(marked):
            return "SYNTHETIC"
        return "partly SYNTHETIC" if any(marked) else "measured"

    @property
    def title(self) -> str:
        """Name of the folder, and that its readings are synthetic where they are."""
        return self.name if self.origin == "measured" else f"{self.name}, {self.origin}"

    @property
    def unreadable(self) -> tuple[MeasuredFile, ...]:
        """The files that could not be read."""
        return tuple(file for file in self.files if file.problem)

    def used_for(self, use: str) -> list[MeasuredFile]:
        """Return the files that feed a section, such as `STATES_USE`."""
        return [file for file in self.files if file.use == use]

    def table(self) -> pd.DataFrame:
        """Return one line per file: layout, devices, readings, flags, use or why there is none."""
        rows = []
        for file in self.files:
            flags = {} if file.frame is None else count_flags(file.frame)
            rows.append(
                {
                    "file": file.name,
                    "layout": file.layout,
                    "devices": "" if file.frame is None else f"{file.frame['device'].nunique():,}",
                    "readings": "" if file.frame is None else f"{len(file.frame):,}",
                    "flagged": ", ".join(f"{many:,} {flag}" for flag, many in flags.items()),
                    "used for": file.use or f"– ({file.problem or file.remark})",
                }
            )
        return pd.DataFrame(rows)


def open_folder(
    folder: str | Path = "", layouts: Mapping[str, str] | None = None
) -> MeasuredFolder:
    """Read every measured file in a folder and its sub-folders.

    The layout of a file is, in this order: what `layouts` says; the layout file ``NAME.toml``
    beside ``NAME.csv``; what is guessed from its name and first lines.

    Parameters
    ----------
    folder : str or path
        The folder; empty for the synthetic samples that ship with rramchar.
    layouts : mapping of str to str, optional
        File-name pattern (``cycling*.csv``) to layout name or layout file.

    Returns
    -------
    MeasuredFolder
        With a file that cannot be read among the others, and its reason. Tables that rramchar
        itself wrote, such as BER tables, are listed and not read.

    Raises
    ------
    InputError
        If there is no such folder, it holds no file that could be measured data, or a pattern
        meets no file.
    """
    place = Path(folder) if str(folder) else resource("measurements", _SAMPLE).parent
    if not place.is_dir():
        raise InputError(f"{place}: is no folder; expected one that holds measured files")
    paths = [path for path in sorted(place.rglob("*")) if _is_data(path)]
    if not paths:
        endings = ", ".join((*_TEXT, ".parquet"))
        raise InputError(f"{place}: holds no measured file; expected names that end in {endings}")
    for pattern in layouts or {}:
        if not any(fnmatch(path.name, pattern) for path in paths):
            raise InputError(f"layouts: {pattern!r} meets no file in {place}; mend the pattern")
    files = tuple(_read(path, place, layouts or {}) for path in paths)
    return MeasuredFolder(place, files, shipped=not str(folder))


def _is_data(path: Path) -> bool:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    # What `measured import --skip-bad-rows` writes beside its output is no measurement.
    rejected = ".rejected" in suffixes
    hidden = path.name.startswith(".")
    known = bool(suffixes) and suffixes[-1] in (*_TEXT, ".parquet")
    return known and not rejected and not hidden and path.is_file()


def _read(path: Path, folder: Path, layouts: Mapping[str, str]) -> MeasuredFile:
    name = path.relative_to(folder).as_posix()
    if (result := _own_result(path)) != "":
        return MeasuredFile(name, "", None, "", f"no readings: {result}")
    beside = path.with_name(path.name.split(".")[0] + ".toml")
    given = next((layout for p, layout in layouts.items() if fnmatch(path.name, p)), None)
    if given is None and beside.is_file():
        given = str(beside)
    try:
        found = import_measured(path, given)
        synthetic = _says_synthetic(path)
    except RramcharError as error:
        problem = str(error).replace(f"{folder}/", "")
        return MeasuredFile(name, "", None, "", "", problem=problem)
    use, remark = find_use(found.frame)
    return MeasuredFile(name, Path(found.layout).name, found.frame, use, remark, synthetic)


def _own_result(path: Path) -> str:
    """Return what a table is that rramchar wrote, other than readings; else an empty text."""
    try:
        start = read_start(path, _HEADER_BYTES)
    except RramcharError:
        return ""  # said again, with its reason, when the file is read
    first = start.split(b"\n", 1)[0].decode(errors="replace").strip()
    ours = first.startswith("# rramchar ") and not first.startswith("# rramchar tidy")
    return first.removeprefix("# ") if ours else ""


def _says_synthetic(path: Path) -> bool:
    if "synthetic" in path.name.lower():
        return True
    if path.suffix == ".parquet":
        metadata = parquet.read_schema(path).metadata or {}
        return b"synthetic" in metadata.get(b"rramchar", b"").lower()
    return b"synthetic" in read_start(path, _HEADER_BYTES).lower()


def find_use(frame: pd.DataFrame) -> tuple[str, str]:
    """Tell which section of the report a file feeds.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.

    Returns
    -------
    use : str
        `STATES_USE`, `PULSES_USE`, `NOISE_USE`, `RETENTION_USE`, or empty.
    reason : str
        Why it feeds none.
    """
    columns, devices = set(frame.columns), frame["device"].nunique()
    reads = len(frame) / devices
    if {"cycle", "state"} <= columns and {*STATES} <= set(frame["state"].unique()):
        return STATES_USE, ""
    few = f"too few devices: {devices}, with {LEAST_DEVICES} or more they show a spread"
    # Reads of a record are numbered as pulses are; pulses have a voltage or an operation.
    if "pulse" in columns and not (
        "time_s" in columns and not columns & {"v_reset_v", "operation"}
    ):
        if devices < LEAST_DEVICES:
            return "", few
        pulses = frame[frame["pulse"] > 0]  # the read before the first may follow anything
        operations = set(pulses["operation"].unique()) if "operation" in columns else set()
        if operations - {"RESET", "READ", ""}:
            return "", "SET pulses: see rramchar fit set-law"
        return PULSES_USE, ""
    if columns & {"cycle", "state", "sweep"}:
        return "", "cycles or sweeps without both states"
    if reads >= LEAST_READS:
        return NOISE_USE, ""
    if "time_s" not in columns or reads == 1:
        return "", "no readings over pulses, cycles or time"
    return (RETENTION_USE, "") if devices >= LEAST_DEVICES else ("", few)
