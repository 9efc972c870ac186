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
        return tuple(one.recipe.name for one, _, _ in self._asked(model))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        raise UnsupportedError("asks several models, and so needs items", field="statistic", got=self.name)

    def judge(self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked) -> Tensor:
        """What each model that counts says of items: float64 ``[batch, models]``."""
        told = [
            statistic.combine(figures(one, statistic, items, numbers, asked), usual)
            for one, statistic, usual in self._asked(model)
        ]
        return torch.stack(told, dim=1)

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        """The weighted sum; reference items of which a model says NaN are none to it."""
        assert usual is not None
        return (self._surprises(figures, usual) * figures.new_tensor(self._weights)).sum(1)

    def blame(
        self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked, usual: Tensor | None
    ) -> State:
        """What each entry adds to the surprises, each of which is shared out as its own statistic tells.

        Raises:
            UnsupportedError: a judge does not tell, or has states of other sizes than the model.
        """
        assert usual is not None
        surprises = self._surprises(self.judge(model, items, numbers, asked), usual).clamp_min(0.0)
        entries = [
            (weight * surprises[:, i], contributions(one, statistic, items, numbers, asked, known))
            for i, (weight, (one, statistic, known)) in enumerate(zip(self._weights, self._asked(model), strict=True))
        ]
        shape = Layout.of(entries[0][1])
        if any(Layout.of(state) != shape for _, state in entries):
            raise UnsupportedError("has models whose states have other sizes", field="panel", got=self.labels(model))
        return shares(combine(*entries))

    @property
    def counted(self) -> tuple[int, ...]:
        """The numbers of the models that count: what others would say is not asked."""
        return tuple(i for i, weight in enumerate(self.weights) if weight)

    @property
    def _weights(self) -> list[float]:
        return [self.weights[i] for i in self.counted]

    def _asked(self, model: Trained) -> list[tuple[Trained, Statistic, Tensor | None]]:
        """The models that count, with their statistics and the figures of their reference items."""
        models = (model, *model.panel)
        if len(models) != len(self.judges):
            raise ModelFileError(
                "has other models than its statistic asks", field="panel", expected=len(self.judges), got=len(models)
            )
        usual = (None, *(_usual(one) for one in model.panel))
        return [(models[i], self.judges[i], usual[i]) for i in self.counted]

    def _surprises(self, told: Tensor, usual: Tensor) -> Tensor:
        """Of each model that counts: float64 ``[batch, models]``."""
        if usual.shape[1] != len(self.counted):
            raise ModelFileError(
                "was calibrated on other models than those that count", field="panel", expected=len(self.counted),
                got=usual.shape[1], fix="fit and save the model anew",
            )  # fmt: skip
        return torch.stack([surprise(x, u[~u.isnan()]) for x, u in zip(told.T, usual.T, strict=True)], dim=1)


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
