"""From rows to a calibrated model: what a detector does when it is fitted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from suffuse.calibration import Calibration
from suffuse.conformal import false_alarm_threshold
from suffuse.domain import Splits
from suffuse.model import Model
from suffuse.recipe import sections
from suffuse.rng import permutation
from suffuse.tasks.fit import fit
from suffuse.tasks.score import calibrate, score
from suffuse_tabular.data import TableDataset
from suffuse_tabular.engines import NEIGHBOURS, Engine
from suffuse_tabular.filter import most_odd
from suffuse_tabular.fit import Options, left_out
from suffuse_tabular.rows import Rows

REFERENCES = 10_000
"""Usual rows that a model is calibrated on at most."""

HELD_OUT = 10, 1000
"""Rows that are kept from training for calibration: these at least, these at most."""

FALSE_ALARMS = 0.05
"""The share of usual rows that are called odd where nobody told how many are."""


@dataclass(frozen=True)
class Settings:
    """What is told to every engine.

    Arguments:
        codec: options of the codec.
        changes: sections of the recipe that differ from the engine's.
        held_out: the share of rows on which a model that is trained is calibrated.
        seed: of everything drawn.
        device: where the network computes.
    """

    codec: Mapping[str, Any]
    changes: Mapping[str, Any]
    held_out: float
    seed: int
    device: Any = None


class Way(Protocol):
    """How a calibrated model of rows is made.

    Attributes:
        trims: the share of rows that it leaves out of what it learns in any case, the oddest.
    """

    @property
    def trims(self) -> float: ...

    def __call__(self, rows: Rows, settings: Settings, odd: Collection[int] = ()) -> Model:
        """A model of all rows but those of these numbers, which only serve as a reference, as all others do."""
        ...


def learn(way: Way, rows: Rows, settings: Settings, contamination: float | None) -> Model:
    """A calibrated model, its threshold set.

    Where some rows are odd, those that look the oddest (:mod:`suffuse_tabular.filter`) are left out of what is learnt,
    and the threshold calls as many of all rows odd as there are. They are not left out of the reference: without them
    p-values would be too small. With those that are odd in truth they are too large, which is the safe side.

    Arguments:
        way: how a model is made.
        rows: two at least.
        settings: what is told to every engine.
        contamination: the share of odd rows among them; ``None``: all are usual.
    """
    settings = _decided(settings, rows)
    share = max(contamination or 0.0, way.trims)
    odd = most_odd(rows, share, settings.codec, settings.seed) if share else ()
    model = way(rows, settings, odd)
    if contamination is None:
        return with_threshold(model, None)
    values = score(model, rows).value.numpy()
    return _above(model, float(np.quantile(values, 1.0 - contamination, method="linear")))


def _decided(settings: Settings, rows: Rows) -> Settings:
    """The settings, told which columns are left out: decided, and said in the log, once for all that is fitted."""
    options = sections(NEIGHBOURS.make_recipe(settings.codec, {}, settings.seed))[1]
    assert isinstance(options, Options)
    return replace(settings, codec={**settings.codec, "ignore": left_out(options, rows)})


def with_threshold(model: Model, contamination: float | None) -> Model:
    """A model that calls some of its reference rows odd: one in twenty, or those that are said to be."""
    usual = _reference(model).values.numpy()
    if contamination is not None:
        return _above(model, float(np.quantile(usual, 1.0 - contamination, method="linear")))
    rate = max(FALSE_ALARMS, 1.0 / (len(usual) + 1))  # few rows tell nothing of rarer scores
    return _above(model, false_alarm_threshold(usual, rate))


@dataclass(frozen=True)
class Parts:
    """Which rows do what, by their numbers.

    Arguments:
        held: those kept from networks that are trained, in random order.
        rest: all others, likewise.
    """

    held: tuple[int, ...]
    rest: tuple[int, ...]

    @classmethod
    def of(cls, rows: Rows, settings: Settings) -> Parts:
        """The parts of some rows; one at least is in each."""
        least, most = HELD_OUT
        count = min(max(round(len(rows) * settings.held_out), least), most, len(rows) // 2)
        order = tuple(permutation(len(rows), "detector", "held out", settings.seed).tolist())
        return cls(order[:count], order[count:])

    def learnt_by(self, engine: Engine, odd: Collection[int] = ()) -> list[int]:
        """What an engine learns from, in the rows' order, without the rows that are odd."""
        return sorted({*self.rest, *(self.held if engine.leaves_out else ())} - set(odd))

    def reference_of(self, engine: Engine) -> list[int]:
        """What it is calibrated on: those that it does not know, the held-out ones first."""
        return list((*self.held, *self.rest)[:REFERENCES] if engine.leaves_out else self.held)


def fitted(engine: Engine, rows: Rows, settings: Settings, odd: Collection[int] = ()) -> Model:
    """The model of an engine, calibrated on :meth:`Parts.reference_of`, in that order.

    Arguments:
        engine: what learns.
        rows: two at least.
        settings: what is told to it.
        odd: the numbers of the rows that are left out of what it learns.
    """
    parts = Parts.of(rows, settings)
    train, unknown = rows.take(parts.learnt_by(engine, odd)), rows.take(parts.reference_of(engine))
    splits = Splits(TableDataset(train), TableDataset(unknown), TableDataset(unknown), "rows")
    model = Model(**vars(fit(engine.make_recipe(settings.codec, settings.changes, settings.seed), splits)))
    if settings.device is not None:
        model.to(settings.device)
    return replace(model, calibration=calibrate(model, unknown, statistic=engine.statistic))


def _reference(model: Model) -> Calibration:
    assert model.calibration is not None
    return model.calibration


def _above(model: Model, threshold: float) -> Model:
    return replace(model, calibration=replace(_reference(model), threshold=threshold))
