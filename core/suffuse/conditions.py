"""Conditions: the label, number, text or state that steers generation.

A *condition kind* (:class:`Label`, :class:`Number`, :class:`Text`, :class:`StateCondition`) is frozen, knows how to
turn a person's values into tensors, and goes into the model file as JSON. A :class:`Condition` is a batch of such
tensors with a flag per sample that says whether it is given at all: dropping it, for guidance, is clearing the flag.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, unknown_name


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a batch.

    Arguments:
        value: ``[batch, …]``: class indices (int64), numbers, token ids ``[batch, length]``, or a state.
        present: bool ``[batch]``, false where the sample is unconditional.
        mask: for tokens, bool ``[batch, length]``, true where a token is real.
    """

    value: Tensor
    present: Tensor
    mask: Tensor | None = None

    def map(self, fn: Any) -> Condition:
        return Condition(fn(self.value), fn(self.present), None if self.mask is None else fn(self.mask))


Conditions = Mapping[str, Condition]
"""Conditions by name; empty for an unconditional model."""


def drop(conditions: Conditions, keep: Tensor | bool = False) -> dict[str, Condition]:
    """Clear the conditions of all samples, or of those where ``keep`` (bool ``[batch]``) is false."""
    return {
        name: replace(c, present=c.present & torch.as_tensor(keep, device=c.present.device))
        for name, c in conditions.items()
    }


def take_conditions(conditions: Conditions, index: Tensor | slice) -> dict[str, Condition]:
    """The conditions of some samples."""
    return {name: c.map(lambda x: x[index]) for name, c in conditions.items()}


def concat_conditions(parts: Sequence[Conditions]) -> dict[str, Condition]:
    """Join batches of conditions."""
    return {
        name: Condition(
            torch.cat([p[name].value for p in parts]),
            torch.cat([p[name].present for p in parts]),
            None if c.mask is None else torch.cat([m for p in parts if (m := p[name].mask) is not None]),
        )
        for name, c in parts[0].items()
    }


def move_conditions(conditions: Conditions, device: torch.device | str) -> dict[str, Condition]:
    """Move conditions to a device."""
    return {name: c.map(lambda x: x.to(device)) for name, c in conditions.items()}


def any_present(conditions: Conditions) -> bool:
    """Whether any sample has any condition."""
    return any(bool(c.present.any()) for c in conditions.values())


@dataclass(frozen=True)
class Label:
    """One class of several. Values are class names or indices.

    Arguments:
        classes: the names, in the order of their indices.
    """

    classes: tuple[str, ...]
    kind: ClassVar[str] = "label"

    @classmethod
    def fit(cls, values: Iterable[Any]) -> Label:
        return cls(tuple(sorted({str(v) for v in values}, key=natural_key)))

    def encode(self, values: Sequence[Any], name: str) -> Condition:
        index = [-1 if v is None else self.index(v, name) for v in values]
        value = torch.tensor(index, dtype=torch.int64)
        return Condition(value.clamp_min(0), value >= 0)

    def index(self, value: Any, name: str = "label") -> int:
        """The index of a class, given by name (any case) or by number."""
        text = str(value)
        found = self._exact.get(text, self._folded.get(text.casefold()))
        if found is not None:
            return found
        if re.fullmatch(r"\d+", text) and int(text) < len(self.classes):
            return int(text)
        raise unknown_name("class", text, self.classes, DomainInputError, field=name)

    @cached_property
    def _exact(self) -> dict[str, int]:
        return {c: i for i, c in enumerate(self.classes)}

    @cached_property
    def _folded(self) -> dict[str, int]:
        return {c.casefold(): i for i, c in enumerate(self.classes)}


def natural_key(text: str) -> tuple[Any, ...]:
    """Sort key under which ``10`` comes after ``9``."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part)


@dataclass(frozen=True)
class Number:
    """A real number, standardized by the training data's mean and deviation.

    Arguments:
        mean, std: over the training data.
        least, most: of the training data; ``None``: not known.
    """

    mean: float = 0.0
    std: float = 1.0
    least: float | None = None
    most: float | None = None
    kind: ClassVar[str] = "number"

    @classmethod
    def fit(cls, values: Iterable[Any]) -> Number:
        x = torch.tensor([float(v) for v in values], dtype=torch.float64)
        return cls(float(x.mean()), float(x.std(correction=0).clamp_min(1e-8)), float(x.min()), float(x.max()))

    @property
    def seen(self) -> tuple[float, float] | None:
        """The least and the largest value of the training data, if they are known."""
        return None if self.least is None or self.most is None else (self.least, self.most)

    def encode(self, values: Sequence[Any], name: str) -> Condition:
        numbers = [self.number(v, name) for v in values]
        present = torch.tensor([n is not None for n in numbers])
        value = torch.tensor([0.0 if n is None else (n - self.mean) / self.std for n in numbers])
        return Condition(value, present)

    def number(self, value: Any, name: str) -> float | None:
        """A value that a person told as a number; ``None`` stays.

        Raises:
            DomainInputError: it is none, or not finite.
        """
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise DomainInputError("is not a number", field=name, expected="a finite number", got=repr(value))
        return number


@dataclass(frozen=True)
class Text:
    """Text as the words of the training captions; a word that they lack is spelt in characters.

    Token 0 is padding. Arguments:
        words: known words and single characters; token i + 1 is ``words[i]``.
        length: the most tokens a text may have.
        encoder: cuts texts into tokens and embeds these; ``None``: as described here. Not a part of the model file,
            whose recipe names it.
    """

    words: tuple[str, ...]
    length: int
    encoder: TextEncoder | None = field(default=None, compare=False)
    kind: ClassVar[str] = "text"

    @classmethod
    def fit(cls, values: Iterable[Any], most: int = 4096) -> Text:
        """The vocabulary of some captions: all their characters, then their most frequent words."""
        texts = [str(v) for v in values if v is not None]
        counts = Counter(word for text in texts for word in split_words(text))
        characters = sorted({*"abcdefghijklmnopqrstuvwxyz0123456789", *(c for word in counts for c in word)})
        frequent = [w for w, _ in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])) if len(w) > 1]
        made = cls((*characters, *frequent[:most]), 1)
        longest = max((len(made.tokens(text)) for text in texts), default=1)
        return replace(made, length=max(16, longest))

    def tokens(self, text: str) -> list[int]:
        """Token ids; characters that no caption had are left out."""
        known = self._known
        found = []
        for word in split_words(text):
            pieces = [word] if word in known else list(word)
            found += [known[p] for p in pieces if p in known]
        return found

    @cached_property
    def _known(self) -> dict[str, int]:
        return {word: i + 1 for i, word in enumerate(self.words)}

    def encode(self, values: Sequence[Any], name: str) -> Condition:
        most = self.length if self.encoder is None else self.encoder.longest(self)
        cut = self.tokens if self.encoder is None else partial(self.encoder.tokens, self)
        ids = torch.zeros(len(values), most, dtype=torch.int64)
        for row, value in enumerate(values):
            tokens = [] if value is None else cut(str(value))
            if len(tokens) > most:
                raise DomainInputError(
                    "is too long", field=name, expected=f"at most {most} tokens", got=f"{len(tokens)} tokens",
                    fix="shorten the text; the model never saw one this long",
                )  # fmt: skip
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        return Condition(ids, torch.tensor([v is not None for v in values]), ids > 0)


class TextEncoder(Protocol):
    """From a text to what a network can attend to; a tokenizer and an embedding that belong together."""

    def tokens(self, kind: Text, text: str) -> list[int]:
        """Token ids, positive: 0 is padding."""

    def longest(self, kind: Text) -> int:
        """The most tokens that a text may have."""

    def embedding(self, kind: Text, width: int, token_width: int) -> torch.nn.Module:
        """A module that does what :class:`suffuse.nn.text.TextEmbedding` does."""


def split_words(text: str) -> list[str]:
    """Lower-case words, numbers and punctuation marks."""
    return re.findall(r"\w+|[^\w\s]", text.casefold())


@dataclass(frozen=True)
class StateCondition:
    """A tensor that lies over the state's own axes (a low-resolution picture, a sketch, a mask).

    Arguments:
        shape: ``(channels, *axes)`` of one sample.
    """

    shape: tuple[int, ...]
    kind: ClassVar[str] = "state"

    def encode(self, values: Sequence[Any], name: str) -> Condition:
        rows = [torch.zeros(self.shape) if v is None else torch.as_tensor(v, dtype=torch.float32) for v in values]
        for row in rows:
            if tuple(row.shape) != tuple(self.shape):
                raise DomainInputError("has another shape", field=name, expected=self.shape, got=tuple(row.shape))
        return Condition(torch.stack(rows), torch.tensor([v is not None for v in values]))


ConditionKind = Label | Number | Text | StateCondition
ConditionSpace = Mapping[str, ConditionKind]
"""What a model can be steered by, by name."""

_KINDS: dict[str, Any] = {kind.kind: kind for kind in (Label, Number, Text, StateCondition)}


def encode_conditions(space: ConditionSpace, values: Mapping[str, Sequence[Any]], count: int) -> dict[str, Condition]:
    """Turn a person's values into tensors.

    Arguments:
        space: what the model can be steered by.
        values: for each named condition, ``count`` values, ``None`` where it is not given.
        count: the batch size.

    Raises:
        DomainInputError: a condition that the model does not have, or a value that does not fit it.
    """
    for name in values:
        if name not in space:
            fix = "this model is unconditional" if not space else _called(space, name)
            raise unknown_name("condition", name, space, DomainInputError, field=name, fix=fix)
    return {name: kind.encode(values.get(name, [None] * count), name) for name, kind in space.items()}


def _called(space: ConditionSpace, asked: str) -> str | None:
    """What the only condition of the kind that was asked for is called."""
    kinds = {"label": Label, "prompt": Text}
    names = [name for name, kind in space.items() if asked in kinds and isinstance(kind, kinds[asked])]
    return f"the {asked} is called {names[0]!r} here" if len(names) == 1 else None


def conditions_to_json(space: ConditionSpace) -> dict[str, Any]:
    """A condition space as JSON-able data."""
    return {name: {"kind": kind.kind, **_stored(kind)} for name, kind in space.items()}


def _stored(kind: ConditionKind) -> dict[str, Any]:
    return {f.name: getattr(kind, f.name) for f in fields(kind) if f.compare}


def conditions_from_json(data: Mapping[str, Mapping[str, Any]]) -> dict[str, ConditionKind]:
    """The inverse of :func:`conditions_to_json`."""
    space: dict[str, ConditionKind] = {}
    for name, entry in data.items():
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k != "kind"}
        space[name] = _KINDS[entry["kind"]](**options)
    return space
