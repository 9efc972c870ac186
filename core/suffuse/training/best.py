"""The best weights so far, and when to stop looking for better ones (early stopping, Prechelt 1998)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

from torch import nn


class Best:
    """A network that holds the average as it was at the least validation loss.

    Arguments:
        average: whose weights are looked at.
        patience: validations in a row without a lower loss, after which none is expected.
    """

    def __init__(self, average: nn.Module, patience: int) -> None:
        self.network = copy.deepcopy(average)
        self.patience = patience
        self.loss, self.step, self.waited = math.inf, 0, 0

    @property
    def spent(self) -> bool:
        """Whether patience has come to its end."""
        return self.waited >= self.patience

    def look(self, average: nn.Module, loss: float, step: int) -> None:
        """Take the average of a step, whose validation loss is told, if it is better."""
        self.waited += 1
        if loss < self.loss:
            self.network.load_state_dict(average.state_dict())
            self.loss, self.step, self.waited = loss, step, 0

    def to_json(self) -> dict[str, Any]:
        """What is known besides the weights; of nothing seen yet, nothing."""
        return {"loss": self.loss, "step": self.step, "waited": self.waited} if self.step else {}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take over what :meth:`to_json` told."""
        for name, value in data.items():
            setattr(self, name, value)
