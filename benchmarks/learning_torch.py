"""The dense-update way in PyTorch: every device is updated at every step, as plain tensors.

Written from the equations, as one would write them first: masks choose the result where no pulse
came. It holds the same physics as `rramchar.nn.learn`, check included, and is timed beside it.
"""

from __future__ import annotations

import torch

from rramchar.devices.piecewise_drift import TAPS, pink_taps
from rramchar.nn.learn.devices_build import device_model
from rramchar.nn.learn.settings import LearnSettings


class DenseIedm:
    """Both devices of every synapse by the law of IEDM 2019, with the check."""

    def __init__(self, settings: LearnSettings, synapses: int, seed: int = 0) -> None:
        model = device_model(settings)
        self.low, self.high = model.value("Gmin"), model.value("Gmax")
        self.span = self.high - self.low
        self.fall, self.beta = settings.pulse * self.span, settings.beta
        self.eta = settings.eta * self.span
        torch.manual_seed(seed)
        self.bl = torch.full((synapses,), self.high)
        self.blb = torch.full((synapses,), self.high)
        first = torch.rand(synapses) < 0.5
        self.bl = torch.where(first, self.pulse(self.bl), self.bl)
        self.blb = torch.where(first, self.blb, self.pulse(self.blb))
        self.weights = torch.sign(self.blb - self.bl)

    def pulse(self, g: torch.Tensor) -> torch.Tensor:
        x = (self.high - g) / self.span
        moved = g - self.fall * torch.exp(-self.beta * x) + self.eta * torch.randn_like(g)
        return torch.clamp(moved, min=self.low)

    def step(self, counts: torch.Tensor) -> None:
        """Update all devices; counts > 0 raise a weight, < 0 lower it."""
        for k in range(int(counts.abs().max())):
            self.bl = torch.where(counts > k, self.pulse(self.bl), self.bl)
            self.blb = torch.where(counts < -k, self.pulse(self.blb), self.blb)
        read = torch.sign(self.blb - self.bl)
        flipped = read != self.weights
        fresh = torch.full_like(self.bl, self.high)
        bl = torch.where(read > 0, self.pulse(fresh), fresh)
        blb = torch.where(read > 0, fresh, self.pulse(fresh))
        self.bl = torch.where(flipped, bl, self.bl)
        self.blb = torch.where(flipped, blb, self.blb)
        self.weights = torch.sign(self.blb - self.bl)


class DenseDrift:
    """Both devices of every synapse by arXiv:2107.06064, with full histories and the check."""

    def __init__(self, parameters: dict[str, torch.Tensor], p_up: float, p_down: float) -> None:
        self.parameters = parameters  # each of shape (2, synapses): BL, BLb
        self.p_up, self.p_down = p_up, p_down
        self.taps = torch.from_numpy(pink_taps()).float()
        self.pulses = torch.zeros_like(parameters["m1"])
        self.high = torch.zeros_like(self.pulses)
        self.history = torch.zeros((*self.pulses.shape, TAPS))
        self.log_r = torch.log(parameters["r0"])
        first = torch.rand(self.pulses.shape[1]) < 0.5
        self.apply(torch.stack([first, ~first]).float())
        self.weights = torch.sign(self.log_r[0] - self.log_r[1])

    def apply(self, counts: torch.Tensor) -> None:
        """Send so many pulses to each device, shape (2, synapses)."""
        p = self.parameters
        self.pulses = self.pulses + counts
        t, kink = self.pulses, p["t_star"]
        mean = torch.where(
            t < kink, p["m1"] * t + p["c1"], p["m2"] * t + kink * (p["m1"] - p["m2"]) + p["c1"]
        )
        both = self.p_up + self.p_down
        share = (1 - (1 - both) ** counts) / both
        leave = torch.where(self.high > 0, self.p_down, self.p_up) * share
        self.high = torch.where(torch.rand_like(t) < leave, 1 - self.high, self.high)
        longer = torch.cat([torch.randn_like(self.history), self.history], dim=-1)
        start = (TAPS - counts).long().unsqueeze(-1) + torch.arange(TAPS)
        self.history = torch.gather(longer, -1, start)
        noise = p["alpha"] * (self.history * self.taps).sum(-1)
        w = mean + p["amplitude"] * self.high + noise
        self.log_r = torch.log(p["r0"]) + torch.where(t > 0, w, 0.0)

    def step(self, counts: torch.Tensor) -> None:
        """Update all devices; counts > 0 raise a weight, < 0 lower it."""
        self.apply(torch.stack([counts.clamp(min=0), (-counts).clamp(min=0)]).float())
        read = torch.sign(self.log_r[0] - self.log_r[1])
        flipped = read != self.weights
        self.pulses = torch.where(flipped, 0.0, self.pulses)
        self.high = torch.where(flipped, 0.0, self.high)
        self.history = torch.where(flipped.unsqueeze(-1), 0.0, self.history)
        again = torch.stack([flipped & (read > 0), flipped & (read < 0)]).float()
        self.apply(again)
        self.weights = torch.sign(self.log_r[0] - self.log_r[1])
