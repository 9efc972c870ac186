"""A bridge makes items of any size, of which no more than a batch of pieces is ever held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from suffuse.domain import Item
from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.tasks.bridge import bridge
from suffuse.tasks.making import remember
from suffuse.tasks.train import train
from tests import toy
from tests.toy import LENGTH, WaveCodec, Waves

BATCH = 4


class Watch:
    """How many pieces are cut that are not joined yet, at most."""

    held = most = 0

    @classmethod
    def more(cls, count: int) -> None:
        cls.held += count
        cls.most = max(cls.most, cls.held)


@dataclass(frozen=True)
class Cut:
    wave: Sequence[float]

    def __len__(self) -> int:
        return len(self.wave) // LENGTH

    def __iter__(self) -> Iterator[Item]:
        for first in range(0, len(self.wave), LENGTH):
            Watch.more(1)
            yield self.wave[first : first + LENGTH]


@dataclass(frozen=True)
class LongCodec(WaveCodec):
    """Of waves of any length, piece by piece."""

    def pieces(self, item: Item) -> Cut:
        return Cut(item)

    def join(self, made: Iterable[Item], item: Item) -> Item:
        whole = []
        for one in made:
            Watch.more(-1)
            whole += one
        return whole


@pytest.fixture(scope="module")
def bridging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    recipe = toy.recipe(
        process={"coupling": {"name": "downsample", "factor": 2, "noise": 0.1}},
        objective={"times": "uniform", "weight": "uniform"},
        train={"steps": 4, "batch": 8, "validation_count": 8},
    )
    with isolated(toy.Plugin()):
        model = load(Path(train(recipe, out=tmp_path_factory.mktemp("bridge")).folder))
        yield replace(model, codec=LongCodec(**model.codec.to_json()))


@pytest.fixture(autouse=True)
def watch() -> None:
    Watch.held = Watch.most = 0


ITEMS = [
    [x for i in range(first, first + count) for x in Waves(i, 1, False)[0].item] for first, count in ((0, 11), (11, 1))
]
CALL: dict[str, Any] = {"degrade": True, "count": 2, "steps": 2}


def test_pieces_are_made_in_turn_and_no_more_than_a_batch_is_held(bridging: Model) -> None:
    found = bridge(bridging, ITEMS, batch=BATCH, **CALL)
    assert [len(item) for item in found.items] == [11 * LENGTH, 11 * LENGTH, LENGTH, LENGTH]
    looked_at = len(ITEMS)  # the first piece of each, for what the model cannot hold
    assert Watch.held == looked_at and Watch.most <= BATCH + 1 + looked_at
    assert found.account is not None and found.account.made == 24
    assert found.rows is not None and found.rows[1] == [ITEMS[1], *found.items[2:]]


def test_the_batch_changes_nothing(bridging: Model) -> None:
    one, all_ = (bridge(bridging, ITEMS, batch=batch, **CALL).items for batch in (1, 64))
    for a, b in zip(one, all_, strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_it_goes_on_in_the_middle_of_an_item(bridging: Model, tmp_path: Path) -> None:
    whole = bridge(bridging, ITEMS, batch=BATCH, **CALL).items
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 5:  # in the third of six batches
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), remember(tmp_path / "parts", bridging, **CALL) as memory:
        bridge(bridging, ITEMS, batch=BATCH, memory=memory, on_step=stop, **CALL)
    Watch.held = Watch.most = 0
    with remember(tmp_path / "parts", bridging, **CALL) as memory:
        again = bridge(bridging, ITEMS, batch=BATCH, memory=memory, **CALL)
        assert memory.recalled == 2 * BATCH
    assert again.items == whole
