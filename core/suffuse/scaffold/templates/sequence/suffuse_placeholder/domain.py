"""Sequences of symbols: an item is a text, of any length from one on.

What every method owes is told in `suffuse.domain`. States have the field "symbol", one-hot [batch, length, classes],
and "mask" [batch, length], which is true where a sequence has not ended yet.
"""

from collections import Counter
from dataclasses import asdict, dataclass

import torch
from PIL import Image, ImageDraw
from suffuse.domain import Categories, Codec, Domain, Section
from suffuse.errors import DomainInputError
from suffuse.files import write_text

from .data import Data, open_splits, read_lines


@dataclass(frozen=True)
class SequenceCodec(Codec):
    """Turns each symbol into its place in the alphabet."""

    alphabet: str
    frequencies: list[float]  # of its symbols in the training data
    lengths: list[int]  # of the training sequences, sorted

    def encode(self, items, rng=None):
        for i, item in enumerate(items):
            if not isinstance(item, str) or not item or not set(item) <= set(self.alphabet):
                expected = f"a text of the symbols {self.alphabet}"
                raise DomainInputError(
                    "is no sequence of known symbols", field=f"items[{i}]", expected=expected, got=item
                )
        state = empty([len(item) for item in items], len(self.alphabet))
        state["symbol"][state["mask"]] = torch.eye(len(self.alphabet))[[self.alphabet.index(x) for x in "".join(items)]]
        return state

    def decode(self, state):
        rows = zip(state["symbol"].argmax(2).tolist(), state["mask"].tolist(), strict=True)
        return ["".join(self.alphabet[i] for i, real in zip(*row, strict=True) if real) for row in rows]

    def like(self, count, rng=None):
        """Where lengths are drawn, they are those of the training data."""
        shares = torch.ones(count) if rng is None else rng.uniform(shape=())
        places = (shares * (len(self.lengths) - 1)).round().long().tolist()
        return empty([self.lengths[place] for place in places], len(self.alphabet))

    def categorical(self):
        return {"symbol": Categories(tuple(self.frequencies))}

    def to_json(self):
        return asdict(self)


def empty(lengths, classes):
    """Zero states of sequences of these lengths."""
    if not lengths:
        raise DomainInputError("is empty", field="items", expected="at least one sequence")
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"symbol": torch.zeros(*mask.shape, classes), "mask": mask}


class Sequences(Domain):
    """Sequences of symbols."""

    name, writes = "placeholder", (".txt",)  # what `write` makes
    data_section, codec_section = Data, Section  # Section: no options

    def splits(self, data):
        return open_splits(data)

    def conditions(self, splits):
        return {}  # {"speaker": Label.fit(values)} and Example(item, {"speaker": "her"}): see suffuse.conditions

    def fit_codec(self, options, train):
        items = [train[i].item for i in range(len(train))]
        count = Counter("".join(items))
        alphabet = "".join(sorted(count))
        return SequenceCodec(
            alphabet, [count[x] / count.total() for x in alphabet], sorted(len(item) for item in items)
        )

    def load_codec(self, data):
        return SequenceCodec(**data)

    def read(self, path):
        return read_lines(path)

    def write(self, items, path):
        write_text(path, "".join(f"{item}\n" for item in items))

    def picture(self, items, columns=None):
        """A line of text for each, in columns."""
        columns = columns or -(-len(items) // 16)
        wide, rows = 10 + 10 * max(len(item) for item in items), -(-len(items) // columns)
        sheet = Image.new("L", (wide * columns, 16 * rows + 10), "white")
        for i, item in enumerate(items):
            ImageDraw.Draw(sheet).text((5 + i % columns * wide, 5 + i // columns * 16), item, fill="black")
        return sheet

    def evaluate(self, items, conditions, splits, codec):
        """How far the triples of neighbours are from the test part's in total variation, and training sequences' are.

        `unseen_triples`: the share of them that training lacks (0 is best). `novel`: that of sequences that it lacks.
        """
        train, test = ([part[i].item for i in range(len(part))] for part in (splits.train, splits.test))
        made, known, real = (triples(part) for part in (items, train, test))
        seen = set(train)
        return {
            "triple_distance": distance(made, real),
            "triple_floor": distance(triples(train[: len(items)]), real),
            "unseen_triples": sum(made[x] for x in made if x not in known) / made.total(),
            "novel": sum(item not in seen for item in items) / len(items),
        }


def triples(items):
    """How often each three symbols, or two and an end, follow each other."""
    return Counter(f"^{item}$"[i : i + 3] for item in items for i in range(len(item)))


def distance(a, b):
    """The total variation between two counts' distributions: 0 to 1."""
    return sum(abs(a[x] / a.total() - b[x] / b.total()) for x in a | b) / 2
