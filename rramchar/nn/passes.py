"""The clean pass and its corrections for either kind of network: a chain or a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn import delta
from rramchar.nn.graph import Graph
from rramchar.nn.graph_delta import (
    GraphPass,
    graph_changed_scores,
    graph_clean_pass,
    graph_pass_bytes,
)
from rramchar.nn.inject import Changes
from rramchar.nn.network import Network

CleanPass = delta.CleanPass | GraphPass


def bytes_per_image(network: Network | Graph) -> int:
    """Return about how much memory a clean pass and a correction take for each image. [B]."""
    if isinstance(network, Graph):
        return graph_pass_bytes(network)
    return delta.bytes_per_image(network)


def clean_pass(network: Network | Graph, images: NDArray[Any]) -> CleanPass:
    """Run a network without errors and keep what corrections need.

    Parameters
    ----------
    network : Network or Graph
        The stored network.
    images : array of uint8, shape (image, pixel)
        A block of images, checked already.

    Returns
    -------
    CleanPass
        The record; `scores` holds the scores without errors, shape (class, image).
    """
    if isinstance(network, Graph):
        return graph_clean_pass(network, images)
    return delta.clean_pass(network, images)


def changed_scores(clean: CleanPass, changes: Sequence[Changes]) -> NDArray[np.float64]:
    """Return the scores with some weights changed, shape (class, image).

    Parameters
    ----------
    clean : CleanPass
        The error-free pass over the images.
    changes : sequence of Changes
        One for each layer with weights.

    Returns
    -------
    array of float64, shape (class, image)
        Equal to those of a full pass.
    """
    if isinstance(clean, GraphPass):
        return graph_changed_scores(clean, changes)
    return delta.changed_scores(clean, changes)
