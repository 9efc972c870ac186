"""All scores of some files at once, and the items of either end, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.tasks.extremes import Extremes
from suffuse.tasks.plan import OnStep
from suffuse.tasks.scoring.columns import Fault, judge_batch, refuse
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.tasks.scoring.scores import Scores, joined
from suffuse.tasks.scoring.sources import Source, read_batches


@dataclass(frozen=True)
class Ranking:
    """The scores of items, and what is worth a look.

    Arguments:
        scores: of all that could be scored, in their order.
        oddest: the items of the highest scores, the oddest first.
        most_usual: those of the lowest, the most usual first.
        faults: what could not be scored.
    """

    scores: Scores
    oddest: list[Item]
    most_usual: list[Item]
    faults: tuple[Fault, ...]


def rank(
    scorer: Scorer,
    sources: Sequence[Source],
    top: int,
    *,
    batch: int | None = None,
    strict: bool = False,
    on_step: OnStep | None = None,
) -> Ranking:
    """Score the items of sources, which are read as they are scored; the scores are held, and ``2 · top`` items.

    Arguments:
        scorer: all that the scores depend on.
        sources: what :func:`suffuse.tasks.scoring.sources.find_sources` found.
        top: how many items of either end are kept.
        batch: items scored at a time.
        strict: whether an item that cannot be scored is an error; else it is set apart.
        on_step: called with (sources done, sources in all).

    Raises:
        DomainInputError: no item can be scored; or, with ``strict``, one cannot.
        BrokenSourceError: a source broke off.
    """
    kept, faults = Extremes(top), list[Fault]()

    def parts() -> Iterator[Scores]:
        size = batch or items_at_a_time(scorer.model)
        for part in read_batches(scorer.model, sources, size, cutting=scorer.cutting):
            judged = judge_batch(scorer, part)
            refuse(judged.faults if strict else ())
            faults.extend(judged.faults)
            if on_step is not None:
                on_step(part.end.source + 1, len(sources))
            if judged.scores is not None:
                kept.add(judged.scores.values, judged.items)
                yield replace(judged.scores, called=part.names(judged.places))

    found = list(parts())
    if not found:
        fault = faults[0]
        raise DomainInputError("cannot be scored, nor any other item", field=fault.place, got=fault.reason)
    return Ranking(joined(found), kept.highest, kept.lowest, tuple(faults))
