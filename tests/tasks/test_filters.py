"""Filters at output: what is dropped, counted and made anew, on a domain that needs no training for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
import torch

import suffuse
from suffuse.domain import Item
from suffuse.errors import DataError, DomainInputError, PluginError, RecipeError
from suffuse.filters import Each, Filter
from suffuse.model import Model, load
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import FilterSpec
from suffuse.tasks import memory as memories
from suffuse.tasks.filtering import Made, fill, judged, make_filters
from suffuse.tasks.generate import generate
from suffuse.tasks.items import read_items
from suffuse.tasks.making import Workshop, remember
from suffuse.tasks.memory import open_memory
from suffuse.tasks.samples import save
from suffuse.tasks.score import score
from suffuse.tasks.train import train
from suffuse.tasks.vary import vary
from tests import toy

HERE = __name__


def starts_high(model: Model, above: float = 0.0, word: str = "high") -> Each:
    """Drops waves that do not start above a number."""
    return Each(lambda wave: None if wave[0] > above else f"does not start {word}")


@dataclass(frozen=True)
class EveryOther:
    """Drops the items of odd numbers: it remembers how many it was shown."""

    shown: int = 0

    def judge(self, items: Sequence[Item]) -> tuple[Self, Sequence[str | None]]:
        said = ["is odd" if (self.shown + i) % 2 else None for i in range(len(items))]
        return replace(self, shown=self.shown + len(items)), said


class Filtering:
    @hookimpl
    def register_filters(self, register: Any) -> None:
        register(FilterSpec(name="starts-high", domain="toy", factory=f"{HERE}:starts_high"))
        register(FilterSpec(name="elsewhere", domain="sagas", factory=f"{HERE}:starts_high"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    recipe = toy.recipe()
    recipe["train"] |= {"steps": 4, "sample_every": 100, "validate_every": 100, "checkpoint_every": 100}
    recipe["sample"] = {"steps": 3}
    with isolated(toy.Plugin(), Filtering()):
        yield load(train(recipe, out=tmp_path_factory.mktemp("toy")).folder)


def of_seed(model: Model, seed: int, **conditions: Any) -> Any:
    return pytest.approx(model.generate(seeds=[seed], **conditions)[0], abs=1e-5)


# the rounds, without a model


def test_places_are_filled_in_rounds_from_the_seeds_that_follow() -> None:
    asked: list[tuple[list[int], list[int]]] = []

    def make(places: Sequence[int], seeds: Sequence[int]) -> list[Made]:
        asked.append((list(places), list(seeds)))
        return [Made(seed) for seed in seeds]

    kept = fill(make, [10, 11, 12, 13], [Each(lambda seed: "is prime" if seed in (11, 13, 17) else None)])
    assert asked == [([0, 1, 2, 3], [10, 11, 12, 13]), ([1, 3], [14, 15])]
    assert (kept.places, kept.seeds, kept.tried, kept.drops) == ([0, 1, 2, 3], [10, 14, 12, 15], 6, {"is prime": 2})


def test_tries_bound_what_is_made_and_the_last_round_is_cut() -> None:
    kept = fill(lambda places, seeds: [Made(s) for s in seeds], [0, 1, 2], [Each(lambda s: f"is {s}")], tries=7)
    assert kept.tried == 7 and kept.places == [] and sum(kept.drops.values()) == 7
    assert set(kept.drops) == {f"is {s}" for s in range(7)}  # round 3 makes one item only
    with pytest.raises(DomainInputError, match="tries"):
        fill(lambda places, seeds: [], [0, 1, 2], [], tries=2)


def test_the_first_filter_that_drops_an_item_owns_it_and_later_ones_do_not_see_it() -> None:
    seen: list[Any] = []
    below = Each(lambda x: "is low" if x < 2 else None)
    watching = Each(lambda x: seen.append(x) or ("is even" if x % 2 == 0 else None))  # type: ignore[func-returns-value]
    _, reasons = judged([below, watching], [0, 1, 2, 3])
    assert reasons == ["is low", "is low", "is even", None]
    assert seen == [2, 3]


def test_filters_that_remember_judge_parts_as_the_whole() -> None:
    whole = judged([EveryOther()], range(5))[1]
    filters, first = judged([EveryOther()], range(3))
    assert first + judged(filters, range(3, 5))[1] == whole == [None, "is odd", None, "is odd", None]


# with a model


def test_what_passes_is_what_its_seed_makes_alone(model: Model) -> None:
    samples = generate(model, 6, seed=3, filters=["starts-high"], tries=200)
    assert all(wave[0] > 0 for wave in samples.items)
    for seed, item in zip(samples.seeds, samples.items, strict=True):
        assert item == of_seed(model, seed)
    told = samples.account
    assert told is not None and (told.asked, told.kept) == (6, 6)
    assert told.made == 6 + sum(samples.drops.values()) == max(samples.seeds) - 3 + 1
    assert set(samples.drops) == {"does not start high"}
    dropped = set(range(3, max(samples.seeds) + 1)) - set(samples.seeds)
    assert all(model.generate(seeds=[s])[0][0] <= 1e-6 for s in dropped)


def test_neither_batch_nor_company_changes_what_is_kept(model: Model) -> None:
    a, b = (generate(model, 5, filters=["starts-high", "unique"], batch=batch, tries=200) for batch in (2, 64))
    assert a.seeds == b.seeds and a.drops == b.drops
    for one, other in zip(a.items, b.items, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_replacement_is_made_under_the_conditions_of_its_place(model: Model) -> None:
    samples = generate(model, 4, conditions={"label": ["f1", "f2"]}, filters=["starts-high"], tries=400)
    assert samples.conditions == {"label": ["f1", "f2", "f1", "f2"]}
    assert samples.drops, "the test needs a drop"
    for seed, label, item in zip(samples.seeds, samples.conditions["label"], samples.items, strict=True):
        assert item == of_seed(model, seed, label=label)


def test_fewer_are_told_and_come_out(model: Model, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with caplog.at_level(logging.WARNING):
        samples = generate(model, 3, filters=[EveryOther(), lambda wave: "is a wave"], tries=5)
    assert samples.items == [] and samples.seeds == []
    assert samples.drops == {"is a wave": 3, "is odd": 2}
    assert "kept 0 of 3 asked for, 5 made; dropped: is a wave (3), is odd (2)" in caplog.text
    (only,) = save(model, samples, tmp_path / "none.json")
    assert only.name == "none.json.manifest.json" and not (tmp_path / "none.json").exists()


def test_a_manifest_is_there_without_filters_too(model: Model, tmp_path: Path) -> None:
    samples = generate(model, 2, seed=4, conditions={"label": "f2"}, steps=3)
    assert samples.drops == {} and samples.account is not None and samples.account.made == 2
    beside = tmp_path / "two.json.manifest.json"
    assert save(model, samples, tmp_path / "two.json") == [tmp_path / "two.json", beside]
    told = json.loads(beside.read_text())
    assert (told["kept"], told["seeds"], told["conditions"]) == (2, [4, 5], {"label": ["f2", "f2"]})
    assert told["filters"] == [] and told["versions"]["suffuse"] == suffuse.__version__
    assert told["model"]["name"] == "toy" and told["evaluations"] > 0 and told["sampler"] and "sources" not in told


def test_a_manifest_tells_how_items_came_about_and_is_no_item(model: Model, tmp_path: Path) -> None:
    asked = [{"name": "starts-high", "above": -9.0}, EveryOther()]
    samples = generate(model, 3, seed=5, filters=asked, sampler="ddim", steps=4)
    for out in ("waves.json", "waves"):
        save(model, samples, tmp_path / out)
        place = tmp_path / ("waves.json.manifest.json" if out == "waves.json" else "waves/manifest.json")
        told = json.loads(place.read_text())
        assert (told["asked"], told["made"], told["kept"], told["dropped"]) == (3, 5, 3, {"is odd": 2})
        assert told["filters"] == ["starts-high:above=-9.0", "EveryOther"]
        assert (told["seeds"], told["steps"], told["evaluations"]) == (samples.seeds, 4, 4.0)
        assert "DDIM" in told["sampler"] and told["model"]["name"] == "toy" and len(told["model"]["digest"]) == 32
    items, _ = read_items(model, [tmp_path / "waves"])
    assert len(items) == 3
    (tmp_path / "beside").mkdir()
    save(model, samples, tmp_path / "beside" / "waves.json")
    assert len(read_items(model, [tmp_path / "beside"])[0]) == 3


def test_evaluations_count_what_guidance_and_solver_ask_and_not_what_filters_ask(model: Model) -> None:
    def per_item(**options: Any) -> float:
        account = generate(model, 3, conditions={"label": "f1"}, steps=4, **options).account
        assert account is not None
        return account.evaluations

    assert per_item(sampler="ddim") == 4.0
    assert per_item(sampler="ddim", guidance=2.0) == 8.0
    assert per_item(sampler="heun") == 7.0  # the last step is Euler's: the network is never asked at σ = 0
    assert per_item(sampler="ddim", filters=[lambda wave: model.generate(1, steps=2) and None]) == 4.0


def test_frames_are_those_of_the_items_that_passed(model: Model) -> None:
    samples = generate(model, 3, filters=[EveryOther()], trajectory=True, steps=3)
    assert samples.frames is not None and [len(frame) for frame in samples.frames] == [3, 3, 3]
    for item, last in zip(samples.items, samples.frames[-1], strict=True):
        assert last == pytest.approx(item, abs=1e-2)
    alone = generate(model, seeds=[samples.seeds[1]], trajectory=True, steps=3)
    assert alone.frames is not None
    assert samples.frames[0][1] == pytest.approx(alone.frames[0][0], abs=1e-4)


def test_progress_knows_of_each_round_when_it_begins(model: Model) -> None:
    seen: list[tuple[int, int]] = []
    generate(model, 4, filters=[EveryOther()], steps=2, on_step=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2), (3, 4), (4, 4), (5, 6), (6, 6)]  # 4, 2 and 1 items


def test_variations_of_an_item_are_replaced_by_variations_of_it(model: Model) -> None:
    items = [model.domain.splits(toy.Data()).train[i].item for i in (0, 1)]
    samples = vary(model, items, 0.5, count=2, filters=[EveryOther()], names=["a", "b"])
    assert samples.sources == ["a", "a", "b", "b"] and samples.seeds == [0, 4, 2, 6]
    assert samples.drops == {"is odd": 3}
    assert samples.rows is not None and [len(row) for row in samples.rows] == [3, 3]
    alone = vary(model, [items[0]], 0.5, seed=4)
    assert samples.items[1] == pytest.approx(alone.items[0], abs=1e-5)
    still = vary(model, items, 0.0, count=2, filters=["unique"], tries=9)
    assert len(still.items) == 2 and still.sources == ["0", "1"] and still.rows is None


# the filters that every domain has


def test_unique_compares_with_all_that_came_before(model: Model) -> None:
    (unique,) = make_filters(model, ["unique"])
    a, b = [0.5] * 8, [0.25] * 8
    unique, said = unique.judge([a, b, a])
    assert said == [None, None, "was made before"]
    assert unique.judge([b, [0.0] * 8, [-0.0] * 8])[1] == ["was made before", None, "was made before"]
    assert unique.judge(["no wave", "no wave"])[1] == [None, None]  # what has no state is like nothing


def test_the_domain_may_tell_what_is_the_same(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy.Toy, "key", lambda self, wave: wave[0] > 0)
    samples = generate(model, 2, filters=["unique"], tries=100)
    assert sorted(wave[0] > 0 for wave in samples.items) == [False, True]


def test_novel_drops_what_files_hold(model: Model, tmp_path: Path) -> None:
    free = generate(model, 3)
    save(model, replace(free, items=free.items[1:2]), tmp_path / "known.json")
    known = model.domain.read(tmp_path / "known.json")
    (novel,) = make_filters(model, [{"name": "novel", "path": str(tmp_path / "known.json")}])
    assert novel.judge([*known, free.items[0], free.items[0]])[1] == ["is known", None, None]
    with pytest.raises(DataError, match="no such file"):
        generate(model, 1, filters=[{"name": "novel", "path": str(tmp_path / "none.json")}])


def test_usual_drops_what_the_model_s_score_finds_odd(model: Model) -> None:
    usual = [model.domain.splits(toy.Data()).validation[i].item for i in range(6)]
    items = [*usual, [9.0] * 8, "no wave"]
    (chosen,) = make_filters(model, [{"name": "usual", "least": 0.1}])
    said = chosen.judge(items)[1]
    p = score(model, items[:-1], reference="data").p_values
    assert p is not None
    assert said == ["is odd" if one < 0.1 else None for one in p] + ["cannot be scored"]
    assert said[6] == "is odd" and None in said[:6]
    with pytest.raises(RecipeError, match="least"):
        make_filters(model, [{"name": "usual", "least": 1.5}])


# what is told wrongly


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (["uniqe"], PluginError, "did you mean 'unique'"),
        (["elsewhere"], PluginError, "filter of toy"),  # another domain's
        ([{"name": "novel"}], RecipeError, "novel.path"),
        ([{"name": "starts-high", "abov": 1}], RecipeError, "did you mean 'above'"),
        ([3], RecipeError, r"filters\[0\]"),
        ("unique", RecipeError, "is no list"),
    ],
)
def test_what_is_no_filter_is_told(model: Model, asked: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        generate(model, 1, filters=asked)


def test_filters_have_the_protocol(model: Model) -> None:
    assert all(isinstance(one, Filter) for one in make_filters(model, ["unique", EveryOther(), lambda item: None]))


# going on after an interruption


class Stop(Exception):
    pass


def interrupted(model: Model, folder: Path, after: int, **call: Any) -> None:
    """Begin a call, and break off after so many steps."""

    def stop(done: int, total: int) -> None:
        if done > after:
            raise Stop

    with pytest.raises(Stop), remember(folder, model, **call) as memory:
        generate(model, memory=memory, on_step=stop, **call)


def test_the_same_call_goes_on_where_it_was_stopped(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "SECONDS", 0.0)  # a file for each batch
    call: dict[str, Any] = {"count": 6, "seed": 1, "filters": ["starts-high"], "batch": 2, "steps": 3, "tries": 200}
    whole = generate(model, **call)
    interrupted(model, tmp_path / "made.parts", after=7, **call)  # in the third batch
    assert len(list((tmp_path / "made.parts").glob("*.safetensors"))) == 2
    steps: list[int] = []
    with remember(tmp_path / "made.parts", model, **call) as memory:
        again = generate(model, memory=memory, on_step=lambda done, total: steps.append(done), **call)
    assert again == whole
    assert steps[0] == 7 and memory.recalled == 4
    memory.forget()
    assert not (tmp_path / "made.parts").exists()


def test_what_is_held_is_written_when_a_call_breaks_off_and_else_nothing(model: Model, tmp_path: Path) -> None:
    call: dict[str, Any] = {"count": 4, "batch": 2, "steps": 3}
    with remember(tmp_path / "a", model, **call) as memory:
        generate(model, memory=memory, **call)
    assert not (tmp_path / "a").exists()
    interrupted(model, tmp_path / "b", after=4, **call)
    with remember(tmp_path / "b", model, **call) as memory:
        assert generate(model, memory=memory, **call) == generate(model, **call)
    assert memory.recalled == 2


@pytest.mark.parametrize("changed", [{"count": 5}, {"seed": 2}, {"steps": 2}, {"filters": ["unique"]}])
def test_another_call_is_refused(model: Model, tmp_path: Path, changed: dict[str, Any]) -> None:
    call: dict[str, Any] = {"count": 4, "batch": 2, "steps": 3, "seed": 0, "filters": []}
    interrupted(model, tmp_path / "a", after=4, **call)
    with pytest.raises(DataError, match=f"its {next(iter(changed))} is another"):
        remember(tmp_path / "a", model, **{**call, **changed})
    name, _ = changed.popitem()
    with pytest.raises(DataError, match=f"its {name} is another"):
        remember(tmp_path / "a", model, **{key: value for key, value in call.items() if key != name})
    with remember(tmp_path / "a", model, resume=False, **{**call, **changed}) as memory:
        assert memory.recalled == 0 and not (tmp_path / "a").exists()


def test_states_of_several_fields_are_remembered_with_their_masks(tmp_path: Path) -> None:
    state = {"atoms": torch.rand(2, 3, 4), "mask": torch.tensor([[True, True, False], [True, False, False]])}
    with pytest.raises(Stop), open_memory(tmp_path / "a", {"seed": 1}) as memory:
        memory.keep([5, 6], state)
        memory.keep([7], {name: value[:1] for name, value in state.items()})
        raise Stop
    again = open_memory(tmp_path / "a", {"seed": 1})
    back = again.recall([5, 6])
    assert isinstance(back, dict) and set(back) == set(state)
    assert all(torch.equal(back[name], state[name]) and back[name].dtype == state[name].dtype for name in state)
    assert again.recall([7]) is not None and again.recall([8]) is None
    assert again.recalled == 3


def test_other_batches_than_those_that_were_made_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop), open_memory(tmp_path / "a", {"seed": 1}) as memory:
        memory.keep([5, 6], torch.rand(2, 3))
        raise Stop
    with pytest.raises(DataError, match="other items than are made now"):
        open_memory(tmp_path / "a", {"seed": 1}).recall([5, 7])


def test_what_is_recalled_is_where_the_model_computes(tmp_path: Path) -> None:
    """A device of no numbers stands for an accelerator."""
    with pytest.raises(Stop), open_memory(tmp_path / "a", {}) as memory:
        memory.keep([5], torch.rand(1, 3))
        raise Stop
    model: Any = SimpleNamespace(device=torch.device("meta"))
    places: list[str] = []

    def finish(numbers: Any, rng: Any, x: Any) -> list[Any]:
        places.append(x.device.type)
        return [None]

    plan, unused = SimpleNamespace(batch=1), None
    Workshop(model, plan, unused, open_memory(tmp_path / "a", {}), None, False, None, finish)([0], [5])  # type: ignore[arg-type]
    assert places == ["meta"]
