"""Energies of reads and pulses on real ngspice: the shipped file, its physics, its refusals."""

import json

import pytest

from rramchar.characterize.energies import EnergyCases, measure_energies
from rramchar.errors import InputError, SimulationError
from rramchar.nn.energy_devices import DeviceEnergy, load_device_energies
from rramchar.technology import Condition
from rramchar.testbench import ReadParameters

CONDITION = Condition("tt", 27.0, 1.2)
READS = ReadParameters(amplifier="xnor_pcsa", sample_time_s=10e-9)


@pytest.fixture(scope="module")
def measured(generic130):
    steps = []
    found = measure_energies(
        "generic130",
        generic130,
        CONDITION,
        READS,
        EnergyCases(),
        workers=1,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(k, 5) for k in range(6)]
    return found


def test_the_shipped_file_is_what_the_testbenches_give(measured):
    shipped = load_device_energies()
    assert shipped.node.node_m == pytest.approx(130e-9)
    for name, case in measured.items():
        found, kept = DeviceEnergy.of(case.energies_j, case.how), getattr(shipped, name)
        assert found.how == kept.how
        for field in ("energy_j", "low_j", "high_j"):
            assert getattr(found, field) == pytest.approx(getattr(kept, field), rel=0.01)


def test_pulses_take_about_voltage_squared_over_resistance(measured):
    # The first weak RESET: 1.2 V over 7 kohm for 100 ns, less what the transistor limits; the
    # resistance then rises, and the energy falls with it.
    energies = measured["weak_reset"].energies_j
    assert 0.6 < energies[0] / (1.2**2 / 7e3 * 100e-9) < 1.1
    assert list(energies) == sorted(energies, reverse=True)
    assert len(energies) == EnergyCases().weak_pulses
    # A SET: 2 V for 1 us at the current that the word line allows, 0.1 to 0.3 mA.
    assert all(2.0 * 1e-6 * 0.1e-3 < e < 2.0 * 1e-6 * 0.3e-3 for e in measured["set"].energies_j)


def test_a_read_charges_the_bit_lines(measured, generic130):
    # Two bit lines of 80 fF, of which each read discharges and charges at most 2 C V^2.
    energies = measured["read"].energies_j
    assert len(energies) == 4  # both ways round, both inputs
    assert all(0.3 < e / (2 * 80e-15 * 1.2**2) < 1.3 for e in energies)


def test_a_read_that_cannot_decide_has_no_energy(generic130):
    slow = ReadParameters(amplifier="xnor_pcsa", sample_time_s=10e-12)
    with pytest.raises(SimulationError, match="wrong_read.*7000 ohm"):
        measure_energies("generic130", generic130, CONDITION, slow, EnergyCases(), workers=1)


def test_cases_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="r_low_ohm: 20000 ohm, expected below"):
        EnergyCases(r_low_ohm=20e3)
    with pytest.raises(InputError, match="set_from_ohm: none"):
        EnergyCases(set_from_ohm=())


def test_the_command_writes_a_file_that_loads(run_cli, tmp_path):
    out = tmp_path / "e.json"
    arguments = ("--weak-pulses", "2", "--set-from", "20k", "--set", "c_bl_f=30f", "--workers", "1")
    code, stdout, _ = run_cli("energies", "-o", out, *arguments, "--json")
    assert code == 0
    document = json.loads(stdout)
    energies = load_device_energies(out)
    assert document["read"]["energy_j"] == energies.read.energy_j
    assert energies.read.energy_j < load_device_energies().read.energy_j  # smaller bit lines
    assert energies.provenance["command"] == "rramchar energies"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--lrs", "30k"), "--lrs 30k: expected below --hrs 20k"),
        (("--set-from", "10k,x"), "--set-from"),
        (("--weak-voltage", "-1"), "--weak-voltage -1: expected a number above 0"),
        (("--technology", "none"), "none"),
    ],
)
def test_the_command_refuses_in_one_line(run_cli, tmp_path, arguments, message):
    code, _, stderr = run_cli("energies", "-o", tmp_path / "e.json", *arguments)
    assert code == 2
    assert message in stderr
    assert "Traceback" not in stderr
