"""The batched maximizer: known maxima, flat directions, impossible regions."""

import numpy as np
import pytest

from rramchar.fitting.newton import maximize


def test_quadratics_are_solved_exactly():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 3, 3))
    curvature = root @ root.transpose(0, 2, 1) + np.eye(3)
    centre = rng.normal(size=(5, 3))

    def loglik(theta):
        off = theta - centre
        return -0.5 * np.einsum("vbi,bij,vbj->vb", off, curvature, off)

    best = maximize(loglik, np.zeros((5, 3)))
    assert best.converged.all()
    assert best.theta == pytest.approx(centre, abs=1e-5)
    assert best.information == pytest.approx(curvature, rel=1e-4, abs=1e-4)
    assert best.covariance() == pytest.approx(np.linalg.inv(curvature), rel=1e-3, abs=1e-4)


def test_saddles_are_left_and_walls_respected():
    def loglik(theta):
        x, y = theta[..., 0], theta[..., 1]
        with np.errstate(invalid="ignore"):
            return np.log(1 - y) - (x**2 - 1) ** 2 + y  # maxima at x = +-1, a saddle at x = 0

    best = maximize(loglik, np.array([[0.05, 0.5]]))
    assert best.converged[0]
    assert best.theta[0] == pytest.approx([1, 0], abs=1e-3)


def test_a_flat_direction_is_named():
    best = maximize(lambda theta: -((theta[..., 0] - 1) ** 2), np.zeros((1, 3)))
    assert not best.converged[0]
    assert best.weakest[0] in (1, 2)
    assert np.isnan(best.covariance()).all()
