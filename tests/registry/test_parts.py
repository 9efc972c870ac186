"""Samplers made of samplers: told by name, as text or mapping, and checked before anything is computed."""

from __future__ import annotations

from typing import Any

import pytest

from suffuse.cli.options import make_component
from suffuse.errors import PluginError, RecipeError
from suffuse.recipe import validate
from suffuse.registry import all_specs, isolated, make
from suffuse.registry.parts import named, parts_of
from suffuse.sampling import DDIM, RK4, DPMpp, Heun, Mixed, PredictorCorrector, Restart, TauLeaping
from tests import toy

ASKED: list[Any] = [
    "heun:coordinates=sigma:churn=2",
    {"name": "heun", "coordinates": "sigma", "churn": 2},
    Heun(coordinates="sigma", churn=2.0),
]


@pytest.mark.parametrize("asked", ASKED, ids=["text", "mapping", "sampler"])
def test_a_sampler_inside_a_sampler(asked: Any) -> None:
    assert make("sampler", "restart", sampler=asked, low=0.1) == Restart(Heun(coordinates="sigma", churn=2.0), low=0.1)


def test_without_one_the_default_is_taken() -> None:
    assert make("sampler", "restart") == Restart(Heun())
    assert make("sampler", "predictor-corrector", steps=2) == PredictorCorrector(DDIM(), steps=2)


def test_on_the_command_line() -> None:
    made = make_component("sampler", "predictor-corrector:predictor=ddim:eta=0.5,snr=0.1")
    assert made == PredictorCorrector(DDIM(eta=0.5), snr=0.1)


def test_samplers_nest_in_a_recipe() -> None:
    inner = {"name": "restart", "sampler": "rk4", "low": 1, "high": 2}
    assert make("sampler", "restart", sampler=inner) == Restart(Restart(RK4(), low=1.0, high=2.0))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("heun:churn", "restart.sampler"),
        ("heun:=1", "restart.sampler"),
        ("heun:churn=[", "restart.sampler"),
        ("heun:chur=1", "heun.chur"),
        ({"low": 1}, "restart.sampler.name"),
        (5, "sampler"),
    ],
)
def test_nonsense_is_told(asked: Any, field: str) -> None:
    with pytest.raises(RecipeError) as error:
        make("sampler", "restart", sampler=asked)
    assert error.value.field == field


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'heun'"):
        make("sampler", "restart", sampler="huen")


@pytest.mark.parametrize(
    ("sampler", "field"),
    [
        ({"name": "restart", "sampler": "huen"}, "sample.sampler.sampler"),
        ({"name": "restart", "sampler": "heun:chur=1"}, "sample.sampler.sampler.chur"),
        ({"name": "restart", "sampler": {"name": "restart", "sampler": {"name": "rk4", "order": 4}}},
         "sample.sampler.sampler.sampler.order"),
        ({"name": "predictor-corrector", "predictor": {"steps": 1}}, "sample.sampler.predictor.name"),
    ],
)  # fmt: skip
def test_a_recipe_is_checked_before_training(sampler: dict[str, Any], field: str) -> None:
    with isolated(toy.Plugin()), pytest.raises(RecipeError) as error:
        validate(toy.recipe(sample={"steps": 5, "sampler": sampler}))
    assert error.value.field == field


def test_a_recipe_may_name_one() -> None:
    sampler = {"name": "restart", "sampler": "heun:churn=1", "low": 0.1}
    with isolated(toy.Plugin()):
        assert validate(toy.recipe(sample={"steps": 5, "sampler": sampler})).sample.sampler.name == "restart"


def test_what_is_declared_exists() -> None:
    """Every declared part is an option of its factory that has a sampler for a default."""
    declared = {spec.name: parts_of(spec) for spec in all_specs("sampler") if parts_of(spec)}
    assert declared == {
        "predictor-corrector": {"predictor": "sampler"},
        "discrete-corrector": {"predictor": "sampler"},
        "mixed": {"rules": "sampler"},
        "restart": {"sampler": "sampler"},
    }
    for name, parts in declared.items():
        for option in parts:
            value = getattr(make("sampler", name), option)
            assert all(hasattr(part, "step") for part in (value if isinstance(value, tuple) else (value,)))


def test_a_list_of_samplers() -> None:
    expected = Mixed((DPMpp(order=3), TauLeaping(temperature=0.9)))
    asked = ["dpmpp:order=3", {"name": "tau-leaping", "temperature": 0.9}]
    assert make("sampler", "mixed", rules=asked) == expected
    assert make_component("sampler", "mixed:rules=[dpmpp,tau-leaping]") == Mixed((DPMpp(), TauLeaping()))
    with pytest.raises(PluginError, match="did you mean 'tau-leaping'"):
        make("sampler", "mixed", rules=["dpmpp", "tau-leping"])
    with isolated(toy.Plugin()), pytest.raises(RecipeError) as error:
        validate(toy.recipe(sample={"steps": 5, "sampler": {"name": "mixed", "rules": ["dpmpp", "ddim:etta=1"]}}))
    assert error.value.field == "sample.sampler.rules.etta"


def test_text_and_mapping_say_the_same() -> None:
    assert named(" ddim :eta=0.5", "x") == ("ddim", {"eta": 0.5})
    assert named({"name": "ddim", "eta": 0.5}, "x") == ("ddim", {"eta": 0.5})
