"""From items to the figures of a statistic."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from suffuse.conditions import Conditions, encode_conditions, move_conditions
from suffuse.domain import Item
from suffuse.errors import UnsupportedError
from suffuse.order import listed
from suffuse.state import State
from suffuse.tasks.items import encode_items
from suffuse.tasks.statistics.base import Asked, Judging, Statistic, Telling
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
    return statistic.measure(model, *_asked(model, items, numbers, asked))


def contributions(
    model: Trained,
    statistic: Statistic,
    items: Sequence[Item],
    numbers: Sequence[int],
    asked: Asked,
    usual: Tensor | None,
) -> State:
    """What each entry adds to a score: see :meth:`~suffuse.tasks.statistics.Telling.contributions`.

    Arguments:
        model, statistic, items, numbers, asked: as for :func:`figures`.
        usual: the figures of reference items, if there are any.

    Raises:
        UnsupportedError: the statistic does not tell.
    """
    if isinstance(statistic, Judging):
        return statistic.blame(model, items, numbers, asked, usual)
    if not isinstance(statistic, Telling):
        raise UnsupportedError(
            "does not tell what of an item is odd", field="statistic",
            expected="one that does, as residual, density or profile", got=statistic.name,
        )  # fmt: skip
    return statistic.contributions(model, *_asked(model, items, numbers, asked))


def tells(statistic: Statistic) -> bool:
    """Whether a statistic has :func:`contributions`."""
    return isinstance(statistic, Judging | Telling)


def _asked(model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked) -> tuple[State, Conditions]:
    x = listed(model, encode_items(model, items))
    values = {name: [v[i % len(v)] for i in numbers] for name, v in asked.items()}
    given = encode_conditions(model.conditions, values, len(items))
    return x, move_conditions(given, model.device)
