"""Molecules as strings: canonical SMILES, stereo and isotopes kept, cut into tokens learnt from the training part.

States have the field ``tokens``, one-hot ``[batch, n, classes]``, and ``mask`` ``[batch, n]``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from suffuse.domain import Categories, Codec, Grown, Item
from suffuse.errors import DataError, DomainInputError
from suffuse.rng import Rng, permutation
from suffuse.state import State
from suffuse_molecules.chemistry import Mol, broken, fault, smiles, spelled
from suffuse_molecules.codec import LARGEST, SIZE, at_share, size_of
from suffuse_molecules.growing import all_open
from suffuse_molecules.strings.alphabet import CHARACTERS, Alphabet, pieces
from suffuse_molecules.strings.merging import learnt
from suffuse_molecules.strings.templates import RUN, faulty, template

ENGINE = "strings"
"""What tells this codec's JSON from the other one's."""

TOKENS, MASK = "tokens", "mask"

CUT = "_suffuse_tokens"
"""The property of a molecule that a network made: its tokens, blanks between them."""

MERGED = 20_000
"""Molecules that merges are learnt from; the last of 500 merges of drug-like ones is in one of 200."""


@dataclass(frozen=True)
class StringCodec(Codec):
    """Turns molecules into strings of tokens.

    Arguments:
        tokens: the classes: pieces of SMILES, the most frequent first, characters for what is unknown, merged runs.
        frequencies: how often each is among those of the training part.
        lengths: how many training molecules of a number of heavy atoms have a number of tokens, by both.
    """

    tokens: tuple[str, ...]
    frequencies: tuple[float, ...]
    lengths: Mapping[int, Mapping[int, int]]
    ordered: ClassVar[bool] = True

    @classmethod
    def fit(cls, molecules: Iterable[Mol], merges: int) -> Self:
        """The codec of training molecules.

        Arguments:
            molecules: they.
            merges: runs of pieces that become tokens, at most: see :func:`suffuse_molecules.strings.merging.learnt`.

        Raises:
            DataError: there is none.
        """
        told = [(mol.GetNumHeavyAtoms(), smiles(mol)) for mol in molecules]
        if not told:
            raise DataError("has no molecule that can be learnt from", field="the training part")
        texts = [pieces(text) for _, text in told]
        known = [piece for piece, _ in Counter(piece for text in texts for piece in text).most_common()]
        drawn = permutation(len(texts), "molecules", "merges")[:MERGED].tolist()
        runs = learnt([texts[i] for i in drawn], merges)
        alphabet = Alphabet(tuple(dict.fromkeys([*known, *CHARACTERS, *runs])))
        cut = [alphabet.numbers(text) for _, text in told]
        counts = Counter(number for numbers in cut for number in numbers)
        lengths = defaultdict[int, Counter[int]](Counter)
        for (size, _), numbers in zip(told, cut, strict=True):
            lengths[size][len(numbers)] += 1
        kept = [i for i, token in enumerate(alphabet.tokens) if counts[i] or len(pieces(token)) == 1]
        return cls(
            tuple(alphabet.tokens[i] for i in kept), tuple(counts[i] / counts.total() for i in kept),
            {size: dict(sorted(lengths[size].items())) for size in sorted(lengths)},
        )  # fmt: skip

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        if not len(items):
            raise DomainInputError("is empty", field="items", expected="at least one molecule")
        numbers = [self._numbers(item, f"items[{i}]") for i, item in enumerate(items)]
        state = self.empty(list(map(len, numbers)))
        rows = torch.tensor([row for row, one in enumerate(numbers) for _ in one])
        columns = torch.tensor([column for one in numbers for column in range(len(one))])
        state[TOKENS][rows, columns, torch.tensor([number for one in numbers for number in one])] = 1.0
        return state

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        found = {}
        for i, item in enumerate(items):
            try:
                self._numbers(item, f"items[{i}]")
            except DomainInputError as error:
                found[i] = error
        return found

    def decode(self, state: State) -> list[Item]:
        """Molecules; strings that tell none are broken ones (:func:`suffuse_molecules.chemistry.spelled`).

        Places of no token add nothing.
        """
        assert not isinstance(state, Tensor)
        most, numbers = state[TOKENS].max(2)
        told = (most > 0.0) & state[MASK]
        return [
            self._molecule([self.tokens[number] for number in row[is_told].tolist()])
            for row, is_told in zip(numbers, told, strict=True)
        ]

    def _molecule(self, tokens: Sequence[str]) -> Mol:
        mol = spelled("".join(tokens))
        mol.SetProp(CUT, " ".join(tokens))
        return mol

    def key(self, item: Item) -> str:
        """Canonical SMILES with stereo."""
        return smiles(item)

    def seen(self, condition: str) -> tuple[float, float] | None:
        """The fewest and the most heavy atoms."""
        return (min(self.lengths), max(self.lengths)) if condition == SIZE else None

    def grow(
        self, items: Sequence[Item], keep: str | None, conditions: Mapping[str, Sequence[Any]], rng: Rng
    ) -> Grown | None:
        """See :mod:`suffuse_molecules.strings.templates`; lengths are those of larger training molecules, or of as
        large ones as are asked for."""
        if keep is None and not all_open(items):
            return None
        places = rng.at("place").uniform(shape=()).tolist()
        texts = [
            self._template(item, keep, u, f"items[{i}]") for i, (item, u) in enumerate(zip(items, places, strict=True))
        ]
        asked, shares = conditions.get(SIZE, [None] * len(items)), rng.at("length").uniform(shape=()).tolist()
        most = max(text.count(RUN) for text, _ in texts)
        cuts = rng.at("runs").uniform(shape=(most,)).tolist()
        rows = [
            self._with_runs(text, self._larger(kept, size), u, cut)
            for (text, kept), size, u, cut in zip(texts, asked, shares, cuts, strict=True)
        ]
        state = self.empty(list(map(len, rows)))
        known = ~state[MASK]
        for b, row in enumerate(rows):
            given = [(place, number) for place, number in enumerate(row) if number is not None]
            for place, number in given:
                state[TOKENS][b, place, number] = 1.0
                known[b, place] = True
        return Grown(state, {TOKENS: known})

    def merge(self, original: Item, made: Item, known: State) -> Item:
        """What was made; a broken molecule, if what was kept is no longer in it as it was."""
        assert not isinstance(known, Tensor)
        tokens, kept = made.GetProp(CUT).split(" "), known[TOKENS].flatten().tolist()
        flags = [is_kept for token, is_kept in zip(tokens, kept, strict=False) for _ in token]
        reason = None if fault(made) is not None else faulty("".join(tokens), flags)
        return made if reason is None else broken(made, "".join(tokens), reason)

    def like(self, count: int, rng: Rng | None = None) -> State:
        return self.like_under({}, count, rng)

    def like_under(self, conditions: Mapping[str, Sequence[Any]], count: int, rng: Rng | None = None) -> State:
        """As often as training molecules of the numbers of heavy atoms that are asked for have a length."""
        asked = conditions.get(SIZE, [None] * count)
        if rng is None:
            return self.empty([max(self._lengths(size)) for size in asked])
        shares = rng.uniform(shape=()).tolist()
        return self.empty([at_share(self._lengths(size), u) for size, u in zip(asked, shares, strict=True)])

    def categorical(self) -> Mapping[str, Categories]:
        return {TOKENS: Categories(self.frequencies)}

    def to_json(self) -> dict[str, Any]:
        lengths = [[size, [[n, count] for n, count in counts.items()]] for size, counts in self.lengths.items()]
        return {
            "engine": ENGINE, "tokens": list(self.tokens), "frequencies": list(self.frequencies), "lengths": lengths,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        lengths = {int(size): {int(n): int(count) for n, count in counts} for size, counts in data["lengths"]}
        return cls(tuple(data["tokens"]), tuple(data["frequencies"]), lengths)

    @cached_property
    def alphabet(self) -> Alphabet:
        """Cuts texts into the tokens."""
        return Alphabet(self.tokens)

    def empty(self, lengths: Sequence[int]) -> dict[str, Tensor]:
        """Zero states of strings of these lengths."""
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        return {TOKENS: torch.zeros(*mask.shape, len(self.tokens)), MASK: mask}

    def _numbers(self, item: Item, field: str) -> list[int]:
        """The tokens of an item."""
        if not isinstance(item, Mol):
            raise DomainInputError("is no molecule", field=field, expected="rdkit.Chem.Mol", got=type(item).__name__)
        count = item.GetNumAtoms()
        if count > LARGEST:
            raise DomainInputError("is too large", field=field, expected=f"1 to {LARGEST} atoms", got=count)
        text = smiles(item)
        if not text:
            raise DomainInputError("has no atom", field=field, expected=f"1 to {LARGEST} atoms", got=0)
        return self.alphabet.numbers(text)

    def _template(self, item: Item, keep: str | None, share: float, field: str) -> tuple[str, int]:
        if not isinstance(item, Mol):
            raise DomainInputError("is no molecule", field=field, expected="rdkit.Chem.Mol", got=type(item).__name__)
        return template(item, keep, share)

    def _with_runs(
        self, text: str, lengths: Mapping[int, int], share: float, cuts: Sequence[float]
    ) -> list[int | None]:
        """The tokens of a template, ``None`` where one is to be made, of a length that is drawn.

        Arguments:
            text: the template.
            lengths: how often texts have a number of tokens.
            share: draws one, of those that leave room for a token in each run.
            cuts: draw how the new tokens are dealt out to the runs.
        """
        parts = [self.alphabet.numbers(part) if part else [] for part in text.split(RUN)]
        runs, fixed = len(parts) - 1, sum(map(len, parts))
        room = {length - fixed: count for length, count in lengths.items() if length - fixed >= runs}
        free = at_share(room or {runs: 1, 2 * runs: 1}, share) - runs
        steps = [0, *sorted(int(cut * (free + 1)) for cut in cuts[: runs - 1]), free]
        found: list[int | None] = list(parts[0])
        for part, (first, last) in zip(parts[1:], pairwise(steps), strict=True):
            found += [None] * (1 + last - first)
            found += part
        return found

    def _larger(self, kept: int, asked: Any) -> Mapping[int, int]:
        """As :meth:`_lengths`, of molecules of more heavy atoms than are kept."""
        if asked is None:
            larger = (Counter(counts) for size, counts in self.lengths.items() if size > kept)
            return dict(sorted(sum(larger, Counter[int]()).items()))
        if size_of(asked) <= kept:
            raise DomainInputError("leaves nothing to make", field=SIZE, expected=f"more than {kept}", got=asked)
        return self._lengths(asked)

    def _lengths(self, asked: Any) -> Mapping[int, int]:
        """How many training molecules have a number of tokens: all, or those of the number of heavy atoms nearest to
        one that is asked for, their lengths in proportion."""
        if asked is None:
            return self._all_lengths
        size = size_of(asked)
        near = min(self.lengths, key=lambda known: (abs(known - size), known))
        scaled = Counter[int]()
        for length, count in self.lengths[near].items():
            scaled[max(1, round(length * size / near))] += count
        return scaled

    @cached_property
    def _all_lengths(self) -> Mapping[int, int]:
        total = sum((Counter(counts) for counts in self.lengths.values()), Counter[int]())
        return dict(sorted(total.items()))
