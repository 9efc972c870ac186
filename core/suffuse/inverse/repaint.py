"""Sampling around a known part, under any process and with any sampler (Lugmayr et al. 2022, RePaint, algorithm 1).

Before every step the known part of the state is replaced by what noise makes of it, x_t ~ q(x_t | x₀) (Song et al.
2021, appendix I.2). The rest then lies beside a known part that it did not know of when it was made. So RePaint goes
back towards noise and draws again, several times at each level, until what is made agrees with what is known.

Under an absorbing kernel the known part stays as it is at every time: the denoiser sees it all along, a single pass is
as good as sampling itself, and going back is of no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.inverse.noising import noise_further, noise_known
from suffuse.operators.mask import known_of
from suffuse.posterior import Denoiser
from suffuse.process import Process
from suffuse.rng import Rng
from suffuse.sampling import Sampler, Step
from suffuse.state import State, map_fields


@dataclass(frozen=True, eq=False)
class RePaint:
    """A sampler beside a known part. Where the next time lies back towards noise, it adds noise (:func:`with_jumps`).

    Arguments:
        sampler: makes the rest.
        known: bool, true where the state is known; see :class:`~suffuse.operators.mask.Mask`.
        x0: the clean state of the batch; what it holds elsewhere than in the known part is not looked at.
    """

    sampler: Sampler
    known: State
    x0: State

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        if s > now.t:
            x = noise_further(process, now.x, now.t, s, rng)
            return Step(x, s, now.index + 1, now.total, now.posterior)  # without a past, which lies on another path
        given = noise_known(process, self.x0, now.t, rng.at("known"))
        here = replace(now, x=compose(now.x, given, self.known))
        made = self.sampler.step(denoiser, process, here, s, rng, conditions)
        return replace(made, x=compose(made.x, self.x0, self.known)) if s == 0.0 else made


def compose(made: State, given: State, known: State) -> State:
    """The given state where it is known, what was made elsewhere."""
    if isinstance(made, Tensor):
        assert isinstance(known, Tensor)
        assert isinstance(given, Tensor)
        return torch.where(known, given, made)
    parts = {name: known_of(known, name, field) for name, field in made.items()}
    return map_fields(lambda m, g, k: torch.where(k, g, m), made, given, parts)


def with_jumps(times: Sequence[float], resamples: int, jump: int = 1) -> list[float]:
    """The times of a grid, with the ways back: after every ``jump`` steps, back to where they began.

    Arguments:
        times: falling.
        resamples: how often each stretch is gone, 1 for no way back.
        jump: its length in steps.

    Raises:
        RecipeError: one of them is less than 1.
    """
    for name, value in (("resamples", resamples), ("jump", jump)):
        if value < 1:
            raise RecipeError("must be at least 1", field=f"repaint.{name}", expected=">= 1", got=value)
    path = [times[0]]
    for first in range(0, len(times) - 1, jump):
        stretch = list(times[first + 1 : first + 1 + jump])
        path += stretch + [time for _ in range(resamples - 1) for time in (times[first], *stretch)]
    return path
