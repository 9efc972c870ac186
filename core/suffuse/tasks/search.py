"""``search``: the items most like a given one, by the features of the model's own network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError, ModelFileError, RecipeError
from suffuse.index import Hit, Index
from suffuse.similarity import Similarity
from suffuse.tasks.embed import features, fingerprint
from suffuse.tasks.index import Stamp, index_files
from suffuse.tasks.items import numbered
from suffuse.trained import Trained


def search(
    model: Trained,
    queries: Sequence[Item],
    where: Index | str | Path | Sequence[str | Path],
    k: int = 8,
    *,
    names: Sequence[str] | None = None,
    batch: int = 64,
    **options: Any,
) -> list[list[Hit]]:
    """The items most like each query, the most similar first; how alike they are by the domain's own measure is told.

    Arguments:
        model: a trained model.
        queries: items of its domain.
        where: an index; or files and folders, whose index is kept in the cache and brought up to date.
        k: neighbours of each query.
        names: what each query is called: an entry of that name is the query itself, and no answer.
        batch: items looked at at a time; changes the speed, not the features.
        options: ``layer``, ``level``, ``path`` and ``on_step`` of :func:`suffuse.tasks.index.index_files`, where
            ``where`` is no index.

    Raises:
        DomainInputError: there is no query, the domain cannot take one, or ``k`` is not positive.
        DataError: there are no items to search.
        ModelFileError: the index is of another model.
    """
    if k < 1:
        raise DomainInputError("must be at least 1", field="k", got=k)
    if names is not None and len(names) != len(queries):
        raise DomainInputError("has another length", field="names", expected=len(queries), got=len(names))
    if isinstance(where, Index):
        index = _of_this_model(model, where, options)
    else:
        index = index_files(model, where, batch=batch, **options)
    settings = index.settings
    found = features(model, queries, layer=settings.layer, level=settings.level, batch=batch)
    hits = _with_items(model, index.nearest(found, k, names))
    own = model.domain.similarity()
    if own is None:
        return hits
    return [_beside(own, query, near) for query, near in zip(queries, hits, strict=True)]


def _with_items(model: Trained, hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
    """Neighbours with their items, each file read once; those whose file is gone, or another, remain without."""
    wanted: dict[Stamp, set[int]] = {}
    for hit in chain.from_iterable(hits):
        if hit.item is None and hit.entry.file:
            wanted.setdefault(Stamp.seen(hit.entry), set()).add(hit.entry.number)
    found = {
        (stamp.file, number): item
        for stamp, numbers in wanted.items() if stamp.holds()
        for number, item in numbered(model, Path(stamp.file), numbers).items()
    }  # fmt: skip
    return [
        [replace(hit, item=found.get((hit.entry.file, hit.entry.number), hit.item)) for hit in near] for near in hits
    ]


def _beside(own: Similarity, query: Item, hits: Sequence[Hit]) -> list[Hit]:
    """Neighbours of one query, and how alike they are by the domain's own measure."""
    places = [i for i, hit in enumerate(hits) if hit.item is not None]
    told = dict(zip(places, own.beside(query, [hits[i].item for i in places]), strict=True))
    return [replace(hit, own={own.name: told[i]}) if i in told else hit for i, hit in enumerate(hits)]


def _of_this_model(model: Trained, index: Index, options: dict[str, Any]) -> Index:
    for name in options:
        raise RecipeError("is told by the index", field=name, fix="leave it out, or name files and folders")
    mine = fingerprint(model)
    if index.settings.model != mine:
        raise ModelFileError(
            "is of another model", field="index", expected=mine, got=index.settings.model,
            fix="make an index with this model",
        )  # fmt: skip
    return index
