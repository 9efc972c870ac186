"""One measurement of several, drawn for each sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.operators.base import Operator
from suffuse.rng import Rng
from suffuse.state import State, map_fields, over_batch

if TYPE_CHECKING:
    from suffuse.domain import Codec


@dataclass(frozen=True)
class OneOf(Operator):
    """A bridge from it undoes each of several measurements, without being told which.

    Arguments:
        of: those, whose measurements are shaped like states; all are as likely.
        chosen: which each sample gets, int64 ``[batch]``; drawn.
    """

    of: Sequence[Operator]
    chosen: Tensor | None = field(default=None, repr=False)
    linear: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.of:
            raise RecipeError("is empty", field="one-of.of", expected="at least one operator")

    def bound(self, codec: Codec) -> Self:
        return replace(self, of=tuple(operator.bound(codec) for operator in self.of))

    def drawn(self, rng: Rng) -> Self:
        members = tuple(operator.drawn(rng.at("of", number)) for number, operator in enumerate(self.of))
        return replace(self, of=members, chosen=(len(members) * rng.at("one").uniform(shape=())).long())

    def __call__(self, x: State) -> State:
        if self.chosen is None:
            raise UnsupportedError(
                "is one of several that nobody knows", field="operator", expected="a model of a bridge, or one of them",
                got="one-of", fix="use suffuse bridge",
            )  # fmt: skip
        result = self.of[0](x)
        for number, operator in enumerate(self.of[1:], start=1):
            result = map_fields(self._where(number), result, operator(x))
        return result

    def observe(self, encoded: State) -> State:
        return encoded

    def _where(self, number: int) -> Callable[[Tensor, Tensor], Tensor]:
        def choose(before: Tensor, measured: Tensor) -> Tensor:
            assert self.chosen is not None
            here = over_batch((self.chosen == number).double(), before) > 0.0
            return torch.where(here, measured, before)

        return choose


def one_of(of: Sequence[Operator]) -> OneOf:
    """The options of :class:`OneOf`."""
    return OneOf(of)
