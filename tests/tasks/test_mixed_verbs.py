"""The verbs on a trained model of mixed states with padding: numbers, and masked categories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch

from suffuse.errors import UnsupportedError
from suffuse.metrics import auroc
from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.tasks.index import make_index
from suffuse.tasks.score import score
from suffuse.tasks.vary import vary
from suffuse.training.run import Run
from tests.mixed import KINDS, BeadCodec, Chains, Plugin


@pytest.fixture(scope="module")
def beads(mixed_run: Run) -> Iterator[Model]:
    with isolated(Plugin()):
        yield load(mixed_run.folder)


def chains(count: int) -> list[list[tuple[str, float]]]:
    return [Chains(5000, count)[i].item for i in range(count)]


def scrambled(items: list[list[tuple[str, float]]]) -> list[list[tuple[str, float]]]:
    """The sizes of one kind on beads of another."""
    return [[(KINDS[(KINDS.index(kind) + 1) % 3], size) for kind, size in item] for item in items]


def true_nats(items: list[list[tuple[str, float]]], std: float) -> float:
    """The mean of -log p: a kind at random, then the next one nine times in ten; sizes even on an interval of 1."""
    total = 0.0
    for item in items:
        kinds = [KINDS.index(kind) for kind, _ in item]
        total += math.log(3.0) - sum(math.log(0.9 if b == (a + 1) % 3 else 0.1) for a, b in itertools.pairwise(kinds))
        total -= len(item) * math.log(std)
    return total / len(items)


@pytest.mark.parametrize("statistic", ["profile", "elbo"])
def test_scores_find_what_does_not_go_together(beads: Model, statistic: str) -> None:
    usual = chains(60)
    a, b = (score(beads, items, statistic=statistic, levels=8, draws=4) for items in (usual, scrambled(usual)))
    assert auroc(torch.tensor(a.values), torch.tensor(b.values)) > 0.9
    calibrated = score(beads, scrambled(usual), statistic=statistic, levels=8, draws=4, reference="data")
    assert sum(p < 0.1 for p in calibrated.p_values or []) > 45


def test_the_bound_is_above_the_true_code_length(beads: Model) -> None:
    """Nothing codes chains in fewer nats than their own distribution; a trained model comes near."""
    assert isinstance(beads.codec, BeadCodec)
    usual = chains(120)
    found = score(beads, usual, statistic="elbo", levels=24, draws=4)
    mean = sum(found.values) / len(found)
    least = true_nats(usual, beads.codec.std)
    assert least - 0.2 < mean < least + 4.0
    assert found.labels == ("-elbo", "-elbo size", "-elbo kind")
    assert all(whole == pytest.approx(sum(parts), abs=1e-6) for whole, *parts in found.figures)


def test_padding_changes_no_score(beads: Model) -> None:
    items = chains(20)
    short = next(item for item in items if len(item) == 2)
    alone = score(beads, [short], statistic="elbo", levels=4).values[0]
    assert score(beads, items, statistic="elbo", levels=4).values[items.index(short)] == pytest.approx(alone, abs=1e-3)


def test_variations_keep_the_length_and_go_from_the_item_to_a_new_one(beads: Model) -> None:
    items = chains(40)

    def same(strength: float) -> float:
        made = vary(beads, items, strength, steps=20).items
        assert [len(item) for item in made] == [len(item) for item in items]
        pairs = [(a[0], b[0]) for new, old in zip(made, items, strict=True) for a, b in zip(new, old, strict=True)]
        return sum(a == b for a, b in pairs) / len(pairs)

    assert same(0.0) == 1.0
    assert same(0.2) > same(1.0) + 0.2


def test_neighbours(beads: Model) -> None:
    items = chains(30)
    index = make_index(beads, items)
    assert all(hits[0].similarity > 0.999 for hits in beads.search(items, index, 1))


def test_what_needs_a_flow_says_so(beads: Model) -> None:
    items = chains(2)
    for call in (
        lambda: beads.encode(items),
        lambda: beads.blend(*items),
        lambda: beads.score(items, statistic="likelihood"),
    ):
        with pytest.raises(UnsupportedError, match="probability flow"):
            call()
