"""Several engines that judge rows together, weighed without any label."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import torch
from torch import Tensor

from suffuse.calibration import Calibration
from suffuse.likelihood import profile
from suffuse.model import Model
from suffuse.process import time_of_ratio
from suffuse.tasks.items import encode_items
from suffuse.tasks.statistics import PanelStatistic, named
from suffuse_tabular.engines import QUICK, VIEWS, Engine
from suffuse_tabular.fit import has_empty
from suffuse_tabular.gate import trust
from suffuse_tabular.learning import Parts, Settings, fitted
from suffuse_tabular.rows import Rows

ENOUGH = 200
"""Rows from which a network is trained: of fewer it learns nothing that counts."""

EXACT = 2.0
"""What the exact views count together, if the network counts 1."""

HALF = 300
"""Rows at which what a network says counts half of what it would with endlessly many."""

LEVEL, DRAWS = 0.1, 4
"""The noise level at which it is seen how many dimensions the data fill, and looks at each row."""


def fit_panel(rows: Rows, settings: Settings, odd: Collection[int] = ()) -> Model:
    """The exact views of the rows, as far as each is to be trusted, and a trained denoiser as far as it can know more.

    A view counts by how well it tells made-up anomalies (:mod:`suffuse_tabular.gate`); the first, which speaks for the
    panel in every verb but ``score``, is there even if it counts nothing. The denoiser counts ρ²·n/(n + 300), where ρ
    is the share of the dimensions that the data fill (:func:`filled`): where they lie on atoms or on a thin surface,
    the exact views know all there is to know.

    Arguments:
        rows: two at least.
        settings: what is told to every engine; its recipe is of the one that is trained.
        odd: the numbers of the rows of which nothing is learnt.
    """
    left = sorted(set(range(len(rows))) - set(odd))
    views = tuple(view for view in VIEWS if view.gaps or not any(map(has_empty, rows.columns().values())))
    untrained = replace(settings, changes={})
    shares = trust(views, rows.take(left), untrained)
    kept = [i for i, share in enumerate(shares) if share or i == 0]
    engines, weights = [views[i] for i in kept], [EXACT * shares[i] for i in kept]
    models = [fitted(engine, rows, untrained, odd) for engine in engines]
    parts = Parts.of(rows, settings)
    if len(rows) >= ENOUGH:
        network = fitted(QUICK, rows, settings, odd)
        share = filled(network, rows.take(sorted(set(parts.held) - set(odd))))
        engines.append(QUICK)
        models.append(network)
        weights.append(share**2 * len(rows) / (len(rows) + HALF))
    return together(engines, models, weights)


def together(engines: list[Engine], models: list[Model], weights: list[float]) -> Model:
    """The first model, the others as its panel, calibrated on the reference rows that none of them knows."""
    own, *others = models
    assert own.calibration is not None
    statistic = PanelStatistic(tuple(engine.statistic for engine in engines), tuple(weights))
    columns = [_values(engines[i], models[i], alone=models[i] is own) for i in statistic.counted]
    count = max(map(len, columns))
    figures = torch.stack([torch.cat([x, x.new_full((count - len(x),), torch.nan)]) for x in columns], dim=1)
    judged = figures[~figures.isnan().any(1)]
    values = statistic.combine(judged, figures).sort().values
    reference = Calibration(named(statistic), figures, values, usual=own.calibration.usual)
    return replace(own, panel=tuple(others), calibration=reference)


def _values(engine: Engine, model: Model, alone: bool) -> Tensor:
    """The scores of a model's own reference rows, in their order."""
    assert model.calibration is not None
    figures = model.calibration.figures
    return engine.statistic.combine(figures, None if alone else figures)


def filled(model: Model, rows: Rows) -> float:
    """The share of dimensions in which the data are spread out, as seen at a low noise level, in [0, 1].

    There noise can be told from data only in directions that the data do not fill: of its variance a denoiser takes out
    all but that share.
    """
    time = time_of_ratio(model.process.schedule, LEVEL)
    states = encode_items(model, rows)
    errors = profile(model.denoiser, model.process, states, levels=(time,), draws=DRAWS).errors
    return min(1.0, float(errors.mean()) / (1.0 + LEVEL**2))
