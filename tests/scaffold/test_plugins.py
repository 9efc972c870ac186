"""Each new plugin works in this process: it passes the conformance kit's fast checks, trains, generates and is scored.

Its installation, its wheel, its README and the slow checks are tried in an environment of their own, by
``tests/scaffold_check.sh``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from suffuse.domain import Domain, Splits
from suffuse.errors import DataError, DomainInputError
from suffuse.model import load
from suffuse.recipe import load_recipe, sections
from suffuse.registry import isolated, load_domain
from suffuse.scaffold import KINDS
from suffuse.testing import Case, check_domain, tiny_run

Begin = Callable[[str, str], ModuleType]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_it_passes_the_fast_checks(kind: str, begin: Begin) -> None:
    plugin = begin(f"my-{kind}", kind)
    report = check_domain(Case.of(f"my-{kind}", overrides=["data.count=512"], plugins=[plugin]), fast=True)
    report.raise_for_failures()
    assert sum(record.outcome == "passed" for record in report.records) > 20
    assert not [record.name for record in report.records if record.outcome == "expected"]


@every_kind
def test_it_trains_generates_and_is_scored(kind: str, begin: Begin, tmp_path: Path) -> None:
    with isolated(begin(f"my-{kind}", kind)):
        run = tiny_run(f"my-{kind}", tmp_path / "run", overrides=["data.count=256"])
        model = load(run.folder)
        items = model.generate(3, seed=1)
        assert len(items) == 3
        figures = model.evaluate(count=20)
        assert len(figures) >= 4 and all(np.isfinite(value) for value in figures.values())
        path = tmp_path / f"items{model.domain.writes[0]}"
        model.domain.write(items, path)
        assert len(model.domain.read(path)) == 3


def test_names_with_hyphens_and_digits(begin: Begin) -> None:
    with isolated(begin("3d-sea-ice", "vector")):
        assert load_domain("3d-sea-ice").name == load_recipe("3d-sea-ice").domain == "3d-sea-ice"


def own(folder: Path, kind: str) -> Path:
    """Data of an author's own, forty items, in the form that a kind reads."""
    rng = np.random.default_rng(0)
    path = folder / {"sequence": "own.txt", "vector": "own.csv", "graph": "own.json", "table": "own.csv"}.get(
        kind, "own"
    )
    if kind == "grid":
        for i in range(40):
            (path / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
            np.save(path / "ab"[i % 2] / f"{i}.npy", rng.normal(size=(6, 9)))
    elif kind == "sequence":
        path.write_text("".join("XYZ"[i % 3] * (1 + i % 5) + "\n" for i in range(40)) + "Q\n")
    elif kind == "vector":
        np.savetxt(path, rng.normal(size=(40, 3)), delimiter=",")
    elif kind == "graph":
        path.write_text(json.dumps([{"nodes": ["a", "b", "a"], "bonds": [[1, 0, "x"]]}] * 40))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["size", "hue"], *([i / 7, "rg"[i % 2]] for i in range(39)), ["", "r"]])
    return path


def opened(domain: str, path: Path) -> tuple[Domain, Splits, Any]:
    recipe = load_recipe(domain, [f"data.path={path}"])
    found = load_domain(domain)
    splits = found.splits(sections(recipe)[0])
    return found, splits, found.fit_codec(sections(recipe)[1], splits.train)


@every_kind
def test_data_of_ones_own(kind: str, begin: Begin, tmp_path: Path) -> None:
    with isolated(begin(f"my-{kind}", kind)):
        domain, splits, codec = opened(f"my-{kind}", own(tmp_path, kind))
        for part in (splits.train, splits.validation, splits.test):
            assert len(part) > 2
            state = codec.encode([part[i].item for i in range(len(part))])
            assert len(codec.decode(state)) == len(part)
        assert domain.picture([splits.test[0].item]).width > 0
        if kind == "grid":
            assert set(domain.conditions(splits)["label"].classes) == {"a", "b"}  # type: ignore[union-attr]


@every_kind
def test_data_that_are_missing_or_too_few(kind: str, begin: Begin, tmp_path: Path) -> None:
    with isolated(begin(f"my-{kind}", kind)):
        with pytest.raises(DataError):
            opened(f"my-{kind}", tmp_path / "nowhere")
        few = own(tmp_path, kind)
        if kind == "grid":
            for file in sorted(few.rglob("*.npy"))[3:]:
                file.unlink()
        elif kind == "graph":
            few.write_text(json.dumps(json.loads(few.read_text())[:3]))
        else:
            few.write_text("".join(few.read_text().splitlines(keepends=True)[:4]))
        with pytest.raises(DataError, match="too few"):
            opened(f"my-{kind}", few)


@pytest.mark.parametrize(
    ("kind", "suffix", "text"),
    [
        ("vector", ".csv", "1,2\n3\n"),
        ("vector", ".csv", "a,b\n"),
        ("graph", ".json", "[{"),
        ("graph", ".json", '[{"nodes": ["a"]}]'),
        ("graph", ".json", "3"),
        ("table", ".csv", "a,b\n1,2,3\n"),
    ],
)
def test_files_that_are_broken(kind: str, suffix: str, text: str, begin: Begin, tmp_path: Path) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_text(text)
    with isolated(begin(f"my-{kind}", kind)), pytest.raises(DataError):
        opened(f"my-{kind}", path)


def test_graphs_that_are_none(begin: Begin) -> None:
    with isolated(begin("my-graph", "graph")):
        domain = load_domain("my-graph")
        splits = domain.splits(domain.data_section(count=64))  # type: ignore[call-arg]
        codec = domain.fit_codec(domain.codec_section(), splits.train)
        graph = type(splits.train[0].item)
        for nodes, bonds, field in (
            ((), (), "items[0]"),
            (("star", "comet"), (), "items[0].nodes"),
            (("star", "planet"), ((0, 1, "close"),), "items[0].bonds"),
            (("star", "planet"), ((1, 0, "far"),), "items[0].bonds"),
            (("star", "planet"), ((0, 2, "far"),), "items[0].bonds"),
            (("star", "planet"), ((0, 1, "far"), (0, 1, "near")), "items[0].bonds"),
        ):
            with pytest.raises(DomainInputError) as caught:
                codec.encode([graph(nodes, bonds)])
            assert caught.value.field == field


def test_cells_of_a_table(begin: Begin) -> None:
    """Empty cells are gaps, and come back as such; texts and numbers keep to their columns."""
    with isolated(begin("my-table", "table")):
        domain = load_domain("my-table")
        splits = domain.splits(domain.data_section(count=256))  # type: ignore[call-arg]
        codec = domain.fit_codec(domain.codec_section(), splits.train)
        row = {"kind": "oak", "age": None, "height": 12.5, "soil": None}
        (back,) = codec.decode(codec.encode([row]))
        assert back == {**row, "height": pytest.approx(12.5, abs=1e-4)}
        known = codec.known([row])
        assert isinstance(known, dict)
        assert {name: bool(x.all()) for name, x in known.items()} == {
            name: cell is not None for name, cell in row.items()
        }
        for wrong, field in (({**row, "kind": "elm"}, "kind"), ({**row, "height": "tall"}, "height"), ({}, "items")):
            with pytest.raises(DomainInputError) as caught:
                codec.encode([wrong])
            assert caught.value.field == field


def test_empty_cells_are_filled(begin: Begin, tmp_path: Path) -> None:
    with isolated(begin("my-table", "table")):
        model = load(tiny_run("my-table", tmp_path / "run", overrides=["data.count=256"]).folder)
        row = {"kind": "oak", "age": None, "height": 12.5, "soil": None}
        (filled,) = model.inpaint([row])
        assert (filled["kind"], filled["height"]) == ("oak", 12.5)
        assert isinstance(filled["age"], float) and filled["soil"] in ("dry", "wet")
