"""Models fitted to measured data, and their files."""

from rramchar.fitting.model import FittedModel, Parameter, load_model, save_model
from rramchar.fitting.resistance import (
    describe_fit,
    fit_resistance_lognormal,
    quantile_points,
    simulate_resistance,
)
from rramchar.fitting.resistance_states import (
    fit_resistance,
    simulate_states,
    state_distribution,
)

__all__ = [
    "FittedModel",
    "Parameter",
    "describe_fit",
    "fit_resistance",
    "fit_resistance_lognormal",
    "load_model",
    "quantile_points",
    "save_model",
    "simulate_resistance",
    "simulate_states",
    "state_distribution",
]
