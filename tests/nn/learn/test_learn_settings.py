"""Settings of learning: checks, defaults, text."""

import json
import re

import pytest

from rramchar.errors import InputError
from rramchar.nn.learn.settings import LearnSettings, default_learn_settings
from rramchar.nn.learn.settings_text import parse_fields


def test_settings_survive_json():
    settings = LearnSettings(
        model="arxiv2107", imperfections=("pink", "d2d"), hidden=(30, 20), rule="adam", seed=3
    ).resolved()
    again = LearnSettings.from_dict(json.loads(json.dumps(settings.as_dict())))
    assert again == settings
    assert again.resolved() == again


def test_defaults_depend_on_the_model():
    iedm, drift = LearnSettings().resolved(), LearnSettings(model="arxiv2107").resolved()
    assert iedm.eta == iedm.pulse / 4
    assert iedm.check is True
    assert iedm.imperfections is None
    assert drift.pulse is None
    assert drift.imperfections == ("pink", "rtn", "d2d")
    assert LearnSettings(synapse="analog").resolved().check is False
    assert LearnSettings(pulse=0.2).resolved().eta == 0.05


def test_a_small_data_set_gets_a_small_network(digits):
    assert default_learn_settings(digits).hidden == (256,)
    assert default_learn_settings(digits, hidden=(9,), epochs=None).hidden == (9,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "iedm"}, "model: 'iedm'"),
        ({"rule": "sgd"}, "rule: 'sgd'"),
        ({"synapse": "dnn"}, "synapse"),
        ({"schedule": "linear"}, "schedule"),
        ({"encoding": "png"}, "encoding"),
        ({"hidden": (0,)}, "hidden: 0"),
        ({"hidden": 3}, "hidden: 3"),
        ({"epochs": 0}, "epochs: 0"),
        ({"batch": 1}, "batch: 1"),
        ({"seed": -1}, "seed: -1"),
        ({"max_pulses": 16}, "at most 15"),
        ({"burst": 0}, "burst: 0"),
        ({"tau": 0.0}, "tau: 0.0"),
        ({"eta": float("nan")}, "eta: nan"),
        ({"pulse": True}, "pulse: True"),
        ({"norm_rate": None}, "norm_rate"),
        ({"check": "yes"}, "check: 'yes'"),
        ({"synapse": "analog", "check": True}, "no bit to check"),
        ({"beta_set": 1.0, "check": True}, "progressive SET"),
        ({"model": "arxiv2107", "beta": 2.0}, "beta: 2.0 is not for model arxiv2107"),
        ({"model": "ideal", "eta": 0.1}, "eta: 0.1 is not for model ideal"),
        ({"model": "fit.json", "pulse": 0.1}, "pulse: 0.1 is not for model fit.json"),
        ({"model": "arxiv2107", "v_reset_v": 1.2}, "v_reset_v"),
        ({"imperfections": ("rtn",)}, "imperfections: model iedm2019 has none"),
        ({"model": "arxiv2107", "imperfections": ("white",)}, "imperfections: 'white'"),
        ({"read_where": "vdd_v=0.6"}, "read_where"),
        ({"read_model": "m.json", "read_noise": 0.1}, "read_offset, read_noise"),
        ({"read_model": "m.json", "model": "ideal"}, "read_model: devices of model ideal"),
    ],
)
def test_bad_settings_say_what_is_wrong(fields, message):
    with pytest.raises(InputError, match=re.escape(message)):
        LearnSettings(**fields)


def test_an_unknown_field_is_refused():
    with pytest.raises(InputError, match="'temperature' is unknown"):
        LearnSettings.from_dict({"temperature": 3})


def test_fields_are_read_from_text():
    found = parse_fields(
        ["tau=2.5", "v_reset_v=1300mV", "pulse_width_s=1us", "imperfections=pink, rtn", "burst=4",
         "check=False", "read_model=a=b.json", "imperfections="][:7]
    )  # fmt: skip
    assert found == {
        "tau": 2.5, "v_reset_v": 1.3, "pulse_width_s": 1e-6, "imperfections": ("pink", "rtn"),
        "burst": 4, "check": False, "read_model": "a=b.json",
    }  # fmt: skip
    assert parse_fields(["imperfections="]) == {"imperfections": ()}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["tau"], "expected NAME=VALUE"),
        (["speed=3"], "expected NAME=VALUE"),
        (["seed=3"], "expected NAME=VALUE"),
        (["tau=2", "tau=3"], "given twice"),
        (["tau=high"], "tau"),
        (["burst=2.5"], "whole number"),
        (["v_reset_v=1.2A"], "v_reset_v"),
    ],
)
def test_bad_text_says_what_is_wrong(texts, message):
    with pytest.raises(InputError, match=message):
        parse_fields(texts, {"seed": "give --seed"})
