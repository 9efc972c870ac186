"""Parts of states, told by text: slices over axes, of one field or of several."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.domain import Unit
from suffuse.errors import DomainInputError, RecipeError, unknown_name
from suffuse.state import State, fields, mask_of, masked_axes

_MEASURED = re.compile(r"(?:(\d+(?:\.\d+)?|\.\d+)\s*([^\W\d_]+))?")
_BOUND = re.compile(r"(-?\d+|(?:\d+(?:\.\d+)?|\.\d+)%)?")

EXAMPLE = "0.25{0}:0.5{0}"
"""A stretch in a unit."""

_SLACK = 1e-6
"""Of a place, by which a measured bound may be beyond one through rounding."""


@dataclass(frozen=True)
class Span:
    """A stretch of an axis, as ``8:20``, ``25%:75%``, ``-4:``, ``:`` or ``5``.

    Arguments:
        start, stop: indices, negative from the end; or shares of the length, as floats; ``None``: the end itself.
        slack: places by which the stop may be beyond the end.
        told: what a person wrote; empty: nobody did.
        unit: in which it was told, with the places to one; ``None``: in places.
    """

    start: int | float | None
    stop: int | float | None
    slack: int = 0
    told: str = ""
    unit: tuple[str, float] | None = None

    @classmethod
    def parse(cls, text: str, units: Collection[str] = ()) -> Span:
        """Raises RecipeError where the text is no stretch.

        Arguments:
            text: what a person wrote.
            units: in which it might have been told, for the message.
        """
        bounds = text.strip().split(":")
        if len(bounds) > 2 or not all(_BOUND.fullmatch(b.strip()) for b in bounds) or bounds == [""]:
            examples = [*(f"{EXAMPLE.format(unit)} (or {', '.join(units)})" for unit in _first(units)), "8:20"]
            expected = f"{', '.join(examples)}, 25%:75% or 5"
            raise RecipeError("is no stretch of an axis", field="fill", expected=expected, got=repr(text))
        ends = [_bound(b.strip()) for b in bounds]
        if len(ends) == 2:
            return cls(ends[0], ends[1])
        if not isinstance(ends[0], int):
            raise RecipeError("is no place on an axis", field="fill", expected="an index, as 5", got=repr(text))
        return cls(ends[0], None if ends[0] == -1 else ends[0] + 1)

    @classmethod
    def measured(cls, text: str, units: Mapping[str, Unit]) -> tuple[int, Span] | None:
        """The axis and the stretch of ``0.25s:0.5s`` or ``0.25s:``; ``None`` if no unit is told.

        Raises:
            RecipeError: an unknown unit, or two of different axes.
        """
        bounds = [_MEASURED.fullmatch(bound.strip()) for bound in text.split(":")]
        told = [bound for bound in bounds if bound is not None and bound[2]]
        if len(bounds) != 2 or None in bounds or not told:
            return None
        for bound in told:
            if bound[2] not in units:
                raise unknown_name("unit", bound[2], units, RecipeError, field="fill")
        chosen = [units[bound[2]] for bound in told]
        if len({unit.axis for unit in chosen}) > 1:
            raise RecipeError("is measured in units of two axes", field="fill", expected="units of one", got=repr(text))
        unit, (first, last) = chosen[0], bounds
        start = None if not first or not first[2] else float(first[1]) * units[first[2]].places - unit.margin
        stop = None if not last or not last[2] else float(last[1]) * units[last[2]].places + unit.margin
        return unit.axis, cls(
            None if start is None else max(0, math.floor(start + _SLACK)),
            None if stop is None else math.ceil(stop - _SLACK),
            math.ceil(unit.margin),
            text.strip(),
            (told[-1][2], units[told[-1][2]].places),
        )

    @property
    def text(self) -> str:
        """As a person writes it."""
        return self.told or f"{_written(self.start)}:{_written(self.stop)}"

    def length(self, places: int) -> str:
        """So many places, in what it was told in."""
        return f"{places} places" if self.unit is None else f"{places / self.unit[1]:.4g} {self.unit[0]}"

    def inside(self, lengths: Tensor, size: int) -> Tensor:
        """Which places of an axis it holds, for samples of some lengths ``[batch]``: bool ``[batch, size]``.

        Raises:
            DomainInputError: it lies outside of a sample, or holds nothing.
        """
        start, stop = _place(self.start, lengths, 0), _place(self.stop, lengths, None)
        wrong = ((start < 0) | (stop > lengths + self.slack) | (start >= stop)).nonzero().flatten()
        if len(wrong):
            raise DomainInputError(
                "holds nothing of an item, or lies outside of it", field="fill", got=self.text,
                expected=f"a stretch of {self.length(int(lengths[wrong[0]]))}",
            )  # fmt: skip
        places = torch.arange(size, device=lengths.device)
        return (places >= start[:, None]) & (places < stop[:, None])


@dataclass(frozen=True)
class Region:
    """A box in each of some fields.

    Arguments:
        spans: for each field by name, a stretch of each of its axes; all of those for which there is none. The empty
            string is a bare tensor's name, and, where there is one field, or all are of the same elements, theirs.
    """

    spans: Mapping[str, tuple[Span, ...]]

    @classmethod
    def parse(cls, text: str, units: Mapping[str, Unit] | None = None) -> Region:
        """From ``8:20,8:20``, ``FIELD`` or ``FIELD=0:5``; several fields are parted by semicolons.

        Arguments:
            text: a stretch that is measured, as ``0.25s:0.5s``, is of its unit's axis, wherever it stands; in the
                field of a state without named fields only.
            units: those of the codec.

        Raises:
            RecipeError: it is none of these.
        """
        units = units or {}
        found = _measured(text, units)
        if found is not None:
            return cls({"": found})
        spans = dict(_field(part, units) for part in text.split(";"))
        _require_unit(text, spans, units)
        return cls(spans)

    def inside(self, state: State, categorical: Mapping[str, object]) -> dict[str, Tensor]:
        """Which entries of a state it holds: bool, for every field by name, with axes of length 1 where all are alike.

        Arguments:
            state: of a batch.
            categorical: the fields whose last axis is that of classes.

        Raises:
            DomainInputError: there is no such field or axis, or a stretch lies outside of a sample.
        """
        present = dict(fields(state))
        spans = self._spread(state, present)
        for name in spans:
            if name not in present:
                raise _wrong_field(name, present)
        return {
            name: _box(spans[name], state, name, name in categorical)
            if name in spans
            else torch.zeros((1,) * value.ndim, dtype=torch.bool, device=value.device)
            for name, value in present.items()
        }

    def _spread(self, state: State, present: Mapping[str, Tensor]) -> Mapping[str, tuple[Span, ...]]:
        """The stretches of each field: bare ones are of all fields, where all are of the same elements."""
        alike = all(masked_axes(state, name) > 0 for name in present) or len(present) == 1
        if set(self.spans) != {""} or "" in present or not alike:
            return self.spans
        return dict.fromkeys(present, self.spans[""])


def _measured(text: str, units: Mapping[str, Unit]) -> tuple[Span, ...] | None:
    """The stretches of all axes up to the last that is measured; ``None`` where none is."""
    parts = re.split("[,;]", text)
    found = [Span.measured(part, units) for part in parts]
    told = [pair for pair in found if pair is not None]
    if not told:
        return None
    spans = dict(told)
    if len(told) < len(parts):
        raise RecipeError(
            "mixes stretches with a unit and without", field="fill", expected="units in all", got=repr(text)
        )
    if len(spans) < len(told):
        raise RecipeError(
            "tells two stretches of one axis", field="fill", expected="one, and another of an axis of its own",
            got=repr(text), fix=f"tell each by itself: {' '.join(f'--fill {part.strip()}' for part in parts)}",
        )  # fmt: skip
    return tuple(spans.get(axis, Span(None, None)) for axis in range(max(spans) + 1))


def _require_unit(text: str, spans: Mapping[str, tuple[Span, ...]], units: Mapping[str, Unit]) -> None:
    """Refuse one stretch alone that is told in places, or of an axis that nobody measures, where there are units.

    It would be of the first axis, as the frequencies of a sound, and whoever wrote it meant the one that is measured.
    """
    alone = spans.get("", ())
    if not units or len(alone) != 1:
        return
    (span,), first = alone, any(unit.axis == 0 for unit in units.values())
    if first and all(bound is None or isinstance(bound, float) for bound in (span.start, span.stop)):
        return
    (unit,) = _first(units)
    whole = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text)
    expected = EXAMPLE.format(unit) if whole is None else f"{whole[1]}{unit}:{whole[2]}{unit}"
    raise RecipeError(
        "is told without a unit", field="fill", expected=f"{expected}, in one of {', '.join(units)}", got=repr(text),
        fix=None if first else f"add the unit; places are told of all axes of the states, as {text.strip()},:",
    )  # fmt: skip


def _first(units: Collection[str]) -> list[str]:
    """The usual unit, if there is any."""
    return list(units)[:1]


def _field(text: str, units: Collection[str]) -> tuple[str, tuple[Span, ...]]:
    name, equals, spans = text.strip().partition("=")
    if not equals and re.fullmatch(r"[^\W\d][^:,]*", name):
        return name, ()
    stretches = spans if equals else name
    return (name.strip() if equals else ""), tuple(Span.parse(part, units) for part in stretches.split(","))


def _box(spans: Sequence[Span], state: State, name: str, categorical: bool) -> Tensor:
    value = dict(fields(state))[name]
    axes = range(2 if isinstance(state, Tensor) and not categorical else 1, value.ndim - categorical)
    if len(spans) > len(axes):
        raise DomainInputError(
            "tells more axes than there are", field="fill", expected=f"at most {len(axes)}: {_told(value, axes)}",
            got=len(spans),
        )  # fmt: skip
    box = torch.ones((1,) * value.ndim, dtype=torch.bool, device=value.device)
    for axis, span in zip(axes, spans, strict=False):
        held = span.inside(_lengths(state, name, axis), value.shape[axis])
        box = box & held.reshape(len(held), *(value.shape[axis] if a == axis else 1 for a in range(1, value.ndim)))
    return box


def _lengths(state: State, name: str, axis: int) -> Tensor:
    """How long each sample really is along an axis, int64 ``[batch]``."""
    value, mask = dict(fields(state))[name], mask_of(state, name)
    if mask is None or mask.shape[axis] == 1:
        return torch.full((len(value),), value.shape[axis], device=value.device)
    others = [a for a in range(1, mask.ndim) if a != axis]
    return (mask.amax(others) if others else mask).sum(1)


def _bound(text: str) -> int | float | None:
    if not text:
        return None
    return float(text[:-1]) / 100.0 if text.endswith("%") else int(text)


def _written(bound: int | float | None) -> str:
    if bound is None:
        return ""
    return f"{100.0 * bound:g}%" if isinstance(bound, float) else str(bound)


def _place(bound: int | float | None, lengths: Tensor, default: int | None) -> Tensor:
    """A bound as an index into samples of some lengths."""
    if bound is None:
        return lengths if default is None else torch.full_like(lengths, default)
    if isinstance(bound, float):
        return (lengths * bound).round().long()
    return lengths + bound if bound < 0 else torch.full_like(lengths, bound)


def _wrong_field(name: str, present: Mapping[str, Tensor]) -> Exception:
    if list(present) == [""]:
        return DomainInputError("states have no fields", field="fill", expected="slices, as 8:20,8:20", got=repr(name))
    if not name:
        return DomainInputError(
            "does not tell of which field", field="fill", expected=f"FIELD or FIELD=0:5, of {', '.join(present)}",
            fix="part several by semicolons: FIELD=0:5;OTHER=0:5",
        )  # fmt: skip
    return unknown_name("field", name, present, DomainInputError, field="fill")


def _told(value: Tensor, axes: range) -> str:
    return " × ".join(str(value.shape[axis]) for axis in axes) or "none"
