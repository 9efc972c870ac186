"""Recipes: YAML that says how to train a model, validated before anything is computed.

A recipe names a domain and fills its sections; the domain validates ``data`` and ``codec``, the core everything else.
Components (schedule, network, sampler, …) are written as a name, or as a mapping with ``name`` and its options::

    process: {schedule: cosine}
    process: {schedule: {name: edm, sigma_max: 80}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from suffuse.domain import Section
from suffuse.errors import RecipeError, SuffuseError, nearest
from suffuse.registry import find, load_domain, resolve, resource
from suffuse.registry.options import check_options
from suffuse.registry.parts import made, parts_of

T = TypeVar("T", bound=BaseModel)

Count = Field(gt=0)


class Named(BaseModel):
    """A component: its name, and options that its factory validates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        """The options, without the name."""
        return dict(self.model_extra or {})


class Coupling(Named):
    """An operator with its options, and the diffusion ``noise`` of the bridge to what it leaves of the data."""

    noise: float = Field(0.0, ge=0.0)


class FieldSection(Section):
    """What is different for one field of the state; ``weight`` is of its loss."""

    schedule: Named | None = None
    kernel: Named | None = None
    weight: float = Field(1.0, ge=0.0)


class ProcessSection(Section):
    """The forward process.

    ``kernel`` is for the fields that the codec calls categorical, and ``masked_loss`` the weighting of their loss under
    an absorbing one. With a ``coupling`` the process leads from data to data.
    """

    schedule: Named = Named(name="rectified-flow")
    kernel: Named = Named(name="marginal")
    masked_loss: Literal["elbo", "count", "plain"] = "elbo"
    fields: dict[str, FieldSection] = Field(default_factory=dict)
    coupling: Coupling | None = None


class ObjectiveSection(Section):
    """What is minimized."""

    times: Named = Named(name="logit-normal")
    weight: Named = Named(name="flow")
    condition_dropout: float = Field(0.1, ge=0.0, le=1.0)
    uncertainty: bool = False
    relative: bool = False


class OptimizerSection(Section):
    """AdamW and its learning rate."""

    learning_rate: float = Field(1e-3, gt=0.0)
    weight_decay: float = Field(0.01, ge=0.0)
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = Field(200, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    final: float = Field(0.01, ge=0.0, le=1.0)
    clip: float = Field(1.0, gt=0.0)


class EmaSection(Section):
    """The moving average of the weights: ``power`` (by relative width ``std``) or ``exponential`` (by ``decay``)."""

    kind: Literal["power", "exponential", "none"] = "power"
    std: float = Field(0.1, gt=0.0, lt=0.2886)
    decay: float = Field(0.999, gt=0.0, lt=1.0)


def _no_is_a_word(value: Any) -> Any:
    """YAML 1.1 takes a bare ``no`` for false."""
    return "no" if value is False else value


PRECISIONS = ("auto", "no", "bf16")
Precision = Annotated[Literal["auto", "no", "bf16"], BeforeValidator(_no_is_a_word)]
"""In what a network computes while sampling: float32 (``no``), bfloat16, or what the hardware does fast."""


class TrainSection(Section):
    """The loop; ``precision: auto`` is bfloat16 where the hardware computes in it.

    ``steps: 0`` is for networks that only remember (:class:`suffuse.nn.memory.Memory`). ``keep`` has the data set
    encoded once and kept, without augmentation: for small states, whose encoding costs more than their training.
    ``observers`` are told how it goes, as ``[tensorboard]``, besides those that plugins bring for every training.
    ``patience`` ends a training after so many validations in a row without a lower loss, and makes the model of the
    weights whose loss was the least: where there is so little data that it would be learnt by heart.
    """

    steps: int = Field(ge=0)
    batch: int = Field(64, gt=0)
    keep: bool = False
    accumulate: int = Field(1, gt=0)
    precision: Annotated[Literal["auto", "no", "bf16", "fp16"], BeforeValidator(_no_is_a_word)] = "no"
    seed: int = 0
    workers: int = Field(1, gt=0)
    observers: tuple[Named, ...] = ()
    log_every: int = Field(50, gt=0)
    validate_every: int = Field(500, gt=0)
    validation_count: int = Field(512, gt=0)
    patience: int | None = Field(None, gt=0)
    sample_every: int = Field(1000, gt=0)
    checkpoint_every: int = Field(500, gt=0)


def _weight_or_name(value: Any) -> Any:
    if isinstance(value, float | int | str | Named) or (isinstance(value, Mapping) and "name" in value):
        return value
    raise ValueError("a weight, a guidance's name, or a mapping of name and options")


WeightOrName = Annotated[float | Named, BeforeValidator(_weight_or_name)]
"""A guidance: the weight of the classifier-free one, or any by its name."""


class SampleSection(Section):
    """How to sample when nothing else is asked for; ``auto`` is what was measured best at the number of steps.

    ``guidance`` is a weight, or a guidance with its options.
    """

    sampler: Named = Named(name="auto")
    grid: Named = Named(name="auto")
    steps: int = Field(20, gt=0)
    guidance: WeightOrName = 1.0
    interval: tuple[float, float] | None = None
    precision: Precision = "no"
    count: int = Field(64, gt=0)


class EvaluateSection(Section):
    """How many samples are scored when nothing else is asked for."""

    count: int = Field(1000, gt=0)


class DistillSection(Section):
    """Of a student, which learns a teacher's sampling in the few steps of ``sample.grid``, rather than data.

    ``fingerprint`` is of the teacher's file, and empty where any will do. ``cuts`` is the number of the teacher's steps
    within one of the student's. ``guidance`` and ``interval`` are the teacher's; the student learns their effect.
    """

    teacher: str
    fingerprint: str = ""
    cuts: int = Field(16, gt=0)
    guidance: WeightOrName = 1.0
    interval: tuple[float, float] | None = None


class Recipe(Section):
    """A validated recipe."""

    domain: str
    name: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    codec: dict[str, Any] = Field(default_factory=dict)
    process: ProcessSection = ProcessSection()
    predict: Literal["eps", "x0", "v", "flow", "score", "edm"] = "flow"
    network: Named = Named(name="unet")
    text: Named = Named(name="words")
    objective: ObjectiveSection = ObjectiveSection()
    optimizer: OptimizerSection = OptimizerSection()
    ema: EmaSection = EmaSection()
    train: TrainSection
    sample: SampleSection = SampleSection()
    evaluate: EvaluateSection = EvaluateSection()
    distill: DistillSection | None = None


def load_recipe(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Read and validate a recipe.

    Arguments:
        source: a YAML file, a ready recipe's name (``digits`` or ``images/digits``), or a mapping.
        overrides: ``section.key=value``, the value in YAML.

    Raises:
        RecipeError: no such recipe, broken YAML, or a key or value that is wrong; the field and the nearest valid
            name are told.
    """
    name, data = _read(source)
    for override in overrides:
        _apply(data, override)
    return validate({"name": name, **data})


def validate(data: Mapping[str, Any]) -> Recipe:
    """A recipe from a mapping, every section checked."""
    recipe = read_section(Recipe, data)
    domain = load_domain(recipe.domain)
    read_section(domain.data_section, recipe.data, "data")
    read_section(domain.codec_section, recipe.codec, "codec")
    _check_process(recipe.process)
    for kind, component, field in (
        ("network", recipe.network, "network"),
        ("times", recipe.objective.times, "objective.times"),
        ("weighting", recipe.objective.weight, "objective.weight"),
        ("text-encoder", recipe.text, "text"),
        *(("observer", observer, f"train.observers.{i}") for i, observer in enumerate(recipe.train.observers)),
        ("sampler", recipe.sample.sampler, "sample.sampler"),
        ("grid", recipe.sample.grid, "sample.grid"),
    ):
        if component != Named(name="auto"):
            _check_component(kind, component, field)
    for asked, field in ((recipe.sample, "sample"), (recipe.distill, "distill")):
        if asked is not None and isinstance(asked.guidance, Named):
            _check_component("guidance", asked.guidance, f"{field}.guidance", inputs=2)
    if recipe.distill is not None and recipe.sample.grid.name == "auto":
        raise RecipeError("is cut in a distillation, and must be told", field="sample.grid", fix="set it to uniform")
    return recipe


def _check_process(process: ProcessSection) -> None:
    _check_component("schedule", process.schedule, "process.schedule")
    _check_component("kernel", process.kernel, "process.kernel", inputs=1)
    for name, section in process.fields.items():
        if section.schedule is not None:
            _check_component("schedule", section.schedule, f"process.fields.{name}.schedule")
        if section.kernel is not None:
            _check_component("kernel", section.kernel, f"process.fields.{name}.kernel", inputs=1)
    if process.coupling is not None:
        _check_component("operator", process.coupling, "process.coupling")


def _check_component(kind: str, component: Named, field: str, inputs: int = 0) -> None:
    """Tell a wrong name or option before anything is computed; a network's own options when it is built."""
    try:
        spec = find(kind, component.name)
        if kind != "network":
            check_options(spec, resolve(spec), inputs, component.options)
    except SuffuseError as error:
        where = field if error.field is None else f"{field}.{error.field.rpartition('.')[2]}"
        raise RecipeError(error.message, field=where, expected=error.expected, got=error.got, fix=error.fix) from error
    for option, inner in parts_of(spec).items():
        made(component.options.get(option), f"{field}.{option}", partial(_check_part, inner, f"{field}.{option}"))
    if kind == "grid" and "steps" in component.options:
        raise RecipeError("is told twice", field=f"{field}.steps", fix="set sample.steps instead")


def _check_part(kind: str, field: str, name: str, options: Mapping[str, Any]) -> None:
    _check_component(kind, Named(name=name, **options), field)


def sections(recipe: Recipe) -> tuple[Section, Section]:
    """The domain's own sections, ``data`` and ``codec``, validated."""
    domain = load_domain(recipe.domain)
    data, codec = domain.data_section, domain.codec_section
    return read_section(data, recipe.data, "data"), read_section(codec, recipe.codec, "codec")


def to_yaml(recipe: Recipe) -> str:
    """The recipe as YAML, every default written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(source, Mapping):
        return str(source.get("name", "")), _copy(source)
    path = Path(source)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml"):
            raise RecipeError("there is no such file", field=str(source), fix="check the path")
        path = _ready(str(source))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RecipeError(f"is not valid YAML: {error}", field=str(path)) from error
    except UnicodeDecodeError as error:
        raise RecipeError("is not text", field=str(path), expected="a YAML file in UTF-8") from error
    if not isinstance(data, dict):
        raise RecipeError("is not a mapping", field=str(path), expected="`domain: …` and sections", got=repr(data)[:60])
    return path.stem, data


def _ready(name: str) -> Path:
    """The file of a ready recipe, asked for as ``name`` or ``domain/name``."""
    return resource(find("recipe", name))


def _copy(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, Mapping) else v for k, v in data.items()}


def _apply(data: dict[str, Any], override: str) -> None:
    """Set ``a.b.c=value`` in nested mappings."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise RecipeError("is not an override", field=override, expected="section.key=value, as train.steps=100")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"has a value that is not YAML: {error}", field=override) from error
    *parents, last = path.split(".")
    for key in parents:
        inner = data.get(key)
        data[key] = inner = {"name": inner} if isinstance(inner, str) else dict(inner or {})
        data = inner
    data[last] = _number(value)


def _number(value: Any) -> Any:
    """YAML 1.1 takes ``1e-3`` for text; a person means the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def read_section(model: type[T], data: Mapping[str, Any], prefix: str = "") -> T:
    """A section from what a person wrote.

    Arguments:
        model: the section's class.
        data: by key.
        prefix: what stands before the keys in messages.

    Raises:
        RecipeError: a key that there is not, one that is missing, or a value that is wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _explain(error, model, data, prefix) from error


def _explain(error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], prefix: str) -> RecipeError:
    """The first of pydantic's complaints, with the field's path and the nearest valid key."""
    first = error.errors()[0]
    path = _written(first["loc"], data)
    field = ".".join([prefix, *path] if prefix else path)
    if first["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        guess = nearest(path[-1], known)
        fix = f"did you mean {guess!r}?" if guess else "remove it"
        return RecipeError("there is no such key", field=field, expected=f"one of {', '.join(known)}", fix=fix)
    if first["type"] == "missing":
        missing = str(first["loc"][-1])
        return RecipeError(
            "is missing", field=".".join(filter(None, (field, missing))), fix=f"add `{missing}:` to the recipe"
        )
    same = [e["msg"] for e in error.errors() if _written(e["loc"], data) == path]
    wanted = " or ".join(m.removeprefix("Input should be ").removeprefix("Value error, ") for m in same)
    return RecipeError("is wrong", field=field, expected=wanted, got=repr(first["input"])[:80])


def _written(location: Sequence[int | str], data: Any) -> list[str]:
    """The part of a complaint's location that stands in the recipe; what follows is pydantic's own."""
    path: list[str] = []
    for part in location:
        if not (isinstance(data, Mapping) and part in data):
            break
        path.append(str(part))
        data = data[part]
    return path


def _keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = (annotation, *get_args(annotation))  # a section may be optional
        inner = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)
