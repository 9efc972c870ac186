"""The tables of docs/ say what the code says: keys and defaults, options, exit codes, hooks, recipes."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import suffuse.errors
from suffuse.conditions import Label
from suffuse.nn.dit import DiTOptions
from suffuse.nn.graph import GraphOptions
from suffuse.nn.mlp import MLPOptions
from suffuse.nn.neighbours import NeighboursOptions
from suffuse.nn.unet import UNetOptions
from suffuse.recipe import Named, Recipe, load_recipe
from suffuse.registry import names, resolve
from suffuse.registry.face import find
from suffuse.registry.hooks import OBSERVERS, REGISTRATION
from suffuse.registry.records import Status
from suffuse.trained import build_denoiser
from suffuse_images.codec import Options, PictureCodec
from suffuse_images.data import Data
from tests.docs.pages import spans, table

REQUIRED = "required"


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a section and of those in it, with its default as YAML has it."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not Named:
            yield from keys(inner, f"{prefix}{name}.")
            continue
        default = field.get_default(call_default_factory=True)
        if default is PydanticUndefined:
            yield f"{prefix}{name}", REQUIRED
        else:
            yield f"{prefix}{name}", plain(default.name if isinstance(default, Named) else default)


def plain(value: Any) -> Any:
    """Tuples as lists, so that values compare as YAML has them."""
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def documented(rows: list[list[str]]) -> dict[str, Any]:
    """The first two columns of a table: a name and its default."""
    found = {}
    for name, default, *_ in rows:
        (key,) = spans(name)
        found[key] = REQUIRED if default == REQUIRED else yaml.safe_load(spans(default)[0])
    return found


def defaults(options: type[Any]) -> dict[str, Any]:
    """The options of a dataclass, those without a default left out."""
    return {f.name: plain(f.default) for f in fields(options) if f.default is not MISSING}


def test_keys_of_a_recipe() -> None:
    rows = table("train.md", "key", "default", "what it is")
    assert documented(rows) == dict(keys(Recipe))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unet", UNetOptions),
        ("dit", DiTOptions),
        ("mlp", MLPOptions),
        ("graph-transformer", GraphOptions),
        ("neighbours", NeighboursOptions),
    ],
)
def test_options_of_networks(name: str, options: type[Any]) -> None:
    assert documented(table("train.md", f"`{name}` option")) == defaults(options)


def test_schedules() -> None:
    rows = table("train.md", "schedule", "options")
    told = {spans(row[0])[0]: {k: v for text in spans(row[1]) for k, v in yaml.safe_load(text).items()} for row in rows}
    assert told == {name: defaults(resolve(find("schedule", name))) for name in names("schedule")}


def test_samplers() -> None:
    """Every name of the registry is there, once, as a call with the defaults that the code has."""
    rows = table("samplers.md", "name", "class", "evaluations a step") + table("samplers.md", "name", "class", "for")
    told = [(spans(name)[0], ast.parse(spans(call)[0], mode="eval").body) for name, call, *_ in rows]
    assert sorted(name for name, _ in told) == sorted(names("sampler"))
    for name, call in told:
        assert isinstance(call, ast.Call), name
        made = resolve(find("sampler", name))
        options = inspect.signature(made).parameters
        assert ast.unparse(call.func) == made.__name__, name
        assert {k.arg: ast.literal_eval(k.value) for k in call.keywords} == {
            k.arg: options[str(k.arg)].default for k in call.keywords
        }, name


def signature(kind: str, name: str) -> dict[str, Any]:
    """The options of a component, with their defaults."""
    options = inspect.signature(resolve(find(kind, name))).parameters.values()
    return {p.name: REQUIRED if p.default is p.empty else plain(p.default) for p in options}


def written(cell: str) -> dict[str, Any]:
    """The options in a cell: ``name=default``, or the name of one that must be given."""
    pairs = [text.partition("=") for text in spans(cell)]
    return {name: _value(value) if equals else REQUIRED for name, equals, value in pairs}


def _value(text: str) -> Any:
    return None if text == "None" else yaml.safe_load(text)


@pytest.mark.parametrize(("kind", "page"), [("method", "inpaint.md"), ("operator", "restore.md")])
def test_methods_and_operators(kind: str, page: str) -> None:
    rows = table(page, kind, "options")
    assert {spans(row[0])[0]: written(row[1]) for row in rows} == {name: signature(kind, name) for name in names(kind)}


def test_guidances() -> None:
    told = " ".join(row[1] for row in table("guidance.md", "guidance", "`--guidance`"))
    assert [name for name in names("guidance") if not re.search(rf"`{name}[:`]", told)] == []


@pytest.mark.parametrize("section", [Data, Options], ids=["data", "codec"])
def test_keys_of_pictures(section: type[BaseModel]) -> None:
    from tests.docs.pages import ROOT, tables

    told = [documented(rows) for header, rows in tables(ROOT / "docs" / "images.md") if header[0] == "key"]
    assert dict(keys(section)) in told


@pytest.mark.parametrize("section", ["data", "codec"])
def test_keys_of_sounds(section: str) -> None:
    pytest.importorskip("torchaudio")
    from suffuse_audio.data import Data as Sounds
    from suffuse_audio.fitting import Options as Heard
    from tests.docs.pages import ROOT, tables

    told = [documented(rows) for header, rows in tables(ROOT / "docs" / "audio.md") if header[0] == "key"]
    expected = dict(keys({"data": Sounds, "codec": Heard}[section]))
    if section == "codec":
        expected["representation"] = expected["representation"].name
    assert expected in told


def test_recipes_of_sounds() -> None:
    from tests.docs.pages import ROOT, tables

    (rows,) = (rows for header, rows in tables(ROOT / "docs" / "audio.md") if header[-1] == "recipe")
    told = {name for row in rows for name in spans(row[-1]) if name.startswith("audio/")}
    assert told == {f"audio/{name}" for name in names("recipe") if find("recipe", name).domain == "audio"}


def test_ready_recipes() -> None:
    rows = table("images.md", "recipe", "network", "parameters")
    assert sorted(spans(row[0])[0] for row in rows) == [
        n for n in names("recipe") if find("recipe", n).domain == "images"
    ]
    for name, network, parameters, work, _ in rows:
        recipe = load_recipe(spans(name)[0])
        steps, _, batch = work.replace(",", "").partition(" × ")
        assert (recipe.train.steps, recipe.train.batch) == (int(steps), int(batch)), name
        assert recipe.network.name == network.lower().replace("-", ""), name
        assert f"{count(recipe) / 1e6:.1f} M" == parameters, name


def count(recipe: Recipe) -> int:
    """The parameters of a recipe's network, with ten classes."""
    channels = 3 if recipe.name in ("cifar10", "folder") else 1
    codec = PictureCodec(32, 32, "rgb" if channels == 3 else "grey", (0.0,) * channels, 1.0)
    denoiser = build_denoiser(recipe, codec, {"label": Label(tuple("0123456789"))})
    return sum(p.numel() for p in denoiser.parameters())


def test_exit_codes() -> None:
    kinds = [e for _, e in inspect.getmembers(suffuse.errors, inspect.isclass) if issubclass(e, suffuse.SuffuseError)]
    told = {spans(error)[0]: int(code) for code, error, _ in table("generate.md", "exit code") if error}
    assert told == {kind.__name__: kind.exit_code for kind in kinds if kind is not suffuse.SuffuseError}


def test_hooks_and_statuses_of_plugins() -> None:
    hooks = {spans(row[0])[0]: spans(row[1])[0] for row in table("plugins.md", "hook", "spec")}
    assert hooks == {hook: spec.__name__ for hook, spec in REGISTRATION.items()}
    observers = [spans(row[0])[0].partition("(")[0] for row in table("plugins.md", "hook", "when")]
    assert tuple(observers) == OBSERVERS
    assert {spans(row[0])[0] for row in table("plugins.md", "status")} == set(get_args(Status))
