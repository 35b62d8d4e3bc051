"""Choices of a run that trains a network in the array, with their documented defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset
from rramchar.nn.network import ENCODINGS

MODELS = ("iedm2019", "arxiv2107", "ideal")
RULES = ("threshold", "adam")
SYNAPSES = ("bnn", "analog")
SCHEDULES = ("cosine", "constant")
IMPERFECTIONS = ("pink", "rtn", "d2d")
_SMALL = 10_000  # training images
_MOST_NEURONS = 65_536
_LAW_FIELDS = ("pulse", "beta", "eta")


@dataclass(frozen=True)
class LearnSettings:
    """Everything that a run of learning on the chip depends on, beside the data.

    None stands for a default that depends on other fields; `resolved` fills it in.

    Parameters
    ----------
    model : str
        Device: ``iedm2019`` or ``arxiv2107`` with published or chosen constants, ``ideal`` (linear,
        without noise or saturation), or the path of a model that ``rramchar fit weak-reset`` wrote.
    rule : str
        ``adam``: Adam's step as a number of pulses, rounded at random. ``threshold``: one pulse
        where the gradient exceeds `tau` times its root mean square, no digital memory per weight.
    check : bool or None
        Whether a flip of the bit is followed by a full SET of both devices and a weak RESET of one
        (IEDM 2019, Fig. 11(b)). None: True for ``bnn``; analog weights have no bit to check.
    synapse : str
        ``bnn``: the weight is the bit that is read. ``analog``: it is the difference of the
        normalised conductances, the conventional way, trained with the same pulses.
    hidden : tuple of int
        Neurons of each hidden layer.
    epochs : int
        Passes over the training images.
    batch : int
        Images per step.
    seed : int
        Of devices, pulses and shuffling.
    tau : float or None
        Of the rule ``threshold``. None: 3. [1]
    burst : int or None
        Of the rule ``threshold``: weak RESETs of an update, sent before the bit is checked. None:
        1; 14 for the gentle pulses of arXiv:2107.06064. [pulse]
    learning_rate : float or None
        Of the rule ``adam``: pulses for a step of Adam of size one. None: 0.3; 8 for the gentle
        pulses of arXiv:2107.06064, as in its public code. [pulse]
    schedule : str
        ``cosine``: pulses become rarer over `epochs`, by a factor that falls from 1 to 0 along half
        a cosine (``adam``), or by a threshold that rises to three times `tau` (``threshold``).
        ``constant``: nothing changes.
    norm_rate : float
        Learning rate of the batch normalizations, which are digital (Adam); it falls along the
        same cosine. [1]
    max_pulses : int
        Most weak RESETs that a device gets in one step. [pulse]
    pulse : float or None
        Law of IEDM 2019: mean fall of a fully SET device per reference pulse, as a share of
        Gmax - Gmin. None: 0.01, a gentle pulse. Only for ``iedm2019`` and ``ideal``. [1]
    beta : float or None
        Non-linearity of the weak RESET. None: 3. Only for ``iedm2019``. [1]
    eta : float or None
        Noise of a pulse as a share of Gmax - Gmin, standard deviation. None: a quarter of `pulse`.
        Only for ``iedm2019``. [1]
    beta_set : float or None
        Non-linearity of a progressive SET, which real devices of this kind lack: the weight is then
        lowered by such pulses on BL instead of weak RESETs on BLb, which rests half-way. None: no
        progressive SET. Only for ``iedm2019``. [1]
    set_spread : float
        Spread of ln(conductance) from one SET to the next, standard deviation. [1]
    v_reset_v, pulse_width_s : float or None
        Another pulse than the model's reference pulse, through its acceleration (see
        `rramchar.devices.weak_reset_law.pulse_strength`). [V], [s]
    imperfections : tuple of str or None
        Of ``arxiv2107`` and models fitted in its form, which of ``pink`` (1/f noise), ``rtn``
        (telegraph) and ``d2d`` (differences between devices; without it all have the population's
        mean parameters) are on. None: all.
    read_offset : float
        Standard deviation over amplifiers of the offset in ln(R_BL / R_BLb). [1]
    read_noise : float
        Noise of every read of the check, in ln(R_BL / R_BLb), standard deviation. [1]
    read_model : str or None
        A model of ``rramchar fit read-model``: its amplifiers decide instead of `read_offset`.
    read_where : str
        Condition of the read model where it has several, such as ``vdd_v=0.6,corner=tt``;
        ``sample_time_s`` may stand in it.
    repair_pulses : int
        Weak RESETs after the full SET of a flipped synapse, at most; above 1, they end as soon as
        the bit reads as it flipped. The published sequence has one. [pulse]
    encoding : str
        ``uint8`` or ``sign``, see `rramchar.nn.network.InputEncoding`.
    """

    model: str = "iedm2019"
    rule: str = "adam"
    check: bool | None = None
    synapse: str = "bnn"
    hidden: tuple[int, ...] = (1024,)
    epochs: int = 10
    batch: int = 100
    seed: int = 0
    tau: float | None = None
    burst: int | None = None
    learning_rate: float | None = None
    schedule: str = "cosine"
    norm_rate: float = 5e-3
    max_pulses: int = 14
    pulse: float | None = None
    beta: float | None = None
    eta: float | None = None
    beta_set: float | None = None
    set_spread: float = 0.0
    v_reset_v: float | None = None
    pulse_width_s: float | None = None
    imperfections: tuple[str, ...] | None = None
    read_offset: float = 0.0
    read_noise: float = 0.0
    read_model: str | None = None
    read_where: str = ""
    repair_pulses: int = 1
    encoding: str = "uint8"

    def __post_init__(self) -> None:
        """Check every field, and fields against each other."""
        for name, known in (
            ("rule", RULES),
            ("synapse", SYNAPSES),
            ("schedule", SCHEDULES),
            ("encoding", ENCODINGS),
        ):
            _one_of(name, getattr(self, name), known)
        if self.model not in MODELS and not str(self.model).endswith(".json"):
            raise InputError(
                f"model: {self.model!r}, expected one of {', '.join(MODELS)}, or the FILE.json of "
                "a model that `rramchar fit weak-reset` wrote"
            )
        if not isinstance(self.hidden, tuple | list):
            raise InputError(f"hidden: {self.hidden!r}, expected a list of whole numbers")
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for neurons in self.hidden:
            _whole("hidden", neurons, 1, _MOST_NEURONS)
        for name, least, most in (
            ("epochs", 1, None),
            ("batch", 2, None),
            ("seed", 0, None),
            ("max_pulses", 1, 15),
            ("repair_pulses", 1, None),
        ):
            _whole(name, getattr(self, name), least, most)
        if self.burst is not None:
            _whole("burst", self.burst, 1, 15)
        for name in ("tau", "learning_rate", "pulse", "v_reset_v", "pulse_width_s"):
            _number(name, getattr(self, name), above=True)
        for name in ("beta", "eta", "beta_set"):
            _number(name, getattr(self, name), above=False)
        for name in ("norm_rate", "set_spread", "read_offset", "read_noise"):
            if getattr(self, name) is None:
                raise InputError(f"{name}: None, expected a number")
            _number(name, getattr(self, name), above=False)
        self._check_check()
        self._check_model_fields()

    def _check_check(self) -> None:
        if self.check not in (None, True, False):
            raise InputError(f"check: {self.check!r}, expected true or false")
        if self.synapse == "analog" and self.check:
            raise InputError("check: an analog synapse has no bit to check; leave the check out")
        if self.check and self.beta_set is not None:
            raise InputError(
                "check: with a progressive SET (beta_set) nothing saturates for good and there is "
                "no check; leave one of them out"
            )
        if self.read_where and self.read_model is None:
            raise InputError(
                f"read_where: {self.read_where!r} chooses a condition of a read model; give one"
            )
        if self.read_model is not None and self.model == "ideal":
            raise InputError(
                "read_model: devices of model ideal have no resistance in ohms that its amplifiers "
                "could read; use another model, or read_offset"
            )
        if self.read_model is not None and (self.read_offset or self.read_noise):
            raise InputError(
                "read_offset, read_noise: the amplifiers come from the read model; leave them at 0"
            )

    def _check_model_fields(self) -> None:
        allowed = {"iedm2019": (*_LAW_FIELDS, "beta_set"), "ideal": ("pulse",)}.get(self.model, ())
        for name in (*_LAW_FIELDS, "beta_set"):
            if getattr(self, name) is not None and name not in allowed:
                raise InputError(
                    f"{name}: {getattr(self, name)} is not for model {self.model}, which has its "
                    "own; leave it out"
                )
        if self.model in ("arxiv2107", "ideal"):
            for name in ("v_reset_v", "pulse_width_s"):
                if getattr(self, name) is not None:
                    raise InputError(
                        f"{name}: model {self.model} does not say how a pulse acts at another "
                        "voltage or width; leave it out"
                    )
        if self.imperfections is None:
            return
        if self.model in ("iedm2019", "ideal"):
            raise InputError(
                f"imperfections: model {self.model} has none to switch; leave them out"
            )
        object.__setattr__(self, "imperfections", tuple(self.imperfections))
        for name in self.imperfections:
            _one_of("imperfections", name, IMPERFECTIONS)

    def resolved(self) -> LearnSettings:
        """Return the settings with every default that is known without the data filled in."""
        chosen: dict[str, Any] = {
            "check": self.synapse == "bnn" and self.beta_set is None,
            "tau": 3.0,
            "burst": 14 if self.model == "arxiv2107" else 1,
            "learning_rate": 8.0 if self.model == "arxiv2107" else 0.3,
        }
        if self.model in ("iedm2019", "ideal"):
            chosen["pulse"] = 0.01
        if self.model == "iedm2019":
            pulse = 0.01 if self.pulse is None else self.pulse
            chosen |= {"beta": 3.0, "eta": pulse / 4}
        else:
            chosen["imperfections"] = () if self.model == "ideal" else IMPERFECTIONS
        if self.model == "ideal":
            del chosen["imperfections"]
        return replace(self, **{k: v for k, v in chosen.items() if getattr(self, k) is None})

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-serializable data."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LearnSettings:
        """Return the settings that `as_dict` gave; an unknown field is refused."""
        known = [field.name for field in fields(cls)]
        for name in document:
            if name not in known:
                raise InputError(f"learn settings: {name!r} is unknown; known: {', '.join(known)}")
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in document.items()
        }
        return cls(**given)


def default_learn_settings(dataset: Dataset, **chosen: Any) -> LearnSettings:
    """Return settings that suit the size of a data set.

    Parameters
    ----------
    dataset : Dataset
        Below 10,000 training images: 256 hidden neurons and 30 epochs; else 1024 and 10.
    **chosen
        Fields of `LearnSettings` that are given; None counts as not given.

    Returns
    -------
    LearnSettings
        The chosen fields, and defaults for the rest.
    """
    small = len(dataset.train_images) < _SMALL
    given: dict[str, Any] = {"hidden": (256,) if small else (1024,), "epochs": 30 if small else 10}
    given.update({name: value for name, value in chosen.items() if value is not None})
    return LearnSettings(**given)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name}: {value!r}, expected one of {', '.join(known)}")


def _whole(name: str, value: object, least: int, most: int | None = None) -> None:
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and int(value) > most):  # type: ignore[call-overload]
        upto = "" if most is None else f" and at most {most}"
        raise InputError(f"{name}: {value!r}, expected a whole number of at least {least}{upto}")


def _number(name: str, value: object, *, above: bool) -> None:
    if value is None:
        return
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or float(value) < 0 or (above and float(value) == 0):  # type: ignore[arg-type]
        least = "above 0" if above else "of at least 0"
        raise InputError(f"{name}: {value!r}, expected a finite number {least}")
