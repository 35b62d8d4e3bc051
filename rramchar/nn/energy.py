"""What a recognition and a training take, by component, for the arrays of this package.

Everything is counted, nothing is fitted: so many reads, additions and buffered bits, times what
each takes at a stated node. `docs/energy.md` has the counts as a table, and what is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rramchar.errors import InputError
from rramchar.nn.energy_devices import DeviceEnergies
from rramchar.nn.energy_table import Node, OperationTable, scale_factor

Breakdown = dict[str, float]
RULES = ("threshold", "adam")
_SUM_BITS = 16  # sums of a layer, gradients and errors of neurons
_PIXEL_BITS = 8


@dataclass(frozen=True)
class EnergyModel:
    """Energies at one node.

    Parameters
    ----------
    node : Node
        Where everything is evaluated.
    read_j : float
        One read of a pair, at the node. [J]
    set_j, weak_reset_j : float
        One pulse on one device. They do not scale: voltages, currents and times belong to the
        device, not to the transistors. [J]
    digital_j : dict of str to float
        Digital operations at the node, see `rramchar.nn.energy_table`. [J]
    rows : int
        Rows of one array: sums over more inputs than that are added up from several arrays.
    """

    node: Node
    read_j: float
    set_j: float
    weak_reset_j: float
    digital_j: dict[str, float]
    rows: int = 32

    def __post_init__(self) -> None:
        """Check the fields."""
        if isinstance(self.rows, bool) or not isinstance(self.rows, int) or self.rows < 1:
            raise InputError(f"rows: {self.rows!r}, expected a whole number of at least 1")
        needed = ("add8", "add16", "add32", "mult8", "full_adder", "sram_bit", "word_line_cell",
                  "add_fp32", "mult_fp32")  # fmt: skip
        for name in needed:
            if name not in self.digital_j:
                raise InputError(f"operation energies: no {name!r}, which the count needs")


def energy_model(
    devices: DeviceEnergies,
    operations: OperationTable,
    node: Node,
    *,
    exponent: float = 1.0,
    rows: int = 32,
) -> EnergyModel:
    """Bring measured and published energies to one node.

    Parameters
    ----------
    devices : DeviceEnergies
        Reads and pulses at their node. The read scales as logic does; pulses do not.
    operations : OperationTable
        Digital operations at theirs.
    node : Node
        The node to go to.
    exponent : float
        Of `rramchar.nn.energy_table.scale_factor`. [1]
    rows : int
        Rows of one array.

    Returns
    -------
    EnergyModel
        At `node`.
    """
    return EnergyModel(
        node=node,
        read_j=devices.read.energy_j * scale_factor(devices.node, node, exponent),
        set_j=devices.set.energy_j,
        weak_reset_j=devices.weak_reset.energy_j,
        digital_j=operations.at(node, exponent),
        rows=rows,
    )


def inference_energy(
    sizes: Sequence[int], model: EnergyModel, *, binary_input: bool = False
) -> Breakdown:
    """Return what the recognition of one image takes in a binarized network.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer, the pixels first, such as (784, 1024, 10).
    model : EnergyModel
        Energies.
    binary_input : bool
        Whether pixels enter as signs. Else they have 8 bits, and the first layer adds or subtracts
        a pixel for each weight instead of counting bits.

    Returns
    -------
    dict of str to float
        ``reads`` (sense amplifiers with XNOR), ``word lines``, ``sums`` (population counts, sums,
        thresholds) and ``buffers`` (activations written once and read once). [J]
    """
    e = model.digital_j
    found = dict.fromkeys(("reads", "word lines", "sums", "buffers"), 0.0)
    for layer, (inputs, outputs) in enumerate(_layers(sizes)):
        weights = inputs * outputs
        bits = _PIXEL_BITS if layer == 0 and not binary_input else 1
        found["reads"] += weights * model.read_j
        found["word lines"] += weights * e["word_line_cell"]
        found["sums"] += weights * e["full_adder" if bits == 1 else "add16"]
        arrays = -(-inputs // model.rows)
        found["sums"] += outputs * (arrays + 1) * e["add16"]  # their sums together, a threshold
        found["buffers"] += 2 * inputs * bits * e["sram_bit"]
    found["buffers"] += sizes[-1] * _SUM_BITS * e["sram_bit"]
    return found


def accelerator_energy(sizes: Sequence[int], model: EnergyModel) -> Breakdown:
    """Return what one image takes in an in-memory accelerator of 8-bit weights and activations.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer, the pixels first.
    model : EnergyModel
        Energies.

    Returns
    -------
    dict of str to float
        Components as in `inference_energy`, and ``products``. A weight is 8 pairs in the same
        arrays, so 8 reads; then an 8-bit product and a 32-bit sum; per neuron one more product and
        sum (scale and offset); activations of 8 bits are written once and read once. [J]
    """
    e = model.digital_j
    found = dict.fromkeys(("reads", "word lines", "products", "sums", "buffers"), 0.0)
    for inputs, outputs in _layers(sizes):
        weights = inputs * outputs
        found["reads"] += 8 * weights * model.read_j
        found["word lines"] += 8 * weights * e["word_line_cell"]
        found["products"] += (weights + outputs) * e["mult8"]
        found["sums"] += (weights + outputs) * e["add32"]
        found["buffers"] += 2 * inputs * 8 * e["sram_bit"]
    found["buffers"] += sizes[-1] * _SUM_BITS * e["sram_bit"]
    return found


@dataclass(frozen=True)
class TrainingCounts:
    """What a training did, as it was counted.

    Parameters
    ----------
    images : float
        Images shown, over all epochs.
    steps : float
        Updates, one per batch.
    weak_resets, sets : float
        Pulses over all devices.
    check_reads : float
        Reads of the check before and after pulses; 0 without it.
    """

    images: float
    steps: float
    weak_resets: float
    sets: float
    check_reads: float

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, value in vars(self).items():
            if not 0 <= value < float("inf"):
                raise InputError(f"{name}: {value!r}, expected a finite number of at least 0")


def training_energy(
    sizes: Sequence[int],
    counts: TrainingCounts,
    model: EnergyModel,
    *,
    binary_input: bool = False,
    rule: str = "threshold",
) -> Breakdown:
    """Return what a whole training on the chip takes.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer, the pixels first.
    counts : TrainingCounts
        What was done.
    model : EnergyModel
        Energies.
    binary_input : bool
        See `inference_energy`.
    rule : str
        ``threshold``: per weight and update a product and a sum for the root mean square (8 bits
        are enough for it), and one comparison. ``adam``: two moments of 32 bits per weight, read,
        changed and written with each update.

    Returns
    -------
    dict of str to float
        ``weak RESET``, ``SET``; ``reads`` of forward pass, backward pass and check with their word
        lines; ``forward sums``; ``backward sums`` (errors through the weights); ``gradients`` (a
        product per weight and image, added up in a register at the weight's place); ``rule``;
        ``buffers``. [J]

    Raises
    ------
    InputError
        If the rule is unknown.
    """
    if rule not in RULES:
        raise InputError(f"rule: {rule!r}, expected one of {', '.join(RULES)}")
    e = model.digital_j
    one = inference_energy(sizes, model, binary_input=binary_input)
    weights = [inputs * outputs for inputs, outputs in _layers(sizes)]
    above = sum(weights[1:])  # what errors go back through
    reads = counts.images * (sum(weights) + above) + counts.check_reads
    # A binary activation adds or subtracts the error; an 8-bit pixel multiplies it.
    first = e["add16"] if binary_input else e["mult8"] + e["add32"]
    update = e["add16"]
    if rule == "threshold":
        update += e["mult8"] + e["add32"]
    else:
        update += 2 * 64 * e["sram_bit"] + 6 * e["mult_fp32"] + 4 * e["add_fp32"]
    neurons = sum(sizes[1:])
    return {
        "weak RESET": counts.weak_resets * model.weak_reset_j,
        "SET": counts.sets * model.set_j,
        "reads": reads * (model.read_j + e["word_line_cell"]),
        "forward sums": counts.images * one["sums"],
        "backward sums": counts.images * above * e["add16"],
        "gradients": counts.images * (weights[0] * first + above * e["add16"]),
        "rule": counts.steps * sum(weights) * update,
        # Sums and errors of all neurons wait for the backward pass.
        "buffers": counts.images * (one["buffers"] + 4 * neurons * _SUM_BITS * e["sram_bit"]),
    }


def total(breakdown: Breakdown) -> float:
    """Return the sum of all components. [J]"""
    return sum(breakdown.values())


def _layers(sizes: Sequence[int]) -> list[tuple[int, int]]:
    if len(sizes) < 2 or any(isinstance(n, bool) or int(n) != n or n < 1 for n in sizes):
        raise InputError(
            f"sizes: {list(sizes)}, expected at least two whole numbers of at least 1, the pixels "
            "first"
        )
    return [(int(a), int(b)) for a, b in zip(sizes, sizes[1:], strict=False)]
