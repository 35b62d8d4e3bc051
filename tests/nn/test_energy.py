"""Energies of networks: hand-computed totals, scaling identities, files of energies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.nn.energy import (
    EnergyModel,
    TrainingCounts,
    accelerator_energy,
    energy_model,
    inference_energy,
    total,
    training_energy,
)
from rramchar.nn.energy_devices import DeviceEnergies, DeviceEnergy, load_device_energies
from rramchar.nn.energy_table import Node, load_operations, node_at, scale_factor

NAMES = ("add8", "add16", "add32", "mult8", "full_adder", "sram_bit", "word_line_cell",
         "add_fp32", "mult_fp32")  # fmt: skip
nodes = st.builds(Node, st.floats(5e-9, 1e-6), st.floats(0.3, 5.0))


def simple_model(rows=32, **digital):
    """Return energies of 0 but for the given ones: with 1 J a total is a count."""
    energies = dict.fromkeys(NAMES, 0.0) | digital
    return EnergyModel(Node(28e-9, 0.9), 0.0, 0.0, 0.0, energies, rows)


def with_reads(**pulses):
    model = simple_model()
    return EnergyModel(**{**vars(model), **pulses})


class TestInference:
    SIZES = (5, 3, 2)  # 15 + 6 = 21 weights

    def test_every_weight_is_read_once(self):
        assert total(inference_energy(self.SIZES, with_reads(read_j=2.0))) == 42.0

    def test_eight_bit_pixels_are_added_and_signs_are_counted(self):
        adds = inference_energy(self.SIZES, simple_model(add16=1.0))["sums"]
        # 15 additions; per neuron a sum of one array and a threshold: (3 + 2) * 2
        assert adds == 15 + 10
        assert inference_energy(self.SIZES, simple_model(full_adder=1.0))["sums"] == 6
        both = inference_energy(self.SIZES, simple_model(full_adder=1.0), binary_input=True)
        assert both["sums"] == 21

    def test_arrays_of_fewer_rows_need_more_sums(self):
        # 5 inputs in arrays of 2 rows: 3 arrays; 3 inputs: 2
        found = inference_energy(self.SIZES, simple_model(rows=2, add16=1.0), binary_input=True)
        assert found["sums"] == 3 * (3 + 1) + 2 * (2 + 1)

    def test_buffers_hold_pixels_signs_and_scores(self):
        # 8-bit pixels and signs are written and read, two scores of 16 bits are written
        found = inference_energy(self.SIZES, simple_model(sram_bit=1.0))
        assert found["buffers"] == 2 * (5 * 8 + 3) + 2 * 16

    def test_sizes_that_are_no_network_are_refused(self):
        with pytest.raises(InputError, match="sizes: .*pixels first"):
            inference_energy((784,), simple_model())
        with pytest.raises(InputError, match="sizes"):
            inference_energy((784, 0, 10), simple_model())


class TestAccelerator:
    SIZES = (5, 3, 2)

    def test_a_weight_is_eight_reads_a_product_and_a_sum(self):
        assert total(accelerator_energy(self.SIZES, with_reads(read_j=1.0))) == 8 * 21
        # and one more product and sum for each of 5 neurons
        assert accelerator_energy(self.SIZES, simple_model(mult8=1.0))["products"] == 26
        assert accelerator_energy(self.SIZES, simple_model(add32=1.0))["sums"] == 26

    def test_activations_have_eight_bits(self):
        found = accelerator_energy(self.SIZES, simple_model(sram_bit=1.0))
        assert found["buffers"] == 2 * 8 * (5 + 3) + 2 * 16


class TestTraining:
    SIZES = (5, 3, 2)
    COUNTS = TrainingCounts(images=100, steps=10, weak_resets=7, sets=4, check_reads=14)

    def test_pulses(self):
        found = training_energy(self.SIZES, self.COUNTS, with_reads(weak_reset_j=3.0, set_j=5.0))
        assert found["weak RESET"] == 21.0
        assert found["SET"] == 20.0
        assert total(found) == 41.0

    def test_reads_of_both_passes_and_of_the_check(self):
        found = training_energy(self.SIZES, self.COUNTS, with_reads(read_j=1.0))
        # forward 21, backward through the 6 weights above the first layer
        assert found["reads"] == 100 * (21 + 6) + 14

    def test_gradients_and_rule(self):
        found = training_energy(self.SIZES, self.COUNTS, simple_model(mult8=1.0))
        assert found["gradients"] == 100 * 15
        assert found["rule"] == 10 * 21  # squares for the root mean square of the threshold
        found = training_energy(self.SIZES, self.COUNTS, simple_model(add16=1.0))
        assert found["gradients"] == 100 * 6
        assert found["backward sums"] == 100 * 6
        assert found["rule"] == 10 * 21

    def test_adam_moves_two_moments_through_memory(self):
        model = simple_model(sram_bit=1.0)
        plain = training_energy(self.SIZES, self.COUNTS, model)
        adam = training_energy(self.SIZES, self.COUNTS, model, rule="adam")
        assert adam["rule"] - plain["rule"] == 10 * 21 * 2 * 64
        assert {k: v for k, v in adam.items() if k != "rule"} == {
            k: v for k, v in plain.items() if k != "rule"
        }

    def test_what_cannot_be_is_refused(self):
        with pytest.raises(InputError, match="weak_resets: -1"):
            TrainingCounts(1, 1, -1, 0, 0)
        with pytest.raises(InputError, match="rule: 'sgd'"):
            training_energy(self.SIZES, self.COUNTS, simple_model(), rule="sgd")


class TestScaling:
    @given(nodes, st.floats(0, 2))
    def test_a_node_scales_to_itself_by_one(self, node, exponent):
        assert scale_factor(node, node, exponent) == 1.0

    @given(nodes, nodes, nodes, st.floats(0, 2))
    def test_steps_multiply(self, a, b, c, exponent):
        direct = scale_factor(a, c, exponent)
        assert scale_factor(a, b, exponent) * scale_factor(b, c, exponent) == pytest.approx(direct)

    @given(nodes, nodes, st.floats(0, 2))
    def test_there_and_back(self, a, b, exponent):
        back = scale_factor(a, b, exponent) * scale_factor(b, a, exponent)
        assert back == pytest.approx(1.0)

    def test_capacitance_and_supply(self):
        old = Node(100e-9, 1.0)
        assert scale_factor(old, Node(50e-9, 1.0)) == pytest.approx(0.5)
        assert scale_factor(old, Node(100e-9, 0.5)) == pytest.approx(0.25)
        assert scale_factor(old, Node(50e-9, 0.5), exponent=0) == pytest.approx(0.25)

    def test_nominal_supplies_fall_with_the_size(self):
        assert node_at(130e-9).vdd_v == pytest.approx(1.2)
        sizes = [22e-9, 25e-9, 28e-9, 40e-9, 45e-9, 100e-9, 130e-9, 180e-9]
        supplies = [node_at(size).vdd_v for size in sizes]
        assert supplies == sorted(supplies)

    def test_a_size_outside_the_table_needs_a_supply(self):
        with pytest.raises(InputError, match="node: 7e-09 m has no nominal supply"):
            node_at(7e-9)
        assert node_at(7e-9, 0.7) == Node(7e-9, 0.7)

    @given(nodes, st.floats(0, 2))
    def test_pulses_do_not_scale_and_all_else_does(self, node, exponent):
        devices, operations = load_device_energies(), load_operations()
        model = energy_model(devices, operations, node, exponent=exponent)
        assert model.set_j == devices.set.energy_j
        assert model.weak_reset_j == devices.weak_reset.energy_j
        factor = scale_factor(devices.node, node, exponent)
        assert model.read_j == pytest.approx(devices.read.energy_j * factor)


class TestOperationTable:
    def test_every_shipped_number_has_a_source_and_a_node(self):
        operations = load_operations().operations
        assert set(NAMES) <= set(operations)
        for operation in operations.values():
            assert operation.source
            assert operation.estimate or "ISSCC 2014" in operation.source

    def test_derived_numbers_follow_from_the_published_ones(self):
        at = {name: o.energy_j for name, o in load_operations().operations.items()}
        assert at["full_adder"] == pytest.approx(at["add8"] / 8)
        assert at["sram_bit"] == pytest.approx(at["sram_8kb_64bit"] / 64)
        line = at["add8"] + (16 - 8) / (32 - 8) * (at["add32"] - at["add8"])
        assert at["add16"] == pytest.approx(line, rel=1e-3)

    def test_a_file_of_ones_own_replaces_and_joins(self, tmp_path):
        own = tmp_path / "own.toml"
        own.write_text(
            '[mine]\nsource = "measured"\nnode_m = 28e-9\nvdd_v = 0.8\n'
            "[mine.energy_j]\nadd8 = 1e-15\nadc8 = 2e-12\n"
        )
        operations = load_operations(own).operations
        assert operations["add8"].energy_j == 1e-15
        assert operations["adc8"].origin == Node(28e-9, 0.8)
        assert operations["mult8"] == load_operations().operations["mult8"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[a]\nnode_m=1e-8\nvdd_v=1\n[a.energy_j]\nx=1e-12", "source"),
            ('[a]\nsource="s"\nvdd_v=1\n[a.energy_j]\nx=1e-12', "node_m: None"),
            ('[a]\nsource="s"\nnode_m=1e-8\nvdd_v=1', "energy_j"),
            ('[a]\nsource="s"\nnode_m=1e-8\nvdd_v=1\n[a.energy_j]\nx=-1', "energy_j.x: -1"),
            (
                '[a]\nsource="s"\nnode_m=1e-8\nvdd_v=1\nyear=3\n[a.energy_j]\nx=1',
                "'year' is unknown",
            ),
            ("a = 3", "expected a table"),
        ],
    )
    def test_a_faulty_file_is_refused_by_name(self, tmp_path, text, message):
        own = tmp_path / "own.toml"
        own.write_text(text)
        with pytest.raises(InputError, match=message) as caught:
            load_operations(own)
        assert "own.toml" in str(caught.value)


class TestDeviceEnergies:
    def test_round_trip(self, tmp_path):
        one = DeviceEnergy.of([1e-13, 3e-13], "two reads")
        energies = DeviceEnergies(Node(65e-9, 1.0), one, one, one, {"seed": 1})
        energies.save(tmp_path / "e.json")
        assert load_device_energies(tmp_path / "e.json") == energies

    @given(st.lists(st.floats(1e-18, 1e-6), min_size=1, max_size=20))
    def test_the_mean_lies_between_the_ends(self, values):
        found = DeviceEnergy.of(values, "cases")
        assert found.low_j <= found.energy_j <= found.high_j

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": "else"}, "rramchar device energies"),
            ({"version": 9}, "version: 9"),
            ({"node_m": -1}, "node_m: -1"),
            ({"operations": {}}, "operations.read"),
            ({"operations": None}, "operations: expected"),
        ],
    )
    def test_a_faulty_file_is_refused_by_name(self, tmp_path, change, message):
        load_device_energies().save(tmp_path / "e.json")
        document = json.loads((tmp_path / "e.json").read_text()) | change
        (tmp_path / "e.json").write_text(json.dumps(document))
        with pytest.raises(InputError, match=message) as caught:
            load_device_energies(tmp_path / "e.json")
        assert "e.json" in str(caught.value)

    def test_a_missing_file_says_how_to_make_one(self, tmp_path):
        with pytest.raises(InputError, match="rramchar energies -o FILE"):
            load_device_energies(tmp_path / "none.json")

    def test_energies_in_the_wrong_order_are_refused(self):
        with pytest.raises(InputError, match="low_j <= energy_j <= high_j"):
            DeviceEnergy(1e-12, 2e-12, 3e-12, "cases")


def test_the_published_network_takes_the_published_order_of_magnitude():
    """IEDM 2019: 25 nJ per digit for 784-1024-10 at 28 nm; nothing here was fitted to it."""
    model = energy_model(load_device_energies(), load_operations(), node_at(28e-9))
    ours = total(inference_energy((784, 1024, 10), model))
    assert 25e-9 / 3 < ours < 25e-9 * 3
