r"""The product of processes: every named field of a state goes its own way, all by one clock t.

.. math:: q(x_t | x_0) = \prod_f q_f(x_t^f | x_0^f)

The fields meet in the network alone, whose belief about each depends on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError, unknown_name
from suffuse.posterior import Posterior, Time
from suffuse.process.base import Process, Weight
from suffuse.process.gaussian import Gaussian
from suffuse.process.schedule import Schedule
from suffuse.rng import Rng
from suffuse.state import State, is_mask, merge, only


@dataclass(frozen=True)
class Product:
    """Independent noise on the named fields of a state.

    Arguments:
        fields: the process of each field.
        weights: of the fields' losses, 1 where none is named.
    """

    fields: Mapping[str, Process]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.fields:
            raise RecipeError("is empty", field="Product.fields", expected="at least one field's process")
        for name in self.weights:
            if name not in self.fields:
                raise unknown_name("field", name, self.fields, RecipeError, field="Product.weights")

    @property
    def schedule(self) -> Schedule:
        """That of the first Gaussian field; of the first field where none is Gaussian."""
        members = list(self.fields.values())
        return next((m for m in members if isinstance(m, Gaussian)), members[0]).schedule

    def prior(self, like: State, rng: Rng, t: float = 1.0) -> State:
        """x_t of every field, at a time so late that nothing of the data is left."""
        self._require(like)
        return merge(like, {n: p.prior(only(like, n), rng.at("field", n), t) for n, p in self.fields.items()})

    def corrupt(self, x0: State, t: Time, rng: Rng) -> State:
        """x_t of every field."""
        self._require(x0)
        return merge(x0, {n: p.corrupt(only(x0, n), t, rng.at("field", n)) for n, p in self.fields.items()})

    def reverse(self, x_t: State, posterior: Posterior, t: float, s: float, rng: Rng, eta: float = 1.0) -> State:
        """x_s of every field."""
        return merge(
            x_t,
            {
                n: p.reverse(only(x_t, n), posterior.only(n), t, s, rng.at("field", n), eta)
                for n, p in self.fields.items()
            },
        )

    def loss(self, posterior: Posterior, x0: State, x_t: State, t: Time, weight: Weight | None = None) -> Tensor:
        """The weighted sum of the fields' losses: ``[batch]``."""
        losses = [
            self.weights.get(n, 1.0) * p.loss(posterior.only(n), only(x0, n), only(x_t, n), t, weight)
            for n, p in self.fields.items()
        ]
        return torch.stack(losses).sum(0)

    def _require(self, state: State) -> None:
        """The state has exactly these fields."""
        got = [] if isinstance(state, Tensor) else [name for name in state if not is_mask(name)]
        if set(got) != set(self.fields):
            raise DomainInputError(
                "has other fields than the process",
                field="state",
                expected=", ".join(sorted(self.fields)),
                got="a bare tensor" if isinstance(state, Tensor) else ", ".join(sorted(got)),
            )
