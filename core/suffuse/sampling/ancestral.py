"""Samplers that call nothing but the process's own reverse step, and so work for every process."""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Process
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State


@dataclass(frozen=True)
class DDIM(OneEvaluation[Process]):
    """Denoising diffusion implicit models (Song, Meng & Ermon 2021): one evaluation a step, order 1.

    Arguments:
        eta: fresh noise, from 0 (deterministic: the probability-flow ODE by its exponential Euler rule) to 1 (DDPM).
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.eta <= 1.0:
            raise RecipeError("is out of range", field="eta", expected="between 0 and 1", got=self.eta)

    def advance(self, process: Process, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return process.reverse(now.x, posterior, now.t, s, rng, self.eta)


@dataclass(frozen=True)
class DDPM(DDIM):
    """Ancestral sampling (Ho et al. 2020, algorithm 2, with the posterior's own variance)."""

    eta: float = 1.0
