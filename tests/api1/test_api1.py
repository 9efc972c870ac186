"""A plugin written against version 1 of the contract goes on working."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import suffuse
import tests.api1.suffuse_beads.plugin as beads
from suffuse.cli import health
from suffuse.registry import isolated, make, names
from suffuse.registry.hooks import REGISTRATION
from suffuse.tasks.generate import generate
from suffuse.tasks.samples import save
from suffuse.testing import check_domain


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with isolated(beads):
        yield


@pytest.fixture(scope="module")
def folder(plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    asked = ["train.observers=[counting]", "objective.times=beads-late", "objective.weight=beads-double"]
    recipe = suffuse.load_recipe("beads", asked)
    return suffuse.train(recipe, out=tmp_path_factory.mktemp("beads")).folder


@pytest.fixture(scope="module")
def model(folder: Path) -> suffuse.Model:
    return suffuse.load(folder)


def test_it_uses_every_hook_that_registers_but_starters_and_those_that_came_later() -> None:
    lacking = {hook for hook in REGISTRATION if not hasattr(beads, hook)}
    assert lacking == {"register_starters", "register_filters"}


def test_its_domain_trains_generates_evaluates_and_restores(model: suffuse.Model, tmp_path: Path) -> None:
    samples = generate(model, 16, conditions={"label": "reddish"}, seed=0)
    assert all(len(item) == 6 for item in samples.items)
    assert set(model.evaluate(count=16)) == {"two_runs", "reds"}
    assert save(model, samples, tmp_path / "beads.txt")[0].read_text().split() == samples.items
    filled = model.inpaint(["rrrbbb"], fill="3:6", method="beads-repaint")
    assert [item[:3] for item in filled] == ["rrr"]


def test_its_observer_counted(folder: Path) -> None:
    assert (folder / "steps.txt").read_text() == "4"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sampler", "beads-leap"), ("grid", "beads-squared")],
)
def test_its_samplers_and_grids_sample(kind: str, name: str, model: suffuse.Model) -> None:
    assert name in names(kind)
    made = make(kind, name, **({"steps": 4} if kind == "grid" else {}))
    assert len(generate(model, 2, **{kind: made}).items) == 2


def test_its_other_components_are_made() -> None:
    assert make("kernel", "beads-even", (0.5, 0.5)).classes == 2
    assert make("schedule", "beads-bent").alpha(0.75) == 0.5
    assert make("text-encoder", "beads-words").layers == 1
    recipe = suffuse.load_recipe(
        "beads", ["network=beads-linear", "process.schedule=beads-bent", "sample.guidance={name: beads-none}"]
    )
    assert recipe.network.name == "beads-linear"


def test_doctor_hears_of_it() -> None:
    assert any(finding.name == "beads-box" and finding.detail == "full" for finding in health.examine_health_checks())


def test_the_conformance_kit_passes() -> None:
    check_domain("beads").raise_for_failures()
