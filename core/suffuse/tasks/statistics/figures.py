"""From items to the figures of a statistic."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from suffuse.conditions import encode_conditions, move_conditions
from suffuse.domain import Item
from suffuse.order import listed
from suffuse.tasks.items import encode_items
from suffuse.tasks.statistics.base import Asked, Judging, Statistic
from suffuse.trained import Trained


def figures(
    model: Trained, statistic: Statistic, items: Sequence[Item], numbers: Sequence[int], asked: Asked
) -> Tensor:
    """What a statistic combines into a score: float64 ``[items, labels]``.

    Arguments:
        model: whose score it is.
        statistic: what oddness is measured by.
        items: at least one.
        numbers: of the items in the run, by which conditions are dealt out.
        asked: the conditions under which items are scored.

    Raises:
        DomainInputError: the domain cannot take an item.
    """
    if isinstance(statistic, Judging):
        return statistic.judge(model, items, numbers, asked)
    x = listed(model, encode_items(model, items))
    values = {name: [v[i % len(v)] for i in numbers] for name, v in asked.items()}
    given = encode_conditions(model.conditions, values, len(items))
    return statistic.measure(model, x, move_conditions(given, model.device))
