"""Read labelled images from a numpy archive: no pickle, every array checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset, random_test_part, split

_WHOLE = ("images", "labels")
_PARTS = ("train_images", "train_labels", "test_images", "test_labels")
_WANTED = "expected images and labels, or train_images, train_labels, test_images and test_labels"
_MOST_CLASSES = 999


def read_npz(path: str | Path) -> Dataset:
    """Read a data set of one's own.

    Parameters
    ----------
    path : str or path
        An ``.npz`` archive with ``images`` (uint8, one image per entry of the first axis) and
        ``labels`` (integers from 0), of which a fifth of each class becomes the test part; or with
        ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``. ``maximum`` is
        the largest value that a pixel can have; without it, the largest that one has.

    Returns
    -------
    Dataset
        Named after the file; the number of classes follows from the largest label.

    Raises
    ------
    InputError
        If the file is no such archive, holds Python objects, or its arrays do not fit together.
    """
    path = Path(path)
    arrays = _arrays(path)
    names = _PARTS if set(_PARTS) <= set(arrays) else _WHOLE
    missing = [name for name in names if name not in arrays]
    if missing:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path}: array {missing[0]} is missing (it holds {held}); {_WANTED}")
    parts = [_labelled(path, arrays, *names[k : k + 2]) for k in range(0, len(names), 2)]
    if len({images.shape[1:] for images, _ in parts}) > 1:
        shapes = " and ".join(str(images.shape[1:]) for images, _ in parts)
        raise InputError(f"{path}: training and test images have shapes {shapes}, expected one")
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    classes = int(labels.max()) + 1
    if classes < 2:
        raise InputError(f"{path}: all labels are 0, expected at least two classes")
    if len(parts) == 2:
        test = np.arange(len(labels)) >= len(parts[0][1])
    else:
        test = random_test_part(labels, classes)
    return split(
        path.stem,
        images.reshape(len(images), -1),
        labels,
        test,
        maximum=_maximum(path, arrays, images),
        classes=classes,
        shape=images.shape[1:],
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: a single array, not an .npz archive; {_WANTED}")
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except ValueError as error:
        if "pickle" in str(error):
            raise InputError(
                f"{path}: no plain .npz archive, or one with Python objects, which are never "
                "loaded; save it with numpy.savez and plain arrays"
            ) from None
        why = " ".join(str(error).split())
        raise InputError(f"{path}: damaged: {why}") from None
    except Exception as error:
        # numpy reads headers as Python source and zipfile takes methods and flags from the file,
        # so that damage can raise nearly anything: TokenError, NotImplementedError, MemoryError.
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: damaged, cut short, or no .npz archive ({why})") from None


def _labelled(
    path: Path, arrays: Mapping[str, NDArray[Any]], images_name: str, labels_name: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = arrays[images_name], arrays[labels_name]
    if images.dtype != np.uint8 or images.ndim < 2 or images.size == 0:
        raise InputError(
            f"{path}, array {images_name}: type {images.dtype}, shape {images.shape}; expected "
            "uint8 with one image per entry of the first axis"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise InputError(
            f"{path}, array {labels_name}: type {labels.dtype}, shape {labels.shape}; expected "
            f"integers of shape ({len(images)},), one for each image of {images_name}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels > _MOST_CLASSES))
    if len(wrong):
        raise InputError(
            f"{path}, array {labels_name}: label {labels[wrong[0]]} at position {wrong[0]}, "
            f"expected 0 to {_MOST_CLASSES}"
        )
    return images, labels.astype(np.int64)


def _maximum(path: Path, arrays: Mapping[str, NDArray[Any]], images: NDArray[np.uint8]) -> int:
    largest = max(1, int(images.max()))
    if "maximum" not in arrays:
        return largest
    given = arrays["maximum"]
    if given.size != 1 or given.dtype.kind not in "iu" or not largest <= int(given.item()) <= 255:
        raise InputError(
            f"{path}, array maximum: {given.tolist()}, expected one integer from {largest} (the "
            "largest pixel) to 255"
        )
    return int(given.item())
