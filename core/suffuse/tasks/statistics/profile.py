"""The denoising error at several noise levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import DomainInputError
from suffuse.likelihood import entry_profile, noise_levels, profile
from suffuse.process import noise_ratio
from suffuse.state import State
from suffuse.tasks.statistics.base import shares
from suffuse.trained import Trained


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


def _log(errors: Tensor) -> Tensor:
    return errors.clamp_min(1e-12).log()
