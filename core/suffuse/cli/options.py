"""The options that verbs share, each written once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError, unknown_name

if TYPE_CHECKING:
    from suffuse.conditions import ConditionKind, ConditionSpace
    from suffuse.model import Model


def names_of(kind: str) -> Callable[[str], list[str]]:
    """Completion of a component's name in the shell."""

    def complete(incomplete: str) -> list[str]:
        from suffuse.registry import names

        return [name for name in names(kind) if name.startswith(incomplete)]

    return complete


ModelSource = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model file, a run's folder, or a starter's name.",
        autocompletion=names_of("starter"),
        show_default=False,
    ),
]
Items = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files or folders of the domain's items.", show_default=False)
]
Count = Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")]
CountOrRecipes = Annotated[
    int | None, typer.Option("--count", "-n", min=1, help="How many; the recipe's number by default.")
]
Seed = Annotated[
    int, typer.Option("--seed", help="Item i has the seed SEED + i, and is the same alone or among others.")
]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", help="A class, by name or number; several are dealt out in turn.")
]
Prompt = Annotated[list[str] | None, typer.Option("--prompt", help="A text; several are dealt out in turn.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A condition by name; several values are dealt out in turn."),
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Steps from noise to data.")]
SamplerText = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME[:KEY=VALUE,…]",
        help="The solver, as ddim:eta=0.5.",
        autocompletion=names_of("sampler"),
    ),
]
GridText = Annotated[
    str | None,
    typer.Option(
        "--grid",
        metavar="NAME[:KEY=VALUE,…]",
        help="The times visited, as karras:rho=5.",
        autocompletion=names_of("grid"),
    ),
]
ScheduleText = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        metavar="NAME[:KEY=VALUE,…]",
        help="Sample under another noise schedule than that of training.",
        autocompletion=names_of("schedule"),
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="NAME[:KEY=VALUE,…]",
        help="How what is known is met, as mmps:iterations=5.",
        autocompletion=names_of("method"),
    ),
]
Completions = Annotated[int, typer.Option("--count", "-n", min=1, help="How many to make of each item.")]
Guidance = Annotated[
    Any | None,
    typer.Option(
        "--guidance",
        metavar="WEIGHT or NAME[:KEY=VALUE,…]",
        help="Weight of the conditions, 1 being off; or another guidance, as adaptive-projected:weight=4.",
        parser=lambda text: parse_guidance(text),
        autocompletion=names_of("guidance"),
    ),
]
Negative = Annotated[
    list[str] | None,
    typer.Option("--negative", metavar="NAME=VALUE", help="A condition that guidance leads away from."),
]
Compose = Annotated[
    list[str] | None,
    typer.Option(
        "--compose",
        metavar="WEIGHT:NAME=VALUE",
        help="A condition besides the others: and (1:label=cat), or not (-0.5:label=dog).",
    ),
]
IntervalText = Annotated[
    str | None, typer.Option("--interval", metavar="LOW,HIGH", help="The noise levels σ within which guidance acts.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Items made at a time; changes the speed, not the items.")]
Precision = Annotated[
    str | None,
    typer.Option("--precision", metavar="no|bf16|auto", help="Of the network's products; auto: what is fast here."),
]
Device = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="Where to compute, as cuda:1; the fastest by default.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where the results go.")]
OutOptions = Annotated[
    list[str] | None,
    typer.Option("--out-option", metavar="KEY=VALUE", help="How items are written; what there is the domain says."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to stdout.")]


Component = tuple[str, dict[str, Any]]
"""A component's name and options."""


def parse_pairs(texts: Iterable[str], field: str) -> list[tuple[str, str]]:
    """Pairs written as ``name=value``."""
    pairs = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not (name.strip() and equals):
            raise RecipeError("is not a pair", field=field, expected="NAME=VALUE", got=repr(text))
    return [(name.strip(), value) for name, _, value in pairs]


def parse_component(text: str, field: str, texts: Callable[[str], Collection[str]] = lambda name: ()) -> Component:
    """A component's name and options, from ``name`` or ``name:key=value,key=value``, the values in YAML.

    A comma within brackets belongs to a list, as in ``mixed:rules=[dpmpp,tau-leaping]``.

    Arguments:
        text: what a person wrote.
        field: the option's name, for messages.
        texts: from the component's name to the options whose values are taken as they stand, not as YAML.
    """
    name, _, rest = text.partition(":")
    pairs = parse_pairs(_outside_brackets(rest), field)
    plain = texts(name.strip()) if pairs else ()
    return name.strip(), {key: value if key in plain else _in_yaml(value, field) for key, value in pairs}


def _in_yaml(text: str, field: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError("has a value that is not YAML", field=field, got=repr(text)) from error


def _outside_brackets(text: str) -> list[str]:
    """What stands between the commas that are in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


def make_component(kind: str, text: str | None, **defaults: Any) -> Any:
    """The sampler, grid or schedule that an option asks for; ``None`` where it asks for none.

    Arguments:
        kind: which of them; the option has the same name.
        text: what the option says.
        defaults: options that the text may override.
    """
    if text is None:
        return None
    from suffuse.registry import make

    name, options = parse_component(text, f"--{kind}")
    return make(kind, name, **{**defaults, **options})


def parse_writing(model: Model, texts: Sequence[str] | None, place: Path) -> dict[str, Any]:
    """How items are to be written into a place, checked against what their domain has; the values are in YAML."""
    from suffuse.tasks.samples import check_writing

    told = {key: _in_yaml(value, "--out-option") for key, value in parse_pairs(texts or [], "--out-option")}
    check_writing(model, told, place)
    return told


def parse_interval(text: str | None) -> tuple[float, float] | None:
    """A guidance interval, from ``low,high``."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise RecipeError("is not an interval", field="--interval", expected="LOW,HIGH", got=repr(text)) from error
    if not 0 <= low < high:
        raise RecipeError("is empty", field="--interval", expected="0 <= LOW < HIGH", got=repr(text))
    return low, high


def parse_guidance(text: str) -> float | dict[str, Any]:
    """A weight, or a guidance's name and options."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        name, options = parse_component(text, "--guidance")
    except RecipeError as error:
        raise typer.BadParameter(str(error)) from error
    return {**options, "name": name}


def parse_composed(space: ConditionSpace, texts: Sequence[str] | None) -> list[tuple[float, dict[str, Any]]]:
    """Weights and conditions, from texts ``weight:name=value``."""
    return [
        (weight, parse_conditions(space, None, None, [pair], "--compose"))
        for weight, pair in map(_weighted, texts or [])
    ]


def _weighted(text: str) -> tuple[float, str]:
    weight, _, rest = text.partition(":")
    try:
        return float(weight), rest
    except ValueError as error:
        expected = "WEIGHT:NAME=VALUE, as 1:label=cat"
        raise RecipeError("has no weight", field="--compose", expected=expected, got=repr(text)) from error


def parse_conditions(
    space: ConditionSpace,
    labels: Sequence[str] | None,
    prompts: Sequence[str] | None,
    pairs: Sequence[str] | None,
    option: str = "--set",
) -> dict[str, list[Any]]:
    """The values asked for, by the condition's name.

    Arguments:
        space: what the model can be steered by.
        labels: for its label, whatever that is called.
        prompts: for its text, whatever that is called.
        pairs: ``name=value``, for any condition.
        option: where the pairs come from.
    """
    asked: dict[str, list[Any]] = {}
    if labels:
        asked[_only(space, "label")] = list(labels)
    if prompts:
        asked[_only(space, "text")] = list(prompts)
    for name, text in parse_pairs(pairs or [], option):
        if name not in space:
            raise unknown_name("condition", name, space, DomainInputError, field=option, fix=_advice(space))
        asked.setdefault(name, []).append(_value(space[name], f"{option} {name}", text))
    return asked


def read_plan(
    model: Model,
    *,
    label: Sequence[str] | None,
    prompt: Sequence[str] | None,
    conditions: Sequence[str] | None,
    steps: int | None,
    sampler: str | None,
    grid: str | None,
    schedule: str | None = None,
    guidance: float | Mapping[str, Any] | None = None,
    interval: str | None = None,
    negative: Sequence[str] | None = None,
    compose: Sequence[str] | None = None,
    precision: str | None = None,
) -> dict[str, Any]:
    """How to sample and under which conditions, from the options that verbs share, for their tasks."""
    return {
        "conditions": parse_conditions(model.conditions, label, prompt, conditions),
        "steps": steps,
        "sampler": make_component("sampler", sampler),
        "grid": make_component("grid", grid, steps=steps or model.recipe.sample.steps),
        "schedule": make_component("schedule", schedule),
        "guidance": guidance,
        "interval": parse_interval(interval),
        "negative": parse_conditions(model.conditions, None, None, negative, "--negative"),
        "compose": parse_composed(model.conditions, compose),
        "precision": precision,
    }


def _only(space: ConditionSpace, kind: str) -> str:
    """The name of the one condition of a kind, or of the one that is named as the kind."""
    named = [name for name, condition in space.items() if condition.kind == kind]
    if kind in named or len(named) == 1:
        return kind if kind in named else named[0]
    option = "--label" if kind == "label" else "--prompt"
    problem = f"this model has several {kind}s" if named else f"this model has no {kind}"
    raise DomainInputError(
        problem, field=option, expected=f"one of {', '.join(named)}" if named else None, fix=_advice(space)
    )


def _value(condition: ConditionKind, field: str, text: str) -> Any:
    if condition.kind == "state":
        raise DomainInputError("is not told by text", field=field, fix="give it from Python")
    if condition.kind == "number":
        try:
            return float(text)
        except ValueError as error:
            raise DomainInputError("is not a number", field=field, expected="a number", got=repr(text)) from error
    return text


def _advice(space: Mapping[str, ConditionKind]) -> str:
    if not space:
        return "leave it out: the model is unconditional"
    return "it can be steered by " + ", ".join(f"--set {name}=…" for name in space)


def load_model(source: str, device: str | None) -> Model:
    """The model, where it computes fastest unless told otherwise."""
    from suffuse.model import load

    loaded, place = load(source), device or fastest_device()
    try:
        return loaded.to(place)
    except (RuntimeError, AssertionError) as error:  # as torch tells a device that it does not have
        told = str(error).strip().partition("\n")[0]
        raise UnsupportedError("cannot be used", field="--device", got=place, fix=f"use cpu; {told}") from error


def fastest_device() -> str:
    """An accelerator, where there is one."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def title(source: str) -> str:
    """A short name for a model, from where it lies."""
    path = Path(source)
    return path.parent.name or path.stem if path.name == "model.safetensors" else path.stem


def fresh_folder(base: Path) -> Path:
    """A folder of that name, or with a number behind it, that holds nothing yet."""
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
