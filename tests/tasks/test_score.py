"""``score``: against likelihoods that are known, items that are odd on purpose, and the trained toy model."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.calibration import Calibration
from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError, RecipeError, UnsupportedError
from suffuse.metrics import auroc
from suffuse.model import Model
from suffuse.process import Product
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import DomainSpec
from suffuse.tasks.extremes import Extremes
from suffuse.tasks.items import each_item, find_files, read_items
from suffuse.tasks.score import calibrate, score, stream, write_csv
from suffuse.tasks.statistics import (
    STATISTICS,
    ElboStatistic,
    LikelihoodStatistic,
    ProfileStatistic,
    mahalanobis,
    make_statistic,
    named,
)
from tests import toy
from tests.exact import exact_model, items_of, one_mode, two_modes
from tests.toy import LENGTH, Plugin, Waves


@pytest.fixture(autouse=True)
def domain() -> Iterator[None]:
    with isolated(Plugin()):
        yield


def log_prob(items: list[list[float]]) -> torch.Tensor:
    return two_modes().log_prob(torch.tensor(items, dtype=torch.float64))


def test_likelihood_is_the_true_one() -> None:
    items = items_of(two_modes(), 12)
    found = score(exact_model(two_modes()), items, statistic=LikelihoodStatistic(levels=32))
    assert found.values == pytest.approx((-log_prob(items)).tolist(), abs=5e-3)
    assert (found.statistic, found.units, found.labels) == ("likelihood", "nats", ("-log p",))
    assert found.p_values is None


def test_elbo_is_near_the_likelihood() -> None:
    items = items_of(two_modes(), 6)
    found = score(exact_model(two_modes()), items, statistic=ElboStatistic(levels=32, draws=48))
    assert found.values == pytest.approx((-log_prob(items)).tolist(), abs=1.5)


@pytest.mark.parametrize("name", ["profile", "elbo", "likelihood"])
def test_far_items_are_odd(name: str) -> None:
    model = exact_model(two_modes())
    usual, odd = items_of(two_modes(), 40), [[3.0 * v for v in item] for item in items_of(two_modes(), 40, 1)]
    values = [torch.tensor(score(model, items, statistic=name, levels=6).values) for items in (usual, odd)]
    assert auroc(*values) > 0.97


def test_items_too_simple_are_found_with_a_reference_only() -> None:
    """At its mode a Gaussian is densest, and no sample lies there: less odd by likelihood, yet far from the usual."""
    model, mixture = exact_model(one_mode()), one_mode()
    reference = items_of(mixture, 200, 5)
    usual = items_of(mixture, 40)
    simple = [[0.3 + 0.05 * (v - 0.3) for v in item] for item in usual]

    def compared(statistic: str, **options: object) -> float:
        a, b = (score(model, x, statistic=statistic, levels=6, **options) for x in (usual, simple))
        return auroc(torch.tensor(a.values), torch.tensor(b.values))

    assert compared("likelihood") < 0.05
    assert compared("profile", draws=4) < 0.1
    assert compared("typicality", reference=reference) > 0.9
    assert compared("profile", draws=4, reference=reference) > 0.97


@pytest.mark.parametrize("name", ["profile", "likelihood", "typicality"])
def test_p_values_of_usual_items_are_uniform(name: str) -> None:
    model, mixture = exact_model(two_modes()), two_modes()
    found = score(model, items_of(mixture, 300, 1), statistic=name, levels=5, reference=items_of(mixture, 300, 2))
    p = torch.tensor(found.p_values)
    assert float(p.min()) > 0.0 and float(p.max()) <= 1.0
    for level in (0.1, 0.3, 0.5, 0.9):
        assert float((p <= level).float().mean()) == pytest.approx(level, abs=0.1)
    assert sorted(range(len(p)), key=lambda i: -found.values[i]) == found.oddest_first
    assert p[found.oddest_first[0]] == p.min()


def test_p_values_count_the_reference() -> None:
    """Ties count, and so does the item itself."""
    reference = Calibration(named(ProfileStatistic()), torch.zeros(4, 1), torch.tensor([1.0, 2.0, 2.0, 3.0]).double())
    values = torch.tensor([0.5, 2.0, 2.5, 9.0]).double()
    assert reference.p_values(values).tolist() == pytest.approx([1.0, 0.8, 0.4, 0.2])


@pytest.mark.parametrize("name", sorted({*STATISTICS} - {"density"}))  # which this model does not know
def test_scores_do_not_depend_on_the_batch(model: Model, name: str) -> None:
    items = [Waves(200, 7, True)[i].item for i in range(7)]
    options = {"statistic": name, "levels": 2, "reference": items[:3]}
    together = score(model, items, **options)
    assert score(model, items, batch=2, **options).values == pytest.approx(together.values, rel=2e-3, abs=2e-3)
    assert score(model, items[4:5], **options).values == pytest.approx(together.values[4:5], rel=2e-3, abs=2e-3)
    assert together.figures[0] == pytest.approx(score(model, items[:1], **options).figures[0], rel=2e-3, abs=2e-3)


def test_the_trained_model_finds_waves_of_another_kind(model: Model) -> None:
    usual = [Waves(500, 60, True)[i].item for i in range(60)]
    generator = torch.Generator().manual_seed(0)
    odd = (0.7 * torch.randn(60, LENGTH, generator=generator)).tolist()
    a, b = (score(model, items, reference="data") for items in (usual, odd))
    assert auroc(torch.tensor(a.values), torch.tensor(b.values)) > 0.85
    assert sum(p < 0.1 for p in b.p_values or []) > 40
    assert len(a.labels) == 8 and len(a.figures[0]) == 8


def test_conditions_matter(model: Model) -> None:
    """A wave is odder under another label."""
    items = [Waves(300, 30, True)[i].item for i in range(30)]
    right = [Waves(300, 30, True)[i].conditions["label"] for i in range(30)]
    wrong = [{"f1": "f2", "f2": "f3", "f3": "f1"}[label] for label in right]
    mine, others = (score(model, items, conditions={"label": labels}).values for labels in (right, wrong))
    assert sum(a < b for a, b in zip(mine, others, strict=True)) >= 27
    one = score(model, items, conditions={"label": "f2"}, reference="data", batch=11)
    assert one.p_values is not None


def test_a_stream_is_read_as_it_is_scored() -> None:
    model, taken = exact_model(two_modes()), []

    def source() -> Iterator[list[float]]:
        for i, item in enumerate(items_of(two_modes(), 20)):
            taken.append(i)
            yield item

    parts = stream(model, source(), batch=4, levels=2, draws=1)
    first = next(parts)
    assert taken == [0, 1, 2, 3] and len(first) == 4
    rest = list(parts)
    assert [name for part in (first, *rest) for name in part.names] == [str(i) for i in range(20)]


def test_progress_counts_the_reference(model: Model) -> None:
    items, seen = [Waves(0, 10, True)[i].item for i in range(10)], []
    score(model, items, reference=items[:6], batch=4, levels=1, draws=1, on_step=lambda d, n: seen.append((d, n)))
    assert seen == [(4, 16), (6, 16), (10, 16), (14, 16), (16, 16)]


def test_a_calibration_serves_again(model: Model) -> None:
    items = [Waves(0, 12, True)[i].item for i in range(12)]
    options = {"statistic": "profile", "levels": 3}
    kept = calibrate(model, items[:6], **options)
    assert score(model, items, reference=kept, **options) == score(model, items, reference=items[:6], **options)
    with pytest.raises(RecipeError, match="another statistic"):
        score(model, items, reference=kept, statistic="profile", levels=4)


def test_mahalanobis_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.3, 0.0], [0.0, 0.0, 5.0]], dtype=torch.float64)
    usual = torch.randn(20_000, 3, generator=generator, dtype=torch.float64) @ mixing.T
    x = torch.tensor([[1.0, -1.0, 3.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    exact = ((x @ torch.linalg.inv(mixing @ mixing.T)) * x).sum(1).div(3.0).sqrt()
    assert mahalanobis(x, usual).tolist() == pytest.approx(exact.tolist(), rel=0.05, abs=0.05)
    assert mahalanobis(x, usual[:2]).isfinite().all()
    assert mahalanobis(x, torch.ones(5, 3).double()).isfinite().all()


def test_auroc_counts_ties_half() -> None:
    assert auroc(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0])) == 1.0
    assert auroc(torch.tensor([1.0, 1.0]), torch.tensor([1.0])) == 0.5
    assert auroc(torch.tensor([3.0]), torch.tensor([1.0, 5.0])) == 0.5
    with pytest.raises(DomainInputError):
        auroc(torch.tensor([]), torch.tensor([1.0]))


def test_table_has_the_oddest_first(model: Model, tmp_path: Path) -> None:
    items = [Waves(0, 5, True)[i].item for i in range(5)]
    found = score(model, items, names=list("abcde"), levels=2, reference=items)
    write_csv(found, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["item"] for row in rows] == ["abcde"[i] for i in found.oddest_first]
    assert list(rows[0]) == ["item", "score", "p", *found.labels]
    assert float(rows[0]["score"]) == max(found.values)


def test_extremes_keep_both_ends() -> None:
    kept = Extremes(2)
    for start in range(0, 10, 5):
        values = [(7 * i) % 10 for i in range(start, start + 5)]
        kept.add(values, [{"value": value} for value in values])
    assert [item["value"] for item in kept.highest] == [9, 8]
    assert [item["value"] for item in kept.lowest] == [0, 1]
    same = Extremes(2)
    same.add([1.0, 1.0, 1.0], "abc")
    assert same.highest == ["a", "b"] and same.lowest == ["a", "b"]


def test_items_are_found_in_files_and_folders(model: Model, tmp_path: Path) -> None:
    waves = [Waves(0, 3, True)[i].item for i in range(3)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "two.json").write_text(json.dumps(waves[:2]))
    (tmp_path / "in" / "one.json").write_text(json.dumps(waves[2:]))
    (tmp_path / "none.json").write_text("[]")
    items, names = read_items(model, [tmp_path / "in"])
    assert names == [f"{tmp_path}/in/one.json", f"{tmp_path}/in/two.json:0", f"{tmp_path}/in/two.json:1"]
    assert items == [waves[2], *waves[:2]]
    none = re.escape(f"{tmp_path}/none.json: holds no items")
    with pytest.raises(DataError, match=none):
        list(each_item(model, find_files(model, [tmp_path / "none.json"])))
    with pytest.raises(DataError, match=none):
        read_items(model, [tmp_path / "in", tmp_path / "none.json"])
    with pytest.raises(DataError, match="no such file"):
        read_items(model, [tmp_path / "missing"])


def test_a_file_that_cannot_be_read_does_not_stand_in_the_way_of_others(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def batches(self: toy.Toy, path: Path, size: int) -> Iterator[list[Any]]:
        yield [Unreadable(DataError("is torn", field=str(path)))] if "bad" in path.name else self.read(path)

    monkeypatch.setattr(toy.Toy, "batches", batches)
    for name in ("a", "bad", "c"):
        (tmp_path / f"{name}.json").write_text(json.dumps([Waves(0, 1, True)[0].item]))
    assert read_items(model, [tmp_path])[1] == [f"{tmp_path}/a.json", f"{tmp_path}/c.json"]
    assert caplog.messages == [f"{tmp_path}/bad.json: is torn; it is left out"]
    with pytest.raises(DataError, match="is torn"):
        read_items(model, [tmp_path / "bad.json"])


def test_a_named_file_of_a_foreign_suffix_is_refused_before_it_is_read(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(model.domain), "read", lambda self, path: pytest.fail(f"{path} was read"))
    for name in ("waves.csv", "waves"):
        (tmp_path / name).write_text("[]")
        with pytest.raises(DataError, match=re.escape(f"{tmp_path / name}: is no file that")) as told:
            find_files(model, [tmp_path / name])
        assert told.value.expected == "a file ending in .json"


def test_a_domain_that_tells_no_suffixes_reads_whatever_file_is_named(model: Model, tmp_path: Path) -> None:
    class Plain(toy.Plugin):
        @hookimpl
        def register_domains(self, register: Any) -> None:
            register(DomainSpec(name="toy", factory="tests.toy:Toy"))

    (tmp_path / "waves.txt").write_text(json.dumps([Waves(0, 1, True)[0].item]))
    with isolated(Plain()):
        assert len(read_items(model, [tmp_path / "waves.txt"])[0]) == 1
        with pytest.raises(DataError, match="holds no items"):
            find_files(model, [tmp_path])


def test_bad_requests_are_told(model: Model) -> None:
    items = [Waves(0, 3, True)[i].item for i in range(3)]
    for options, error, said in (
        ({"statistic": "profil"}, RecipeError, "did you mean 'profile'"),
        ({"statistic": "typicality"}, RecipeError, "reference"),
        ({"reference": "dat"}, RecipeError, "reference"),
        ({"reference": items[:1]}, DomainInputError, "reference: has too few items"),
        ({"levels": 0}, RecipeError, "levels"),
        ({"draws": 0}, RecipeError, "draws"),
        ({"batch": 0}, DomainInputError, "batch"),
        ({"names": ["a"]}, DomainInputError, "names"),
        ({"conditions": {"labl": "f1"}}, DomainInputError, "did you mean 'label'"),
        ({"conditions": {"label": []}}, DomainInputError, "label: is empty"),
        ({"conditions": {"label": ["f1", "f2"]}, "reference": items}, RecipeError, "none for the reference"),
    ):
        with pytest.raises(error, match=said):
            score(model, items, **options)
    with pytest.raises(DomainInputError, match="items: is empty"):
        score(model, [])
    with pytest.raises(DomainInputError, match="is not a wave"):
        score(model, [[1.0]])
    with pytest.raises(RecipeError, match="did you mean 'levels'"):
        make_statistic("elbo", level_s=3)
    assert make_statistic(ElboStatistic(3)) == ElboStatistic(3)


def test_a_model_of_another_process_says_what_it_can() -> None:
    """Two schedules at once: no probability flow, but a bound and a profile."""
    from suffuse.process import Cosine, Gaussian

    model = exact_model(two_modes())
    object.__setattr__(model.denoiser, "process", Product({"a": Gaussian(), "b": Gaussian(Cosine())}))
    with pytest.raises(UnsupportedError, match="probability flow"):
        score(model, items_of(two_modes(), 2), statistic="likelihood")
