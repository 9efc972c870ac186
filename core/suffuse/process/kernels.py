r"""Kernels of categorical noise: what an entry turns into when it forgets what it was.

Every kernel redraws from a stationary distribution π (Austin et al. 2021, D3PM; Vignac et al. 2023, DiGress),

.. math:: Q = a I + (1 - a) \mathbf 1 π^\top,

so that products of transitions have the same form and no K × K matrix is ever needed. Distributions are vectors over
the *outcomes* of a kernel: its classes, and under :class:`Absorbing` one more, the mask, which comes last. In a state
the mask is the zero vector; :func:`widen` shows it, :func:`narrow` hides it again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from suffuse.errors import RecipeError


class Kernel(Protocol):
    """A stationary distribution; frozen."""

    @property
    def classes(self) -> int:
        """How many classes an entry may be of: the last axis of a state."""
        ...

    @property
    def stationary(self) -> tuple[float, ...]:
        """The probability of each outcome in pure noise: of each class, and of the mask if there is one."""
        ...


def is_absorbing(kernel: Kernel) -> bool:
    """Whether the kernel has a mask."""
    return len(kernel.stationary) > kernel.classes


def widen(kernel: Kernel, x: Tensor) -> Tensor:
    """One-hot classes, or probabilities of them, ``[…, classes]``, as ``[…, outcomes]``; a zero vector is the mask."""
    if not is_absorbing(kernel):
        return x
    return torch.cat([x, (x == 0.0).all(-1, keepdim=True).to(x.dtype)], dim=-1)


def narrow(kernel: Kernel, outcomes: Tensor) -> Tensor:
    """The classes ``[…, classes]`` of a vector over all outcomes."""
    return outcomes[..., : kernel.classes]


def stationary_like(kernel: Kernel, x: Tensor) -> Tensor:
    """The stationary distribution with the type and device of ``x``: ``[outcomes]``."""
    return torch.tensor(kernel.stationary, dtype=x.dtype, device=x.device)


@dataclass(frozen=True)
class _Counted:
    """A kernel that has to know of the classes how many they are, and no more."""

    classes: int

    def __post_init__(self) -> None:
        _require_classes(self, self.classes)

    @classmethod
    def of(cls, frequencies: Sequence[float]) -> Self:
        """For classes of these frequencies."""
        return cls(len(frequencies))


@dataclass(frozen=True)
class Uniform(_Counted):
    """Any class with the same probability (Hoogeboom et al. 2021, multinomial diffusion).

    Arguments:
        classes: how many there are.
    """

    @property
    def stationary(self) -> tuple[float, ...]:
        return (1.0 / self.classes,) * self.classes


@dataclass(frozen=True)
class Absorbing(_Counted):
    """The mask, which no entry ever leaves (Austin et al. 2021; Sahoo et al. 2024, MDLM).

    Arguments:
        classes: how many there are, without the mask.
    """

    @property
    def stationary(self) -> tuple[float, ...]:
        return (0.0,) * self.classes + (1.0,)


@dataclass(frozen=True)
class Marginal:
    """A class as often as the training data have it (Vignac et al. 2023, DiGress, section 4.1).

    Arguments:
        frequencies: of the classes, none negative; divided by their sum.
    """

    frequencies: tuple[float, ...]

    def __post_init__(self) -> None:
        _require_classes(self, self.classes)
        if not (all(math.isfinite(f) and f >= 0.0 for f in self.frequencies) and sum(self.frequencies) > 0.0):
            raise RecipeError(
                "are no frequencies", field="Marginal.frequencies", got=self.frequencies,
                expected="numbers that are not negative, one of them positive",
            )  # fmt: skip

    @classmethod
    def of(cls, frequencies: Sequence[float]) -> Self:
        """For classes of these frequencies."""
        return cls(tuple(frequencies))

    @property
    def classes(self) -> int:
        return len(self.frequencies)

    @property
    def stationary(self) -> tuple[float, ...]:
        total = math.fsum(self.frequencies)
        return tuple(f / total for f in self.frequencies)


def _require_classes(kernel: object, classes: int) -> None:
    if classes < 1:
        raise RecipeError(
            "has no classes", field=f"{type(kernel).__name__}.classes", expected="at least one", got=classes
        )
