"""Parts of a model as functions of tensors alone, by which an ONNX file is traced."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from suffuse.conditions import Condition, Conditions
from suffuse.denoise import Preconditioned
from suffuse.domain import Entrance
from suffuse.state import State, fields
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.statistics import ResidualStatistic

STATE, TIME, CONDITION, BELIEF = "x", "t", "condition", "x0"


def inputs_of(x: State, t: Tensor, conditions: Conditions) -> dict[str, Tensor]:
    """What a :class:`DenoiserGraph` takes, by name and in its order.

    Arguments:
        x: a noised state.
        t: float64 ``[batch]``.
        conditions: all that the model has, present or not.
    """
    inputs = {_called(STATE, name): value for name, value in _entries(x).items()} | {TIME: t}
    for name, condition in conditions.items():
        inputs |= {_called(CONDITION, name): condition.value, f"{_called(CONDITION, name)}.present": condition.present}
        if condition.mask is not None:
            inputs[f"{_called(CONDITION, name)}.mask"] = condition.mask
    return inputs


class DenoiserGraph(nn.Module):
    """A denoiser: from the tensors that :func:`inputs_of` lists to the fields of x̂₀.

    Arguments:
        denoiser: the belief.
        like: any states of the sizes.
        conditions: any conditions of the model's, all of them.
    """

    def __init__(self, denoiser: Preconditioned, like: State, conditions: Conditions) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.entries = tuple(_entries(like))
        self.conditions = {name: condition.mask is not None for name, condition in conditions.items()}
        self.outputs = tuple(_called(BELIEF, name) for name, _ in fields(like))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        given = iter(inputs)
        values = {name: next(given) for name in self.entries}
        x: State = values.get("", values)
        t = next(given)
        conditions = {
            name: Condition(next(given), next(given), next(given) if masked else None)
            for name, masked in self.conditions.items()
        }
        return tuple(value for _, value in fields(self.denoiser(x, t, conditions).mean))


class ScoreGraph(nn.Module):
    """A score: from items as plain numbers to float64 ``[batch]``, under no condition.

    Arguments:
        entrance: from the numbers to states.
        scorer: from states to scores.
    """

    def __init__(self, entrance: Entrance, scorer: Scorer) -> None:
        super().__init__()
        self.entrance = entrance
        self.denoiser = scorer.model.denoiser  # so that its weights are the graph's
        self.scorer = scorer
        statistic = scorer.statistic
        if isinstance(statistic, ResidualStatistic):  # a number that is read from a buffer has no place in a graph
            statistic = statistic.settled(scorer.model)
        self.statistic = statistic

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        statistic, usual = self.statistic, self.scorer.calibration
        figures = statistic.measure(self.scorer.model, self.entrance(*inputs), {})
        return (statistic.combine(figures, None if usual is None else usual.figures),)


def _entries(state: State) -> Mapping[str, Tensor]:
    return {"": state} if isinstance(state, Tensor) else state


def _called(kind: str, name: str) -> str:
    return f"{kind}.{name}" if name else kind
