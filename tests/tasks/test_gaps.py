"""Items that lack something: trained on, scored by what there is, and filled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from suffuse.codecs import FIELD, ArrayCodec
from suffuse.domain import Codec, Dataset, Example, Item, Section, Splits
from suffuse.likelihood import profile
from suffuse.model import Model, load
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import DomainSpec
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.known import with_gaps, without
from suffuse.tasks.train import train
from tests.toy import Toy, recipe

POINTS = 16
LEVEL = (5.0, 500.0)
SCALE = (2.0, 100.0)


def pair(number: int, gaps: bool = True) -> np.ndarray:
    """Two sensors ``[points, 2]``, one a quarter of a turn behind the other; a third of the numbers is missing."""
    rng = np.random.default_rng(number)
    angle = 2 * math.pi * (np.arange(POINTS) / POINTS + rng.random())
    values = np.stack((np.sin(angle), np.cos(angle)), axis=1) * SCALE + LEVEL
    if gaps:
        values[rng.random(values.shape) < 0.35] = np.nan
    return values


@dataclass(frozen=True)
class Pairs:
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        return Example(pair(self.first + index))


class Sensors(Toy):
    name = "sensors"

    def splits(self, data: Section) -> Splits:
        return Splits(Pairs(0, 600), Pairs(10**6, 64), Pairs(2 * 10**6, 64), "pairs")

    def conditions(self, splits: Splits) -> dict[str, Any]:
        return {}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        return ArrayCodec.fit((train[i].item for i in range(len(train))), gaps=True)

    def load_codec(self, data: Any) -> Codec:
        return ArrayCodec.from_json(data)

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Any:
        return super().picture([[0.0] * 8], columns)


class Plugin:
    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="sensors", factory="tests.tasks.test_gaps:Sensors"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    sections = recipe(domain="sensors", name="sensors")
    sections["train"] = {**sections["train"], "steps": 200, "batch": 16, "sample_every": 999}
    sections["network"] = {"name": "unet", "width": 16, "multipliers": [1], "blocks": 1, "attention": []}
    with isolated(Plugin()):
        run = train(sections, out=tmp_path_factory.mktemp("sensors") / "run")
        yield load(run.folder)


def error(made: Sequence[Any], truth: Sequence[np.ndarray], where: np.ndarray) -> float:
    """The root mean square error of some entries, in deviations."""
    apart = (np.stack(made) - np.stack(truth)) / (np.array(SCALE) / math.sqrt(2))
    return float(np.sqrt(np.mean(apart[where] ** 2)))


TRUTH = [pair(3 * 10**6 + i, gaps=False) for i in range(16)]


def test_gaps_are_filled_from_what_there_is(model: Model) -> None:
    """One sensor is silent: the mean of its column is a deviation off, and a line between nothing cannot be drawn."""
    lacking = [truth.copy() for truth in TRUTH]
    for item in lacking:
        item[:, 1] = np.nan
    made = model.inpaint(lacking)
    missing = np.isnan(np.stack(lacking))
    assert error(made, TRUTH, missing) < 0.35 < 0.9 < error([np.full((POINTS, 2), LEVEL)] * 16, TRUTH, missing)
    assert not np.isnan(np.stack(made)).any()
    np.testing.assert_array_equal(np.stack(made)[~missing], np.stack(lacking)[~missing])


def test_what_an_item_lacks_is_never_kept(model: Model) -> None:
    """Neither by a part nor by a mask: the rest of the item with its gaps is filled, and the gaps with it."""
    lacking = TRUTH[0].copy()
    lacking[3] = np.nan
    keep = {FIELD: torch.arange(POINTS) < 8}
    for how in ({"fill": f"{FIELD}=:,8:"}, {"known": keep}):
        (made,) = inpaint(model, [lacking], **how).items
        assert not np.isnan(made).any()
        np.testing.assert_array_equal(np.delete(made[:8], 3, axis=0), np.delete(lacking[:8], 3, axis=0))
        assert abs(made[3, 1] - TRUTH[0][3, 1]) < SCALE[1], "a gap, not the column's mean, as its code would be"


def test_a_part_is_of_the_whole_item_though_it_ends_in_a_gap(model: Model) -> None:
    """The last half of an item of which nothing is known after a quarter."""
    lacking = TRUTH[0].copy()
    lacking[4:] = np.nan
    for text in (f"{FIELD}=:,8:", f"{FIELD}=:,50%:"):
        (made,) = inpaint(model, [lacking], fill=text).items
        assert not np.isnan(made).any()


def test_what_is_shown_before_has_its_gaps(model: Model) -> None:
    samples = inpaint(model, [pair(7)], fill=f"{FIELD}=0")
    assert samples.rows is not None
    whole, kept, made = samples.rows[0]
    np.testing.assert_array_equal(np.isnan(whole), np.isnan(pair(7)))
    assert np.isnan(kept[:, 0]).all()
    np.testing.assert_array_equal(np.isnan(kept[:, 1]), np.isnan(pair(7)[:, 1]))
    assert not np.isnan(made).any()


def test_what_is_missing_changes_no_score(model: Model) -> None:
    """Whatever would stand in a gap; and a window is scored by what it has, not by how much that is."""
    state = model.codec.encode([pair(1), pair(2)])
    assert isinstance(state, dict)
    filled = {**state, FIELD: torch.where(state["mask"], state[FIELD], 9.0)}
    scores = [profile(model.denoiser, model.process, x, levels=3).errors for x in (state, filled)]
    assert torch.equal(*scores)
    usual = [pair(4 * 10**6 + i) for i in range(40)]
    odd = [item[:, ::-1] / SCALE[::-1] * SCALE - LEVEL[::-1] / np.array(SCALE[::-1]) * SCALE + LEVEL for item in usual]
    scored = np.array(model.score([*usual, *odd], reference="data").values)
    assert np.mean(scored[:40, None] < scored[40:]) > 0.95, "the sensors exchanged: each alone is as usual"


def test_masks_are_opened_at_gaps_and_closed_at_what_is_not_kept(model: Model) -> None:
    items = [pair(1), TRUTH[0]]
    opened = with_gaps(model, items)
    assert isinstance(opened, dict) and bool(opened["mask"].all())
    known = {FIELD: torch.zeros(2, 2, POINTS, dtype=torch.bool)}
    known[FIELD][:, 0] = True
    hidden = without(opened, known)
    assert isinstance(hidden, dict) and torch.equal(hidden["mask"], known[FIELD])
    bare = torch.zeros(2, 3)
    assert without(bare, bare > 0) is bare


@dataclass(frozen=True)
class Rows(ArrayCodec):
    """Rows of a padded list, ``[batch, rows, 2]``, whose mask tells rows; a number within one may be missing."""

    def encode(self, items: Sequence[Item], rng: Any = None) -> Any:
        padded = [np.pad(item, ((0, POINTS - len(item)), (0, 0))) for item in items]
        values = torch.tensor(np.stack(padded), dtype=torch.float32)
        return {"rows": values.nan_to_num(), "mask": torch.arange(POINTS) < torch.tensor([[len(i)] for i in items])}

    def known(self, items: Sequence[Item]) -> Any:
        padded = [np.pad(item, ((0, POINTS - len(item)), (0, 0))) for item in items]
        return {"rows": ~torch.tensor(np.stack(padded)).isnan()}


def test_padding_stays_padding(model: Model) -> None:
    rows = replace(model, codec=Rows((POINTS, 2), (0.0, 0.0), (1.0, 1.0)))
    short, gappy = np.ones((5, 2)), np.ones((7, 2))
    gappy[6, 0] = np.nan
    opened = with_gaps(rows, [short, gappy])
    assert isinstance(opened, dict) and opened["mask"].sum(1).tolist() == [5, 7]
