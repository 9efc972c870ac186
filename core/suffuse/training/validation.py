"""The validation loss: the weighted error at fixed times with fixed noise, so that two figures can be compared."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from suffuse.conditions import move_conditions
from suffuse.rng import Rng
from suffuse.state import batch_size, to
from suffuse.training.batches import Batch
from suffuse.training.criterion import Criterion

QUANTILES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Of the criterion's own distribution of times."""


@torch.no_grad()
def validation_loss(criterion: Criterion, batches: Iterable[Batch], device: torch.device) -> float:
    """The mean over all examples and over :data:`QUANTILES`.

    Arguments:
        criterion: with the denoiser that is judged, in evaluation mode.
        batches: encoded validation examples, always the same.
        device: where to compute.
    """
    total, count, first = 0.0, 0, 0
    for batch in batches:
        x0, conditions = to(batch.x0, device), move_conditions(batch.conditions, device)
        size = batch_size(x0)
        rng = Rng.of(range(first, first + size)).at("validation")
        for number, quantile in enumerate(QUANTILES):
            loss = criterion.at_quantile(x0, quantile, conditions, rng.at(number))
            total, count = total + float(loss.sum()), count + size
        first += size
    return total / count
