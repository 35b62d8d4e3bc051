"""What a study is asked to do: data, seeds, length, options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset
from rramchar.nn.study_tasks import load_part

if TYPE_CHECKING:
    from rramchar.nn.learn.settings import LearnSettings

LENGTHS = ("trial", "short", "full")


@dataclass(frozen=True)
class Request:
    """What a study is asked to do.

    Parameters
    ----------
    dataset : str
        Name, see `rramchar.nn.datasets.load_dataset`.
    data_dir : str or None
        Its folder.
    seeds : int
        Training seeds of each condition.
    first_seed : int
        The first of them.
    length : str
        ``trial`` (to see that it runs), ``short`` or ``full``.
    epochs : int or None
        Of each training, in place of what the length says.
    options : mapping of str to str
        Options of the study and fields of `LearnSettings`, as text.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    seeds: int = 3
    first_seed: int = 1
    length: str = "short"
    epochs: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.length not in LENGTHS:
            raise InputError(f"length: {self.length!r}, expected one of {', '.join(LENGTHS)}")
        least = {"seeds": 1, "first_seed": 0, "epochs": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if name == "epochs" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                shown = f"{name} (--seed)" if name == "first_seed" else name
                raise InputError(f"{shown}: {value!r}, expected a whole number of at least {low}")

    @property
    def small(self) -> bool:
        """Whether the data set is the embedded digits, which take seconds."""
        return self.dataset == "digits"

    @property
    def model(self) -> str:
        """Name of the device model, or its file."""
        return self.text("model", "iedm2019")

    @property
    def has_pulse(self) -> bool:
        """Whether the device model takes the strength of its pulse from the settings."""
        return self.model in ("iedm2019", "ideal")

    @property
    def quick_sizes(self) -> dict[str, tuple[int, ...]]:
        """Hidden layers that a short study takes where the data set's default takes long."""
        return {} if self.small or self.length == "full" else {"hidden": (256,)}

    @property
    def images(self) -> tuple[int | None, int | None]:
        """Training and test images that are used; a trial needs few."""
        return (2000, 1000) if self.length == "trial" and not self.small else (None, None)

    @property
    def seed_range(self) -> range:
        """The training seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def by_length(self, trial: Any, short: Any, full: Any) -> Any:
        """Return the value for this length."""
        return {"trial": trial, "short": short, "full": full}[self.length]

    def text(self, name: str, default: str) -> str:
        """Return an option of the study."""
        return self.options.get(name, default)

    def numbers(
        self, name: str, default: Sequence[float], *, least: float = -math.inf
    ) -> tuple[float, ...]:
        """Return an option of the study that is a list of different numbers, ``a,b,c``."""
        wanted = "numbers such as 0,0.5,1" + ("" if least == -math.inf else f", at least {least:g}")
        values = self._parsed(name, wanted, least)
        return tuple(dict.fromkeys(float(v) for v in (default if values is None else values)))

    def number(self, name: str, default: float) -> float:
        """Return an option of the study that is one number."""
        values = self._parsed(name, "one number")
        if values is None:
            return float(default)
        if len(values) != 1:
            raise InputError(f"--set {name}={self.options[name]}: expected one number")
        return values[0]

    def whole_number(self, name: str, default: int, *, least: int = 1) -> int:
        """Return an option of the study that is one whole number."""
        wanted = f"one whole number of at least {least}"
        values = self._parsed(name, wanted, least)
        if values is None:
            return default
        if len(values) != 1 or values[0] != int(values[0]):
            raise InputError(f"--set {name}={self.options[name]}: expected {wanted}")
        return int(values[0])

    def whole_numbers(
        self, name: str, default: Sequence[int], *, least: int = 1
    ) -> tuple[int, ...]:
        """Return an option of the study that is a list of whole numbers, ``a,b,c``."""
        return tuple(dict.fromkeys(self.sizes(name, default, least=least)))

    def sizes(self, name: str, default: Sequence[int], *, least: int = 1) -> tuple[int, ...]:
        """Return whole numbers in which one may come again, as two layers of the same size."""
        wanted = f"whole numbers of at least {least}, such as 64,128"
        values = self._parsed(name, wanted, least)
        if values is None:
            return tuple(default)
        if any(value != int(value) for value in values):
            raise InputError(f"--set {name}={self.options[name]}: expected {wanted}")
        return tuple(int(value) for value in values)

    def _parsed(self, name: str, wanted: str, least: float = -math.inf) -> tuple[float, ...] | None:
        """Return the finite numbers of an option, None where it is not given."""
        if name not in self.options:
            return None
        text = self.options[name]
        try:
            values = tuple(float(part) for part in text.split(","))
        except ValueError:
            values = (math.nan,)
        if not all(math.isfinite(value) and value >= least for value in values):
            raise InputError(f"--set {name}={text}: expected {wanted}")
        return values

    def learning(
        self,
        *,
        epochs: int,
        known: Sequence[str] = (),
        defaults: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> LearnSettings:
        """Return settings of a training; what stands later in this list wins.

        Defaults of the data set, with `quick_sizes`; `epochs` and `defaults` of the study; the
        request's options; the study's own `fields`.

        Parameters
        ----------
        epochs : int
            Where the request gives none.
        known : sequence of str
            Options that the study reads itself.
        defaults : mapping, optional
            Fields of `LearnSettings` that an option may replace.
        **fields
            Fields of `LearnSettings` that the study varies; an option of that name is refused.

        Returns
        -------
        LearnSettings
            Of the first seed.

        Raises
        ------
        InputError
            If an option is neither the study's nor a field, or a value cannot be used.
        """
        from rramchar.nn.learn.study_runs import learn_settings

        start = {**self.quick_sizes, "epochs": self.epochs or epochs, **(defaults or {})}
        return learn_settings(self, known, start, fields)

    def data(self) -> DataChoice:
        """Return which images are used."""
        return DataChoice(self.dataset, self.data_dir, *self.images)


@dataclass(frozen=True)
class DataChoice:
    """A data set by name, or its first images."""

    name: str
    folder: str | None
    train_images: int | None = None
    test_images: int | None = None

    def load(self) -> tuple[Dataset, str]:
        """Return the images, and the digest of what they hold."""
        return load_part(self.name, self.folder, self.train_images, self.test_images)
