"""Our draws of errors and the way of redrawing a mask for every pass have the same statistics.

The reference draws a uniform number for every weight and reads the weight by the row of its stored
value; it shares no code with `rramchar.nn.inject`. Both give a sample of accuracies over chips.
"""

from __future__ import annotations

import numpy as np
import pytest

from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import evaluate
from rramchar.nn.inject import layer_confusions
from rramchar.nn.settings import default_settings
from rramchar.nn.train import train

DRAWS = 300


def _masked_accuracy(network, matrices, images, labels, rng):
    """Redraw all weights, run the network, return the share of right classes."""
    values = np.where(images >= network.encoding.level, 1.0, -1.0).astype(np.float32)
    for layer, matrix in zip(network.layers, matrices, strict=True):
        rows = np.cumsum(matrix, axis=1)[1 - layer.weights.astype(int)]  # of +1, 0, -1
        u = rng.random(layer.weights.shape)
        seen = np.where(u < rows[..., 0], 1, np.where(u < rows[..., 1], 0, -1))
        sums = values @ seen.T.astype(np.float32)
        if layer.threshold is not None:
            values = np.where(sums >= layer.threshold, np.float32(1), np.float32(-1))
    classes = (sums * network.scale + network.offset).argmax(axis=1)
    return np.mean(classes == labels)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "ternary"])
@pytest.mark.parametrize("rate", [1e-3, 0.03, 0.1])
def test_same_mean_and_spread_as_redrawn_masks(digits, kind, rate):
    settings = default_settings(digits, weights=kind, epochs=10, encoding="sign")
    network, _ = train(digits, settings)
    images, labels = digits.test_images, digits.test_labels
    model = confusions_at(network, rate)
    ours = evaluate(network, images, labels, model, draws=DRAWS, seed=5).accuracy
    rng = np.random.default_rng(6)
    matrices = layer_confusions(network, model)
    theirs = np.array(
        [_masked_accuracy(network, matrices, images, labels, rng) for _ in range(DRAWS)]
    )
    error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / DRAWS)
    assert theirs.std() > 0
    # Six comparisons: 3 standard errors are passed by chance in 1.6 % of suites, with any seeds.
    assert abs(ours.mean() - theirs.mean()) < 3 * error
    assert 0.8 < ours.std() / theirs.std() < 1.25
