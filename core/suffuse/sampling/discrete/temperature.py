r"""Temperature: a belief made sharper or flatter.

.. math:: p_k \leftarrow p_k^{1/T} / \sum_j p_j^{1/T}

divides the logits of the classes by T. Below 1 likely classes become more likely, which trades variety for quality; the
entries then no longer have the data's distribution.
"""

from __future__ import annotations

import math

from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.process import Categorical, Process, Product
from suffuse.process.categorical import TINY
from suffuse.state import State, map_fields, merge, only


def require_temperature(temperature: float) -> None:
    """Raise a RecipeError unless it is a positive number."""
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise RecipeError("must be a positive number", field="temperature", expected="> 0", got=temperature)


def tempered(process: Process, mean: State, temperature: float) -> State:
    """A posterior's mean at a temperature: the categorical fields' probabilities; means of others as they are."""
    if temperature == 1.0:
        return mean
    if isinstance(process, Product):
        return merge(mean, {n: tempered(p, only(mean, n), temperature) for n, p in process.fields.items()})
    return map_fields(lambda p: _sharpened(p, 1.0 / temperature), mean) if isinstance(process, Categorical) else mean


def _sharpened(p: Tensor, power: float) -> Tensor:
    """p to a power, normalized; relative to the likeliest class, so that not all of it underflows."""
    q = (p.clamp_min(0.0) / p.amax(-1, keepdim=True).clamp_min(TINY)).pow(power)
    return q / q.sum(-1, keepdim=True).clamp_min(TINY)
