"""Read CIFAR-10 in its binary version: records of a label byte and three planes of 32 x 32 bytes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), and the data set's
page: each record is the label (0 to 9), then 1024 red, 1024 green and 1024 blue bytes, row by row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

SHAPE = (3, 32, 32)
CLASSES = 10
_RECORD = 1 + 3 * 32 * 32


def read_batch(path: str | Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one file of records.

    Parameters
    ----------
    path : str or path
        Such as ``data_batch_1.bin``.

    Returns
    -------
    images : array of uint8, shape (image, 3072)
        Red, green and blue plane of each image, row by row.
    labels : array of int64, shape (image,)
        Class of each image, 0 to 9.

    Raises
    ------
    InputError
        If the file is missing, cut short, or holds a label out of range.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    count, rest = divmod(len(data), _RECORD)
    if rest or not count:
        raise InputError(
            f"{path}: {len(data)} bytes, expected a multiple of {_RECORD} (a label and 32 x 32 "
            "pixels in three colours); the file is cut short or is no binary version of CIFAR-10"
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(count, _RECORD)
    labels = records[:, 0]
    wrong = np.flatnonzero(labels >= CLASSES)
    if len(wrong):
        raise InputError(
            f"{path}: label {labels[wrong[0]]} in record {wrong[0]}, expected 0 to {CLASSES - 1}; "
            "take the binary version of CIFAR-10 (CIFAR-100 has two labels in a record)"
        )
    return records[:, 1:].copy(), labels.astype(np.int64)


def read_cifar10(folder: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Read the training batches that a folder has, and its test batch.

    Parameters
    ----------
    folder : Path
        Holds ``test_batch.bin`` and one or more of ``data_batch_1.bin`` to ``data_batch_5.bin``.

    Returns
    -------
    tuple of arrays
        Training images and labels, test images and labels, as `read_batch` gives them.

    Raises
    ------
    InputError
        If there is no training batch, or a file is damaged.
    """
    batches = [folder / f"data_batch_{k}.bin" for k in range(1, 6)]
    found = [read_batch(path) for path in batches if path.is_file()]
    if not found:
        raise InputError(
            f"{batches[0]}: missing; at least one of the five training batches is needed"
        )
    images, labels = (np.concatenate(part) for part in zip(*found, strict=True))
    return images, labels, *read_batch(folder / "test_batch.bin")
