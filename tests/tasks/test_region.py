"""Parts of states told by text, and masks made to fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.domain import Categories, Unit
from suffuse.errors import DomainInputError, RecipeError
from suffuse.state import State
from suffuse.tasks.known import known_of_items, of_one, without
from suffuse.tasks.region import Region

GRID = torch.zeros(2, 3, 4, 8)
GRAPH = {
    "size": torch.zeros(2, 4, 1),
    "kind": torch.zeros(2, 4, 5),
    "bond": torch.zeros(2, 4, 4, 3),
    "mask": torch.tensor([[True, True, True, True], [True, True, False, False]]),
    "bond.mask": torch.ones(2, 4, 4, dtype=torch.bool),
}
UNITS = {"s": Unit(1, 4.0, margin=0.5), "ms": Unit(1, 0.004, margin=0.5), "Hz": Unit(0, 0.01)}
"""Of the grid's second axis, which lasts two seconds, and of its first, up to 400 Hz."""
CATEGORIES = {"kind": Categories((0.2,) * 5), "bond": Categories((0.5, 0.3, 0.2), symmetric=True)}


def model(categories: Any = None, known: State | None = None, units: Any = UNITS) -> Any:
    return SimpleNamespace(
        codec=SimpleNamespace(
            parts=lambda: None, categorical=lambda: categories or {}, known=lambda items: known, units=lambda: units
        )
    )


def kept(
    states: State,
    known: State | None = None,
    fill: Any = None,
    numbers: Tensor | None = None,
    count: int = 2,
    units: Any = None,
) -> Any:
    asked = model(CATEGORIES if isinstance(states, dict) else None, units=units or {})
    which = known_of_items(asked, known, fill, count)
    return which(states, [None] * 2, torch.arange(2) if numbers is None else numbers)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1:3", (slice(1, 3), slice(None))),
        ("1:3,2:5", (slice(1, 3), slice(2, 5))),
        (":,-2:", (slice(None), slice(6, 8))),
        ("3", (slice(3, 4), slice(None))),
        ("-1", (slice(3, 4), slice(None))),
        ("25%:75%,50%:", (slice(1, 3), slice(4, 8))),
        (":,12.5%:-1", (slice(None), slice(1, 7))),
        ("1s:1.25s", (slice(None), slice(3, 6))),
        ("1000ms:1.25s", (slice(None), slice(3, 6))),
        ("1.5s:", (slice(None), slice(5, 8))),
        ("1.75s:2s", (slice(None), slice(6, 8))),
        (":.1s", (slice(None), slice(0, 1))),
        ("100Hz:300Hz", (slice(1, 3), slice(None))),
        ("1.5s:, 100 Hz:300Hz", (slice(1, 3), slice(5, 8))),
    ],
)
def test_slices_of_a_grid(text: str, box: tuple[slice, slice]) -> None:
    expected = torch.ones(2, 3, 4, 8, dtype=torch.bool)
    expected[:, :, box[0], box[1]] = False
    measured = any(letter.isalpha() for letter in text)
    assert torch.equal(kept(GRID, fill=text, units=UNITS if measured else None), expected)


def test_several_parts_are_all_filled() -> None:
    expected = torch.ones(2, 3, 4, 8, dtype=torch.bool)
    expected[:, :, 0] = expected[:, :, 3] = False
    assert torch.equal(kept(GRID, fill=["0", "3"]), expected)
    assert torch.equal(kept(GRID, fill=[Region.parse("0"), "3"]), expected)


def test_fields_by_name() -> None:
    known = kept(GRAPH, fill="size")
    assert not known["size"].any() and known["kind"].all() and known["bond"].all()
    assert known["kind"].shape == (2, 4, 1), "classes go together"
    both = kept(GRAPH, fill="size;kind=1:2")
    assert not both["size"].any()
    assert both["kind"][0, :, 0].tolist() == [True, False, True, True]


def test_shares_and_ends_are_of_each_sample_without_its_padding() -> None:
    known = kept(GRAPH, fill="kind=50%:")
    assert known["kind"][..., 0].tolist() == [[True, True, False, False], [True, False, True, True]]
    last = kept(GRAPH, fill="kind=-1")
    assert last["kind"][..., 0].tolist() == [[True, True, True, False], [True, False, True, True]]


def test_a_bare_stretch_is_of_all_fields_of_the_same_elements() -> None:
    known = kept(GRAPH, fill="50%:")
    named = kept(GRAPH, fill="size=50%:;kind=50%:;bond=50%:")
    assert all(torch.equal(known[name], named[name]) for name in known)
    assert known["kind"][..., 0].tolist() == [[True, True, False, False], [True, False, True, True]]
    assert known["bond"][0, ..., 0].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    alone = kept({"points": torch.zeros(2, 4, 2)}, fill="1:")["points"]
    assert alone[0, :, 0].tolist() == [True, False, False, False]


def test_what_is_kept_of_one_item_has_its_own_size() -> None:
    known = kept(GRAPH, fill="kind=0")
    one, other = (of_one(known, GRAPH, i) for i in range(2))
    assert isinstance(one, dict) and isinstance(other, dict)
    assert one["kind"].shape == (1, 4, 1) and other["kind"].shape == (1, 2, 1)
    assert other["kind"][0, :, 0].tolist() == [False, True]
    assert other["size"].shape == (1, 2, 1)
    broad = {"x": torch.zeros(2, 3, 5), "mask": torch.tensor([[[1, 1, 1, 1, 0]], [[1, 1, 1, 1, 1]]]).bool()}
    cut = of_one({"x": torch.ones(2, 3, 5, dtype=torch.bool)}, broad, 0)
    assert isinstance(cut, dict) and cut["x"].shape == (1, 3, 4), "a mask with one place stands for all"
    assert torch.equal(of_one(kept(GRID, fill="1"), GRID, 1), kept(GRID, fill="1")[1:])  # type: ignore[arg-type]


def test_an_end_that_is_not_kept_is_left_out_of_sight() -> None:
    states = {k: v[:1] for k, v in GRAPH.items() if not k.startswith("bond")}
    part = {n: torch.tensor([row]).bool()[..., None] for n, row in {"size": [1, 0, 0, 0], "kind": [0, 0, 1, 0]}.items()}
    hidden = without(states, part)
    assert isinstance(hidden, dict) and hidden["mask"].tolist() == [[True, True, True, False]]
    nothing = without(states, {name: mask & False for name, mask in part.items()})
    assert isinstance(nothing, dict) and nothing["mask"].tolist() == [[True] * 4], (
        "an item of no elements cannot be shown"
    )


def test_pairs_are_filled_both_ways_round() -> None:
    known = kept(GRAPH, fill="bond=0,1:3")["bond"][0, :, :, 0]
    assert torch.equal(known, known.T)
    assert known.logical_not().nonzero().tolist() == [[0, 1], [0, 2], [1, 0], [2, 0]]


@pytest.mark.parametrize(
    ("text", "states", "error", "said"),
    [
        ("a:b", GRID, RecipeError, "no stretch"),
        ("", GRID, RecipeError, "no stretch"),
        ("1:2:3", GRID, RecipeError, "no stretch"),
        ("50%", GRID, RecipeError, "no place"),
        ("3:1", GRID, DomainInputError, "holds nothing"),
        ("0:9", GRID, DomainInputError, "a stretch of 4 places"),
        ("0:2,0:2,0:2", GRID, DomainInputError, "at most 2: 4 × 8"),
        ("size", GRID, DomainInputError, "have no fields"),
        ("0:2", {"a": torch.zeros(2, 4), "b": torch.zeros(2, 4)}, DomainInputError, "of which field"),
        ("0:3", GRAPH, DomainInputError, "a stretch of 2 places"),
        ("kinds", GRAPH, DomainInputError, "did you mean 'kind'"),
        ("kind=0:2,0:2", GRAPH, DomainInputError, "at most 1: 4"),
        ("kind=2:4", GRAPH, DomainInputError, "a stretch of 2 places"),
        ("1s:3s", GRID, DomainInputError, "a stretch of 2 s"),
        ("1000ms:3000ms", GRID, DomainInputError, "a stretch of 2000 ms"),
        ("1sec:2sec", GRID, RecipeError, "no unit named 'sec'"),
        ("1s:200Hz", GRID, RecipeError, "of two axes"),
        ("1s:,0:2", GRID, RecipeError, "mixes stretches"),
        ("1s:,:2s", GRID, RecipeError, "two stretches of one axis"),
        ("1s:1.25s; 1.5s:2s", GRID, RecipeError, "--fill 1s:1.25s --fill 1.5s:2s"),
        ("1s-2s", GRID, RecipeError, r"0\.25s:0\.5s \(or s, ms, Hz\), 8:20"),
    ],
)
def test_wrong_parts_are_told(text: str, states: State, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        kept(states, fill=text, units=UNITS if any(letter.isalpha() for letter in text) and states is GRID else None)


@pytest.mark.parametrize(
    ("text", "units", "said"),
    [
        ("1:3", {"s": UNITS["s"]}, "1s:3s"),
        ("25%:75%", {"s": UNITS["s"]}, "0.25s:0.5s"),
        ("-2:", {"s": UNITS["s"]}, "places are told of all axes of the states, as -2:,:"),
        ("1:3", {"Hz": UNITS["Hz"]}, "1Hz:3Hz"),
    ],
)
def test_a_stretch_without_a_unit_is_refused_where_there_are_units(text: str, units: Any, said: str) -> None:
    """It would be of the first axis: of a sound, of all times at some frequencies."""
    with pytest.raises(RecipeError, match="is told without a unit") as error:
        kept(GRID, fill=text, units=units)
    assert said in str(error.value)
    assert torch.equal(kept(GRID, fill=f"{text},:", units=units), kept(GRID, fill=text))


def test_shares_of_the_axis_that_is_measured_need_no_unit() -> None:
    assert torch.equal(kept(GRID, fill="25%:75%", units={"Hz": UNITS["Hz"]}), kept(GRID, fill="25%:75%"))


@pytest.mark.parametrize("shape", [(4, 8), (1, 8), (3, 4, 8), (1, 1, 4, 8), (1, 3, 1, 1)])
def test_masks_broadcast(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape, dtype=torch.bool)
    mask.view(-1)[0] = True
    assert torch.equal(kept(GRID, mask), mask.expand(2, 3, 4, 8))


def test_a_mask_for_each_item_is_dealt_out() -> None:
    masks = torch.arange(5)[:, None, None, None] >= torch.arange(8)
    assert torch.equal(kept(GRID, masks, numbers=torch.tensor([4, 1]), count=5), masks[[4, 1]].expand(2, 3, 4, 8))


def test_masks_of_fields() -> None:
    mask = {"size": torch.zeros(4, 1, dtype=torch.bool), "kind": torch.ones(4, dtype=torch.bool)}
    with pytest.raises(DomainInputError, match="lacks a field"):
        kept(GRAPH, mask)
    bonds = torch.ones(4, 4, dtype=torch.bool)
    bonds[0, 1] = False
    known = kept(GRAPH, {**mask, "bond": bonds})
    assert known["kind"].shape == (2, 4, 1) and known["bond"].shape == (2, 4, 4, 1)
    assert not known["bond"][0, 1, 0] and not known["bond"][0, 0, 1]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (torch.zeros(4, 8), "is not bool"),
        (torch.zeros(5, 8, dtype=torch.bool), r"broadcasts over \[2, 3, 4, 8\]"),
        (torch.zeros(3, 3, 4, 8, dtype=torch.bool), "does not fit"),
        (torch.ones(4, 8, dtype=torch.bool), "keeps everything"),
        ({"a": torch.zeros(4, 8, dtype=torch.bool)}, "no field named 'a'"),
    ],
)
def test_wrong_masks_are_told(mask: State, said: str) -> None:
    with pytest.raises(DomainInputError, match=said):
        kept(GRID, mask)


def test_one_of_mask_and_part() -> None:
    with pytest.raises(DomainInputError, match="told twice"):
        kept(GRID, torch.zeros(4, 8, dtype=torch.bool), fill="0")
    with pytest.raises(DomainInputError, match="nothing to fill"):
        kept(GRID)


def test_items_may_tell_what_they_lack() -> None:
    gaps = torch.arange(8) < torch.tensor([[[[3]]], [[[8]]]])
    which = known_of_items(model(known=gaps), None, None, 2)
    assert torch.equal(which(GRID, [None] * 2, torch.tensor([5, 6])), gaps.expand(2, 3, 4, 8))  # type: ignore[arg-type]
