"""A data set as data: labelled images in a training and a test part, and how to split one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

TEST_SHARE = 0.2
SPLIT_SEED = 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, split into a training and a test part.

    Parameters
    ----------
    name : str
        Name, as `rramchar.nn.datasets.load_dataset` takes it.
    train_images, test_images : array of uint8, shape (image, pixel)
        Pixel values from 0 to `maximum`.
    train_labels, test_labels : array of int64, shape (image,)
        Right class of each image, from 0.
    maximum : int
        The largest value that a pixel can have.
    classes : int
        Number of classes.
    shape : tuple of int
        What the pixels of an image are: (row, column), (channel, row, column) or (lead, sample);
        empty where it is not known.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    maximum: int
    classes: int = 10
    shape: tuple[int, ...] = ()

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self.train_images.shape[1]

    def first(self, train: int | None = None, test: int | None = None) -> Dataset:
        """Return a smaller data set: the first images of each part; None keeps a part whole."""
        return replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
        )


def random_test_part(labels: NDArray[np.integer[Any]], classes: int) -> NDArray[np.bool_]:
    """Choose the test part of images that come without one.

    Parameters
    ----------
    labels : array of integers, shape (image,)
        Class of each image.
    classes : int
        Number of classes.

    Returns
    -------
    array of bool, shape (image,)
        `TEST_SHARE` of each class, drawn with a fixed seed: always the same images.
    """
    test = np.zeros(len(labels), dtype=bool)
    rng = np.random.default_rng(SPLIT_SEED)
    for label in range(classes):
        members = np.flatnonzero(labels == label)
        test[rng.permutation(members)[: round(TEST_SHARE * len(members))]] = True
    return test


def split(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    test: NDArray[np.bool_],
    *,
    maximum: int,
    classes: int,
    shape: tuple[int, ...],
) -> Dataset:
    """Return a data set of images of which some are the test part.

    Parameters
    ----------
    name : str
        Name of the data set.
    images : array of uint8, shape (image, pixel)
        All images.
    labels : array of int64, shape (image,)
        Class of each.
    test : array of bool, shape (image,)
        Which images are tested on; the others are trained on.
    maximum, classes, shape
        See `Dataset`.

    Returns
    -------
    Dataset
        Both parts in the order of the images.

    Raises
    ------
    InputError
        If one of the parts is empty.
    """
    if not test.any() or test.all():
        raise InputError(
            f"data set {name}: {len(labels)} images leave an empty training or test part; "
            "expected several images of each class"
        )
    return Dataset(
        name, images[~test], labels[~test], images[test], labels[test], maximum, classes, shape
    )
