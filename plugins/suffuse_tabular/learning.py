"""From rows to a calibrated model: what a detector does when it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from suffuse.calibration import Calibration
from suffuse.conformal import false_alarm_threshold
from suffuse.domain import Splits
from suffuse.model import Model
from suffuse.rng import permutation
from suffuse.tasks.fit import fit
from suffuse.tasks.score import calibrate, score
from suffuse.tasks.statistics import stored
from suffuse_tabular.data import TableDataset
from suffuse_tabular.engines import Engine
from suffuse_tabular.rows import Rows

REFERENCES = 10_000
"""Usual rows that a detector is calibrated on at most."""

FALSE_ALARMS = 0.05
"""The share of usual rows that are called odd where nobody told how many are."""


@dataclass(frozen=True)
class Learner:
    """How a detector learns.

    Arguments:
        engine: the recipe and the statistic.
        codec: options of the codec.
        changes: sections of the recipe that differ from the engine's.
        held_out: the share of rows on which a model that is trained is calibrated.
        contamination: the share of odd rows among those learnt from; ``None``: all are usual.
        seed: of everything drawn.
        device: where the network computes.
    """

    engine: Engine
    codec: Mapping[str, Any]
    changes: Mapping[str, Any]
    held_out: float
    contamination: float | None
    seed: int
    device: Any = None

    def learn(self, rows: Rows) -> Model:
        """A model that is calibrated, its threshold set.

        Where some rows are odd, those that look the oddest to a model of all are left out of a second one (trimming:
        Rousseeuw 1984), and the threshold calls as many of all rows odd.
        """
        if self.contamination is None:
            model, reference = self._fitted(rows)
            usual = reference.values.numpy()
            rate = max(FALSE_ALARMS, 1.0 / (len(usual) + 1))  # few rows tell nothing of rarer scores
            return _with(model, reference, false_alarm_threshold(usual, rate))
        first, reference = self._fitted(rows)
        oddness = score(_with(first, reference), rows).value.numpy()
        kept = np.sort(np.argsort(oddness, kind="stable")[: max(2, round(len(rows) * (1.0 - self.contamination)))])
        model, reference = self._fitted(rows.take(kept.tolist()))
        values = score(_with(model, reference), rows).value.numpy()
        return _with(model, reference, float(np.quantile(values, 1.0 - self.contamination, method="linear")))

    def _fitted(self, rows: Rows) -> tuple[Model, Calibration]:
        """A model of rows, and what its score says of rows that it does not know."""
        train, unknown = self._parts(rows)
        splits = Splits(TableDataset(train), TableDataset(unknown), TableDataset(unknown), "rows")
        trained = fit(self.engine.make_recipe(self.codec, self.changes, self.seed), splits)
        model = Model(**vars(trained))
        if self.device is not None:
            model.to(self.device)
        chosen = permutation(len(unknown), "detector", "reference", self.seed)[:REFERENCES].sort().values
        return model, calibrate(model, unknown.take(chosen.tolist()), statistic=stored(self.engine.statistic))

    def _parts(self, rows: Rows) -> tuple[Rows, Rows]:
        """The rows that are learnt, and those that the model is calibrated on; all, if it leaves out what it scores."""
        if self.engine.leaves_out:
            return rows, rows
        held = min(max(2, round(len(rows) * self.held_out)), len(rows) - 2)
        order = permutation(len(rows), "detector", "held out", self.seed).tolist()
        return rows.take(sorted(order[held:])), rows.take(sorted(order[:held]))


def _with(model: Model, reference: Calibration, threshold: float | None = None) -> Model:
    return replace(model, calibration=replace(reference, threshold=threshold))
