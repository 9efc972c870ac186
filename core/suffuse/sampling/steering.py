r"""Steering by a reward that nobody can differentiate: particles, weighed and resampled on the way.

What is wanted are samples of :math:`p(x_0) \exp(λ\, r(x_0))`. For every output k particles are sampled side by side.
The reward of what the denoiser believes the clean state to be foretells that of the particle, by the potential

.. math:: ψ_i = λ\, c(t_i)\, r(\hat x_0), \qquad c(t) = \frac{α_t^2}{α_t^2 + σ_t^2},
          \qquad ψ_{\text{end}} = λ\, r(x_0),

and the particle's weight is multiplied by :math:`\exp(ψ_i - ψ_{i-1})`, :math:`ψ_0 = 0`. Where fewer than half of the
particles of an output count (their effective number), they are resampled among themselves and weigh alike again. At the
end one is drawn by weight (Singhal et al. 2025, "A general framework for inference-time scaling and steering of
diffusion models", potential "difference", adaptive resampling; Wu et al. 2023 and Li et al. 2024 steer alike).

The differences add up to :math:`λ\, r(x_0)`, whatever was foretold: potentials on the way change the variance, not what
is sampled as k grows. Hence c(t), the share of a state's variance that is known, is free: far from the data predictions
tell little, and shall choose little.

A reward may be NaN, the worst. On the way it counts as the least of its output's particles, since what is foretold
badly may still become good, and at the end as :math:`-\infty`.

Copies of a particle part by the sampler's fresh noise. A sampler without any (an ODE's solver) makes them the same for
ever; steering by it is still right as k grows, and no better than choosing among k outputs at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.process import Schedule
from suffuse.rng import Rng
from suffuse.sampling.loop import Step, Steps
from suffuse.sampling.particles import drawn, effective, shares, systematic
from suffuse.state import State, batch_size

Reward = Callable[[State], Tensor]
"""``x₀ -> [batch]``: how good a clean state is, larger being better; NaN, or what is not finite: the worst."""

FEW = 0.5
"""Particles are resampled where less than this share of them counts (Doucet & Johansen 2009, section 3.5)."""


@dataclass(frozen=True)
class Steering:
    """How outputs are steered.

    Arguments:
        reward: of clean states.
        particles: k, for each output; 1 is sampling as usual.
        weight: λ, in nats for one unit of the reward; below 0 less is better.
        every: steps from one look at the reward to the next; the last step is always looked at.
        name: what the reward is called in messages.
    """

    reward: Reward
    particles: int = 4
    weight: float = 1.0
    every: int = 2
    name: str = "reward"

    def __post_init__(self) -> None:
        for name in ("particles", "every"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise RecipeError("must be at least 1", field=name, expected="an integer of at least 1", got=value)
        if not isinstance(self.weight, int | float) or not math.isfinite(self.weight):
            raise RecipeError("is not finite", field="weight", expected="a number", got=self.weight)

    def __call__(self, steps: Steps, schedule: Schedule, rng: Rng) -> Iterator[Step]:
        """Steer what is being sampled.

        Arguments:
            steps: of all particles, those of an output side by side, as ``rng.split(particles)`` gives their streams.
                All particles of an output are sampled under the same conditions.
            schedule: the process's clock.
            rng: one stream for each output.

        Yields:
            for each step that of one particle of each output, drawn by weight; the last is the output.

        Raises:
            RecipeError: the reward gives no particle of this batch a number, from the start to the end.
            UnsupportedError: the sampler tells no belief.
        """
        place, now = rng.at("drawn").uniform(shape=()), next(steps)
        flock = Flock.start(batch_size(now.x) // self.particles, self.particles)
        while True:
            last = now.index == now.total
            if last or (now.index and now.index % self.every == 0):
                flock = flock.weighed(self._potential(now, schedule, last), last)
            yield now.take(flock.one(place))
            if last:
                break
            if flock.few.any():
                flock, parents = flock.resampled(rng.at("resample", now.index).uniform(shape=()))
                now = now.take(parents)
            now = steps.send(now)
        if not flock.told:
            raise RecipeError(
                "gave no number", field=self.name, expected="a number for one item at least",
                got=f"none for any of {batch_size(now.x)} in {now.total} steps",
                fix="see what it makes of items that are not steered; of broken ones there is often nothing to tell",
            )  # fmt: skip

    def _potential(self, now: Step, schedule: Schedule, last: bool) -> Tensor:
        """ψ of each particle, float64 ``[batch]``; NaN as the reward is."""
        if last:
            return self.weight * self.reward(now.x).double().cpu()
        if now.posterior is None:
            raise UnsupportedError(
                "tells no belief, by which particles could be weighed", field="sampler",
                expected="a sampler whose steps carry their posterior", fix="use ddpm",
            )  # fmt: skip
        alpha, sigma = schedule.alpha(now.t), schedule.sigma(now.t)
        return self.weight * alpha**2 / (alpha**2 + sigma**2) * self.reward(now.posterior.mean).double().cpu()


@dataclass(frozen=True)
class Flock:
    """The particles of some outputs, as far as their weights go.

    Arguments:
        potential: ψ when it was last looked at, float64 ``[outputs, particles]``.
        before: ψ when the particles last weighed alike.
        told: whether any reward was a number.
    """

    potential: Tensor
    before: Tensor
    told: bool = False

    @classmethod
    def start(cls, outputs: int, particles: int) -> Flock:
        """All alike."""
        zero = torch.zeros(outputs, particles, dtype=torch.float64)
        return cls(zero, zero)

    @property
    def weights(self) -> Tensor:
        """The share of each particle in its output."""
        return shares(self.potential - self.before)

    @property
    def few(self) -> Tensor:
        """In which outputs few particles count: bool ``[outputs]``."""
        return effective(self.weights) < FEW * self.potential.shape[1]

    def weighed(self, potential: Tensor, last: bool) -> Flock:
        """The particles after a look at their potentials ``[batch]``, of which some may be NaN."""
        new = potential.reshape(self.potential.shape)
        told = new.isfinite()
        least = torch.where(told, new, torch.inf).amin(1, keepdim=True)
        worst = (
            torch.full_like(new, -torch.inf) if last else torch.where(told.any(1, keepdim=True), least, self.potential)
        )
        return Flock(torch.where(told, new, worst), self.before, self.told or bool(told.any()))

    def one(self, u: Tensor) -> Tensor:
        """One particle of each output, by weight: places in the batch ``[outputs]``."""
        return drawn(self.weights, u) + self._first()

    def resampled(self, u: Tensor) -> tuple[Flock, Tensor]:
        """The particles after resampling where few count, and of which each is a copy: places ``[batch]``."""
        own = torch.arange(self.potential.shape[1]).expand(self.potential.shape)
        copied = torch.where(self.few[:, None], systematic(self.weights, u), own)
        potential = self.potential.gather(1, copied)
        before = torch.where(self.few[:, None], potential, self.before)
        return Flock(potential, before, self.told), (copied + self._first()[:, None]).flatten()

    def _first(self) -> Tensor:
        """The place of each output's first particle."""
        outputs, particles = self.potential.shape
        return torch.arange(outputs) * particles
