"""Beats cut from annotated ECG records (PhysioNet's WFDB files), as labelled images of 8 bits.

The five classes are those of ANSI/AAMI EC57: normal and bundle-branch beats (N), supraventricular
(S), ventricular (V), fusion (F), paced and unknown (Q). A beat is every lead from `BEFORE_S`
before its annotation to `AFTER_S` after it, resampled to `SAMPLES` points, less its lead's median
over the record, and -`RANGE_MV` ... `RANGE_MV` as 0 ... 255.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, MissingToolError
from rramchar.nn.dataset import TEST_SHARE, Dataset, split

CLASSES = ("N", "S", "V", "F", "Q")
BEFORE_S, AFTER_S, SAMPLES = 0.25, 0.45, 128
RANGE_MV = 2.5
# Annotation codes of the MIT-BIH database by AAMI class (EC57; de Chazal et al., IEEE Trans.
# Biomed. Eng. 51 (2004) 1196, table I). Every other code marks no beat.
_CODES = {"N": "NLRejB", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}
_CLASS_OF = {code: k for k, name in enumerate(CLASSES) for code in _CODES[name]}

Beats = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read_ecg(folder: Path) -> Dataset:
    """Cut the beats out of every annotated record of a folder.

    Parameters
    ----------
    folder : Path
        Holds ``NAME.hea``, ``NAME.dat`` and ``NAME.atr``; records without ``.atr`` are passed over.

    Returns
    -------
    Dataset
        Images are (lead, sample). Of each record and class the last fifth in time is the test
        part, so that no beat is tested beside its own neighbours. Beats of one patient stand in
        both parts: accuracies hold for that patient.

    Raises
    ------
    MissingToolError
        If wfdb is not installed.
    InputError
        If there is no annotated record, a file is damaged, or the records have different leads.
    """
    records = sorted(path.with_suffix("") for path in folder.glob("*.atr"))
    if not records:
        raise InputError(
            f"{folder}: no annotated record (NAME.hea, NAME.dat and NAME.atr); beats are labelled "
            "by the .atr file"
        )
    parts = [read_beats(record) for record in records]
    leads = {
        record.name: images.shape[1] for record, (images, _) in zip(records, parts, strict=True)
    }
    if len(set(leads.values())) > 1:
        raise InputError(f"{folder}: records with different numbers of leads {leads}; use one kind")
    images = np.concatenate([part for part, _ in parts])
    labels = np.concatenate([part for _, part in parts])
    test = np.concatenate([_latest(part) for _, part in parts])
    shape = images.shape[1:]
    return split(
        "ecg",
        images.reshape(len(images), -1),
        labels,
        test,
        maximum=255,
        classes=len(CLASSES),
        shape=shape,
    )


def read_beats(record: str | Path) -> Beats:
    """Cut the beats out of one record.

    Parameters
    ----------
    record : str or path
        Path of the record without a suffix.

    Returns
    -------
    images : array of uint8, shape (beat, lead, SAMPLES)
        Beats in the order of time; those whose window leaves the record are left out.
    labels : array of int64, shape (beat,)
        Position in `CLASSES`.

    Raises
    ------
    MissingToolError
        If wfdb is not installed.
    InputError
        If a file is missing or damaged, or no beat is annotated.
    """
    signal, frequency, positions, codes = _load(Path(record))
    labels = np.array([_CLASS_OF.get(code, -1) for code in codes], dtype=np.int64)
    first = positions - BEFORE_S * frequency
    inside = (first >= 0) & (positions + AFTER_S * frequency <= len(signal) - 1)
    chosen = (labels >= 0) & inside
    if not chosen.any():
        raise InputError(
            f"{record}.atr: annotates no whole beat of the classes {', '.join(CLASSES)}"
        )
    steps = np.linspace(0.0, (BEFORE_S + AFTER_S) * frequency, SAMPLES)
    at = first[chosen, None] + steps
    centred = signal - np.median(signal, axis=0)
    clock = np.arange(len(signal))
    beats = np.stack([np.interp(at, clock, lead) for lead in centred.T], axis=1)
    scaled = np.clip((beats + RANGE_MV) * (255 / (2 * RANGE_MV)), 0, 255)
    return np.rint(scaled).astype(np.uint8), labels[chosen]


def _load(record: Path) -> tuple[NDArray[Any], float, NDArray[Any], list[str]]:
    """Return the signals [mV], shape (sample, lead), their rate [Hz], and the annotations."""
    try:
        import wfdb
    except ImportError:
        raise MissingToolError(
            "wfdb is not installed, which reads ECG records; install it with: "
            "pip install 'rramchar[ecg]'"
        ) from None
    for suffix in (".hea", ".atr"):
        if not record.with_name(record.name + suffix).is_file():
            raise InputError(f"{record}{suffix}: missing; a record is NAME.hea, NAME.dat, NAME.atr")
    try:
        signals = wfdb.rdrecord(str(record))
        marks = wfdb.rdann(str(record), "atr")
    except Exception as error:  # wfdb raises whatever its parsing ran into
        raise InputError(
            f"{record}: damaged or cut short ({type(error).__name__}: {error}); fetch it again"
        ) from None
    signal = signals.p_signal
    if signal is None or not np.isfinite(signal).all() or not signals.fs > 0:
        raise InputError(f"{record}: holds missing samples or no sampling rate; expected neither")
    if any(unit.lower() != "mv" for unit in signals.units):
        raise InputError(f"{record}.hea: signals in {', '.join(signals.units)}, expected mV")
    positions = np.asarray(marks.sample, dtype=float)
    return signal, float(signals.fs), positions, list(marks.symbol)


def _latest(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        test[members[len(members) - round(TEST_SHARE * len(members)) :]] = True
    return test
