r"""Categorical noise in continuous time: rates of jumps, and what a step with constant rates does.

Forward, an entry jumps to class j with the rate β π_j, β = -α'/α. Backward, from i to j ≠ i (Campbell et al. 2022,
proposition 1, with the kernels' closed form of q(j | x₀)/q(i | x₀)),

.. math::

    \hat R_t(i \to j) = β\, π_i \sum_k p_k \frac{q_t(j | k)}{q_t(i | k)}
        = β \bigl(\tfrac{α}{1-α}\, p_j + π_j\, (1 - p_i + p_i\, c_i)\bigr), \qquad
    c_i = \frac{(1-α)\, π_i}{α + (1-α)\, π_i}.

Everything here is over a kernel's outcomes, and an *intensity* is a rate times a duration: the mean number of jumps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suffuse.process import Categorical
from suffuse.process.categorical import TINY
from suffuse.process.kernels import stationary_like


def backward(process: Categorical, x: Tensor, p: Tensor, t: float, s: float) -> Tensor:
    r"""Intensities from t down to s > 0 under a constant belief: the rates' coefficients are integrated exactly.

    With u = α running from α_t to α_s,

    .. math::

        \int β \tfrac{α}{1-α} = \log \tfrac{1-α_t}{1-α_s}, \qquad \int β = \log \tfrac{α_s}{α_t}, \qquad
        \int β c_i = \log \tfrac{α_s}{α_t} - \tfrac{1}{1-π_i} \log \tfrac{π_i + (1-π_i) α_s}{π_i + (1-π_i) α_t}.

    Arguments:
        x, p: an entry and the belief about it, ``[batch, *positions, outcomes]``.
    """
    alpha_t, alpha_s = float(process.alpha(t)), float(process.alpha(s))
    told, forgotten = math.log(process.noise(t) / process.noise(s)), math.log(alpha_s / alpha_t)
    chance, own = process.chance(x), (x * p).sum(-1, keepdim=True)
    rest = (1.0 - chance).clamp_min(TINY)
    held = ((chance + rest * alpha_s) / (chance + rest * alpha_t)).log() / rest
    again = (1.0 - own) * forgotten + own * (forgotten - held)
    return told * p + again * stationary_like(process.kernel, x)


def both_ways(process: Categorical, x: Tensor, p: Tensor, t: float, size: float) -> Tensor:
    """Intensities of forward and backward jumps together, at time t > 0, for as long as ∫ β is ``size``."""
    alpha, noise = float(process.alpha(t)), float(process.noise(t))
    chance, own = process.chance(x), (x * p).sum(-1, keepdim=True)
    again = 2.0 - own + own * noise * chance / (alpha + noise * chance)
    return size * (alpha / noise * p + again * stationary_like(process.kernel, x))


def jump(x: Tensor, intensity: Tensor) -> Tensor:
    """Where an entry is after its first jump, if there is one: distributions over outcomes.

    The number of jumps is Poisson; those after the first, which a constant belief knows nothing of, are left out.
    """
    away = torch.where(x == 1.0, 0.0, intensity.clamp_min(0.0))
    total = away.sum(-1, keepdim=True)
    return x * (-total).exp() - torch.expm1(-total) * away / total.clamp_min(TINY)
