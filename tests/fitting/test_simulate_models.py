"""New devices from any fitted model; published models."""

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.fitting import FittedModel, fit_resistance, load_model, save_model
from rramchar.fitting.published import CHOSEN, PUBLISHED, published_model
from rramchar.fitting.simulate import DRAWERS, SIMULATORS, draw_devices, simulate
from rramchar.measured import check_frame, draw_cycling


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_are_drawn_and_saved(name, tmp_path):
    model = published_model(name)
    save_model(model, tmp_path / "m.json")
    assert load_model(tmp_path / "m.json") == model
    assert model.provenance["source"]
    frame = simulate(model, 5, 20, 1)
    check_frame(frame)
    assert len(frame) == 5 * 21
    assert (frame.groupby("device")["pulse"].max() == 20).all()
    assert frame.equals(simulate(model, 5, 20, 1))
    assert not frame.equals(simulate(model, 5, 20, 2))
    # the same devices whatever the number of pulses
    longer = simulate(model, 5, 30, 1)
    first = longer[longer["pulse"] == 0]["resistance_ohm"].to_numpy()
    assert first == pytest.approx(frame[frame["pulse"] == 0]["resistance_ohm"].to_numpy())


@pytest.mark.parametrize("name", CHOSEN)
def test_models_of_the_samples_are_drawn_and_saved(name, tmp_path):
    model = published_model(name)
    save_model(model, tmp_path / "m.json")
    assert load_model(tmp_path / "m.json") == model
    frame = simulate(model, 5, 20, 1)
    check_frame(frame)
    assert frame["device"].nunique() == 5
    assert frame.equals(simulate(model, 5, 20, 1))
    assert "chosen for rramchar" in model.provenance["source"]


def test_drawn_devices_have_the_published_spread():
    drawn = draw_devices(published_model("arxiv2107"), 20000, np.random.default_rng(0))
    assert drawn.m1.mean() == pytest.approx(3.7416e-5 + 6.5647e-4, rel=0.03)
    assert np.median(drawn.t_star) == pytest.approx(520, rel=0.05)  # 542 before the cut at 2000
    assert drawn.t_star.max() <= 2000
    assert drawn.r0_ohm.min() >= 6252
    assert drawn.rtn_amplitude.mean() == pytest.approx(0.25, rel=0.03)
    law = draw_devices(published_model("iedm2019"), 20000, np.random.default_rng(0))
    assert np.log(law.fall_s).std() == pytest.approx(0.25, rel=0.03)
    assert (law.g_max_s > law.g_min_s).all()


def test_resistance_models_are_drawn_too():
    model = fit_resistance(draw_cycling(20, 10, 1), resamples=100)
    frame = simulate(model, 7, 4, 1)
    assert frame["device"].nunique() == 7
    assert set(frame["state"]) == {"lrs", "hrs"}


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="model 'other' cannot be drawn; those that can: weak"):
        simulate(FittedModel("other", {}), 2, 2, 1)
    with pytest.raises(InputError, match="model 'other': expected one of"):
        draw_devices(FittedModel("other", {}), 2, np.random.default_rng(0))
    for bad in ((0, 1, 1), (1, 0, 1), (1, 1, -1)):
        with pytest.raises(InputError, match="expected a whole number from"):
            simulate(published_model("iedm2019"), *bad)
    with pytest.raises(InputError, match="population.m1 is missing"):
        simulate(FittedModel("weak_reset_arxiv2107", {}), 2, 2, 1)
    with pytest.raises(InputError, match="expected one of iedm2019"):
        published_model("iedm2020")
    assert set(DRAWERS) <= set(SIMULATORS)
