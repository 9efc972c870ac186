"""Options of networks: from a recipe's keywords to a checked, frozen record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from suffuse.errors import RecipeError, UnsupportedError, unknown_name
from suffuse.state import State

Options = TypeVar("Options")


def parse(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """A record of options, a frozen dataclass that checks its own values; lists, as YAML has them, become tuples.

    Raises:
        RecipeError: there is no such option, or its value is wrong.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise unknown_name("option", name, known, RecipeError, field=f"network.{name}")
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def require(ok: bool, name: str, got: Any, expected: str, fix: str | None = None) -> None:
    """Refuse the value of an option unless ``ok``."""
    if not ok:
        raise RecipeError("cannot be built", field=f"network.{name}", expected=expected, got=repr(got), fix=fix)


def whole(value: Any, least: int) -> bool:
    """Whether a value is an integer and at least ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def wholes(value: Any, least: int, empty: bool = False) -> bool:
    """Whether a value is a tuple of integers, each at least ``least``."""
    return isinstance(value, tuple) and (empty or bool(value)) and all(whole(v, least) for v in value)


def positive(value: Any) -> bool:
    """Whether a value is a finite number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def fraction(value: Any) -> bool:
    """Whether a value is a number in [0, 1)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1


def per_axis(value: int | Sequence[int], axes: int, name: str) -> tuple[int, ...]:
    """One number for each axis, from one for all or from as many as there are axes."""
    numbers = (value,) * axes if isinstance(value, int) else tuple(value)
    require(len(numbers) == axes, name, value, f"one number, or {axes}: one for each axis")
    return numbers


def grid_shape(template: State) -> tuple[int, int]:
    """The channels and the number of axes of a state ``[batch, channels, *axes]`` with 1 to 3 axes.

    Raises:
        UnsupportedError: the state is another kind of thing.
    """
    if isinstance(template, dict):
        got = f"the fields {', '.join(template)}"
    elif 3 <= template.ndim <= 5:
        return template.shape[1], template.ndim - 2
    else:
        got = f"a tensor of shape {tuple(template.shape)}"
    raise UnsupportedError(
        "this network needs a grid",
        field="network.name",
        expected="a state [batch, channels, *axes] with 1, 2 or 3 axes",
        got=got,
        fix="graph-transformer is for sets, sequences and graphs, mlp for any state of one size",
    )
