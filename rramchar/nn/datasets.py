"""Data sets by name: the embedded digits, files of the known sets, and files of one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from rramchar.errors import InputError
from rramchar.nn.cifar import CLASSES as CIFAR_CLASSES
from rramchar.nn.cifar import SHAPE as CIFAR_SHAPE
from rramchar.nn.cifar import read_cifar10
from rramchar.nn.dataset import Dataset, random_test_part, split
from rramchar.nn.idx_sets import PROBE, read_idx_set

__all__ = ["DATASETS", "Dataset", "load_dataset"]


def load_dataset(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Load a data set by name.

    ``digits``: 1797 handwritten digits of 8 x 8 pixels from 0 to 16 (UCI, as embedded in
    scikit-learn); 20 % of each class, drawn with a fixed seed, are the test part. ``mnist`` and
    ``fashion``: 60000 training and 10000 test images of 28 x 28 pixels from 0 to 255, from four
    IDX files. ``cifar10``: images of 32 x 32 pixels in three colours, from the binary version.
    ``ecg``: beats of annotated WFDB records. ``FILE.npz``: see `rramchar.nn.npz_data.read_npz`.

    Parameters
    ----------
    name : str
        One of `DATASETS`, or the path of an ``.npz`` file.
    data_dir : str or path, optional
        Folder that holds the files, or that holds a folder with the data set's name that does.
        Not needed for ``digits`` and ``.npz`` files.

    Returns
    -------
    Dataset
        The images and labels.

    Raises
    ------
    InputError
        If the name is unknown, or a file is missing or damaged.
    """
    if name.endswith(".npz"):
        from rramchar.nn.npz_data import read_npz

        return read_npz(name)
    if name not in _LOADERS:
        raise InputError(
            f"data set {name!r} is unknown; the known ones are {', '.join(sorted(_LOADERS))}, "
            "or a FILE.npz of images and labels"
        )
    return _LOADERS[name](data_dir)


def _digits(_: str | Path | None) -> Dataset:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images, labels = images.astype(np.uint8), labels.astype(np.int64)
    test = random_test_part(labels, 10)
    return split("digits", images, labels, test, maximum=16, classes=10, shape=(8, 8))


def _idx(name: str, data_dir: str | Path | None) -> Dataset:
    files = f"{PROBE}.gz", PROBE
    kind = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}[name]
    return read_idx_set(name, _folder(name, data_dir, files, f"the four IDX files of {kind}"))


def _cifar10(data_dir: str | Path | None) -> Dataset:
    folder = _folder("cifar10", data_dir, ("test_batch.bin",), "the binary version of CIFAR-10")
    parts = read_cifar10(folder)
    return Dataset("cifar10", *parts, maximum=255, classes=CIFAR_CLASSES, shape=CIFAR_SHAPE)


def _ecg(data_dir: str | Path | None) -> Dataset:
    from rramchar.nn.ecg import read_ecg

    return read_ecg(_folder("ecg", data_dir, ("*.atr",), "records with .hea, .dat and .atr files"))


def _folder(name: str, data_dir: str | Path | None, probes: tuple[str, ...], what: str) -> Path:
    if data_dir is None:
        raise InputError(
            f"data set {name!r} needs the folder of its files; give it with --data DIR or in the "
            "environment variable RRAMCHAR_DATA"
        )
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError(f"data folder {root}: does not exist or is no folder")
    for folder in (root / name, root):
        if any(path.is_file() for probe in probes for path in folder.glob(probe)):
            return folder
    files = " nor ".join(f"{probe} nor {name}/{probe}" for probe in probes)
    raise InputError(f"data folder {root}: holds neither {files}; give the folder of {what}")


_LOADERS: dict[str, Callable[[str | Path | None], Dataset]] = {
    "digits": _digits,
    "mnist": partial(_idx, "mnist"),
    "fashion": partial(_idx, "fashion"),
    "cifar10": _cifar10,
    "ecg": _ecg,
}
DATASETS = tuple(sorted(_LOADERS))
