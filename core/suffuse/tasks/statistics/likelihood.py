"""The likelihood of an item: bounded, or by the probability flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.likelihood import Fixed, elbo, log_prob
from suffuse.likelihood.gaussian import READ_OFF
from suffuse.process import Product
from suffuse.rng import Rng
from suffuse.state import State, batch_size
from suffuse.trained import Trained


@dataclass(frozen=True)
class ElboStatistic:
    """The negative of the evidence lower bound, in nats; works with Gaussian, categorical and mixed noise.

    Where a state has several fields, the figures also tell how much of it each has.

    Arguments:
        levels: noise levels at which the bound is looked at.
        draws: of noise.
        seed: of the noise.
        level: the noise level σ/α at which Gaussian fields are read off.
    """

    levels: int = 32
    draws: int = 1
    seed: int = 0
    level: float = READ_OFF
    name: ClassVar[str] = "elbo"
    needs_reference: ClassVar[bool] = False

    def units(self, calibrated: bool) -> str:
        return "nats"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return ("-elbo", *(f"-elbo {name}" for name in _field_names(model)))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        rng = Rng.of([self.seed] * batch_size(x))
        found = elbo(
            model.denoiser, model.process, x, rng=rng, conditions=given,
            levels=self.levels, draws=self.draws, level=self.level,
        )  # fmt: skip
        return -torch.stack([found.nats, *(found.fields[name] for name in _field_names(model))], dim=1).cpu()

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures[:, 0]


@dataclass(frozen=True)
class LikelihoodStatistic:
    """The negative log-likelihood by the probability flow, in nats; Gaussian models only.

    Arguments:
        levels: steps of the solver, four evaluations each.
        draws: probes of the divergence, where it is estimated.
        seed: of the probes.
    """

    levels: int = 10
    draws: int = 1
    seed: int = 0
    name: ClassVar[str] = "likelihood"
    needs_reference: ClassVar[bool] = False

    def units(self, calibrated: bool) -> str:
        return "nats"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return ("-log p",)

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        rng, solver = Rng.of([self.seed] * batch_size(x)), Fixed(self.levels)
        found = log_prob(
            model.denoiser, model.process, x, rng=rng, conditions=given, probes=self.draws, solver=solver
        )  # fmt: skip
        return -found.nats.cpu()[:, None]

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures[:, 0]


@dataclass(frozen=True)
class TypicalityStatistic(LikelihoodStatistic):
    """How far the log-likelihood is from the reference items' median, either way (Nalisnick et al. 2019)."""

    name: ClassVar[str] = "typicality"
    needs_reference: ClassVar[bool] = True

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        assert usual is not None
        return (figures[:, 0] - usual[:, 0].median()).abs()


def _field_names(model: Trained) -> tuple[str, ...]:
    """The fields of a mixed state."""
    return tuple(model.process.fields) if isinstance(model.process, Product) else ()
