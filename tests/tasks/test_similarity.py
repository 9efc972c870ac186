"""How alike items are: beside the neighbours that ``search`` finds, and as what ``vary`` is asked for."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suffuse.domain import Section
from suffuse.errors import DataError, DomainInputError, RecipeError
from suffuse.levels import crossing, nearest_levels
from suffuse.model import Model
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing
from suffuse.registry import isolated
from suffuse.sampling import DDPM, UniformTime
from suffuse.similarity import Similarity
from suffuse.tasks.alike import similarity_of
from suffuse.tasks.index import index_files, make_index
from suffuse.tasks.items import numbered
from suffuse.tasks.samples import save
from suffuse.tasks.search import search
from suffuse.tasks.vary import vary
from tests.letters import kept_share, letters
from tests.toy import Plugin, Toy, Waves


@pytest.fixture(autouse=True)
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    with isolated(Plugin()):
        yield


def shared(items: Sequence[Any], others: Sequence[Any]) -> Any:
    """The share of places at which two items have the same."""
    return np.array([[np.mean([x == y for x, y in zip(a, b, strict=True)]) for b in others] for a in items])


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy domain has a measure of its own."""
    monkeypatch.setattr(Toy, "similarity", lambda self: Similarity("shared", shared))


def waves(count: int, first: int = 0) -> list[list[float]]:
    return [Waves(first, count, True)[i].item for i in range(count)]


# levels ---------------------------------------------------------------------------------------------------------------


def test_the_crossing_of_a_noisy_falling_curve() -> None:
    assert crossing({0: 1.0, 64: 0.0}, 0.25) == 48
    assert crossing({0: 1.0, 10: 0.4, 20: 0.6, 40: 0.0}, 0.25) == 30  # 10 and 20 are taken as 0.5
    assert crossing({0: 1.0, 20: float("nan"), 64: 0.0}, 0.5) == 32
    assert crossing({0: 1.0, 64: 0.5}, 0.2) == 64
    assert crossing({0: 1.0, 32: float("inf"), 64: 0.5}, 0.75) == 48  # up to 32 nothing has changed
    assert crossing({0: 1.0, 64: 0.5}, 1.0) == 1


def test_levels_of_known_curves_are_found_with_few_looks() -> None:
    scales, seen = [10.0, 40.0, 100.0], []

    def look(curves: Sequence[int], levels: Sequence[int]) -> list[float]:
        seen.extend(zip(curves, levels, strict=True))
        return [1.0 / (1.0 + level / scales[i]) for i, level in zip(curves, levels, strict=True)]

    found = nearest_levels(0.5, look, 3, (32, 64, 128))
    assert [point.level for point in found] == pytest.approx(scales, abs=1)
    assert [point.value for point in found] == pytest.approx([0.5] * 3, abs=0.03)
    assert len(set(seen)) == len(seen) <= 3 * 8
    late = nearest_levels(
        0.9, lambda curves, levels: [float("inf") if level < 20 else 0.6 for level in levels], 1, (32, 128)
    )
    assert late[0].value == 0.6 and late[0].level in range(20, 33)
    unknown = nearest_levels(0.5, lambda curves, levels: [float("nan")] * len(curves), 1, (8, 16))
    assert unknown[0].level == 1 and np.isnan(unknown[0].value)


# vary -----------------------------------------------------------------------------------------------------------------

HOW: dict[str, Any] = {"sampler": DDPM(), "grid": UniformTime(30)}


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("wanted", [0.4, 0.6, 0.75])
def test_variations_are_as_alike_as_is_wanted(wanted: float) -> None:
    """Of independent letters it is known what share of them a strength keeps in what is no copy."""
    model, items = letters(Categorical(Absorbing(3))), [list("ccbacb")] * 40
    found = vary(model, items, similarity=wanted, count=4, **HOW)
    assert np.mean(found.each["shared"]) == pytest.approx(wanted, abs=0.04)
    chances = (0.1, 0.1, 0.2, 0.7, 0.1, 0.2)
    kept = [[kept_share(Absorbing(3), s, chance) for chance in chances] for s in found.each["strength"]]
    expected = [(np.mean(row) - np.prod(row)) / (1.0 - np.prod(row)) for row in kept]
    assert np.mean(expected) == pytest.approx(wanted, abs=0.04)
    assert list("ccbacb") not in found.items
    told = [shared([item], [made])[0, 0] for item, made in zip(np.repeat(items, 4, 0), found.items, strict=True)]
    assert found.each["shared"] == told


@pytest.mark.usefixtures("own")
def test_copies_are_made_again_and_counted() -> None:
    """Where variations are to be much alike to their items, half of what is made is these items again."""
    model, items = letters(Categorical(Absorbing(3))), [list("aaaaaa"), list("aaaaab")] * 4
    found = vary(model, items, similarity=0.8, count=6, **HOW)
    sources = [items[int(source)] for source in found.sources or []]
    assert len(found.items) == 48 and all(one != source for one, source in zip(found.items, sources, strict=True))
    assert found.account is not None
    assert found.drops == {"copy": found.account.made - 48} and found.drops["copy"] > 8
    assert list("aaaaaa") in found.items  # a copy of another item is none
    assert np.mean(found.each["shared"]) == pytest.approx(0.8, abs=0.05)
    few = vary(model, items[:1], similarity=0.8, count=6, tries=7, filters=[lambda item: "is kept out"], **HOW)
    assert few.drops["copy"] + few.drops["is kept out"] == 7 and not few.items
    same = vary(model, items[:2], similarity=1.0, count=6, **HOW)
    assert not same.drops and items[0] in same.items
    assert list("aaaaaa") in vary(model, items[:1], 0.0, count=2, **HOW).items


@pytest.mark.usefixtures("own")
def test_what_is_found_depends_on_the_seed_and_the_item_alone() -> None:
    model, items = letters(Categorical(Absorbing(3))), [list("ccbacb"), list("aaaaaa"), list("bcbcbc")]
    whole = vary(model, items, similarity=0.6, count=4, seed=3, **HOW)
    assert len(set(whole.each["strength"])) > 1
    alone = vary(model, items[1:2], similarity=0.6, count=4, seed=7, batch=3, **HOW)
    assert (alone.items, alone.each["strength"]) == (whole.items[4:8], whole.each["strength"][4:8])
    strength = alone.each["strength"][0]
    assert vary(model, items[1:2], strength, count=4, seed=7, **HOW).items == alone.items


@pytest.mark.usefixtures("own")
def test_the_nearest_is_taken_where_a_similarity_is_out_of_reach(caplog: pytest.LogCaptureFixture) -> None:
    model, items = letters(Categorical(Absorbing(3))), [list("aaaaaa")] * 3
    with caplog.at_level(logging.WARNING):
        least = vary(model, items, similarity=0.0, names=["a", "b", "c"], count=8, **HOW)
    assert min(least.each["strength"]) > 0.4
    assert "a shared of 0 is not reached for 3 of 3 items, and the nearest is taken; the first is a" in caplog.text
    caplog.clear()
    most = vary(model, items, similarity=1.0, count=8, **HOW)
    assert max(most.each["strength"]) < 0.1 and not caplog.text


def test_a_model_knows_how_alike_items_are_where_its_domain_does_not(model: Model) -> None:
    items = waves(3, 300)
    near, far = (vary(model, items, similarity=wanted, count=8) for wanted in (0.995, 0.97))
    assert list(near.each) == ["strength", "cosine"]
    for i in range(0, 24, 8):
        assert near.each["strength"][i] < far.each["strength"][i]
    assert np.mean(near.each["cosine"]) == pytest.approx(0.995, abs=0.003)
    assert np.mean(far.each["cosine"]) == pytest.approx(0.97, abs=0.01)
    assert vary(model, items, 0.3).each == {}


def test_what_is_broken_has_no_similarity(model: Model) -> None:
    """To a model too, be it some of the items, or all."""
    measure, broken = similarity_of(model), [[1.0], [2.0]]
    assert np.isnan(measure.between(waves(3), broken)).all() and np.isnan(measure.between(broken, waves(3))).all()
    found = measure.between(waves(1), [*waves(1), *broken])
    assert found[0, 0] == pytest.approx(1.0) and np.isnan(found[0, 1:]).all()


def test_bad_requests_are_told(model: Model) -> None:
    for wanted in (1.5, -0.1, float("nan")):
        with pytest.raises(DomainInputError, match="similarity: is out of range"):
            vary(model, waves(1), similarity=wanted)
    with pytest.raises(DomainInputError, match="is told besides the strength"):
        vary(model, waves(1), 0.5, similarity=0.5)


# written --------------------------------------------------------------------------------------------------------------


class Loud(Section):
    """How toys are written."""

    times: float = 1.0


@pytest.mark.usefixtures("own")
def test_what_is_written_knows_options_and_what_is_told(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def to_write(self: Toy, items: Sequence[Any], options: Section, told: Any) -> Sequence[Any]:
        seen.append(told)
        assert isinstance(options, Loud)
        return [[options.times * x for x in item] for item in items]

    monkeypatch.setattr(Toy, "to_write", to_write)
    monkeypatch.setattr(Toy, "writing_section", Loud)
    made = vary(model, waves(2), 0.0, count=2, names=["a", "b"])
    save(model, made, tmp_path / "all.json", times=3)
    assert json.loads((tmp_path / "all.json").read_text()) == [[3.0 * x for x in item] for item in made.items]
    assert seen == [{"source": ["a", "a", "b", "b"], "shared": made.each["shared"]}]
    manifest = json.loads((tmp_path / "all.json.manifest.json").read_text())
    assert manifest["sources"] == seen[0]["source"] and manifest["shared"] == made.each["shared"]
    save(model, made, tmp_path / "folder", times=2)
    rows = json.loads((tmp_path / "folder" / "samples.json").read_text())
    assert [row["shared"] for row in rows] == made.each["shared"]
    assert json.loads((tmp_path / "folder" / rows[3]["file"]).read_text())[0] == [2.0 * x for x in made.items[3]]
    with pytest.raises(RecipeError, match=r"writing\.tmes: there is no such key"):
        save(model, made, tmp_path / "none.json", tmes=2)
    assert not (tmp_path / "none.json").exists()


def test_a_domain_without_options_of_writing_says_so(model: Model, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"writing\.loud"):
        save(model, vary(model, waves(1), 0.0), tmp_path / "x.json", loud=True)


# search ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "waves.json").write_text(json.dumps(waves(9)))
    return tmp_path / "waves.json"


@pytest.mark.usefixtures("own")
def test_neighbours_tell_both_similarities(model: Model, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    real = Toy.read
    queries = waves(2, 1)
    index = index_files(model, file)
    monkeypatch.setattr(Toy, "read", lambda self, path: reads.append(path.name) or real(self, path))
    for query, hits in zip(queries, search(model, queries, index, 4), strict=True):
        for hit in hits:
            assert hit.item == waves(9)[hit.entry.number]
            assert hit.own == {"shared": shared([query], [hit.item])[0, 0]}
        assert hits[0].own == {"shared": 1.0}
    assert reads == ["waves.json"]
    file.write_text(json.dumps(waves(9, 9)))
    os.utime(file, ns=(0, 0))
    assert all(hit.own == {} and hit.item is None for hit in search(model, queries, index, 4)[0])
    file.unlink()
    assert all(hit.own == {} and hit.item is None for hit in search(model, queries, index, 4)[0])


@pytest.mark.usefixtures("own")
def test_items_in_memory_are_compared_as_well(model: Model, tmp_path: Path) -> None:
    index = make_index(model, waves(5))
    (hits,) = model.search(waves(1, 3), index, 2)
    assert hits[0].item == waves(5)[3] and hits[0].own == {"shared": 1.0}
    kept = type(index).load(index.save(tmp_path / "i.safetensors"))
    assert model.search(waves(1, 3), kept, 2)[0][0].own == {}


def test_without_a_measure_there_is_none(model: Model, file: Path) -> None:
    (hits,) = search(model, waves(1), file, 3)
    assert [hit.own for hit in hits] == [{}] * 3


def test_a_file_that_has_lost_items_is_told(model: Model, file: Path) -> None:
    assert numbered(model, file, {2, 5}) == {2: waves(9)[2], 5: waves(9)[5]}
    with pytest.raises(DataError, match="holds fewer items"):
        numbered(model, file, {9})
