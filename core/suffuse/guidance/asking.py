"""Several questions in one call: what the denoiser believes of the same states under several conditions."""

from __future__ import annotations

import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions, any_present, concat_conditions, drop
from suffuse.errors import DomainInputError, unknown_name
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.state import State, batch_size, concat, take


def ask(denoiser: Denoiser, x_t: State, t: Time, *conditions: Conditions) -> list[Posterior]:
    """The belief under each of several conditions, by one call on a batch as many times larger."""
    if len(conditions) == 1:
        return [denoiser(x_t, t, conditions[0])]
    count, times = batch_size(x_t), len(conditions)
    every = t.repeat(times) if isinstance(t, Tensor) else t
    answer = denoiser(concat([x_t] * times), every, concat_conditions(conditions))
    return [_part(answer, slice(i * count, (i + 1) * count)) for i in range(times)]


def _part(posterior: Posterior, samples: slice) -> Posterior:
    anchor = None if posterior.anchor is None else take(posterior.anchor, samples)
    return Posterior(take(posterior.mean, samples), anchor)


def is_contrast(conditions: Conditions, negative: Conditions | None) -> bool:
    """Whether the conditions differ from what they are set against, so that asking twice tells something."""
    return bool(conditions) and (negative is not None or any_present(conditions))


def opposite(conditions: Conditions, negative: Conditions | None) -> Conditions:
    """What conditions are set against: the negative ones, or none at all."""
    return drop(conditions) if negative is None else spread(negative, conditions)


def spread(part: Conditions, like: Conditions) -> dict[str, Condition]:
    """Some conditions for a whole batch: not given where they are not named, repeated where they are of fewer samples.

    Arguments:
        part: of the batch, of one sample, or of a batch of which this one is a multiple.
        like: the conditions of the batch.

    Raises:
        DomainInputError: a name that ``like`` lacks, or a number of samples that does not fit.
    """
    for name in part:
        if name not in like:
            raise unknown_name("condition", name, like, DomainInputError, field=name)
    return {name: _repeated(part[name], c, name) if name in part else c for name, c in drop(like).items()}


def _repeated(condition: Condition, like: Condition, name: str) -> Condition:
    own, count = len(condition.present), len(like.present)
    if own == count:
        return condition
    if own == 0 or count % own:
        raise DomainInputError("is of another number of samples", field=name, expected=f"1 or {count}", got=own)
    index = torch.arange(count, device=condition.present.device) % own
    return condition.map(lambda x: x[index])
