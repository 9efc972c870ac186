"""Items of any kind are compared as the kit's messages say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from suffuse.testing.compare import Opaque, largest_difference, mismatch


@dataclass(frozen=True)
class Sound:
    samples: Any
    rate: int


class Plain:
    def __init__(self, value: float) -> None:
        self.value = value


class Shut:
    __slots__ = ()


class Hollow:
    """As an object of an extension, which keeps what it is out of Python's sight."""


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1.0, 1.0 + 5e-4),
        (math.nan, math.nan),
        (None, None),
        ("text", "text"),
        ([1.0, ("a", 2)], [1.0, ("a", 2.0)]),
        ({"x": [1, 2]}, {"x": [1.0, 2.0]}),
        (np.array([1.0, np.nan]), np.array([1.0005, np.nan])),
        (np.array(["a"]), np.array(["a"])),
        (torch.ones(2), torch.ones(2)),
        (Image.new("L", (2, 2), 7), Image.new("L", (2, 2), 7)),
        (Sound(np.zeros(3), 8000), Sound(np.zeros(3), 8000)),
        (Plain(1.0), Plain(1.0)),
    ],
)
def test_the_same(a: Any, b: Any) -> None:
    assert mismatch(a, b, 1e-3) is None


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (1.0, 1.1, "item: 1.0 became 1.1"),
        (True, False, "item: True became False"),
        ("a", "b", "item: 'a' became 'b'"),
        ("a", None, "item: str became NoneType"),
        ([1.0, 2.0], [1.0], "item: 2 elements became 1"),
        ({"x": 1}, {"y": 1}, "item: the keys ['x'] became ['y']"),
        ({"x": [1, "a"]}, {"x": [1, "b"]}, "item['x'][1]: 'a' became 'b'"),
        (np.array([1.0, 2.0]), np.array([1.0, np.nan]), "item[1]: 2.0 became nan"),
        (np.zeros((2, 3)), np.zeros((3, 2)), "item: the shape (2, 3) became (3, 2)"),
        (Image.new("L", (2, 2)), Image.new("RGB", (2, 2)), "item: the mode L became RGB"),
        (Sound(np.zeros(3), 8000), Sound(np.zeros(3), 16000), "item.rate: 8000 became 16000"),
        (Plain(1.0), Plain(2.0), "item['value']: 1.0 became 2.0"),
    ],
)
def test_differences_are_told_by_their_place(a: Any, b: Any, told: str) -> None:
    assert mismatch(a, b, 1e-3) == told


def test_what_cannot_be_looked_into_is_told() -> None:
    with pytest.raises(Opaque, match="Shut"):
        mismatch([Shut()], [Shut()], 0.0)
    with pytest.raises(Opaque, match="Hollow"):
        mismatch([Hollow()], [Hollow()], 0.0)


def state(length: int, real: int, value: float = 1.0) -> dict[str, torch.Tensor]:
    mask = (torch.arange(length) < real)[None]
    return {"x": torch.full((1, length, 2), value) * mask[..., None], "mask": mask}


def test_states_differ_in_what_is_real() -> None:
    assert largest_difference(state(4, 3), state(7, 3)) == 0.0
    assert largest_difference(state(4, 3), state(4, 3, 1.5)) == 0.5
    assert largest_difference(state(4, 3), state(7, 5)) == math.inf
    assert largest_difference(state(4, 3), state(4, 2)) == 1.0
    junk = state(4, 3)
    junk["x"] = junk["x"].clone()
    junk["x"][:, 3] = 9.0
    assert largest_difference(state(4, 3), junk) == 0.0
    assert largest_difference(torch.zeros(1, 2), torch.zeros(1, 3)) == math.inf
    assert largest_difference(torch.zeros(1), torch.full((1,), math.nan)) == math.inf
