"""Training in memory, kept batches, networks that only remember, and a calibration in a model's file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.domain import Example, Examples, Item, examples_at
from suffuse.errors import RecipeError, TrainingError
from suffuse.model import Model, load
from suffuse.recipe import validate
from suffuse.registry import isolated, load_domain
from suffuse.tasks.fit import fit
from suffuse.tasks.score import calibrate, score
from suffuse.tasks.statistics import STATISTICS
from suffuse.tasks.train import train
from suffuse.training.batches import Batches, indices, make_source
from tests import toy

REMEMBERS: dict[str, Any] = {
    "network": {"name": "neighbours"}, "predict": "x0", "process": {"schedule": "rectified-flow"},
    "train": {"steps": 0, "batch": 16},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _toys() -> Any:
    with isolated(toy.Plugin()):
        yield


def _splits(**data: Any) -> Any:
    return load_domain("toy").splits(toy.Data(**data))


def _weights(model: Any) -> dict[str, torch.Tensor]:
    return dict(model.denoiser.network.state_dict())


def test_in_memory_and_in_a_folder_the_same_model_comes_out(tmp_path: Path) -> None:
    recipe = validate(toy.recipe())
    told: list[tuple[int, int]] = []
    kept = _weights(fit(recipe, _splits(), lambda done, total: told.append((done, total))))
    written = _weights(load(train(recipe, out=tmp_path / "run").folder))
    assert told[-1] == (40, 40)
    for name, weight in written.items():
        assert torch.equal(weight, kept[name]), name


def test_kept_batches_are_those_that_are_encoded_as_needed() -> None:
    splits, domain = _splits(), load_domain("toy")
    codec, space = domain.fit_codec(toy.Options(), splits.train), domain.conditions(splits)
    batches = Batches(splits.train, codec, space, 40, 3, rank=1, world=2)
    kept, fresh = (list(islice(make_source(batches, keep).since(2), 4)) for keep in (True, False))
    for a, b in zip(kept, fresh, strict=True):
        assert torch.equal(a.x0, b.x0)
        assert torch.equal(a.conditions["label"].value, b.conditions["label"].value)


def test_the_endless_order_shows_every_example_once_an_epoch() -> None:
    order = indices(7, 0, 0, 21)
    assert [sorted(order[i : i + 7]) for i in (0, 7, 14)] == [[*range(7)]] * 3
    assert order[:7] != order[7:14]
    for start, size in ((0, 3), (5, 9), (6, 1), (7, 7), (13, 8)):
        assert indices(7, 0, start, size) == order[start : start + size]


def test_a_column_wise_data_set_is_asked_for_many_at_once() -> None:
    @dataclass(frozen=True)
    class Columns:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Example:
            raise AssertionError("asked one by one")

        def examples_at(self, indices: Any) -> Examples:
            return Examples([10 * i for i in indices], {"label": [f"c{i}" for i in indices]})

    found = examples_at(Columns(), [3, 1])
    assert found.items == [30, 10]
    assert found.conditions == {"label": ["c3", "c1"]}


def test_examples_that_lack_a_condition_say_so() -> None:
    data: list[Example] = [Example(1, {"label": "a"}), Example(2), Example(3, {"size": 2.0})]
    assert examples_at(data, [0, 1, 2]).conditions == {"label": ["a", None, None], "size": [None, None, 2.0]}


def test_a_network_that_remembers_needs_no_step(tmp_path: Path) -> None:
    recipe = validate(toy.recipe(**REMEMBERS))
    run = train(recipe, out=tmp_path / "run")
    again = train(recipe, out=tmp_path / "run")
    model, kept = load(again.folder), fit(recipe, _splits())
    assert run.step == again.step == 0
    assert not run.interrupted
    assert model.denoiser.network.count == kept.denoiser.network.count == 96
    waves = model.generate(4, label="f2", seed=3, steps=100)
    known = torch.tensor([example.item for example in (_splits().train[i] for i in range(96))])
    assert torch.cdist(torch.tensor(waves), known).min(1).values.max() < 0.05  # it knows these and nothing else


def test_a_loss_that_is_not_finite_is_told() -> None:
    recipe = validate(toy.recipe(optimizer={"learning_rate": 1e30, "warmup": 0, "clip": 1e30}))
    with pytest.raises(TrainingError, match="a finite loss"):
        fit(recipe, _splits())


def _calibrated(**options: Any) -> tuple[Model, list[Item]]:
    splits = _splits()
    model = fit(validate(toy.recipe()), splits)
    usual = [splits.validation[i].item for i in range(24)]
    found = calibrate(model, usual, **options)
    return Model(**{**vars(model), "calibration": replace(found, threshold=1.5)}), usual


def test_a_model_keeps_its_calibration_and_scores_by_it(tmp_path: Path) -> None:
    model, usual = _calibrated(levels=3, draws=1, seed=5)
    kept = load(model.save(tmp_path / "model.safetensors"))
    assert kept.calibration is not None
    assert kept.calibration.threshold == 1.5
    assert kept.calibration.statistic == model.calibration.statistic  # type: ignore[union-attr]
    odd = [[-x for x in reversed(wave)] for wave in usual[:4]]
    ours, told = kept.score(odd), score(model, odd, levels=3, draws=1, seed=5, reference=usual)
    assert ours.values == pytest.approx(told.values)
    assert ours.p_values == pytest.approx(told.p_values)
    assert score(kept, odd, statistic="profile").p_values is None  # told otherwise: not calibrated


def test_a_calibration_by_a_statistic_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model, usual = _calibrated(levels=2)
    monkeypatch.delitem(STATISTICS, "profile")
    with pytest.raises(RecipeError, match="profile"):
        model.score(usual[:2])
