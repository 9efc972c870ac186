"""A domain with a recipe, and what the checks need of them, each made once and when it is first asked for."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import Conditions, ConditionSpace, encode_conditions
from suffuse.denoise import Preconditioned
from suffuse.domain import Codec, Domain, Example, Item, Section, Splits
from suffuse.errors import PluginError, RecipeError
from suffuse.forward import with_encoder
from suffuse.process import Interpolant, Process
from suffuse.recipe import Recipe, load_recipe, sections
from suffuse.registry import PluginRecord, all_specs, find, isolated, load_domain, plugins, specs_of
from suffuse.registry.catalog import full_name
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec
from suffuse.rng import Rng, permutation, seeded
from suffuse.state import State, fields
from suffuse.trained import Trained, build_denoiser, component
from suffuse.training.objective import Objective

COUNT = 8
"""Items that most checks look at."""

MANY = 256
"""Items from which statistics are taken."""


@dataclass(frozen=True)
class Noisy:
    """A noisy batch.

    Arguments:
        x: the states at the times.
        t: float64 ``[batch]``.
        conditions: of the batch.
    """

    x: State
    t: Tensor
    conditions: Conditions


@dataclass(frozen=True, eq=False)
class Case:
    """A domain under examination.

    Nothing is opened, fitted or built before a check asks for it, and then once. States are those of :data:`COUNT`
    items of the training part; networks are the recipe's own.

    Arguments:
        name: the domain's.
        source: a recipe, as :func:`suffuse.recipe.load_recipe` takes it; ``None``: see :func:`default_recipe`.
        overrides: of the recipe.
        plugins: plugins that are not installed; where some are given, no installed one is seen.
    """

    name: str
    source: str | Path | Mapping[str, Any] | None = None
    overrides: tuple[str, ...] = ()
    plugins: tuple[object, ...] = ()

    @classmethod
    def of(
        cls,
        domain: str | Domain | type[Domain],
        recipe: str | Path | Mapping[str, Any] | None = None,
        overrides: Iterable[str] = (),
        plugins: Iterable[object] = (),
    ) -> Case:
        """The case of a domain, by its name or itself; the other arguments are those of the class."""
        name = domain if isinstance(domain, str) else domain.name
        return cls(name, recipe, tuple(overrides), tuple(plugins))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within this block the process has the plugins of this case."""
        if not self.plugins:
            yield
            return
        with isolated(*self.plugins):
            yield

    @cached_property
    def spec(self) -> DomainSpec:
        """What the plugin registered."""
        return find("domain", self.name)

    @property
    def features(self) -> Features:
        """What the domain promises."""
        return self.spec.features

    @cached_property
    def plugin(self) -> PluginRecord:
        """How the plugin fares that brings the domain."""
        spec = self.spec
        return next(record for record in plugins() if spec in specs_of(record))

    @property
    def installed(self) -> bool:
        """Whether the plugin comes from an installed package, not from this process."""
        return bool(self.plugin.package)

    @cached_property
    def domain(self) -> Domain:
        """The domain."""
        return load_domain(self.name)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, validated."""
        recipe = load_recipe(default_recipe(self.name) if self.source is None else self.source, self.overrides)
        if recipe.domain != self.name:
            raise RecipeError("is of another domain", field="recipe", expected=self.name, got=recipe.domain)
        return recipe

    @cached_property
    def sections(self) -> tuple[Section, Section]:
        """The recipe's ``data`` and ``codec`` sections."""
        return sections(self.recipe)

    @cached_property
    def splits(self) -> Splits:
        """The recipe's data."""
        return self.domain.splits(self.sections[0])

    @cached_property
    def codec(self) -> Codec:
        """The codec, fitted on the training part."""
        return self.fit_codec()

    def fit_codec(self) -> Codec:
        """A codec, fitted anew."""
        return self.domain.fit_codec(self.sections[1], self.splits.train)

    @cached_property
    def space(self) -> ConditionSpace:
        """What the model can be steered by."""
        return with_encoder(self.recipe, self.domain.conditions(self.splits))

    @cached_property
    def many(self) -> tuple[Example, ...]:
        """Up to :data:`MANY` examples from all over the training part."""
        return self._some(MANY)

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """:data:`COUNT` of them; some come twice where the training part has fewer."""
        some = self._some(COUNT)
        return tuple(some[i % len(some)] for i in range(COUNT))

    def _some(self, count: int) -> tuple[Example, ...]:
        train = self.splits.train
        return tuple(train[i] for i in permutation(len(train), "testing")[:count].tolist())

    @property
    def items(self) -> list[Item]:
        """Their items."""
        return [example.item for example in self.examples]

    @cached_property
    def x0(self) -> State:
        """Their clean states."""
        return self.codec.encode(self.items)

    @cached_property
    def conditions(self) -> Conditions:
        """Their conditions."""
        return self.encoded_conditions(self.examples)

    def encoded_conditions(self, examples: Sequence[Example]) -> Conditions:
        """The conditions of examples, as tensors."""
        values = {name: [example.conditions.get(name) for example in examples] for name in self.space}
        return encode_conditions(self.space, values, len(examples))

    @property
    def gaussian(self) -> list[str]:
        """The names of the fields that are numbers, not categories."""
        categorical = self.codec.categorical()
        return [name for name, _ in fields(self.x0) if name not in categorical]

    @cached_property
    def process(self) -> Process:
        """The recipe's forward process."""
        return self.untrained.process

    @cached_property
    def untrained(self) -> Preconditioned:
        """The recipe's denoiser before its first step, in evaluation mode."""
        return self.build().eval()

    def build(self) -> Preconditioned:
        """The recipe's denoiser before its first step, made anew."""
        return build_denoiser(self.recipe, self.codec, self.space)

    @cached_property
    def perturbed(self) -> Preconditioned:
        """The denoiser with noise on its weights, in evaluation mode: layers that begin at zero hide nothing."""
        denoiser = copy.deepcopy(self.untrained)
        with seeded(0), torch.no_grad():
            for parameter in denoiser.parameters():
                scale = float(parameter.detach().square().mean().sqrt()) if parameter.numel() else 0.0
                parameter.add_(torch.randn_like(parameter), alpha=0.3 * scale if scale > 0.0 else 0.1)
        return denoiser.requires_grad_(False)

    def objective(self, denoiser: Preconditioned, condition_dropout: float) -> Objective:
        """The recipe's loss of a denoiser."""
        section = self.recipe.objective
        times, weight = component("times", section.times), component("weighting", section.weight)
        return Objective(denoiser, times, weight, condition_dropout)

    @cached_property
    def noisy(self) -> Noisy:
        """The states with noise on them, at a time of its own for each."""
        t = torch.linspace(0.2, 0.9, COUNT, dtype=torch.float64)
        return Noisy(self.process.corrupt(self.x0, t, self.rng("noisy")), t, self.conditions)

    def rng(self, *purpose: str | int, count: int = COUNT) -> Rng:
        """Streams for a purpose."""
        return Rng.of(0, count).at("testing", *purpose)

    @cached_property
    def trained(self) -> Trained:
        """A model whose weights are those of :attr:`perturbed`."""
        return Trained(self.recipe, self.codec, dict(self.space), self.perturbed)

    @property
    def bridges(self) -> bool:
        """Whether the process leads from data to data: there is no noise to begin from."""
        return isinstance(self.process, Interpolant)


def default_recipe(domain: str) -> str:
    """The domain's recipe that says so, else its first quickstart, else its first recipe whose data need no download.

    Raises:
        RecipeError: it has neither.
    """
    own = [spec for spec in all_specs("recipe") if spec.domain == domain]
    ranked = sorted((spec for spec in own if spec.quickstart is not None), key=lambda spec: spec.quickstart or 0)
    told = (spec for spec in own if spec.checked)
    for spec in (*told, *ranked, *(spec for spec in own if _offline(spec))):
        return full_name(spec)
    raise RecipeError(
        f"there is none for the domain {domain!r} whose data need no download", field="recipe",
        expected="a recipe that register_recipes brings", got=", ".join(spec.name for spec in own) or "no recipe",
        fix="register a small recipe, or hand one to the kit",
    )  # fmt: skip


def _offline(spec: RecipeSpec) -> bool:
    """Whether a recipe's data are here, or made on the spot."""
    data = load_recipe(full_name(spec)).data.get("name")
    if data is None:
        return True
    try:
        return bool(find("dataset", f"{spec.domain}/{data}").offline)
    except PluginError:
        return True  # not a registered set: the domain's own
