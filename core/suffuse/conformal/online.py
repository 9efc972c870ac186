"""Decisions on a stream, each made before the next item comes, with the false discovery rate controlled at all times.

A procedure is a value: ``state.next(p)`` gives the state after the item, and whether the item is called odd. A state
goes through JSON, so that a stream can stop and go on.

Each item is tested at a level of its own, which the discoveries so far have earned. A level below 1/(n + 1) can be
passed by no conformal p-value of n reference items, and by no e-value that is at most n + 1: of 2,000 reference items
LORD++ finds nothing more after some twenty usual items at the begin. For long streams of rare anomalies hand over the
p-values of :class:`~suffuse.conformal.Tail`, or decide on a window of items at a time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suffuse.conformal.checks import Flags, Floats, numbers, share, unit_numbers
from suffuse.errors import RecipeError

REMEMBERED = 1000
"""Discoveries that a state remembers; the older ones' shares are small, and to leave them out only lowers levels."""


class Online(Protocol):
    """A procedure and where it stands."""

    @property
    def level(self) -> float:
        """At which the next item is tested."""
        ...

    def next(self, value: float) -> tuple[Self, bool]:
        """The state after one more item, and whether that is rejected."""
        ...


S = TypeVar("S", bound=Online)


def spending(lags: NDArray[np.int64] | int, decay: float) -> Floats:
    """γ_k ∝ k^(−decay) for k = 1, 2, …, which sum to 1."""
    return np.asarray(np.asarray(lags, dtype=np.float64) ** -decay / _zeta(decay))


@lru_cache
def _zeta(decay: float) -> float:
    from scipy.special import zeta

    if decay <= 1.0:
        raise RecipeError("has no finite sum", field="decay", expected="above 1", got=decay)
    return float(zeta(decay))


@dataclass(frozen=True)
class Lord:
    r"""LORD++ (Ramdas, Yang, Wainwright & Jordan 2017): levels from p-values.

    .. math:: α_t = γ_t w_0 + (α - w_0) γ_{t-τ_1} + α \sum_{j≥2} γ_{t-τ_j},

    τ_j the times of the discoveries. The false discovery rate is at most α for independent p-values. Conformal ones of
    one reference are independent only given that reference, about which they err together: take it large against the
    number of discoveries that matter, or :class:`ELond`, which allows for any dependence.

    Arguments:
        rate: α, of false discoveries.
        start: w₀, the part of it spent before the first discovery.
        decay: of γ.
        time: items seen.
        found: discoveries made.
        times: of the last discoveries, the first of all apart: at which item, from 1.
        first: the time of the first discovery, 0 while there is none.
    """

    rate: float
    start: float = 0.5
    decay: float = 1.6
    time: int = 0
    found: int = 0
    first: int = 0
    times: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        share("rate", self.rate)
        share("start", self.start)

    @property
    def level(self) -> float:
        now = self.time + 1
        level = self.start * self.rate * float(spending(now, self.decay))
        if self.first:
            level += (1.0 - self.start) * self.rate * float(spending(now - self.first, self.decay))
        if self.times:
            level += self.rate * float(spending(now - np.asarray(self.times), self.decay).sum())
        return level

    def next(self, value: float) -> tuple[Lord, bool]:
        """The state after an item with this p-value, and whether it is rejected."""
        unit_numbers("p", [value])
        rejected, now = value <= self.level, self.time + 1
        if not rejected:
            return replace(self, time=now), False
        if not self.first:
            return replace(self, time=now, found=1, first=now), True
        return replace(self, time=now, found=self.found + 1, times=(*self.times, now)[-REMEMBERED:]), True

    def to_json(self) -> dict[str, Any]:
        """JSON-able data, from which :meth:`from_json` makes the state again."""
        return {**asdict(self), "times": list(self.times)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Lord:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "times": tuple(data["times"])})


@dataclass(frozen=True)
class ELond:
    """e-LOND (Xu & Ramdas 2024): levels from e-values; an item is rejected where e ≥ 1/α_t, α_t = α·γ_t·(found + 1).

    The false discovery rate is at most α at all times, however the e-values depend on each other; each must be one by
    itself, as those of :func:`~suffuse.conformal.soft_rank` are. The state is three numbers, however long the stream.

    Arguments:
        rate: α, of false discoveries.
        decay: of γ; nearer to 1 than LORD++'s, since γ_t is of all the stream's time and is not renewed.
        time: items seen.
        found: discoveries made.
    """

    rate: float
    decay: float = 1.2
    time: int = 0
    found: int = 0

    def __post_init__(self) -> None:
        share("rate", self.rate)

    @property
    def level(self) -> float:
        return self.rate * float(spending(self.time + 1, self.decay)) * (self.found + 1)

    def next(self, value: float) -> tuple[ELond, bool]:
        """The state after an item with this e-value, and whether it is rejected."""
        numbers("e", [value])
        rejected = bool(value * self.level >= 1.0)
        return replace(self, time=self.time + 1, found=self.found + rejected), rejected

    def to_json(self) -> dict[str, Any]:
        """JSON-able data, from which :meth:`from_json` makes the state again."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ELond:
        """The inverse of :meth:`to_json`."""
        return cls(**data)


def follow(state: S, values: ArrayLike) -> tuple[S, Flags]:
    """Decide on several items in turn: the state after them, and bool ``[count]``, true where rejected."""
    flags = []
    for value in np.asarray(values, dtype=np.float64).tolist():
        state, rejected = state.next(value)
        flags.append(rejected)
    return state, np.asarray(flags, dtype=np.bool_)
