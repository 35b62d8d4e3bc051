"""Read IDX files, the layout of MNIST and Fashion-MNIST, plain or gzip-compressed.

The layout (Y. LeCun, the MNIST database): a big-endian magic number whose third byte is the type
(8: unsigned byte) and whose last is the number of dimensions, one big-endian 32-bit size for each
dimension, then the bytes.
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

_IMAGES = 0x00000803
_LABELS = 0x00000801


def read_images(path: str | Path) -> NDArray[np.uint8]:
    """Read the images of an IDX file.

    Parameters
    ----------
    path : str or path
        The file; gzip is recognised by content.

    Returns
    -------
    array of uint8, shape (image, row, column)
        Pixel values.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    return _read(Path(path), _IMAGES, "images")


def read_labels(path: str | Path, *, classes: int) -> NDArray[np.int64]:
    """Read the labels of an IDX file.

    Parameters
    ----------
    path : str or path
        The file; gzip is recognised by content.
    classes : int
        Labels must be below this.

    Returns
    -------
    array of int64, shape (image,)
        Class of each image.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds something else, or a label is out of range.
    """
    labels = _read(Path(path), _LABELS, "labels")
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        raise InputError(
            f"{path}: label {labels[wrong[0]]} at position {wrong[0]}, expected 0 to {classes - 1}"
        )
    return labels.astype(np.int64)


def _read(path: Path, magic: int, what: str) -> NDArray[np.uint8]:
    data = _content(path)
    dimensions = magic & 0xFF
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise InputError(
            f"{path}: {len(data)} bytes, too short for an IDX file of {what} "
            f"(header of {header} bytes); fetch it again"
        )
    found = int.from_bytes(data[:4], "big")
    if found != magic:
        raise InputError(
            f"{path}: magic number {found:#010x}, expected {magic:#010x} for an IDX file of {what}"
        )
    shape = tuple(int(n) for n in np.frombuffer(data, dtype=">u4", count=dimensions, offset=4))
    if 0 in shape:
        raise InputError(f"{path}: its header gives a size of {shape}, expected no empty dimension")
    expected = header + prod(shape)
    if len(data) != expected:
        trouble = "cut short" if len(data) < expected else "followed by something else"
        raise InputError(
            f"{path}: {len(data)} bytes, expected {expected} for {what} of shape {shape}; the "
            f"file is {trouble}, fetch it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or cut short (gzip: {error}); fetch it again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
