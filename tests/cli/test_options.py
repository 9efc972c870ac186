"""From what a person types to what the verbs get."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffuse.cli import options as opt
from suffuse.conditions import Label, Number, StateCondition, Text
from suffuse.errors import DomainInputError, PluginError, RecipeError, UnsupportedError
from suffuse.sampling import DDIM, Karras

SPACE = {
    "label": Label(("cat", "dog")),
    "mass": Number(),
    "caption": Text(("a",), 4),
    "sketch": StateCondition((1, 2)),
}


def test_conditions_by_kind_and_by_name():
    asked = opt.parse_conditions(SPACE, ["cat", "dog"], ["a cat"], ["mass=2.5", "mass=-1", "caption=so=long"])
    assert asked == {"label": ["cat", "dog"], "caption": ["a cat", "so=long"], "mass": [2.5, -1.0]}
    assert opt.parse_conditions(SPACE, None, None, None) == {}


def test_a_label_is_found_under_any_name_when_it_is_the_only_one():
    assert opt.parse_conditions({"breed": Label(("x",))}, ["x"], None, None) == {"breed": ["x"]}
    two = {"breed": Label(("x",)), "colour": Label(("y",))}
    with pytest.raises(DomainInputError, match="several labels") as caught:
        opt.parse_conditions(two, ["x"], None, None)
    assert "--set breed=…, --set colour=…" in str(caught.value)
    assert opt.parse_conditions({**two, "label": Label(("z",))}, ["z"], None, None) == {"label": ["z"]}


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["masss=1"], "did you mean 'mass'"),
        (["mass=heavy"], "expected: a number"),
        (["mass"], "NAME=VALUE"),
        (["=1"], "NAME=VALUE"),
        (["sketch=1"], "from Python"),
    ],
)
def test_conditions_that_do_not_fit(pairs, said):
    with pytest.raises((DomainInputError, RecipeError), match=said):
        opt.parse_conditions(SPACE, None, None, pairs)


def test_an_unconditional_model_says_so():
    for labels, prompts, pairs in ((["x"], None, None), (None, ["x"], None), (None, None, ["label=x"])):
        with pytest.raises(DomainInputError, match="unconditional"):
            opt.parse_conditions({}, labels, prompts, pairs)


def test_components():
    assert opt.make_component("sampler", None) is None
    assert opt.make_component("sampler", "ddim:eta=0.5") == DDIM(eta=0.5)
    assert opt.make_component("grid", "karras:rho=5,sigma_max=40", steps=7) == Karras(7, rho=5.0, sigma_max=40.0)
    assert opt.make_component("grid", "karras:steps=9", steps=7) == Karras(9)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("dim", PluginError, "did you mean 'ddim'"),
        ("ddim:etta=1", RecipeError, "did you mean 'eta'"),
        ("ddim:eta", RecipeError, "NAME=VALUE"),
        ("ddim:eta=[", RecipeError, "not YAML"),
        ("ddim:eta=much", RecipeError, "valid number"),
    ],
)
def test_components_that_are_wrong(text, error, said):
    with pytest.raises(error, match=said):
        opt.make_component("sampler", text)


def test_interval():
    assert opt.parse_interval(None) is None
    assert opt.parse_interval("0.2,5") == (0.2, 5.0)
    for text in ("1", "1,2,3", "a,b", "5,1", "-1,2", "nan,2"):
        with pytest.raises(RecipeError, match="--interval"):
            opt.parse_interval(text)


def test_titles_of_models():
    assert opt.title("runs/waves") == "waves"
    assert opt.title("runs/waves/model.safetensors") == "waves"
    assert opt.title("sneakers.safetensors") == "sneakers"
    assert opt.title("model.safetensors") == "model"


def test_a_fresh_folder_is_one_that_is_not_there(tmp_path: Path):
    assert opt.fresh_folder(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").mkdir()
    assert opt.fresh_folder(tmp_path / "a") == tmp_path / "a-3"


def test_names_are_completed():
    assert opt.names_of("sampler")("dd") == ["ddim", "ddpm"]


def test_a_device_that_is_not_there(trained, domain):
    with pytest.raises(UnsupportedError, match="--device"):
        opt.load_model(str(trained), "no-such-device")
