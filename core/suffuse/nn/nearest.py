r"""The nearest of many vectors, by dense products of matrices alone.

The vectors are parted into cells (k-means: Lloyd 1982). A cell has a list of those vectors that are likely to be near
to what falls into it, and a query is compared with the list of its cell: an inverted file (Jégou et al. 2011) whose
lists overlap, so that one is enough. A vector y is as likely as

.. math:: \sum_{x} \exp(-3 |x - y|^2 / h_x^2)

over the vectors x of the cell is large, with :math:`h_x` the distance of x to its 20th neighbour. A list is as long as
it has to be to have nearly all of these neighbours, and half as long again.

A query that is further from all of its list than nine in ten vectors of the cell are from their neighbours may have
nearer ones elsewhere: it is compared with all vectors. So what is found of queries that lie far off is exact, and of
those that lie among the others hardly ever lacks the nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from suffuse.rng import permutation

INDEXED = 2048
"""Of so many vectors all are compared with every query: that takes no longer."""
CELL = 128
"""Vectors of a cell, on average."""
LONGEST, SHORTEST = 1024, 64
"""Vectors of a cell's list."""
COVERED, ENOUGH, SPARE = 0.98, 0.9, 1.5
"""The share of its vectors' neighbours that a list is to have; the least, below which it is not looked into, as where
there are more equal vectors than it can hold; and how much longer it is, for what falls between its vectors."""
ROUNDS = 6
"""Of Lloyd's algorithm."""
ASKED = 64
"""Vectors of a cell that tell what is near to it, at most."""
SHARPNESS, RANK = 3.0, 20
"""How fast a vector's likelihood falls with its distance, in units of that to the neighbour of this rank."""
USUAL = 0.9
"""The share of a cell's vectors that are as near to their neighbours as a query has to be to its list's nearest."""
AT_ONCE = 2**19
"""Similarities that are held at once: few enough to stay in a processor's cache."""

Answer = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, ...]]
"""From -|u - x|²/2 up to what depends on u alone ``[batch, m]``, the vectors x as columns ``[width, m]`` and their
numbers ``[m]`` (``None``: all, in order) to some figures ``[batch, ...]``. A vector that is left out is at -inf."""


class Nearest(nn.Module):
    """Vectors, and where to look for those near to another one; all in buffers, and so in a model's file.

    What is found for a query does not depend on the others of its batch.

    Arguments:
        width: numbers of a vector.
    """

    rows: Tensor
    centres: Tensor
    lists: Tensor
    sizes: Tensor
    reach: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(0, width))
        self.register_buffer("centres", torch.zeros(0, width))
        self.register_buffer("lists", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("sizes", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("reach", torch.zeros(0))

    def __len__(self) -> int:
        return len(self.rows)

    def hold(self, rows: Tensor, indexed: bool | None = None) -> None:
        """Take in vectors, instead of those held before.

        Arguments:
            rows: float32 ``[count, width]``, finite, one at least.
            indexed: whether they are parted into cells, in a time that grows as count²; if they are many, unless told.
        """
        self.rows = rows.float().to(self.rows.device).contiguous()
        if not (len(rows) > INDEXED if indexed is None else indexed):
            for name in ("centres", "lists", "sizes", "reach"):
                setattr(self, name, getattr(self, name)[:0])
            return
        self.centres = _centres(self.rows)
        self.lists, self.sizes, self.reach = _lists(self.rows, self.centres)

    def about(self, queries: Tensor, count: int, but: Tensor | None = None) -> Tensor:
        """The numbers of :meth:`near`, in no order."""

        def answer(similarity: Tensor, columns: Tensor, numbers: Tensor | None) -> tuple[Tensor, ...]:
            found = similarity.topk(count, dim=1, sorted=False).indices
            return (found if numbers is None else numbers[found],)

        (found,) = self.answers(queries, answer, but, least=count + 1)
        return found

    def near(self, queries: Tensor, count: int, but: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The vectors nearest to others, the nearest first.

        Arguments:
            queries: float32 ``[batch, width]``.
            count: how many, at most as many as there are (less one, where one is left out).
            but: for each query the number of a vector that is left out, negative for none: int64 ``[batch]``.

        Returns:
            Their numbers, int64 ``[batch, count]``, and their squared distances, float32 ``[batch, count]``.
        """
        numbers = self.about(queries, count, but)
        squares = [
            (self.rows[numbers[part]] - queries[part, None]).square().sum(2)
            for part in slices(len(queries), count * self.rows.shape[1])
        ]
        ordered, order = torch.cat(squares).sort(dim=1, stable=True)
        return numbers.gather(1, order), ordered

    def answers(self, queries: Tensor, answer: Answer, but: Tensor | None = None, least: int = 1) -> tuple[Tensor, ...]:
        """What is to be known of each query, from the vectors near to it.

        Arguments:
            queries: float32 ``[batch, width]``.
            answer: see :data:`Answer`.
            but: as of :meth:`near`.
            least: vectors that an answer needs.

        Returns:
            The figures of the answers, in the order of the queries.
        """
        if not len(queries) or not len(self.sizes) or least > SHORTEST:
            return self.by_all(queries, answer, but)
        cells = nearest_centre(queries, self.centres)
        order = cells.argsort(stable=True)
        found, near = self._by_lists(queries[order], cells, answer, None if but is None else but[order])
        squares = queries.square().sum(1)[order] - 2.0 * near
        told = tuple(torch.empty_like(x).index_copy_(0, order, x) for x in found)
        far = order[squares > self.reach[cells[order]]]
        if len(far):
            again = self.by_all(queries[far], answer, None if but is None else but[far])
            told = tuple(x.index_copy_(0, far, better) for x, better in zip(told, again, strict=True))
        return told

    def by_all(self, queries: Tensor, answer: Answer, but: Tensor | None = None) -> tuple[Tensor, ...]:
        """As :meth:`answers`, from all vectors."""
        columns, halves = self._columns()
        found = []
        for part in slices(len(queries), len(self.rows)):
            similarity = torch.addmm(halves, queries[part], columns)
            if but is not None:
                leave_out(similarity, but[part])
            found.append(answer(similarity, columns, None))
        return tuple(torch.cat(x) for x in zip(*found, strict=True))

    def _by_lists(
        self, queries: Tensor, cells: Tensor, answer: Answer, but: Tensor | None
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """The figures, and the similarity of each query to its nearest ``[batch]``; queries come cell by cell."""
        columns, halves = self._columns()
        lists = torch.split(self.lists.long(), self.sizes.tolist())
        asked = cells.bincount(minlength=len(lists)).tolist()
        found, near, first = [], [], 0
        for numbers, size in zip(lists, asked, strict=True):
            if not size:
                continue
            listed, offsets = columns.index_select(1, numbers), halves[numbers]
            for inner in slices(size, len(numbers)):
                part = slice(first + inner.start, first + min(inner.stop, size))
                similarity = torch.addmm(offsets, queries[part], listed)
                if but is not None:
                    leave_out(similarity, but[part], numbers)
                near.append(similarity.amax(1))
                found.append(answer(similarity, listed, numbers))
            first += size
        return tuple(torch.cat(x) for x in zip(*found, strict=True)), torch.cat(near)

    def _columns(self) -> tuple[Tensor, Tensor]:
        """The vectors as columns, in which products with them are fastest, and -|x|²/2."""
        return self.rows.T.contiguous(), -0.5 * self.rows.square().sum(1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Make room for as many vectors as a file holds."""
        for name in ("rows", "centres", "lists", "sizes", "reach"):
            held, mine = state_dict.get(prefix + name), getattr(self, name)
            if held is not None and held.ndim == mine.ndim and held.shape[1:] == mine.shape[1:]:
                setattr(self, name, mine.new_zeros(held.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


def slices(count: int, each: int) -> Iterator[slice]:
    """Parts of what has a number of entries, as large as may be if each stands for so many figures; one at least."""
    size = max(1, AT_ONCE // max(1, each))
    return (slice(first, first + size) for first in range(0, max(1, count), size))


def leave_out(similarity: Tensor, but: Tensor, numbers: Tensor | None = None) -> None:
    """Take a vector from each query, in place; none where its number is negative, or not among the numbers."""
    queries = (but >= 0).nonzero().flatten()
    if numbers is None:
        similarity[queries, but[queries]] = -torch.inf
    elif len(queries):
        similarity[queries] = similarity[queries].masked_fill(numbers == but[queries, None], -torch.inf)


def nearest_centre(queries: Tensor, centres: Tensor) -> Tensor:
    """The number of the nearest centre: int64 ``[batch]``."""
    halves = -0.5 * centres.square().sum(1)
    found = [torch.addmm(halves, queries[part], centres.T).argmax(1) for part in slices(len(queries), len(centres))]
    return torch.cat(found)


def _centres(rows: Tensor) -> Tensor:
    """K-means, begun at rows that are drawn: ``[cells, width]``."""
    count = -(-len(rows) // CELL)
    centres = rows[permutation(len(rows), "nearest")[:count].to(rows.device)]
    for _ in range(ROUNDS):
        cells = nearest_centre(rows, centres)
        sums = torch.zeros_like(centres).index_add_(0, cells, rows)
        sizes = cells.bincount(minlength=count)[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp_min(1), centres)
    return centres


def _lists(rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The numbers of all cells' lists one after the other, how many each has, and the squared distance near in it."""
    cells, squares = nearest_centre(rows, centres), rows.square().sum(1)
    apart = [squares - 2.0 * (rows @ centre) + centre.square().sum() for centre in centres]
    found = [_list(rows, squares, (cells == i).nonzero().flatten(), far) for i, far in enumerate(apart)]
    numbers, reach = [x for x, _ in found], [x for _, x in found]
    sizes = torch.tensor([len(x) for x in numbers], dtype=torch.int32, device=rows.device)
    return torch.cat(numbers).int(), sizes, torch.stack(reach)


def _list(rows: Tensor, squares: Tensor, members: Tensor, apart: Tensor) -> tuple[Tensor, Tensor]:
    """A cell's list, and the squared distance that is near in it: below 0 where nothing is.

    Arguments:
        rows, squares: the vectors, and their squared lengths.
        members: the numbers of those in the cell.
        apart: the squared distances of all to its centre.
    """
    likely, near, neighbours = _likely(rows, squares, members[:: max(1, -(-len(members) // ASKED))])
    likely = likely + 1e-6 / (1.0 + apart.clamp_min(0.0))  # of those that are not likely at all the nearest come first
    order = likely.argsort(descending=True, stable=True)
    nothing = -torch.ones_like(squares[0])
    if not len(members):
        return order[:SHORTEST].sort().values, nothing
    places = torch.empty_like(order).index_copy_(0, order, torch.arange(len(order), device=order.device))
    ranks = places[neighbours].to(rows.dtype)
    size = int((SPARE * ranks.quantile(COVERED)).clamp(SHORTEST, LONGEST))
    noise = 1e-6 * squares.mean()  # of a squared distance that is a difference of squares
    usual = 1.001 * near.quantile(USUAL).clamp_min(noise)  # of ties rounding is not to decide
    return order[:size].sort().values, usual if ranks.quantile(ENOUGH) < size else nothing


def _likely(rows: Tensor, squares: Tensor, members: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How likely rows are near to what falls into a cell.

    Arguments:
        rows, squares: the vectors, and their squared lengths.
        members: the numbers of some in the cell ``[members]``.

    Returns:
        The likelihoods ``[count]``, the members' squared distances to their nearest ``[members]``, and the numbers of
        their nearest ``[members, rank]``.
    """
    likely, near, neighbours = torch.zeros_like(squares), [], []
    for part in slices(len(members), len(rows)):
        some = members[part]
        apart = torch.addmm(squares, rows[some], rows.T, alpha=-2.0).add_(squares[some, None]).clamp_min_(0.0)
        others = apart.index_put((torch.arange(len(some), device=rows.device), some), apart.new_tensor(torch.inf))
        nearest = others.topk(min(RANK, len(rows) - 1), dim=1, largest=False)
        near.append(nearest.values[:, 0])
        neighbours.append(nearest.indices)
        reach = nearest.values[:, -1:].clamp_min(torch.finfo(rows.dtype).tiny)
        likely += apart.mul_(-SHARPNESS / reach).exp_().sum(0)
    return likely, torch.cat(near), torch.cat(neighbours)
