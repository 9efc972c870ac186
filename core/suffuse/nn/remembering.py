"""What networks have in common that are shown data instead of being trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn, ones_like

from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.nn.flat import Layout
from suffuse.nn.options import require, whole
from suffuse.rng import permutation
from suffuse.state import State, batch_size, take

NEIGHBOUR = 5
"""The spacing of what is remembered is the distance to the neighbour of this number ..."""
LOOKED_AT = 2000
"""... the median over at most as many states."""


@dataclass(frozen=True)
class Drawing:
    """Options of networks that remember states themselves.

    Arguments:
        most: states remembered at most; of more, as many are drawn.
        leave_out: whether a clean state that equals one that is remembered is asked about as if it were not: training
            data are scored like data never seen.
        seed: of the draw.
    """

    most: int = 20_000
    leave_out: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require(whole(self.most, 2), "most", self.most, "an integer of at least 2")
        require(isinstance(self.leave_out, bool), "leave_out", self.leave_out, "true or false")
        require(whole(self.seed, 0), "seed", self.seed, "an integer of at least 0")


class Remembering(nn.Module, ABC):
    """A network for Gaussian noise, without weights; what comes out is x₀ (``predict: x0``).

    Arguments:
        template: any states of the sizes.

    Attributes:
        name: in recipes.
        grows: its buffers that are as long as what is remembered, and how many of their axes are.
        lacks: what there is none of for states that lack entries, where it cannot take any.

    Raises:
        UnsupportedError: states may lack entries, and it cannot take any.
    """

    name: ClassVar[str]
    grows: ClassVar[Mapping[str, int]]
    lacks: ClassVar[str | None] = None
    predicts = "x0"

    def __init__(self, template: State) -> None:
        super().__init__()
        self.layout = Layout.of(template)
        self.width = sum(self.layout.sizes.values())
        if self.layout.masked and self.lacks is not None:
            raise UnsupportedError(
                f"has no {self.lacks} of states that lack entries", field="network.name",
                expected="states without masks", got=self.name, fix="take the network neighbours",
            )  # fmt: skip

    @property
    @abstractmethod
    def count(self) -> int:
        """How many states are remembered."""

    def asked(self, x: State) -> Tensor:
        """States as rows, float32 ``[batch, width]``.

        Raises:
            UnsupportedError: nothing is remembered yet.
            DomainInputError: the states have other fields or sizes.
        """
        if not self.count:
            raise UnsupportedError(
                "remembers nothing", field="network.name", expected="a network that was shown data", got=self.name,
                fix="train it: its training takes a moment, and train.steps may be 0",
            )  # fmt: skip
        return self.layout.flat(x).float()

    def seen_at(self, x: State, noise_level: Tensor) -> tuple[Tensor, Tensor]:
        """u = x_t/α, ``[batch, width]``, and the noise level σ/α, ``[batch, 1]``, of what a network is asked.

        Arguments:
            x: x_t/√(α² + σ²).
            noise_level: ¼ log(σ/α), ``[batch]``.
        """
        flat = self.asked(x)
        ratio = (4.0 * noise_level.to(flat.dtype)).exp()[:, None]
        return flat * (1.0 + ratio.square()).sqrt(), ratio

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Make room for as much as a file holds."""
        for name, axes in self.grows.items():
            held, mine = state_dict.get(prefix + name), getattr(self, name)
            if held is not None and held.ndim == mine.ndim and held.shape[axes:] == mine.shape[axes:]:
                setattr(self, name, mine.new_zeros(held.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


def shown(states: State) -> int:
    """How many states are shown.

    Raises:
        DomainInputError: fewer than two.
    """
    count = batch_size(states)
    if count < 2:
        raise DomainInputError("has too few items", field="the training part", expected="at least 2", got=count)
    return count


def at_most(states: State, most: int, *keys: Any) -> State:
    """Of more states as many, drawn by some keys, in their order."""
    if batch_size(states) <= most:
        return states
    return take(states, permutation(batch_size(states), *keys)[:most].sort().values)


def spacing_of(apart: Tensor) -> Tensor:
    """The median of the distances of states to a neighbour ``[count]``.

    Where most have as many equals it is the mean, and 1 where all are alike.
    """
    return next((x for x in (apart.median(), apart.mean()) if x > 0.0), ones_like(apart[0]))
