"""Molecules as graphs: atoms of some classes, and kekulised bonds between them.

States have the fields ``atoms``, one-hot ``[batch, n, classes]``, a class being an element with a charge, and
``bonds``, one-hot ``[batch, n, n, 4]``: none, single, double, triple. ``mask`` ``[batch, n]`` tells atoms,
``bonds.mask`` ``[batch, n, n]`` pairs of two. Hydrogens are implied.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any, Self

import torch
from torch import Tensor

from suffuse.domain import Categories, Codec, Grown, Item
from suffuse.errors import DataError, DomainInputError
from suffuse.rng import Rng
from suffuse.state import State
from suffuse_molecules.chemistry import ORDERS, Mol, assemble, graph, smiles
from suffuse_molecules.growing import Kept, all_open, kept_part

ATOMS, BONDS, MASK, PAIRS = "atoms", "bonds", "mask", "bonds.mask"
SIZE = "size"
"""The condition by which a number of heavy atoms is asked for."""

LARGEST = 256
"""Atoms that an item may have: a state grows as their square."""


@dataclass(frozen=True)
class GraphCodec(Codec):
    """Turns molecules into graphs.

    Arguments:
        classes: element and charge of each class of atoms, the most frequent first.
        atoms: how often each is among training atoms.
        bonds: how often each kind is among pairs of training atoms.
        sizes: how many training molecules have a number of atoms, by the number.
    """

    classes: tuple[tuple[str, int], ...]
    atoms: tuple[float, ...]
    bonds: tuple[float, ...]
    sizes: Mapping[int, int]

    @classmethod
    def fit(cls, molecules: Iterable[Mol]) -> Self:
        """The codec of training molecules.

        Raises:
            DataError: there is none.
        """
        sizes, atoms, bonds = Counter[int](), Counter[tuple[str, int]](), Counter[int]()
        for mol in molecules:
            kinds, edges = graph(mol)
            sizes[len(kinds)] += 1
            atoms.update(kinds)
            bonds.update(order for *_, order in edges)
        if not sizes:
            raise DataError("has no molecule that can be learnt from", field="the training part")
        bonds[0] = sum(count * n * (n - 1) // 2 for n, count in sizes.items()) - bonds.total()
        if not bonds.total():
            bonds[0] = 1  # molecules of one atom alone
        known = sorted(atoms, key=lambda kind: (-atoms[kind], kind))
        return cls(
            tuple(known), _shares([atoms[kind] for kind in known]), _shares([bonds[i] for i in range(len(ORDERS))]),
            dict(sorted(sizes.items())),
        )  # fmt: skip

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        if not len(items):
            raise DomainInputError("is empty", field="items", expected="at least one molecule")
        graphs = [self._graph(item, f"items[{i}]") for i, item in enumerate(items)]
        state = self.empty([len(atoms) for atoms, _ in graphs])
        atoms, bonds = state[ATOMS], state[BONDS]
        bonds[..., 0] = state[PAIRS].float()
        places = [(b, i, kind) for b, (kinds, _) in enumerate(graphs) for i, kind in enumerate(kinds)]
        atoms[tuple(torch.tensor(places).T)] = 1.0
        edges = [(b, i, j, order) for b, (_, pairs) in enumerate(graphs) for i, j, order in pairs]
        if edges:
            b, i, j, order = torch.tensor(edges).T
            for here, there in ((i, j), (j, i)):
                bonds[b, here, there, 0] = 0.0
                bonds[b, here, there, order] = 1.0
        return state

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        found = {}
        for i, item in enumerate(items):
            try:
                self._graph(item, f"items[{i}]")
            except DomainInputError as error:
                found[i] = error
        return found

    def decode(self, state: State) -> list[Item]:
        assert not isinstance(state, Tensor)
        atoms, sizes = state[ATOMS].argmax(2).tolist(), state[MASK].sum(1).tolist()
        bonds = state[BONDS].argmax(3).triu(1)
        found: list[list[tuple[int, int, int]]] = [[] for _ in sizes]
        for b, i, j in bonds.nonzero().tolist():
            found[b].append((i, j, int(bonds[b, i, j])))
        return [
            assemble([self.classes[kind] for kind in kinds[:size]], [edge for edge in edges if edge[1] < size])
            for kinds, edges, size in zip(atoms, found, sizes, strict=True)
        ]

    def like(self, count: int, rng: Rng | None = None) -> State:
        return self.empty(self._sizes(count, rng))

    def like_under(self, conditions: Mapping[str, Sequence[Any]], count: int, rng: Rng | None = None) -> State:
        drawn, asked = self._sizes(count, rng), conditions.get(SIZE, [None] * count)
        return self.empty([drawn[i] if size is None else size_of(size) for i, size in enumerate(asked)])

    def seen(self, condition: str) -> tuple[float, float] | None:
        """The fewest and the most heavy atoms."""
        return (min(self.sizes), max(self.sizes)) if condition == SIZE else None

    def grow(
        self, items: Sequence[Item], keep: str | None, conditions: Mapping[str, Sequence[Any]], rng: Rng
    ) -> Grown | None:
        """See :mod:`suffuse_molecules.growing`; sizes are those of larger training molecules, unless asked for."""
        if keep is None and not all_open(items):
            return None
        parts = [self._kept(item, keep, f"items[{i}]") for i, item in enumerate(items)]
        shares = rng.uniform(shape=()).tolist()
        asked = conditions.get(SIZE, [None] * len(items))
        sizes = [self._larger(len(p.atoms), u, a) for p, u, a in zip(parts, shares, asked, strict=True)]
        state = self.empty(sizes)
        known = {ATOMS: ~state[MASK], BONDS: ~state[PAIRS]}
        numbers = {kind: i for i, kind in enumerate(self.classes)}
        for b, part in enumerate(parts):
            count = len(part.atoms)
            state[ATOMS][b, range(count), [numbers[kind] for kind in part.atoms]] = 1.0
            known[ATOMS][b, :count] = True
            closed = [i for i in range(count) if i not in part.ends]
            known[BONDS][b, :count, :count] = True
            known[BONDS][b, closed, :] = known[BONDS][b, :, closed] = True
            given = known[BONDS][b] & state[PAIRS][b]
            state[BONDS][b, ..., 0] = given.float()
            for i, j, order in part.bonds:
                state[BONDS][b, [i, j], [j, i]] = torch.eye(len(ORDERS))[order]
        return Grown(state, known)

    def categorical(self) -> Mapping[str, Categories]:
        return {ATOMS: Categories(self.atoms), BONDS: Categories(self.bonds, symmetric=True)}

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "sizes": [[size, count] for size, count in self.sizes.items()]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            tuple((str(symbol), int(charge)) for symbol, charge in data["classes"]), tuple(data["atoms"]),
            tuple(data["bonds"]), {int(size): int(count) for size, count in data["sizes"]},
        )  # fmt: skip

    def empty(self, sizes: Sequence[int]) -> dict[str, Tensor]:
        """Zero states of molecules of these numbers of atoms."""
        most = max(sizes)
        mask = torch.arange(most) < torch.tensor(sizes)[:, None]
        pairs = mask[:, :, None] & mask[:, None, :] & ~torch.eye(most, dtype=torch.bool)
        return {
            ATOMS: torch.zeros(*mask.shape, len(self.classes)), BONDS: torch.zeros(*pairs.shape, len(ORDERS)),
            MASK: mask, PAIRS: pairs,
        }  # fmt: skip

    def _graph(self, item: Item, field: str) -> tuple[list[int], list[tuple[int, int, int]]]:
        """The classes of an item's atoms, and its bonds."""
        if not isinstance(item, Mol):
            raise DomainInputError("is no molecule", field=field, expected="rdkit.Chem.Mol", got=type(item).__name__)
        count = item.GetNumAtoms()
        if not 0 < count <= LARGEST:
            raise DomainInputError(
                "is too large" if count else "has no atom", field=field, expected=f"1 to {LARGEST} atoms", got=count
            )
        known = {kind: i for i, kind in enumerate(self.classes)}
        atoms, bonds = graph(item, field)
        for kind in atoms:
            self._require_known(kind, item, field)
        return [known[kind] for kind in atoms], bonds

    def _kept(self, item: Item, keep: str | None, field: str) -> Kept:
        if not isinstance(item, Mol):
            raise DomainInputError("is no molecule", field=field, expected="rdkit.Chem.Mol", got=type(item).__name__)
        part = kept_part(item, keep)
        if len(part.atoms) >= LARGEST:
            raise DomainInputError(
                "is too large to grow", field=field, expected=f"fewer than {LARGEST} atoms that are kept",
                got=len(part.atoms),
            )  # fmt: skip
        for kind in part.atoms:
            self._require_known(kind, item, field)
        return part

    def _require_known(self, kind: tuple[str, int], item: Mol, field: str) -> None:
        if kind not in self.classes:
            raise DomainInputError(
                "has an atom of a kind that the model does not know", field=field,
                expected=", ".join(map(_name, self.classes)), got=f"{_name(kind)} in {smiles(item)[:80]}",
            )  # fmt: skip

    def _larger(self, kept: int, share: float, asked: Any) -> int:
        """A number of atoms above that of those that are kept."""
        if asked is not None:
            size = size_of(asked)
            if size <= kept:
                raise DomainInputError("leaves nothing to make", field=SIZE, expected=f"more than {kept}", got=asked)
            return size
        counts = {size: count for size, count in self.sizes.items() if size > kept}
        counts = counts or dict.fromkeys(range(kept + 1, min(kept + 2, LARGEST) + 1), 1)
        return at_share(counts, share)

    def _sizes(self, count: int, rng: Rng | None) -> list[int]:
        """Numbers of atoms: as often as in the training part, or, without chance, the largest."""
        if rng is None:
            return [list(self.sizes)[-1]] * count
        return [at_share(self.sizes, share) for share in rng.uniform(shape=()).tolist()]


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    return tuple(count / sum(counts) for count in counts)


def _name(kind: tuple[str, int]) -> str:
    """As in SMILES: ``C``, ``N+``, ``O-``, ``Mg+2``."""
    symbol, charge = kind
    size = "" if abs(charge) < 2 else str(abs(charge))
    return symbol + ("+" if charge > 0 else "-" if charge < 0 else "") + size


def at_share(counts: Mapping[int, int], share: float) -> int:
    """The key at a share in [0, 1) of all that was counted, in the order of the keys."""
    steps = list(accumulate(counts.values()))
    return list(counts)[min(bisect_right(steps, share * steps[-1]), len(steps) - 1)]


def size_of(asked: Any) -> int:
    """A number of heavy atoms that was asked for.

    Raises:
        DomainInputError: it is none, or too large.
    """
    size = float(asked)
    if not 0.5 < size <= LARGEST:
        raise DomainInputError("is no number of atoms", field=SIZE, expected=f"1 to {LARGEST}", got=asked)
    return round(size)
