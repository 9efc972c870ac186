"""Guidance, as it is typed."""

from __future__ import annotations

import json

import pytest

from suffuse.cli import options as opt
from suffuse.conditions import Label, Number
from suffuse.errors import DomainInputError, RecipeError

SPACE = {"label": Label(("cat", "dog")), "mass": Number()}
pytestmark = pytest.mark.usefixtures("domain", "here")


def test_a_weight_or_a_name_with_options():
    assert opt.parse_guidance("3") == 3.0
    assert opt.parse_guidance("-0.5") == -0.5
    assert opt.parse_guidance("cfg-plus-plus") == {"name": "cfg-plus-plus"}
    asked = {"name": "adaptive-projected", "weight": 4, "eta": 0}
    assert opt.parse_guidance("adaptive-projected:weight=4,eta=0") == asked


def test_composed_conditions():
    assert opt.parse_composed(SPACE, None) == []
    told = opt.parse_composed(SPACE, ["1:label=cat", "-0.5:mass=2"])
    assert told == [(1.0, {"label": ["cat"]}), (-0.5, {"mass": [2.0]})]
    for text, error, said in (
        ("label=cat", RecipeError, "WEIGHT:NAME=VALUE"),
        ("1:label", RecipeError, "NAME=VALUE"),
        ("1:lable=cat", DomainInputError, "did you mean 'label'"),
        ("1:mass=heavy", DomainInputError, "--compose mass"),
    ):
        with pytest.raises(error, match=said):
            opt.parse_composed(SPACE, [text])


def test_generate_hands_guidance_on(suffuse, trained, monkeypatch):
    from suffuse.tasks import generate as task

    got = []
    real = task.generate
    monkeypatch.setattr(task, "generate", lambda *a, **o: got.append(o) or real(*a, **o))
    common = ("generate", trained, "-n", 1, "--label", "f1", "--steps", 2, "--out")
    result = suffuse(*common, "a.json", "--guidance", "adaptive-projected:weight=4,norm=0.1", "--negative", "label=f2")
    assert result.exit_code == 0, result.output
    assert got[-1]["guidance"] == {"name": "adaptive-projected", "weight": 4, "norm": 0.1}
    assert got[-1]["negative"] == {"label": ["f2"]}
    result = suffuse(*common, "b.json", "--guidance", "2", "--compose", "1:label=f2", "--compose", "-0.5:label=f3")
    assert result.exit_code == 0, result.output
    assert got[-1]["guidance"] == 2.0
    assert got[-1]["compose"] == [(1.0, {"label": ["f2"]}), (-0.5, {"label": ["f3"]})]


def test_evaluate_takes_a_guidance_and_an_interval(suffuse, trained):
    figures = []
    for extra in ([], ["--interval", "0.2,2"]):
        common = ("evaluate", trained, "-n", 6, "--steps", 2, "--json", "--out", "e.json", "--guidance", 4)
        result = suffuse(*common, *extra)
        assert result.exit_code == 0, result.output
        figures.append(json.loads(result.stdout)["metrics"])
    assert figures


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--guidance", "hard"], 6, "no guidance named 'hard'"),
        (["--guidance", "adaptive-projected:wieght=3"], 2, "did you mean 'weight'"),
        (["--guidance", "adaptive-projected:weight"], 2, "NAME=VALUE"),
        (["--guidance", "nan"], 8, "not finite"),
        (["--negative", "label=f2"], 8, "does nothing without guidance"),
        (["--guidance", "2", "--negative", "label=f2", "--negative", "label=f3"], 8, "for all items alike"),
        (["--guidance", "2", "--negative", "prompt=f2"], 8, "--negative"),
        (["--compose", "label=f2"], 2, "--compose"),
        (["--guidance", "cfg-plus-plus", "--compose", "1:label=f2"], 7, "composed with a weight only"),
    ],
)
def test_generate_refuses(arguments, code, said, suffuse, trained, here):
    result = suffuse("generate", trained, "-n", 1, "--label", "f1", *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert list(here.iterdir()) == []


def test_names_are_completed():
    assert opt.names_of("guidance")("auto") == ["autoguidance"]
