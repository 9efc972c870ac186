"""What several models say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.calibration import at_least
from suffuse.conditions import Conditions
from suffuse.domain import Item
from suffuse.errors import ModelFileError, RecipeError, UnsupportedError
from suffuse.nn.flat import Layout
from suffuse.state import State, combine
from suffuse.tasks.statistics.base import Asked, Statistic, shares
from suffuse.tasks.statistics.figures import contributions, figures
from suffuse.trained import Trained

TAIL = 0.01
"""What a score weighs beside its surprise: little, so that it orders only what lies beyond all reference items."""


@dataclass(frozen=True)
class PanelStatistic:
    """The sum of the surprises of several models (Fisher 1925): the model's own, and those of its panel.

    A model's surprise is -ln p, with p the share of its reference items that are at least as odd to it. Scores of any
    units are thus added in one, and a model counts by how rare what it says is among usual items.

    Arguments:
        judges: the statistic of each model, the model's own first; those of the panel are told their calibrations.
        weights: what each counts, at least 0.
    """

    judges: tuple[Statistic, ...]
    weights: tuple[float, ...]
    name: ClassVar[str] = "panel"
    needs_reference: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))  # JSON has lists
        object.__setattr__(self, "judges", tuple(self.judges))
        if (
            len(self.judges) != len(self.weights)
            or min(self.weights) < 0.0
            or not 0.0 < sum(self.weights) < float("inf")
        ):
            raise RecipeError(
                "are no weights",
                field="weights",
                expected="one for each judge, at least 0, not all 0",
                got=self.weights,
            )

    def units(self, calibrated: bool) -> str:
        return "nats of surprise"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return tuple(one.recipe.name for one in (model, *model.panel))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        raise UnsupportedError("asks several models, and so needs items", field="statistic", got=self.name)

    def judge(self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked) -> Tensor:
        """What each model says of items: float64 ``[batch, models]``."""
        models = (model, *model.panel)
        if len(models) != len(self.judges):
            raise ModelFileError(
                "has other models than its statistic asks", field="panel", expected=len(self.judges), got=len(models)
            )
        usual = (None, *(_usual(one) for one in model.panel))
        return torch.stack(
            [
                statistic.combine(figures(one, statistic, items, numbers, asked), known)
                for one, statistic, known in zip(models, self.judges, usual, strict=True)
            ],
            dim=1,
        )

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        """The weighted sum; reference items of which a model says NaN are none to it."""
        assert usual is not None
        told = [w * surprise(x, u[~u.isnan()]) for w, x, u in zip(self.weights, figures.T, usual.T, strict=True) if w]
        return torch.stack(told).sum(0)

    def blame(
        self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked, usual: Tensor | None
    ) -> State:
        """What each entry adds to the surprises, each of which is shared out as its own statistic tells.

        Raises:
            UnsupportedError: a judge does not tell, or has states of other sizes than the model.
        """
        assert usual is not None
        told = self.judge(model, items, numbers, asked)
        entries = []
        for i, (one, statistic) in enumerate(zip((model, *model.panel), self.judges, strict=True)):
            if not self.weights[i]:
                continue
            known = usual[:, i]
            weight = self.weights[i] * surprise(told[:, i], known[~known.isnan()]).clamp_min(0.0)
            entries.append((weight, contributions(one, statistic, items, numbers, asked, _usual(one))))
        shape = Layout.of(entries[0][1])
        if any(Layout.of(state) != shape for _, state in entries):
            raise UnsupportedError("has models whose states have other sizes", field="panel", got=self.labels(model))
        return shares(combine(*entries))


def surprise(values: Tensor, usual: Tensor) -> Tensor:
    """-ln of the share of usual scores, the score itself counted, that are at least as high; and a little of the score.

    Arguments:
        values: scores, float64 ``[batch]``.
        usual: those of reference items, float64 ``[count]``.
    """
    ordered = usual.sort().values
    count = len(ordered)
    middle, high = ordered[count // 2], ordered[int(0.9 * count)]
    step = torch.where(high > middle, high - middle, 1.0)
    return TAIL * (values - middle) / step - ((at_least(values, ordered) + 1.0) / (count + 1)).log()


def _usual(model: Trained) -> Tensor | None:
    return None if model.calibration is None else model.calibration.figures
