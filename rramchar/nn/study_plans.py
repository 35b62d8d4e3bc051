"""The published studies as lists of networks to train and measure.

Training with errors against testing with errors: the trade-off of programming energy and accuracy
(Hirtzlin et al., "Outstanding bit error tolerance of resistive RAM-based binarized neural
networks", arXiv:1904.03652). Ternary against binary weights at equal cells, and near-threshold
reads: Laborieux et al., arXiv:2005.01973.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rramchar.ber.table import BerTable
from rramchar.errors import InputError
from rramchar.nn.datasets import load_dataset
from rramchar.nn.error_model import check_coding, of_kind
from rramchar.nn.network import WEIGHT_KINDS
from rramchar.nn.settings import TrainingSettings, default_settings, fitting_batch
from rramchar.nn.studies import Study
from rramchar.nn.study_tasks import Condition, Task
from rramchar.nn.table_axis import programming_words, rows_along
from rramchar.nn.vgg_settings import VggSettings, default_vgg_settings, doubling_filters

_Value = TypeVar("_Value")

# How long a study takes: networks of each kind, chips, and epochs (None: what suits the data).
LENGTHS: dict[str, dict[str, Any]] = {
    "trial": {"networks": 2, "draws": 3, "epochs": 2},
    "short": {"networks": 3, "draws": 10, "epochs": 20},
    "full": {"networks": 5, "draws": 40, "epochs": None},
}


@dataclass(frozen=True)
class StudySettings:
    """What all studies share.

    Parameters
    ----------
    dataset : str
        Name, see `rramchar.nn.datasets.load_dataset`.
    data_dir : str or None
        Its folder.
    weights : tuple of str
        Kinds of networks: ``binary``, ``ternary``; one that comes twice counts once.
    networks : int
        Networks of each kind, with training seeds from `first_seed` on.
    first_seed : int
        Training seed of the first.
    draws : int
        Programmed chips for each network and condition.
    seed : int
        Of the chips.
    epochs : int or None
        Of the training; None for what suits the data.
    hidden : tuple of int or None
        Neurons of the hidden layers; None for what suits the data.
    filters : tuple of int or None
        Filters of convolutions before them, for `rramchar.nn.torch_train`; None for a dense
        network, trained in numpy.
    train_images, test_images : int or None
        Use only the first ones; None for all.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    weights: tuple[str, ...] = WEIGHT_KINDS
    networks: int = 3
    first_seed: int = 1
    draws: int = 20
    seed: int = 0
    epochs: int | None = None
    hidden: tuple[int, ...] | None = None
    filters: tuple[int, ...] | None = None
    train_images: int | None = None
    test_images: int | None = None

    def __post_init__(self) -> None:
        """Check the fields that no other part checks."""
        if not self.weights or any(kind not in WEIGHT_KINDS for kind in self.weights):
            raise InputError(
                f"weights: {', '.join(self.weights) or 'none'}; expected "
                f"{' or '.join(WEIGHT_KINDS)}, or both"
            )
        object.__setattr__(self, "weights", _once(self.weights))
        for name in ("networks", "draws", "train_images", "test_images"):
            value = getattr(self, name)
            if name.endswith("_images") and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name}: {value!r}, expected a whole number of at least 1")
        for name in ("seed", "first_seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InputError(f"{name}: {value!r}, expected a whole number of at least 0")

    def training(self, kind: str) -> TrainingSettings | VggSettings:
        """Return the settings of the first network of a kind."""
        fields: dict[str, Any] = {
            "weights": kind,
            "seed": self.first_seed,
            "epochs": self.epochs,
            "hidden": self.hidden,
        }
        data = load_dataset(self.dataset, self.data_dir).first(self.train_images, self.test_images)
        if self.filters is not None:
            return default_vgg_settings(filters=self.filters, batch=fitting_batch(data), **fields)
        return default_settings(data, **fields)

    def sized(self, size: int) -> StudySettings:
        """Return the settings of networks of a size, see `cells_study`."""
        if self.filters is not None:
            return replace(self, filters=doubling_filters(size, len(self.filters)))
        return replace(self, hidden=(size,))

    def tasks(
        self,
        training: TrainingSettings | VggSettings,
        train_ber: float,
        conditions: Sequence[Condition],
    ) -> list[Task]:
        """Return a task for each training seed."""
        return [
            Task(
                self.dataset,
                self.data_dir,
                self.train_images,
                self.test_images,
                replace(training, seed=self.first_seed + k),
                train_ber,
                tuple(conditions),
                self.draws,
                self.seed,
            )
            for k in range(self.networks)
        ]


def settings_for(length: str, dataset: str = "digits", data_dir: str = "") -> StudySettings:
    """Return settings by a word, as a notebook's parameters give them.

    Parameters
    ----------
    length : str
        ``trial`` (to see that it runs), ``short`` (under a minute on the digits) or ``full``.
    dataset : str
        Name, see `rramchar.nn.datasets.load_dataset`.
    data_dir : str
        Its folder; empty for none.

    Returns
    -------
    StudySettings
        Of both kinds of weights.

    Raises
    ------
    InputError
        If the word is unknown.
    """
    if length not in LENGTHS:
        raise InputError(f"length: {length!r}, expected one of {', '.join(LENGTHS)}")
    return StudySettings(dataset=dataset, data_dir=data_dir or None, **LENGTHS[length])


def matrix_study(
    settings: StudySettings, train_rates: Sequence[float], test_rates: Sequence[float]
) -> Study:
    """Plan the accuracy over the error rate trained with and the error rate tested with.

    Parameters
    ----------
    settings : StudySettings
        Data, kinds of weights, seeds.
    train_rates, test_rates : sequence of float
        Error rates; 0 is the training or test without errors. [1]

    Returns
    -------
    Study
        Named ``matrix``, with the columns ``train_ber`` and ``ber``.
    """
    train_rates = _rates("train rates", train_rates)
    conditions = _at_rates(test_rates)
    tasks = []
    for kind in settings.weights:
        training = settings.training(kind)
        for rate in train_rates:
            tasks += settings.tasks(training, rate, conditions)
    return Study("matrix", tuple(tasks), "ber", "train_ber")


def cells_study(
    settings: StudySettings, sizes: Sequence[int], rates: Sequence[float], train_ber: float = 0.0
) -> Study:
    """Plan binary against ternary networks at equal numbers of cells.

    A binary and a ternary weight both take one 2T2R pair, so that networks of equal layers have
    equal cells; sizes between those of two kinds can be read off the curves.

    Parameters
    ----------
    settings : StudySettings
        Data, kinds of weights, seeds. Of dense networks `hidden` is replaced, of convolutional
        ones `filters`, keeping their number.
    sizes : sequence of int
        Neurons of the one hidden layer; or filters of the first pair of convolutions, doubled
        after every pair.
    rates : sequence of float
        Error rates tested with. [1]
    train_ber : float
        Error rate trained with. [1]

    Returns
    -------
    Study
        Named ``cells``, with the columns ``pairs`` and ``ber``.
    """
    if not sizes:
        raise InputError("sizes: none given, expected at least one number of hidden neurons")
    _rates("train rate", [train_ber])
    conditions = _at_rates(rates)
    tasks = []
    for kind in settings.weights:
        for size in _once(sizes):
            training = settings.sized(size).training(kind)
            tasks += settings.tasks(training, float(train_ber), conditions)
    return Study("cells", tuple(tasks), "pairs", "ber")


def table_study(
    settings: StudySettings,
    table: str | Path | Sequence[str | Path],
    x: str,
    where: dict[str, Any] | None = None,
    train_rates: Sequence[float] = (0.0,),
) -> Study:
    """Plan the accuracy along a quantity of a BER table.

    Parameters
    ----------
    settings : StudySettings
        Data, kinds of weights, seeds.
    table : str or path, or sequence of them
        A BER table with rows for each kind of weights; or several that together have them, such as
        one for each way of programming.
    x : str
        The quantity: ``vdd_v``, ``temperature_c``, ``sample_time_s``, ``time_s``, or a number in
        ``programming``, such as ``reset_v`` or ``energy_j``; see `rramchar.nn.table_axis`.
    where : dict, optional
        Only rows that meet these conditions.
    train_rates : sequence of float
        Error rates trained with. [1]

    Returns
    -------
    Study
        Named ``table``, with the columns `x`, ``ber`` (of the row), ``train_ber`` and the one
        other condition that varies.

    Raises
    ------
    InputError
        If the table has not the rows that are needed.
    """
    train_rates = _rates("train rates", train_rates)
    paths = [table] if isinstance(table, str | Path) else list(table)
    loaded = BerTable.from_rows([row for path in paths for row in BerTable.load(path).rows])
    named = ", ".join(str(path) for path in paths)
    notes = {programming_words(row.programming) for row in loaded.filter(**(where or {})).rows}
    note = notes.pop() if len(notes) == 1 else ""
    tasks, told = [], ""
    for kind in settings.weights:
        try:
            check_coding(loaded, of_kind(loaded, where or {}, kind), kind)
            points, series = rows_along(loaded, x, of_kind(loaded, where or {}, kind))
        except InputError as error:
            raise InputError(f"{named}, for a {kind} network: {error}") from None
        told = told or series
        conditions = [
            Condition(
                ((x, p.x), *(((series, p.series),) if series else ()), ("ber", p.row.ber)),
                p.row.confusion(),
            )
            for p in points
        ]
        training = settings.training(kind)
        for rate in train_rates:
            tasks += settings.tasks(training, rate, conditions)
    if len(train_rates) > 1 and told:
        raise InputError(
            f"{named}: {told} varies, and so does the error rate trained with; choose one value of "
            f"{told} with a condition, or one train rate"
        )
    inputs = tuple(str(path) for path in paths)
    return Study("table", tuple(tasks), x, told or "train_ber", note, inputs)


def _at_rates(rates: Sequence[float]) -> list[Condition]:
    return [Condition((("ber", rate),), rate) for rate in _rates("test rates", rates)]


def _rates(name: str, rates: Sequence[float]) -> tuple[float, ...]:
    """Return the error rates checked, each once."""
    if not len(rates):
        raise InputError(f"{name}: none given, expected at least one error rate")
    for rate in rates:
        if not 0 <= rate <= 1:
            raise InputError(f"{name}: {rate:g}, expected error rates from 0 to 1")
    return _once(float(rate) for rate in rates)


def _once(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Return each value once: one that comes twice would count its networks twice."""
    return tuple(dict.fromkeys(values))
