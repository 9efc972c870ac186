"""Guidance as it is asked of a verb."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.conditions import encode_conditions
from suffuse.errors import DomainInputError, ModelFileError, PluginError, RecipeError, SuffuseError, UnsupportedError
from suffuse.guidance import AdaptiveProjected, Autoguidance, CFGpp, ClassifierFree, Composed, Gradient, Within
from suffuse.model import Model, load
from suffuse.posterior import Posterior
from suffuse.process import VPLinear
from suffuse.recipe import load_recipe, to_yaml
from suffuse.rng import Rng
from suffuse.sampling import DDIM, UniformTime, sample
from suffuse.tasks.generate import generate
from suffuse.tasks.guide import encode_one
from suffuse.tasks.plan import Sampling, make_plan
from suffuse.trained import build_denoiser
from tests.toy import recipe

STEPS = {"sampler": DDIM(), "grid": UniformTime(4)}


def states(model: Model, guided: Any, labels: list[str | None]) -> torch.Tensor:
    """What sampling with a guided denoiser ends at."""
    rng = Rng.of(0, len(labels))
    conditions = encode_conditions(model.conditions, {"label": labels}, len(labels))
    like = model.codec.like(len(labels))
    x = sample(DDIM(), guided, model.process, UniformTime(4), rng=rng, like=like, conditions=conditions)
    assert isinstance(x, torch.Tensor)
    return x


def same(model: Model, guided: Any, labels: list[str | None], **asked: Any) -> bool:
    """Whether what is asked of the verb gives what the denoiser gives."""
    conditions = {} if labels == [None] * len(labels) else {"label": labels}
    items = generate(model, len(labels), conditions=conditions, **STEPS, **asked).items
    expected = model.codec.decode(states(model, guided, labels))
    return torch.allclose(torch.tensor(items), torch.tensor(expected), atol=1e-5)


def calls(model: Model, labels: list[str | None], **asked: Any) -> list[int]:
    """The sizes of the batches that the denoiser was asked."""
    plan, counted = make_plan(model, Sampling(**STEPS, **asked)), []

    def denoiser(x: Any, t: Any, conditions: Any) -> Posterior:
        counted.append(len(x))
        return plan.denoiser(x, t, conditions)

    conditions = encode_conditions(model.conditions, {"label": labels}, len(labels))
    like = model.codec.like(len(labels))
    list(plan.with_denoiser(denoiser).run(Rng.of(0, len(labels)), conditions, like=like))
    return counted


def one(model: Model, label: str) -> Any:
    return encode_one(model, {"label": label}, "test")


def test_each_way_to_ask(model: Model) -> None:
    d, p, labels = model.denoiser, model.process, ["f1", "f2", "f3"]
    ways: list[tuple[Any, dict[str, Any]]] = [
        (d, {"guidance": 1}),
        (d, {"guidance": 1.0, "interval": (0.1, 1.0)}),
        (ClassifierFree(d, p, 3.0), {"guidance": 3}),
        (ClassifierFree(d, p, 3.0), {"guidance": {"name": "classifier-free", "weight": 3}}),
        (Within(ClassifierFree(d, p, 3.0), d, p, (0.5, 2.0)), {"guidance": 3.0, "interval": (0.5, 2.0)}),
        (CFGpp(d, p), {"guidance": "cfg-plus-plus"}),
        (AdaptiveProjected(d, p, 4.0, 0.1, 0.2),
         {"guidance": {"name": "adaptive-projected", "weight": 4, "eta": 0.1, "norm": 0.2}}),
        (CFGpp(d, p, 0.3), {"guidance": partial(CFGpp, scale=0.3)}),
        (ClassifierFree(d, p, 3.0, one(model, "f2")), {"guidance": 3.0, "negative": {"label": "f2"}}),
        (CFGpp(d, p, 0.6, one(model, "f2")), {"guidance": "cfg-plus-plus", "negative": {"label": ["f2"]}}),
        (Composed(d, p, [(0.7, one(model, "f3")), (-0.3, one(model, "f1"))]),
         {"compose": [(0.7, {"label": "f3"}), (-0.3, {"label": "f1"})]}),
        (Composed(d, p, [(0.7, one(model, "f3"))], 2.0, one(model, "f1")),
         {"guidance": 2.0, "compose": [(0.7, {"label": "f3"})], "negative": {"label": "f1"}}),
    ]  # fmt: skip
    for guided, asked in ways:
        assert same(model, guided, labels, **asked), asked
    assert not same(model, d, labels, guidance=3.0)


def test_without_conditions(model: Model) -> None:
    """Guidance by conditions does nothing, unless there are others to lead to, or away from."""
    d, p, none = model.denoiser, model.process, [None, None]
    for asked in (3.0, "cfg-plus-plus", {"name": "adaptive-projected", "weight": 4.0}):
        assert same(model, d, none, guidance=asked)
    assert same(model, ClassifierFree(d, p, 2.0, one(model, "f1")), none, guidance=2.0, negative={"label": "f1"})
    assert same(model, Composed(d, p, [(1.5, one(model, "f1"))]), none, compose=[(1.5, {"label": "f1"})])


def test_evaluations(model: Model) -> None:
    """Four steps at σ/α of ∞, 3, 1 and ⅓."""
    given, none = ["f1", "f2"], [None, None]
    for labels, asked, expected in (
        (given, {}, [2, 2, 2, 2]),
        (given, {"guidance": 1.0, "interval": (0.5, 2.0)}, [2, 2, 2, 2]),
        (none, {"guidance": 3.0}, [2, 2, 2, 2]),
        (given, {"guidance": 3.0}, [4, 4, 4, 4]),
        (given, {"guidance": 3.0, "interval": (0.5, 2.0)}, [2, 2, 4, 2]),
        (given, {"guidance": "cfg-plus-plus", "interval": (0.5, 5.0)}, [2, 4, 4, 2]),
        (given, {"compose": [(1.0, {"label": "f3"})], "interval": (0.0, 2.0)}, [2, 2, 6, 6]),
        (none, {"compose": [(1.0, {"label": "f3"})]}, [2, 2, 2, 2]),
        (none, {"guidance": 2.0, "negative": {"label": "f3"}}, [4, 4, 4, 4]),
    ):
        assert calls(model, labels, **asked) == expected, asked  # type: ignore[arg-type]


def test_a_function_of_the_items(model: Model) -> None:
    """A rule that nobody trained: waves that end higher than they begin."""

    def rising(x0: Any, conditions: Any) -> torch.Tensor:
        return x0[:, 0, -1] - x0[:, 0, 0]

    def rise(**asked: Any) -> float:
        items = torch.tensor(model.generate(20, label="f2", steps=8, **asked))
        return float((items[:, -1] - items[:, 0]).mean())

    guided = partial(Gradient, log_likelihood=rising, scale=2.0)
    assert rise(guidance=guided, interval=(0.0, 5.0)) > rise() + 0.5


def test_a_weaker_model(model: Model, tmp_path: Path) -> None:
    """Told by its file; asked under the schedule of sampling."""
    weak = Model(model.recipe, model.codec, model.conditions, _untrained(model))
    path = weak.save(tmp_path / "weak.safetensors")
    asked = {"name": "autoguidance", "weaker": str(path), "weight": 1.3}
    labels = ["f1", "f2", None]
    assert same(model, Autoguidance(model.denoiser, model.process, weak.denoiser, 1.3), labels, guidance=asked)
    made = model.generate(2, label="f1", guidance=asked, schedule=VPLinear())
    assert made != model.generate(2, label="f1", schedule=VPLinear())
    plan = make_plan(model, Sampling(guidance=asked, schedule=VPLinear()))
    assert isinstance(plan.guided, Autoguidance)
    x, t = Rng.of(0, 2).normal(torch.zeros(2, 1, 8)), 0.5
    conditions = encode_conditions(model.conditions, {"label": ["f1", "f2"]}, 2)
    belief = plan.guided.weaker(x, t, conditions).mean
    expected = make_plan(weak, Sampling(schedule=VPLinear())).denoiser(x, t, conditions).mean
    assert torch.equal(belief, expected)  # type: ignore[arg-type]


def _untrained(model: Model) -> Any:
    return build_denoiser(model.recipe, model.codec, model.conditions).eval().requires_grad_(False)


def test_a_model_of_other_items_is_refused(model: Model, tmp_path: Path) -> None:
    codec = type(model.codec)(2.0)  # type: ignore[call-arg]
    path = Model(model.recipe, codec, model.conditions, _untrained(model)).save(tmp_path / "other.safetensors")
    with pytest.raises(UnsupportedError, match=r"guidance\.weaker"):
        make_plan(model, Sampling(guidance={"name": "autoguidance", "weaker": str(path)}))
    with pytest.raises(ModelFileError, match="nowhere"):
        make_plan(model, Sampling(guidance={"name": "autoguidance", "weaker": "nowhere"}))


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"guidance": float("nan")}, DomainInputError, "guidance: is not finite"),
        ({"guidance": "adaptive-projekted"}, PluginError, "did you mean 'adaptive-projected'"),
        ({"guidance": "adaptive-projected"}, RecipeError, "cannot do without"),
        ({"guidance": {"name": "cfg-plus-plus", "weight": 3}}, RecipeError, "no option"),
        ({"guidance": {"name": "cfg-plus-plus", "scale": "much"}}, RecipeError, "cfg-plus-plus.scale"),
        ({"guidance": {"weight": 3}}, RecipeError, "has no name"),
        ({"guidance": {"name": "classifier-free", "weight": 3, "negative": "f1"}}, RecipeError, "negative"),
        ({"guidance": "autoguidance"}, RecipeError, "weaker"),
        ({"negative": {"label": "f1"}}, DomainInputError, "negative: does nothing without guidance"),
        ({"guidance": 3.0, "negative": {"label": ["f1", "f2"]}}, DomainInputError, "one value"),
        ({"guidance": 3.0, "negative": {"label": "f9"}}, DomainInputError, "no class named 'f9'"),
        ({"guidance": 3.0, "negative": {"lable": "f1"}}, DomainInputError, "did you mean 'label'"),
        ({"guidance": 3.0, "interval": (2.0, 1.0)}, RecipeError, "guidance.interval"),
        ({"guidance": "cfg-plus-plus", "compose": [(1.0, {"label": "f1"})]}, UnsupportedError, "as guidance=1"),
        ({"guidance": partial(CFGpp, scale=1.0), "negative": {"label": "f1"}}, UnsupportedError, "negative"),
        ({"compose": [(float("inf"), {"label": "f1"})]}, RecipeError, "finite"),
    ],
)
def test_wrong_requests_are_told_before_anything_is_computed(
    model: Model, asked: dict[str, Any], error: type[SuffuseError], said: str
) -> None:
    with pytest.raises(error, match=said):
        make_plan(model, Sampling(**asked))


def test_guidance_of_a_recipe(model: Model, tmp_path: Path) -> None:
    """A number or a name with options; both go through YAML and model files."""
    for sampling in (
        {"guidance": 3},
        {"guidance": {"name": "adaptive-projected", "weight": 4.0}, "interval": [0.1, 2]},
    ):
        loaded = load_recipe(recipe(sample=sampling))
        (tmp_path / "again.yaml").write_text(to_yaml(loaded))
        assert load_recipe(tmp_path / "again.yaml") == loaded
        other = Model(loaded, model.codec, model.conditions, model.denoiser)
        again = load(other.save(tmp_path / "m.safetensors"))
        assert again.recipe == loaded
        asked = {**sampling, "interval": tuple(sampling["interval"])} if "interval" in sampling else sampling
        assert again.generate(2, label="f1", **STEPS) == model.generate(2, label="f1", **STEPS, **asked)
    assert load_recipe(recipe(), ["sample.guidance=2.5"]).sample.guidance == 2.5
    assert load_recipe(recipe(), ["sample.guidance=cfg-plus-plus", "sample.guidance.scale=0.3"]).sample.guidance


@pytest.mark.parametrize(
    ("guidance", "field", "said"),
    [
        ({"name": "adaptive-projected", "wieght": 4}, "sample.guidance.wieght", "did you mean 'weight'"),
        ({"name": "adaptive"}, "sample.guidance", "no guidance named"),
        ({"weight": 3}, "sample.guidance", "mapping of name and options"),
        ([1], "sample.guidance", "a weight"),
    ],
)
def test_wrong_guidance_of_a_recipe_is_told(model: Model, guidance: Any, field: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(sample={"guidance": guidance}))
    assert str(caught.value.field).startswith(field)
    assert said in str(caught.value)
