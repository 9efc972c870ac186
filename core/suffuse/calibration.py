"""What a statistic says of items that are known to be usual: what makes a score a probability, and a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from suffuse.portrait import Portrait
from suffuse.recipe import Named


class Combining(Protocol):
    """What of a statistic makes scores of its figures."""

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor: ...


@dataclass(frozen=True)
class Calibration:
    """A statistic's figures of usual items; made once, used for any number of scores, kept in a model's file.

    Arguments:
        statistic: its name and options.
        figures: float64 ``[count, columns]``; of items that have windows, of each of these.
        values: float64 ``[count]``, in rising order; of each item.
        threshold: an item that scores above it is called odd; ``None``: nobody has said where to draw the line.
        usual: how the parts of the items are distributed, if they have names.
    """

    statistic: Named
    figures: Tensor
    values: Tensor
    threshold: float | None = None
    usual: Portrait | None = None

    def of_windows(self, statistic: Combining) -> Calibration:
        """The same with values of windows instead of items, to judge windows by."""
        return replace(self, values=statistic.combine(self.figures, self.figures).sort().values)

    def p_values(self, values: Tensor) -> Tensor:
        """The share of usual items, the item itself counted, that are at least as odd: float64, in (0, 1].

        Were the item drawn as the reference items are, this would be at most p with probability p.
        """
        return (at_least(values, self.values) + 1.0) / (len(self.values) + 1)

    def tensors(self) -> dict[str, Tensor]:
        """What a model's file holds of it, besides :meth:`to_json`."""
        told = {} if self.usual is None else {f"usual.{name}": x for name, x in self.usual.tensors().items()}
        return {"figures": self.figures, "values": self.values, **told}

    def to_json(self) -> dict[str, Any]:
        """What a model's header holds of it."""
        return {"statistic": self.statistic.model_dump(mode="json"), "threshold": self.threshold}

    @classmethod
    def from_file(cls, data: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of :meth:`to_json` and :meth:`tensors`."""
        told = {name.removeprefix("usual."): x for name, x in tensors.items() if name.startswith("usual.")}
        usual = Portrait.from_file(told) if told else None
        statistic = Named.model_validate(data["statistic"])
        return cls(statistic, tensors["figures"], tensors["values"], data["threshold"], usual)


ROUNDING = 1e-5
"""Scores that differ by less than this share of how far usual ones are apart are alike: they differ by rounding."""


def at_least(values: Tensor, ordered: Tensor) -> Tensor:
    """How many of some scores are at least as high as others: float64 ``[batch]``.

    An item that is one of the reference's is scored alike in any batch but for rounding, and so is as high as itself.

    Arguments:
        values: float64 ``[batch]``.
        ordered: float64 ``[count]``, in rising order, one at least.
    """
    count = len(ordered)
    apart = (ordered[int(0.9 * count)] - ordered[count // 2]).nan_to_num(0.0)
    below = torch.searchsorted(ordered, (values - ROUNDING * apart).contiguous(), right=False)
    return (count - below).double()
