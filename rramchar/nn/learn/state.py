"""A network in the array while it learns: layers of synapses with digital batch normalizations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.batchnorm import EPSILON, Normalization, normalize, normalize_backward
from rramchar.nn.dataset import Dataset
from rramchar.nn.learn.devices import Floats
from rramchar.nn.learn.devices_build import device_model
from rramchar.nn.learn.rules import Moments, Rule, build_rule
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.synapses import Programmed, SynapseArray
from rramchar.nn.network import InputEncoding
from rramchar.provenance import digest_json

_NEW, _EPOCH = 0, 1  # spawn keys of the seed


class LearningLayer:
    """Synapses, their rule, and the normalization of their sums.

    Parameters
    ----------
    synapses : SynapseArray
        The weights.
    rule : Rule
        From gradients to pulses.
    norm_rate : float
        Learning rate of gamma and beta, at the rule's pace 1. [1]

    Attributes
    ----------
    gamma, beta : array of float32, shape (output,)
        Scale and shift of the normalization.
    mean, std : array of float64, shape (output,)
        Its statistics over training images, as of the end of the last epoch.
    """

    def __init__(self, synapses: SynapseArray, rule: Rule, norm_rate: float) -> None:
        self.synapses = synapses
        self.rule = rule
        self._rate = np.float32(norm_rate)
        outputs = synapses.weights.shape[0]
        self.gamma = np.ones(outputs, dtype=np.float32)
        self.beta = np.zeros(outputs, dtype=np.float32)
        self.mean = np.zeros(outputs)
        self.std = np.ones(outputs)
        self._moments = Moments(outputs), Moments(outputs)
        self._gradient = np.empty_like(synapses.weights)
        self._kept: tuple[Floats, Floats, Floats] | None = None

    @property
    def norm(self) -> Normalization:
        """The normalization with its fixed statistics."""
        return Normalization(self.gamma.astype(float), self.beta.astype(float), self.mean, self.std)

    def forward(self, values: Floats) -> Floats:
        """Return the normalized and scaled sums of a batch, shape (image, output)."""
        normalized, inverse = normalize(values @ self.synapses.weights.T)
        self._kept = (values, normalized, inverse)
        result = normalized * self.gamma
        result += self.beta
        return np.asarray(result)

    def backward(self, gradient: Floats, *, wanted: bool) -> tuple[Floats | None, Programmed]:
        """Program the layer after `forward`; return its input's gradient if wanted, and pulses."""
        assert self._kept is not None
        values, normalized, inverse = self._kept
        self._kept = None
        gradient, d_gamma, d_beta = normalize_backward(gradient, normalized, inverse, self.gamma)
        np.matmul(gradient.T, values, out=self._gradient)
        below = gradient @ self.synapses.weights if wanted else None
        asked = self.rule.pulses(self._gradient)
        done = self.synapses.program(asked.up, asked.down, asked.up_counts, asked.down_counts)
        for moments, slope, parameter in zip(
            self._moments, (d_gamma, d_beta), (self.gamma, self.beta), strict=True
        ):
            moments.steps += 1
            moments.update(slope)
            parameter -= self._rate * np.float32(self.rule.pace) * moments.step()
        return below, done

    def set_statistics(self, sums: Floats) -> None:
        """Fix the normalization's statistics to those of sums, shape (image, output)."""
        self.mean = sums.mean(axis=0, dtype=np.float64)
        self.std = np.sqrt(sums.var(axis=0, dtype=np.float64) + EPSILON)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return all arrays that learning changes; not copies."""
        found = {name: getattr(self, name) for name in ("gamma", "beta", "mean", "std")}
        found |= {f"synapses_{k}": v for k, v in self.synapses.state_dict().items()}
        found |= {f"rule_{k}": v for k, v in self.rule.state_dict().items()}
        for name, moments in zip(("gamma", "beta"), self._moments, strict=True):
            found |= {f"{name}_{k}": v for k, v in moments.state_dict().items()}
        return found

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`."""
        for name in ("gamma", "beta", "mean", "std"):
            setattr(self, name, state[name].copy())
        self.synapses.load_state(_part(state, "synapses_"))
        self.rule.load_state(_part(state, "rule_"))
        for name, moments in zip(("gamma", "beta"), self._moments, strict=True):
            moments.load_state(_part(state, f"{name}_"))


class LearnState:
    """A network in the array: all that a run continues from.

    Parameters
    ----------
    settings : LearnSettings
        Of its devices and rules.
    pixels, classes, maximum : int
        Of the images it takes.

    Attributes
    ----------
    layers : list of LearningLayer
        From input to output.
    epoch : int
        Epochs learned so far, over all data sets.
    scheduled : int
        Those of them that belong to the schedule under way.
    history : list of dict
        Rows of these epochs, see `rramchar.nn.learn.run.learn`.
    model_digest : str
        Of the device model's content, so that a changed file is noticed.
    """

    def __init__(self, settings: LearnSettings, pixels: int, classes: int, maximum: int) -> None:
        self.settings = settings.resolved()
        self.sizes = (pixels, *settings.hidden, classes)
        self.maximum = maximum
        self.epoch = self.scheduled = 0
        self.history: list[dict[str, Any]] = []
        model = device_model(self.settings)
        self.model_digest = digest_json(None if model is None else model.to_dict())
        level = (maximum + 1) // 2 if settings.encoding == "sign" else None
        self.encoding = InputEncoding(settings.encoding, maximum, level)
        seeds = self._seed(_NEW).spawn(len(self.sizes) - 1)
        self.layers = []
        for inputs, outputs, seed in zip(self.sizes, self.sizes[1:], seeds, strict=False):
            synapses = SynapseArray(self.settings, model, (outputs, inputs), seed)
            rule = build_rule(self.settings, inputs * outputs, np.random.default_rng(0))
            self.layers.append(LearningLayer(synapses, rule, self.settings.norm_rate))

    @classmethod
    def new(cls, settings: LearnSettings, dataset: Dataset) -> LearnState:
        """Return a network of fresh devices for the images of a data set."""
        return cls(settings, dataset.pixels, dataset.classes, dataset.maximum)

    def _seed(self, *key: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.settings.seed, spawn_key=key)

    def start_epoch(self) -> np.random.Generator:
        """Give every part its generator of the coming epoch; return that of the shuffling.

        An epoch's draws depend on the seed and its number alone, so a run that was interrupted goes
        on as if it had not been.
        """
        shuffling, *seeds = self._seed(_EPOCH, self.epoch).spawn(len(self.layers) + 1)
        for layer, seed in zip(self.layers, seeds, strict=True):
            devices, rounding = seed.spawn(2)
            layer.synapses.reseed(devices)
            layer.rule.rng = np.random.default_rng(rounding)
        return np.random.default_rng(shuffling)

    def set_pace(self, share: float) -> None:
        """Set how often pulses are sent, for the share of the schedule that is over. [1]."""
        falling = self.settings.schedule == "cosine"
        pace = (1 + math.cos(math.pi * share)) / 2 if falling else 1.0
        for layer in self.layers:
            layer.rule.pace = pace

    def check_dataset(self, dataset: Dataset) -> None:
        """Refuse images or labels that the network cannot take.

        Raises
        ------
        InputError
            If size, largest pixel or number of classes differ, or a batch has more images than
            there are.
        """
        if self.settings.batch > len(dataset.train_images):
            raise InputError(
                f"batch: {self.settings.batch}, expected at most {len(dataset.train_images)}, the "
                "number of training images"
            )
        found = dataset.pixels, dataset.classes, dataset.maximum
        expected = self.sizes[0], self.sizes[-1], self.maximum
        if found != expected:
            raise InputError(
                f"data set {dataset.name}: {found[0]} pixels up to {found[2]} in {found[1]} "
                f"classes, but the network takes {expected[0]} pixels up to {expected[2]} in "
                f"{expected[1]} classes; use data of the kind it has learned"
            )


def _part(state: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
