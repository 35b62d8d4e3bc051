"""States some time after programming: the tabulated distribution against random draws."""

import numpy as np
import pytest
from scipy import special

from rramchar.ber.aging import aged_states
from rramchar.ber.analytic import ber_2t2r
from rramchar.ber.states import lognormal_states
from rramchar.errors import InputError
from rramchar.fitting import FittedModel
from rramchar.fitting.retention import fit_retention, predict_change

STATES = lognormal_states(5e3, 5e4, 0.06, 0.2)


@pytest.fixture(scope="module")
def retention():
    import pandas as pd

    rng = np.random.default_rng(1)
    first = rng.uniform(5e-6, 250e-6, 800)
    parts = []
    for time_s, mean, sigma in ((0.0, 0, 0), (1.0, -1e-6, 2e-6), (1e4, -4e-6, 5e-6)):
        g = np.maximum(first + mean + sigma * rng.standard_normal(800), 1e-7)
        parts.append(pd.DataFrame({"device": np.arange(800), "time_s": time_s,
                                   "resistance_ohm": 1 / g}))  # fmt: skip
    return fit_retention(pd.concat(parts, ignore_index=True), ranges=0, resamples=100)


def test_aged_states_agree_with_draws(retention):
    aged = aged_states(STATES, retention, 1e3, 27.0)
    u, v = np.random.default_rng(2).standard_normal((2, 400_000))
    for state, fresh in ((aged.lrs, STATES.lrs), (aged.hrs, STATES.hrs)):
        g = np.exp(-fresh.from_score(u))
        mean, sigma = predict_change(retention, g, 1e3, 27.0)
        drawn = -np.log(np.maximum(g + mean + sigma * v, 1e-12))
        for q in (1e-3, 0.1, 0.5, 0.8):
            level = np.quantile(drawn, q)
            assert float(state.cdf(level)) == pytest.approx(q, rel=0.1)
        scores = np.linspace(-4, 0.5, 10)
        np.testing.assert_allclose(
            state.cdf(state.from_score(scores)), special.ndtr(scores), rtol=1e-6
        )


def test_errors_grow_with_time(retention):
    rates = [ber_2t2r(aged_states(STATES, retention, t, 27.0)) for t in (1.0, 100.0, 1e4)]
    assert ber_2t2r(STATES) < rates[0] < rates[1] < rates[2]


def test_other_models_are_refused():
    with pytest.raises(InputError, match="no retention law"):
        aged_states(STATES, FittedModel("read_model", {}), 1.0, 27.0)
