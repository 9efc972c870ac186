"""What an item's oddness is measured by: one class a statistic, each higher the odder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import DomainInputError, RecipeError, unknown_name
from suffuse.likelihood import Fixed, elbo, log_prob, noise_levels, profile
from suffuse.likelihood.gaussian import READ_OFF
from suffuse.process import Product, noise_ratio
from suffuse.rng import Rng
from suffuse.state import State, batch_size
from suffuse.trained import Trained


@runtime_checkable
class Statistic(Protocol):
    """A measure of oddness; frozen. Every item is measured with the same noise, so that items can be compared."""

    @property
    def name(self) -> str:
        """How a person asks for it."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether it has no meaning without items that are known to be usual."""
        ...

    def units(self, calibrated: bool) -> str:
        """What one of it is, with a reference or without."""
        ...

    def labels(self, model: Trained) -> tuple[str, ...]:
        """What the columns of :meth:`measure` are, for listings."""
        ...

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        """Figures of clean states, float64 ``[batch, columns]`` on the CPU."""
        ...

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        """One value for each item.

        Arguments:
            figures: ``[batch, columns]``.
            usual: those of the reference items ``[count, columns]``, if there are any.
        """
        ...


@dataclass(frozen=True)
class ProfileStatistic:
    """The denoising error at several noise levels.

    With a reference: the Mahalanobis distance of the errors' logarithms from those of the reference items, which also
    finds items that are odd by being too simple. Without: the mean over the levels of what
    :class:`~suffuse.likelihood.Profile` has.

    Arguments:
        levels: how many noise levels, evenly spaced in the logarithm of σ/α.
        draws: of noise at each.
        seed: of the noise.
    """

    levels: int = 8
    draws: int = 2
    seed: int = 0
    name: ClassVar[str] = "profile"
    needs_reference: ClassVar[bool] = False

    def units(self, calibrated: bool) -> str:
        return "deviations from the reference" if calibrated else "mean error"

    def labels(self, model: Trained) -> tuple[str, ...]:
        schedule = model.process.schedule
        return tuple(f"σ/α={noise_ratio(schedule, t):.3g}" for t in noise_levels(model.process, self.levels))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        options = {"levels": self.levels, "draws": self.draws, "seed": self.seed}
        return profile(model.denoiser, model.process, x, conditions=given, **options).errors.cpu()

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures.mean(1) if usual is None else mahalanobis(_log(figures), _log(usual))


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


STATISTICS: dict[str, type[Statistic]] = {
    kind.name: kind for kind in (ProfileStatistic, ElboStatistic, LikelihoodStatistic, TypicalityStatistic)
}


def make_statistic(asked: str | Statistic, **options: int | None) -> Statistic:
    """The statistic of a name, with those options that are not ``None``; one that is made already is left as it is.

    Raises:
        RecipeError: there is none of this name, or an option is wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(asked, str):
        return asked
    if asked not in STATISTICS:
        raise unknown_name("statistic", asked, STATISTICS, RecipeError, field="statistic")
    kind: Any = STATISTICS[asked]
    known = [field.name for field in fields(kind)]
    for name, value in given.items():
        if name not in known:
            raise unknown_name(f"option of {asked}", name, known, RecipeError, field=name)
        if name != "seed" and value < 1:
            raise RecipeError("must be at least 1", field=name, expected=">= 1", got=value)
    made: Statistic = kind(**given)
    return made


def mahalanobis(figures: Tensor, usual: Tensor) -> Tensor:
    r"""The distance from the mean of ``usual``, in units of its covariance, over the root of the number of columns.

    The covariance is drawn towards its diagonal by columns/(rows + columns), so that few reference items do.

    Arguments:
        figures: ``[batch, columns]``.
        usual: ``[count, columns]``, two rows or more.
    """
    rows, columns = usual.shape
    if rows < 2:
        raise DomainInputError("has too few items", field="reference", expected="at least 2", got=rows)
    centred = usual - usual.mean(0)
    covariance = centred.T @ centred / (rows - 1)
    diagonal = covariance.diagonal()
    share = columns / (rows + columns)
    ridge = 1e-6 * diagonal.mean().clamp_min(1e-12)
    drawn = (1.0 - share) * covariance + torch.diag(share * diagonal + ridge)
    offset = (figures - usual.mean(0)).T
    squares = offset * torch.cholesky_solve(offset, torch.linalg.cholesky(drawn))
    return squares.mean(0).clamp_min(0.0).sqrt()


def _field_names(model: Trained) -> tuple[str, ...]:
    """The fields of a mixed state."""
    return tuple(model.process.fields) if isinstance(model.process, Product) else ()


def _log(errors: Tensor) -> Tensor:
    return errors.clamp_min(1e-12).log()
