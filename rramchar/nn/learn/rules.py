"""From gradients to pulses: which synapses are raised, which lowered, and by how many pulses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.learn.devices import Counts, Floats, Indices
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.optimizer import BLOCK

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
LAST_TAU = 3.0
"""The threshold rises to this many times its first value along a schedule. [1]"""
_ULP = np.float32(2.0**-16)


@dataclass(frozen=True, eq=False)
class Pulses:
    """What a rule asks for; no synapse stands twice.

    Parameters
    ----------
    up, down : array of integers
        Flat indices of the synapses to raise and to lower.
    up_counts, down_counts : array of integers or None
        Pulses for each; None: one.
    """

    up: Indices
    down: Indices
    up_counts: Counts | None = None
    down_counts: Counts | None = None


class Rule(Protocol):
    """A rule of one weight matrix.

    Attributes
    ----------
    rng : numpy.random.Generator
        Of the rounding.
    pace : float
        From 1 to 0 over a schedule: how often pulses are sent. [1]
    """

    rng: np.random.Generator
    pace: float

    def pulses(self, gradient: Floats) -> Pulses:
        """Return the pulses for a gradient, which may be overwritten."""
        ...

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return what the rule remembers."""
        ...

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`."""
        ...


class ThresholdRule:
    """One pulse where the gradient exceeds `tau` times its root mean square; no memory.

    Parameters
    ----------
    tau : float
        Threshold at pace 1; at pace 0 it is `LAST_TAU` times as high. [1]
    burst : int
        Pulses of an update. [pulse]
    """

    def __init__(self, tau: float, burst: int = 1) -> None:
        self.rng = np.random.default_rng(0)  # never drawn from
        self._burst = burst
        self.pace = 1.0
        self._tau = tau

    def pulses(self, gradient: Floats) -> Pulses:
        """Return the pulses; see `Rule`."""
        flat = gradient.reshape(-1)
        tau = self._tau * (LAST_TAU + (1 - LAST_TAU) * self.pace)
        limit = np.float32(tau * math.sqrt(float(flat @ flat) / flat.size))
        up, down = np.flatnonzero(flat < -limit), np.flatnonzero(flat > limit)
        if self._burst == 1:
            return Pulses(up, down)
        return Pulses(up, down, *(np.full(len(at), self._burst, np.int32) for at in (up, down)))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return nothing; see `Rule`."""
        return {}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over nothing; see `Rule`."""


class Moments:
    """The two moments of Adam (Kingma and Ba, arXiv:1412.6980), without the step.

    Parameters
    ----------
    size : int
        Number of parameters.
    """

    def __init__(self, size: int) -> None:
        self.first = np.zeros(size, dtype=np.float32)
        self.second = np.zeros(size, dtype=np.float32)
        self.steps = np.zeros(1, dtype=np.int64)

    def update(self, gradient: Floats, part: slice = slice(None)) -> None:
        """Take in the gradient of a part of the parameters; it is overwritten."""
        first, second = self.first[part], self.second[part]
        first *= np.float32(BETA1)
        second *= np.float32(BETA2)
        # The factors 1 - beta are left to `step`: two passes less.
        first += gradient
        np.multiply(gradient, gradient, out=gradient)
        second += gradient

    def step(
        self, part: slice = slice(None), rate: float = 1.0, out: Floats | None = None
    ) -> Floats:
        """Return ``rate m / (sqrt(v) + epsilon)`` of a part, corrected for the start of `steps`."""
        count = int(self.steps[0])
        root = math.sqrt((1 - BETA2) / (1 - BETA2**count))
        size = np.float32(rate * (1 - BETA1) / (1 - BETA1**count) / root)
        result = np.sqrt(self.second[part], out=out)
        result += np.float32(EPSILON / root)
        np.divide(self.first[part], result, out=result)
        result *= size
        return result

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `update` changes."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the arrays of `state_dict`."""
        self.first, self.second = state["first"].copy(), state["second"].copy()
        self.steps = state["steps"].copy()


class AdamRule:
    """Adam's step as a number of pulses, rounded up or down at random so that the mean is right.

    The random numbers have 16 bits: a mean number of pulses is right to 1.5e-5.

    Parameters
    ----------
    size : int
        Number of synapses.
    rate : float
        Pulses for a step of size one, at pace 1. [pulse]
    most : int
        Most pulses of a synapse in a step. [pulse]
    rng : numpy.random.Generator
        Of the rounding.
    """

    def __init__(self, size: int, rate: float, most: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.pace = 1.0
        self._rate = rate
        self._most = np.float32(most)
        self._moments = Moments(size)
        self._scratch = np.empty(min(size, BLOCK), dtype=np.float32)

    def pulses(self, gradient: Floats) -> Pulses:
        """Return the pulses; see `Rule`. The gradient is overwritten by the steps."""
        flat = gradient.reshape(-1)
        moments = self._moments
        moments.steps += 1
        raw = np.asarray(self.rng.bit_generator.random_raw(flat.size // 4 + 1))
        uniform = raw.view(np.uint16)[: flat.size]  # four numbers of 16 bits in each
        found, counts = [], []
        for start in range(0, flat.size, BLOCK):  # every pass finds its block in the cache
            part = slice(start, start + BLOCK)
            step = flat[part]
            moments.update(step, part)
            moments.step(part, self._rate * self.pace, out=step)
            total = np.multiply(uniform[part], _ULP, out=self._scratch[: len(step)])
            total += np.abs(step)
            hit = np.flatnonzero(total >= 1)
            found.append(hit + start)
            counts.append(total[hit])
        at = np.concatenate(found)
        sent = np.minimum(np.floor(np.concatenate(counts)), self._most).astype(np.int32)
        lowered = flat[at] > 0
        up, down = at[~lowered], at[lowered]
        if sent.max(initial=1) == 1:
            return Pulses(up, down)
        return Pulses(up, down, sent[~lowered], sent[lowered])

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the moments; see `Rule`."""
        return self._moments.state_dict()

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over the moments; see `Rule`."""
        self._moments.load_state(state)


def build_rule(settings: LearnSettings, size: int, rng: np.random.Generator) -> Rule:
    """Make the rule that the settings ask for.

    Parameters
    ----------
    settings : LearnSettings
        Resolved.
    size : int
        Number of synapses.
    rng : numpy.random.Generator
        Of the rounding.

    Returns
    -------
    Rule
        Fresh.
    """
    assert settings.tau is not None
    assert settings.burst is not None
    assert settings.learning_rate is not None
    if settings.rule == "threshold":
        return ThresholdRule(settings.tau, settings.burst)
    return AdamRule(size, settings.learning_rate, settings.max_pulses, rng)
