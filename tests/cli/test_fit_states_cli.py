"""``rramchar fit read-noise``, ``retention``, ``set-law``, ``reset-law`` and tails of states."""

import json

import numpy as np
import pandas as pd
import pytest

from rramchar.fitting import load_model
from rramchar.fitting.read_noise import draw_power_law


def tidy(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.fixture
def files(tmp_path):
    """Return one small drawn file for each command."""
    rng = np.random.default_rng(1)
    v = np.tile([1.5, 2.0, 2.5, 3.0], 60)
    device = np.repeat(np.arange(20), 12)
    noise = 10 ** (0.1 * rng.standard_normal(240))
    trace = 1e-5 * (1 + 0.01 * draw_power_law(1024, -1.0, rng))
    first = rng.uniform(5e-5, 1e-4, 300)
    times = np.repeat([0.0, 1.0, 100.0], 300)
    g = np.tile(first, 3) * (1 + 0.03 * (times > 0) * rng.standard_normal(900))
    return {
        "read-noise": tidy(
            tmp_path / "noise.csv", device=np.ones(1024, int), time_s=np.arange(1024) / 10,
            resistance_ohm=1 / trace,
        ),
        "retention": tidy(
            tmp_path / "retention.csv", device=np.tile(np.arange(300), 3), time_s=times,
            resistance_ohm=1 / g,
        ),
        "set-law": tidy(
            tmp_path / "set.csv", device=device, compliance_a=v * 1e-5,
            resistance_ohm=0.4 / (v * 1e-5) * noise,
        ),
        "reset-law": tidy(
            tmp_path / "reset.csv", device=device, v_reset_v=v,
            resistance_ohm=1e4 * 10 ** (0.8 * (v - 1.5)) * noise,
        ),
    }  # fmt: skip


EXPECTED = {
    "read-noise": "spectrum_slope",
    "retention": "sigma_1s_siemens",
    "set-law": "exponent_b",
    "reset-law": "slope_decade_per_v",
}


@pytest.mark.parametrize("command", EXPECTED)
def test_each_command_writes_its_model_and_figure(run_cli, files, tmp_path, command):
    model, figure = tmp_path / "model.json", tmp_path / "figure.png"
    code, out, err = run_cli(
        "fit", command, files[command], "-o", model, "--plot", figure, "--json"
    )
    assert code == 0, err
    document, loaded = json.loads(out), load_model(model)
    assert {k: document[k] for k in loaded.to_dict()} == json.loads(json.dumps(loaded.to_dict()))
    p = loaded.parameters[EXPECTED[command]]
    assert p.low < p.value < p.high
    assert document["converged"]
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert command in loaded.provenance["command"]


@pytest.mark.parametrize("command", EXPECTED)
def test_each_command_speaks_to_people(run_cli, files, command):
    code, out, _ = run_cli("fit", command, files[command])
    assert code == 0
    assert EXPECTED[command] in out
    assert "95 % interval" in out


BAD = [
    ("read-noise", ["--band", "5"], "--band: '5', expected LOW:HIGH"),
    ("read-noise", ["--band", "50:1"], "expected 0 < LOW < HIGH"),
    ("read-noise", ["--rate", "-1"], "expected a rate above 0 Hz"),
    ("read-noise", ["--band", "1:1.01"], "bins between 1 and 1.01 Hz, expected at least 8"),
    ("retention", ["--resamples", "5"], "resamples: 5, expected at least 100"),
    ("retention", ["--ranges", "-1"], "expected whole numbers from 0"),
    ("set-law", ["--limits", "3"], "--limits: '3', expected LOW:HIGH"),
    ("set-law", ["--against", "v_set_v"], "against: 'v_set_v', expected compliance_a or v_wl_v"),
    ("set-law", ["--limits", "1:2"], "no reading after SET with compliance_a in the limits"),
    ("reset-law", ["--shape", "curve"], "shape: 'curve', expected auto, line, onset"),
    ("reset-law", ["--stop", "100k"], "column sweep is missing"),
    ("reset-law", ["--plot", "none/x.png"], "does not exist; create it first"),
]


@pytest.mark.parametrize(("command", "arguments", "message"), BAD)
def test_bad_settings_are_one_line(run_cli, files, command, arguments, message):
    code, out, err = run_cli("fit", command, files[command], *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err


@pytest.mark.parametrize("command", EXPECTED)
def test_help_has_an_example(run_cli, command):
    code, out, _ = run_cli("fit", command, "--help")
    assert code == 0
    assert f"Example: rramchar fit {command}" in out


def test_what_the_data_cannot_determine_is_named_with_exit_code_1(run_cli, tmp_path):
    """Five temperatures with the same spread: no activation energy."""
    rng = np.random.default_rng(2)
    temperature = np.repeat([100.0, 150.0, 200.0, 250.0], 400)
    time = np.tile(np.repeat([0.0, 3600.0], 200), 4)
    g = 1e-4 + 1e-5 * rng.standard_normal(1600) * (time > 0)
    path = tidy(
        tmp_path / "flat.csv", device=np.tile(np.arange(200), 8), temperature_c=temperature,
        time_s=time, resistance_ohm=1 / g,
    )  # fmt: skip
    code, out, err = run_cli("fit", "retention", path)
    assert code == 1
    assert "do not determine activation_energy_ev" in err


def test_tails_of_the_states_and_their_figure(run_cli, tmp_path):
    rng = np.random.default_rng(3)
    device, cycle = (i.ravel() for i in np.indices((60, 20)))
    logs = 3.7 + 0.05 * rng.standard_t(2.5, size=1200)
    path = tidy(
        tmp_path / "tails.csv", device=device, cycle=cycle, state=np.repeat("lrs", 1200),
        resistance_ohm=10.0**logs,
    )  # fmt: skip
    figure = tmp_path / "tails.png"
    code, out, _ = run_cli("fit", "resistance", path, "--resamples", 100, "--plot", figure)
    assert code == 0
    assert "LRS: student_t (clustered BIC: lognormal" in out
    assert figure.exists()
    code, _, err = run_cli("fit", "resistance", path, "--model", "gamma")
    assert code == 2
    assert "model: 'gamma', expected auto, lognormal, student_t" in err
