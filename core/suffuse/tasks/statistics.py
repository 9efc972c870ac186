"""What an item's oddness is measured by: one class a statistic, each higher the odder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import DomainInputError, RecipeError, unknown_name
from suffuse.likelihood import (
    Fixed,
    Residual,
    beliefs,
    elbo,
    entry_profile,
    log_prob,
    noise_levels,
    profile,
    residual,
)
from suffuse.likelihood.gaussian import READ_OFF
from suffuse.nn.memory import AtLevels, Memory
from suffuse.process import Product, noise_ratio
from suffuse.recipe import Named
from suffuse.rng import Rng
from suffuse.state import State, batch_size, combine, map_fields, masked_sum, over_batch, to
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


@runtime_checkable
class Telling(Statistic, Protocol):
    """A statistic that tells what each entry of a state adds to its score."""

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """Shares of the score: float64, shaped like the states, at least 0, and 1 in sum over an item.

        An entry that is a class has one number, ``[batch, *positions, 1]``.
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

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """What each entry adds to the mean error."""
        options = {"levels": self.levels, "draws": self.draws, "seed": self.seed}
        return shares(entry_profile(model.denoiser, model.process, x, conditions=given, **options))


LOWEST, HIGHEST = 0.3, 1.2
"""The noise levels at which states are asked about without noise, in units of a memory's spacing; else of the data's
deviation, which is 1."""


@dataclass(frozen=True)
class ResidualStatistic:
    """How far the belief about an item, asked without noise, is from what it is: the mean over several noise levels.

    Arguments:
        levels: how many noise levels, from :data:`LOWEST` up to :data:`HIGHEST`, evenly spaced in the logarithm of σ/α,
            where ``ratios`` are not told. A network that remembers the data ties them to these.
        ratios: the noise levels σ/α themselves.
    """

    levels: int = 3
    ratios: tuple[float, ...] | None = None
    name: ClassVar[str] = "residual"
    needs_reference: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.ratios is not None:  # JSON has lists
            object.__setattr__(self, "ratios", tuple(self.ratios))

    def units(self, calibrated: bool) -> str:
        return "deviations of the data"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return tuple(f"σ/α={ratio:.3g}" for ratio in self._ratios(model))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        return self._residual(model, x, given).figures.cpu()

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures.mean(1)

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """What each entry adds to the score: its part of the squares of each level, which count as their figures do."""
        found = self._residual(model, x, given)
        weights = 1.0 / found.figures.clamp_min(torch.finfo(torch.float64).tiny)
        return shares(combine(*((weights[:, i], to(s, dtype=torch.float64)) for i, s in enumerate(found.squares))))

    def _ratios(self, model: Trained) -> tuple[float, ...]:
        if self.ratios is not None:
            return self.ratios
        network = model.denoiser.network
        unit = network.spacing if isinstance(network, Memory) else 1.0
        fractions = [i / max(1, self.levels - 1) for i in range(self.levels)]
        return tuple(unit * LOWEST ** (1.0 - f) * HIGHEST**f for f in fractions)

    def _residual(self, model: Trained, x: State, given: Conditions) -> Residual:
        network, ratios = model.denoiser.network, self._ratios(model)
        if isinstance(network, AtLevels):
            means = network.at_levels(x, ratios, given)
        else:
            means = beliefs(model.denoiser, model.process, x, ratios, given)
        return residual(model.process, x, means)


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
    kind.name: kind
    for kind in (ProfileStatistic, ResidualStatistic, ElboStatistic, LikelihoodStatistic, TypicalityStatistic)
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


def named(statistic: Statistic) -> Named:
    """A statistic's name and options, as a model's file tells them."""
    options: dict[str, Any] = asdict(statistic) if is_dataclass(statistic) and not isinstance(statistic, type) else {}
    return Named(name=statistic.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in options.items()})


def stored(told: Named) -> Statistic:
    """The inverse of :func:`named`.

    Raises:
        RecipeError: there is none of this name.
    """
    if told.name not in STATISTICS:
        raise unknown_name("statistic", told.name, STATISTICS, RecipeError, field="statistic")
    kind: Any = STATISTICS[told.name]
    made: Statistic = kind(**told.options)
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


def shares(entries: State) -> State:
    """What entries add to a sum of 1 over each item; where all add nothing, its real entries add alike."""
    total = masked_sum(entries)
    real = masked_sum(map_fields(torch.ones_like, entries))
    even = (total == 0.0).double() / real.clamp_min(1.0)
    scale = 1.0 / torch.where(total == 0.0, 1.0, total)
    return map_fields(lambda x: x * over_batch(scale, x) + over_batch(even, x), entries)


def _field_names(model: Trained) -> tuple[str, ...]:
    """The fields of a mixed state."""
    return tuple(model.process.fields) if isinstance(model.process, Product) else ()


def _log(errors: Tensor) -> Tensor:
    return errors.clamp_min(1e-12).log()
