"""A state of numbers and categories from data to samples: trained, resumed, saved, loaded, sampled, evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.forward import build_process
from suffuse.model import load
from suffuse.process import Absorbing, Categorical, Cosine, Gaussian, Marginal, Product, RectifiedFlow, Uniform
from suffuse.recipe import validate
from suffuse.registry import isolated
from suffuse.sampling import DiscreteFlow, DPMpp, Mixed
from suffuse.tasks.train import train
from suffuse.training.run import Run
from tests.mixed import BeadCodec, Beads, Chains, Plugin, independent, recipe, right

CODEC = BeadCodec(5.0, 2.0, (0.5, 0.2, 0.3))


@pytest.fixture(autouse=True)
def domain() -> Iterator[None]:
    with isolated(Plugin()):
        yield


@pytest.mark.parametrize("kernel", ["marginal", "absorbing"])
def test_it_learns_what_goes_with_what(tmp_path: Path, kernel: str, mixed_run: Run) -> None:
    """Far beyond independent marginals."""
    run = mixed_run if kernel == "absorbing" else train(recipe(process={"kernel": kernel}), out=tmp_path)
    model = load(run.folder)
    assert isinstance(model.process, Product)
    found = right(model.generate(200, seed=1, batch=200))
    base = right(independent(Chains(0, 512), 400))
    assert base["sizes"] < 0.45 and base["chains"] < 0.25
    assert found["sizes"] > 0.75
    assert found["chains"] > 0.6
    assert run.metrics["validation_loss"] > 0.0
    figures = model.evaluate(count=60, sampler=Mixed((DPMpp(), DiscreteFlow())))
    assert figures["sizes"] > 0.75


def test_resumed_equals_undisturbed(tmp_path: Path) -> None:
    whole = recipe(process={"kernel": "absorbing"})
    steps = {**whole["train"], "steps": 30, "sample_every": 30, "checkpoint_every": 10}
    train({**whole, "train": steps}, out=tmp_path / "a")
    train({**whole, "train": {**steps, "steps": 10}}, out=tmp_path / "b")
    train({**whole, "train": steps}, out=tmp_path / "b")
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)


def made(section: dict[str, Any]) -> Any:
    return build_process(validate(recipe(process=section)), CODEC)


def test_which_field_gets_which_noise() -> None:
    assert made({}) == Product(
        {"size": Gaussian(RectifiedFlow()), "kind": Categorical(Marginal((0.5, 0.2, 0.3)), RectifiedFlow())},
        {"size": 1.0, "kind": 1.0},
    )
    own = {"size": {"schedule": "cosine"}, "kind": {"kernel": "absorbing", "weight": 0.5}}
    assert made({"kernel": "uniform", "masked_loss": "plain", "fields": own}) == Product(
        {"size": Gaussian(Cosine()), "kind": Categorical(Absorbing(3), RectifiedFlow(), weighting="plain")},
        {"size": 1.0, "kind": 0.5},
    )
    assert made({"schedule": "edm", "fields": {"kind": {"schedule": "cosine", "kernel": "uniform"}}}).fields[
        "kind"
    ] == Categorical(Uniform(3), Cosine())


@pytest.mark.parametrize(
    ("section", "error", "match"),
    [
        ({"schedule": "edm"}, RecipeError, "process.fields.NAME.schedule"),
        ({"fields": {"kin": {}}}, RecipeError, "did you mean 'kind'"),
        ({"fields": {"kind": {"kernel": "absorbin"}}}, RecipeError, "did you mean 'absorbing'"),
        ({"fields": {"kind": {"schedule": {"name": "cosine", "beta": 1}}}}, RecipeError, "fields.kind.schedule.beta"),
        ({"fields": {"kind": {"weight": -1}}}, RecipeError, "process.fields.kind.weight"),
        ({"kernel": {"name": "marginal", "smooth": 1}}, RecipeError, "process.kernel.smooth"),
        ({"coupling": {"name": "clip", "level": 1.0}}, UnsupportedError, "without categorical fields"),
        ({"coupling": {"name": "clip", "level": 1.0, "noise": -1}}, RecipeError, "process.coupling.noise"),
        ({"coupling": {"name": "clip", "levl": 1.0}}, RecipeError, "process.coupling.levl"),
    ],
)
def test_what_does_not_fit_is_told(section: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        made(section)


def test_a_codec_that_contradicts_its_states_is_told() -> None:
    short = BeadCodec(5.0, 2.0, (0.5, 0.5))
    with pytest.raises(DomainInputError, match="number of classes"):
        build_process(validate(recipe()), short)


def test_chains_survive_the_codec() -> None:
    items = [Chains(0, 8)[i].item for i in range(8)]
    codec = Beads().load_codec(CODEC.to_json())
    again = codec.decode(codec.encode(items))
    assert [[k for k, _ in item] for item in again] == [[k for k, _ in item] for item in items]
