"""``inpaint`` on a domain that the core knows nothing of."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.domain import Item
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.inverse.method import repaint
from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.sampling import DDIM, DDPM, UniformTime
from suffuse.state import State
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.samples import save
from suffuse.training.run import Run
from tests import mixed
from tests.toy import LENGTH, WaveCodec


def waves(count: int = 3, frequency: int = 1) -> list[list[float]]:
    return [[math.sin(2.0 * math.pi * (frequency * k / LENGTH + 0.2 * i)) for k in range(LENGTH)] for i in range(count)]


def gap() -> torch.Tensor:
    known = torch.ones(LENGTH, dtype=torch.bool)
    known[4:] = False
    return known


@pytest.mark.parametrize("method", ["mmps", "repaint", "diffpir", "pigdm", "dps"])
def test_the_rest_fits_what_is_kept(model: Model, method: str) -> None:
    """Half a wave, and which wave it is, tell the other half: better than without looking at the first."""
    truth = torch.tensor(waves(8))
    made = torch.tensor(inpaint(model, waves(8), gap(), method=method, conditions={"label": "f1"}, steps=20).items)
    free = torch.tensor(model.generate(8, label="f1", steps=20))
    assert torch.allclose(made[:, :4], truth[:, :4], atol=1e-6)
    error, blind = (float((x[:, 4:] - truth[:, 4:]).square().mean()) for x in (made, free))
    assert error < {"mmps": 0.1, "repaint": 0.25}.get(method, 0.35) * blind


def test_completions_seeds_and_order(model: Model) -> None:
    samples = inpaint(model, waves(3), gap(), count=2, seed=10, names=["a", "b", "c"], batch=4)
    assert samples.seeds == [10, 11, 12, 13, 14, 15]
    assert samples.sources == ["a", "a", "b", "b", "c", "c"]
    assert samples.items[0][4:] != pytest.approx(samples.items[1][4:], abs=1e-3)
    alone = inpaint(model, waves(3)[1:2], gap(), seed=13)
    assert samples.items[3] == pytest.approx(alone.items[0], abs=1e-4)
    assert [len(row) for row in samples.rows or []] == [4, 4, 4]


def test_conditions_are_dealt_to_items(model: Model) -> None:
    samples = inpaint(model, waves(3), fill="2:6", count=2, conditions={"label": ["f1", "f2", "f3"]})
    assert samples.conditions == {"label": ["f1", "f1", "f2", "f2", "f3", "f3"]}
    strong = inpaint(model, waves(3), fill="2:6", count=2, conditions={"label": ["f1", "f2", "f3"]}, guidance=3.0)
    assert strong.items != samples.items


def test_a_mask_for_each_item(model: Model) -> None:
    masks = torch.arange(LENGTH) < torch.tensor([[[2]], [[6]]])
    made = torch.tensor(inpaint(model, waves(2), masks, batch=1).items)
    truth = torch.tensor(waves(2))
    assert torch.allclose(made[0, :2], truth[0, :2], atol=1e-6) and torch.allclose(made[1, :6], truth[1, :6], atol=1e-6)
    assert (made[0, 2:] - truth[0, 2:]).abs().max() > 1e-3


def test_what_lies_in_the_gap_is_not_looked_at(model: Model) -> None:
    spoilt = [[*wave[:4], *(9.0 for _ in wave[4:])] for wave in waves(2)]
    for method in ("mmps", "repaint"):
        made, right = (inpaint(model, items, gap(), method=method).items for items in (spoilt, waves(2)))
        assert made == right


def test_progress_and_options(model: Model) -> None:
    seen: list[tuple[int, int]] = []
    inpaint(model, waves(3), gap(), steps=4, batch=2, on_step=lambda d, n: seen.append((d, n)))
    assert seen == [(i, 8) for i in range(1, 9)]
    again: list[int] = []
    repeated = {"name": "repaint", "resamples": 3}
    inpaint(model, waves(1), gap(), steps=4, method=repeated, on_step=lambda d, n: again.append(n))
    assert set(again) == {20}, "four steps down, three times, and twice back each"
    default = inpaint(model, waves(2), gap()).items
    assert inpaint(model, waves(2), gap(), sampler=DDPM()).items == default
    others = [
        inpaint(model, waves(2), gap(), sampler=DDIM()).items,
        inpaint(model, waves(2), gap(), grid=UniformTime(7)).items,
        inpaint(model, waves(2), gap(), method=repaint(2)).items,
        inpaint(model, waves(2), gap(), method={"name": "mmps", "iterations": 1}).items,
    ]
    assert all(other != default for other in others)


def test_the_method_of_the_model(model: Model) -> None:
    assert (
        model.inpaint(waves(2), gap(), label="f1") == inpaint(model, waves(2), gap(), conditions={"label": "f1"}).items
    )
    assert model.inpaint(waves(2), fill="4:") == model.inpaint(waves(2), gap())


@dataclass(frozen=True)
class Lossy(WaveCodec):
    """Loses all beyond one digit, keeps what was known, and takes a missing number for a gap."""

    def encode(self, items: Any, rng: Any = None) -> State:
        known = [[0.0 if v is None else v for v in item] for item in items]
        return super().encode(known, rng)

    def decode(self, state: State) -> list[Item]:
        return [[round(v, 1) for v in item] for item in super().decode(state)]

    def known(self, items: Any) -> State | None:
        return torch.tensor([[[v is not None for v in item]] for item in items])

    def merge(self, original: Item, made: Item, known: State) -> Item:
        assert isinstance(known, torch.Tensor) and known.shape == (1, 1, LENGTH)
        return [o if k else m for o, m, k in zip(original, made, known[0, 0].tolist(), strict=True)]


def test_a_codec_may_know_gaps_and_put_back_what_was_known(model: Model) -> None:
    lossy = replace(model, codec=Lossy(math.sqrt(0.5)))
    holes: list[list[float | None]] = [[*w[:3], None, None, *w[5:]] for w in waves(2)]
    holes[1] = list(waves(2)[1])
    made = inpaint(lossy, holes).items
    assert made[0][:3] == holes[0][:3] and made[0][5:] == holes[0][5:]
    assert all(round(v, 1) == v for v in made[0][3:5])
    assert made[1] == waves(2)[1], "an item without a gap comes back as it is"


def test_saved_beside_what_was_given(model: Model, tmp_path: Path) -> None:
    samples = inpaint(model, waves(2), gap(), count=2, names=["in/one.json", "in/two.json"], conditions={"label": "f2"})
    files = save(model, samples, tmp_path)
    rows = json.loads((tmp_path / "samples.json").read_text())
    assert rows[3] == {"file": "two-f2-3.json", "source": "in/two.json", "seed": 3, "label": "f2"}
    assert (tmp_path / "two-f2-3.json") in files
    assert files[0].name == "sheet.png"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"known": None}, DomainInputError, "nothing to fill"),
        ({"known": [True] * 4 + [False] * 4}, DomainInputError, "is no mask"),
        ({"fill": "2:4"}, DomainInputError, "told twice"),
        ({"keep": "left"}, DomainInputError, "told besides what is filled"),
        ({"known": None, "keep": "left"}, UnsupportedError, "not understood by this domain"),
        ({"known": torch.ones(5, dtype=torch.bool) < 0}, DomainInputError, "does not fit"),
        ({"items": []}, DomainInputError, "at least one item"),
        ({"items": [[1.0, 2.0]]}, DomainInputError, "is not a wave"),
        ({"count": 0}, DomainInputError, "count"),
        ({"names": ["a", "b"]}, DomainInputError, "names"),
        ({"conditions": {"label": "f9"}}, DomainInputError, "no class named 'f9'"),
        ({"method": "repant"}, Exception, "did you mean 'repaint'"),
        ({"method": {"name": "repaint", "resample": 3}}, RecipeError, "did you mean 'resamples'"),
        ({"method": {"name": "repaint", "resamples": 0}}, RecipeError, "repaint.resamples"),
        ({"method": {"name": "mmps", "iterations": 0}}, RecipeError, "mmps.iterations"),
        ({"method": {"name": "diffpir", "strength": -1.0}}, RecipeError, "diffpir.strength"),
        ({"method": {"name": "dps", "strength": 0.0}}, RecipeError, "dps.strength"),
        ({"method": {"iterations": 2}}, RecipeError, "has no name"),
    ],
)
def test_refusals(model: Model, change: dict[str, Any], error: type[Exception], said: str) -> None:
    arguments: dict[str, Any] = {"items": waves(1), "known": gap(), **change}
    with pytest.raises(error, match=said):
        inpaint(model, arguments.pop("items"), **arguments)


def test_a_domain_without_masks_says_so(model: Model, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"toy reads no masks(.|\n)*--fill"):
        model.domain.read_mask(tmp_path / "mask.png", model.codec)


def test_numbers_and_classes(mixed_run: Run) -> None:
    """Sizes tell kinds and kinds tell sizes; what is kept is kept to the last bit."""
    with isolated(mixed.Plugin()):
        model = load(mixed_run.folder)
        items = [mixed.Chains(10**6, 64)[i].item for i in range(64)]
        for fill in ("size", "kind", "kind=0:1;size=1:2"):
            made = inpaint(model, items, fill=fill)
            assert mixed.right(made.items)["sizes"] > 0.75, fill
        sized = inpaint(model, items, fill="size").items
        assert [[k for k, _ in chain] for chain in sized] == [[k for k, _ in chain] for chain in items]
        guided = inpaint(model, items, fill="size", method="mmps").items
        assert mixed.right(guided)["sizes"] > 0.75
        begun = inpaint(model, items, fill="1:").items
        assert [chain[0][0] for chain in begun] == [chain[0][0] for chain in items]
        assert [chain[0][1] for chain in begun] == pytest.approx([chain[0][1] for chain in items], rel=1e-5)
        assert mixed.right(begun)["sizes"] > 0.75


def test_items_are_shown_with_gaps_where_their_domain_has_such(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    items = waves(2)
    rows = inpaint(model, items, fill="0:2").rows
    assert rows is not None and rows[0][1][2:] == pytest.approx(items[0][2:], abs=1e-5)
    monkeypatch.setattr(WaveCodec, "emptied", lambda self, item, known: ("gap", item, int(known.sum())))
    rows = inpaint(model, items, fill="0:2").rows
    assert rows is not None
    for item, (whole, kept, _) in zip(items, rows, strict=True):
        assert whole is item and kept == ("gap", item, LENGTH - 2)
