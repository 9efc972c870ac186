"""Named parts: what they hold, and what their entries add up to."""

from __future__ import annotations

import pytest
import torch

from suffuse.errors import DomainInputError
from suffuse.parts import Parts

MIXED = Parts(("age", "size", "colour"), {"v": torch.tensor([[0, 1, 1, -1]]), "c": torch.tensor([2])})
STATE = {
    "v": torch.arange(8.0).reshape(2, 4),
    "v.mask": torch.tensor([[True] * 4, [True, True, False, True]]),
    "c": torch.eye(3)[:2],
}


def test_what_a_part_holds_broadcasts_over_the_state():
    held = MIXED.held(1, STATE, ["c"])
    assert held["v"].tolist() == [[False, True, True, False]]
    assert not held["c"].expand_as(STATE["c"]).any()
    assert MIXED.held(2, STATE, ["c"])["c"].expand_as(STATE["c"]).all()


def test_sums_are_of_real_entries_of_the_part():
    entries = {**STATE, "c": torch.tensor([[10.0], [20.0]])}
    assert MIXED.summed(entries, ["c"]).tolist() == [[0.0, 3.0, 10.0], [4.0, 5.0, 20.0]]


def test_ids_broadcast_over_positions():
    parts = Parts(("left", "right"), torch.tensor([0, 1]).reshape(1, 2, 1))
    assert parts.summed(torch.ones(3, 2, 5), []).tolist() == [[5.0, 5.0]] * 3


def test_names_are_told_apart_and_looked_up():
    assert MIXED.index("size") == 1
    with pytest.raises(DomainInputError, match="colour"):
        MIXED.index("color")
    with pytest.raises(DomainInputError, match="told apart"):
        Parts(("a", "a"), torch.zeros(1, 2, dtype=torch.int64))
