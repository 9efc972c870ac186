"""``search``: neighbours, and indexes that follow the files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError, ModelFileError, RecipeError
from suffuse.index import Entry, Index, Settings, unit
from suffuse.model import Model
from suffuse.registry import isolated
from suffuse.tasks import embed
from suffuse.tasks.embed import features, fingerprint
from suffuse.tasks.index import index_files, make_index
from suffuse.tasks.search import search
from suffuse.tensorfile import write_tensors
from suffuse.trained import build_denoiser
from tests.toy import LENGTH, Plugin, Toy, Waves


@pytest.fixture(autouse=True)
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    with isolated(Plugin()):
        yield


def waves(count: int, first: int = 0) -> list[list[float]]:
    return [Waves(first, count, True)[i].item for i in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files of one wave, and one of three."""
    place = tmp_path / "waves"
    place.mkdir()
    for i, wave in enumerate(waves(6)):
        (place / f"{i}.json").write_text(json.dumps([wave]))
    (place / "three.json").write_text(json.dumps(waves(3, 6)))
    return place


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items the network looks at, call by call."""
    seen: list[int] = []
    real = embed.read_features

    def counted(model: Model, reader: object, items: list[object]) -> Tensor:
        seen.append(len(items))
        return real(model, reader, items)  # type: ignore[arg-type]

    monkeypatch.setattr("suffuse.tasks.index.read_features", counted)
    return seen


def test_neighbours_are_of_a_kind(model: Model) -> None:
    """Waves of three frequencies, five phases each: more alike to the network than by the cosine of their values."""
    kinds = torch.arange(3).repeat_interleave(5)
    phase = 2.0 * torch.pi * torch.arange(5).repeat(3) / 5.0
    angle = 2.0 * torch.pi * torch.outer(kinds + 1.0, torch.arange(LENGTH)) / LENGTH + phase[:, None]
    items = angle.sin() + 0.1 * torch.randn(15, LENGTH, generator=torch.Generator().manual_seed(0))

    def precision(x: Tensor) -> float:
        similarity = unit(x) @ unit(x).T
        near = similarity.fill_diagonal_(-2.0).topk(4, dim=1).indices
        return float((kinds[near] == kinds[:, None]).float().mean())

    assert precision(items) == pytest.approx(0.5, abs=0.05)
    assert precision(features(model, items.tolist())) > 0.62
    assert precision(features(model, items.tolist(), layer="down.0", level=0.2)) > 0.9


def test_the_nearest_of_an_item_is_itself(model: Model) -> None:
    items = waves(7)
    index = make_index(model, items, names=list("abcdefg"))
    for i, hits in enumerate(model.search(items, index, 3)):
        assert hits[0].entry.name == "abcdefg"[i]
        assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
        assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
        assert len(hits) == 3
    others = search(model, items, index, 3, names=list("abcdefg"))
    assert all(hit.entry.name != name for name, hits in zip("abcdefg", others, strict=True) for hit in hits)
    assert [len(hits) for hits in others] == [3] * 7
    assert len(search(model, items[:1], index, 50)[0]) == 7


def test_nearest_by_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    made = unit(torch.randn(50, 8, generator=generator))
    index = Index(Settings("m", "l", 0.4), tuple(Entry(str(i)) for i in range(50)), made)
    queries = torch.randn(4, 8, generator=generator)
    expected = (unit(queries) @ made.T).topk(6).indices
    for rows in (7, 50, 1000):
        monkeypatch.setattr("suffuse.index.ROWS", rows)
        found = [[int(hit.entry.name) for hit in hits] for hits in index.nearest(queries, 6)]
        assert found == expected.tolist()


def test_features_do_not_depend_on_the_batch(model: Model) -> None:
    items = waves(7)
    together = features(model, items)
    assert together.dtype == torch.float32 and together.device.type == "cpu"
    assert torch.allclose(features(model, items, batch=2), together, atol=1e-5)
    assert torch.allclose(model.features(items[3:4]), together[3:4], atol=1e-5)
    assert not torch.allclose(model.features(items, layer="down.0"), together)
    assert not torch.allclose(model.features(items, level=2.0), together)


def test_only_what_changed_is_looked_at(model: Model, folder: Path, looks: list[int]) -> None:
    first = index_files(model, folder)
    assert looks == [9] and len(first.entries) == 9
    names = [entry.name for entry in first.entries]
    assert names[0] == str((folder / "0.json").resolve())
    assert names[-3:] == [f"{(folder / 'three.json').resolve()}:{i}" for i in range(3)]
    again = index_files(model, folder)
    assert looks == [9] and again.entries == first.entries
    assert torch.allclose(again.features, first.features, atol=2e-3)
    (folder / "0.json").write_text(json.dumps(waves(1, 50)))
    os.utime(folder / "0.json", ns=(1, 1))
    (folder / "6.json").write_text(json.dumps(waves(2, 40)))
    (folder / "3.json").unlink()
    changed = index_files(model, folder)
    assert looks == [9, 3]
    assert len(changed.entries) == 10
    whole = make_index(model, [wave for e in dict.fromkeys(e.file for e in changed.entries)
                               for wave in json.loads(Path(e).read_text())])  # fmt: skip
    assert torch.allclose(changed.features, whole.features, atol=2e-3)


def test_search_in_a_folder(model: Model, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    (hits,) = search(model, waves(1, 4), folder, 2, on_step=lambda d, n: seen.append((d, n)))
    assert Path(hits[0].entry.file).name == "4.json"
    assert hits[0].similarity == pytest.approx(1.0, abs=2e-3)
    assert seen == [(i, 7) for i in range(1, 8)]
    (hits,) = search(model, waves(1, 7), [folder / "three.json", folder], 1)
    assert (Path(hits[0].entry.file).name, hits[0].entry.number) == ("three.json", 1)


def test_another_model_gets_another_index(model: Model, folder: Path, looks: list[int], tmp_path: Path) -> None:
    other = Model(
        model.recipe, model.codec, model.conditions, build_denoiser(model.recipe, model.codec, model.conditions).eval()
    )
    assert fingerprint(other) != fingerprint(model)
    file = tmp_path / "index.safetensors"
    mine = index_files(model, folder, path=file)
    theirs = index_files(other, folder, path=file)
    assert looks == [9, 9]
    assert Index.load(file).settings == theirs.settings != mine.settings
    with pytest.raises(ModelFileError, match="another model"):
        search(model, waves(1), theirs)
    index_files(other, folder, path=file, level=1.0)
    index_files(other, folder, path=file, layer="down.0")
    assert looks == [9, 9, 9, 9]


def test_index_file_round_trip(model: Model, tmp_path: Path) -> None:
    index = make_index(model, waves(5), names=["a", "b", "c", "d", "é"])
    again = Index.load(index.save(tmp_path / "i.safetensors"))
    assert again.entries == index.entries and again.settings == index.settings
    assert torch.allclose(again.features, index.features, atol=2e-3)
    assert torch.allclose(again.features.norm(dim=1), torch.ones(5), atol=1e-5)


def test_a_broken_index_is_made_anew_or_told(model: Model, folder: Path, tmp_path: Path, looks: list[int]) -> None:
    index_files(model, folder)
    (kept,) = (tmp_path / "cache" / "search").iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert len(index_files(model, folder).entries) == 9
    assert looks == [9, 9]
    write_tensors(tmp_path / "odd.safetensors", {}, {"format": "suffuse-model", "version": 1})
    with pytest.raises(ModelFileError, match="of another kind"):
        index_files(model, folder, path=tmp_path / "odd.safetensors")
    assert (tmp_path / "odd.safetensors").exists()


def test_bad_requests_are_told(model: Model, folder: Path, tmp_path: Path) -> None:
    index = make_index(model, waves(3))
    (tmp_path / "none.json").write_text("[]")
    for call, error, said in (
        (lambda: search(model, waves(1), index, 0), DomainInputError, "k"),
        (lambda: search(model, [], index), DomainInputError, "items: is empty"),
        (lambda: search(model, [[1.0]], index), DomainInputError, "is not a wave"),
        (lambda: search(model, waves(1), index, names=["a", "b"]), DomainInputError, "names"),
        (lambda: search(model, waves(1), index, layer="middle"), RecipeError, "layer"),
        (lambda: search(model, waves(1), tmp_path / "nowhere"), DataError, "no such file"),
        (lambda: search(model, waves(1), tmp_path / "none.json"), DataError, r"none\.json: holds no items"),
        (lambda: features(model, waves(1), layer="midle"), RecipeError, "did you mean 'middle'"),
        (lambda: features(model, waves(1), level=-1.0), RecipeError, "level"),
        (lambda: features(model, waves(1), batch=0), DomainInputError, "batch"),
        (lambda: index_files(model, folder, batch=0), DomainInputError, "batch"),
        (lambda: make_index(model, waves(2), names=["a"]), DomainInputError, "names"),
    ):
        with pytest.raises(error, match=said):
            call()


def test_items_behind_one_that_cannot_be_read_are_found(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches(self: Toy, path: Path, size: int) -> Iterator[list[object]]:
        yield [Unreadable(DataError("is broken")) if item is None else item for item in self.read(path)]

    monkeypatch.setattr(Toy, "batches", batches)
    one, other = waves(2)
    (tmp_path / "a.json").write_text(json.dumps([one, None, other]))
    ((hit, _),) = search(model, [other], tmp_path / "a.json", 2)
    assert (hit.entry.name, hit.item) == (f"{tmp_path / 'a.json'}:2", other)
