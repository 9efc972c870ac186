"""Unmasking in the order of confidence (MaskGIT, Chang et al. 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Categorical
from suffuse.process.categorical import TINY, mirrored
from suffuse.rng import Rng
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import ABSORBING
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, map_fields


@dataclass(frozen=True)
class Confidence(OneEvaluation[Categorical]):
    r"""All masked entries are drawn, and those whose class was the likeliest are kept.

    Of m masked entries of a sample :math:`m (1-α_s)/(1-α_t)` stay masked, rounded up or down at random so that this is
    the mean. Which: those with the least :math:`\log p(\text{class drawn}) + ν (1 - α_s) g`, with Gumbel noise g
    (Chang et al. 2022, section 3.2). Sure entries first makes few steps good, and the distribution narrower than the
    data's; as ν grows the order becomes random, that of ancestral sampling.

    Arguments:
        temperature: of the belief that classes are drawn from; 1 leaves it as it is.
        noise: ν, of the order.
    """

    temperature: float = 1.0
    noise: float = 0.0
    needs = ABSORBING

    def __post_init__(self) -> None:
        require_temperature(self.temperature)
        if not (math.isfinite(self.noise) and self.noise >= 0.0):
            raise RecipeError("is out of range", field="noise", expected=">= 0", got=self.noise)

    def advance(self, process: Categorical, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        mean = tempered(process, posterior.mean, self.temperature)
        drawn = process.draw(process.belief(now.x, mean), rng.at("drawn"))
        kept, spread = float(process.noise(s) / process.noise(now.t)), self.noise * float(process.noise(s))

        def shown(x: Tensor, drawn: Tensor, p: Tensor, distinct: Tensor, u: Tensor) -> Tensor:
            masked = ~process.is_known(x)[..., 0] & distinct
            confidence = (drawn * p).sum(-1).double().clamp_min(TINY).log() - spread * (-u.log()).log()
            number = _number(masked, kept, rng.at("number"))
            ranked = _side_by_side(torch.where(masked, confidence, -math.inf))
            chosen = _highest(ranked, number).reshape(masked.shape)
            chosen = mirrored(chosen) if process.symmetric else chosen
            return torch.where(chosen[..., None], drawn, x)

        order = process.uniforms(now.x, rng.at("order"))
        return map_fields(shown, now.x, drawn, posterior.mean, process.distinct(now.x), order)


def _number(masked: Tensor, kept: float, rng: Rng) -> Tensor:
    """How many of the masked entries of each sample are shown, ``[batch]``: all but a share ``kept``, on average."""
    count = _side_by_side(masked).sum(1).double()
    return (count * (1.0 - kept) + rng.uniform(shape=()).to(count.device)).floor().minimum(count)


def _side_by_side(x: Tensor) -> Tensor:
    """All places of each sample, ``[batch, places]``; a field of a single class per sample has one."""
    return x.reshape(len(x), -1)


def _highest(values: Tensor, number: Tensor) -> Tensor:
    """Which of the values ``[batch, n]`` are among the ``number [batch]`` highest of their row; the first of equals."""
    rank = values.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return rank < number[:, None]
