"""What a denoiser would change about a state that has no noise: how far it is from where the data are.

Asked at x_t = α·x, the posterior mean x̂ lies where the data are dense, as seen at that noise level; x - x̂ is -r² times
the score of the noised data (Tweedie), and its norm the distance that a step towards them would go (Alain & Bengio
2014). No noise is drawn, so that one look a level is enough and every look says the same.

Entries that are classes are asked about as they are, under noise that could have made any of them. Under an absorbing
kernel, where an entry that is seen is believed, each is asked about with its class masked: every :data:`VIEWS`-th of
them at a time, among the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.likelihood.entries import Members, members_of, under_masks
from suffuse.posterior import Denoiser
from suffuse.process import Categorical, Gaussian, Process, time_of_ratio
from suffuse.sampling.loop import NO_CONDITIONS
from suffuse.state import State, fields, map_fields, masked_mean, refill

VIEWS = 8
"""Looks at a state whose entries are masked in turn."""


@dataclass(frozen=True)
class Residual:
    """What a denoiser would change.

    Arguments:
        squares: for each noise level the squared residual of every entry, shaped like the states; of an entry that is
            a class, ``[batch, *positions, 1]``: half the squared distance between its one-hot vector and the
            probabilities, from 0 (sure of it) to 1 (sure of another). Padding and missing entries have 0.
    """

    squares: tuple[State, ...]

    @property
    def figures(self) -> Tensor:
        """The root mean square over a sample's real entries: float64 ``[batch, levels]``."""
        return torch.stack([masked_mean(_double(x)).sqrt() for x in self.squares], dim=1)


def residual(process: Process, x: State, means: Sequence[State]) -> Residual:
    """What was believed of clean states, compared with what they are.

    Arguments:
        process: any that :func:`beliefs` takes.
        x: clean states.
        means: what was believed, level by level.
    """
    members = members_of(process, x)

    def compared(mean: State) -> State:
        believed = dict(fields(mean))
        return under_masks({name: _squares(members[name], v, believed[name]) for name, v in fields(x)}, x)

    return Residual(tuple(compared(mean) for mean in means))


@torch.no_grad()
def beliefs(
    denoiser: Denoiser, process: Process, x: State, ratios: Sequence[float], conditions: Conditions = NO_CONDITIONS
) -> list[State]:
    """What a denoiser believes of states without noise, at each noise level.

    Arguments:
        denoiser: the belief.
        process: Gaussian, categorical, or a product of such.
        x: clean states.
        ratios: noise levels σ/α of the process's clock, each above 0; one beyond its last is the last.
        conditions: handed to the denoiser.

    Raises:
        RecipeError: there is no level, or one is no noise level.
        UnsupportedError: the process leads from data to data.
    """
    if not ratios or not all(0.0 < r < float("inf") for r in ratios):
        raise RecipeError("are no noise levels", field="ratios", expected="numbers above 0", got=list(ratios))
    times = [min(1.0, time_of_ratio(process.schedule, r)) for r in ratios]
    members = members_of(process, x)
    found = []
    for t in times:
        believed: dict[str, Tensor] = {}
        for hidden in _views(members, x):
            mean = dict(fields(denoiser(_asked(members, x, t, hidden), t, conditions).mean))
            for name, value in mean.items():
                before = believed.get(name, value)
                believed[name] = torch.where(hidden[name], value, before) if name in hidden else before
        found.append(refill(x, believed))
    return found


def _views(members: Members, x: State) -> Iterator[dict[str, Tensor]]:
    """Which entries are masked at each look: bool ``[1, *positions, 1]`` by field; first none, where some never are."""
    places: dict[str, Tensor] = {}
    count = 0
    for name, value in fields(x):
        member = members[name]
        if isinstance(member, Categorical) and member.absorbing:
            places[name] = count + _numbers(value.shape[1:-1], member.symmetric, value.device)
            count += int(places[name].numel())
    if len(places) < len(members):
        yield {}
    views = min(VIEWS, count)
    for view in range(views):
        yield {name: (numbers % views == view)[None, ..., None] for name, numbers in places.items()}


def _numbers(positions: Sequence[int], symmetric: bool, device: torch.device) -> Tensor:
    """A number for each position; a pair has the same both ways round."""
    count = int(torch.Size(positions).numel())
    numbers = torch.arange(count, device=device).reshape(tuple(positions))
    return torch.minimum(numbers, numbers.T) if symmetric else numbers


def _asked(members: Members, x: State, t: float, hidden: Mapping[str, Tensor]) -> State:
    """x_t without noise: numbers at their scale, classes as they are, but for those that are masked."""

    def entering(name: str, value: Tensor) -> Tensor:
        member = members[name]
        if isinstance(member, Gaussian):
            return value * member.schedule.alpha(t)
        return torch.where(hidden[name], value.new_zeros(()), value) if name in hidden else value

    return refill(x, {name: entering(name, value) for name, value in fields(x)})


def _squares(member: Gaussian | Categorical, x: Tensor, mean: Tensor) -> Tensor:
    square = (x - mean.to(x.dtype)).square()
    return square if isinstance(member, Gaussian) else 0.5 * square.sum(-1, keepdim=True)


def _double(x: State) -> State:
    return map_fields(lambda v: v.double(), x)
