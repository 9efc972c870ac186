"""How a detector learns: a recipe, and the statistic by which its model scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suffuse.recipe import Named, Recipe, validate

COMMON: Mapping[str, Any] = {"domain": "tabular", "data": {"name": "file"}}


@dataclass(frozen=True)
class Engine:
    """A way to learn what is usual.

    Arguments:
        name: how a person asks for it.
        recipe: what it changes of an empty recipe.
        statistic: by which its models score.
        leaves_out: whether its models score a row that they were trained on as if they had not been.
    """

    name: str
    recipe: Mapping[str, Any]
    statistic: Named
    leaves_out: bool = False
    codec: Mapping[str, Any] = field(default_factory=dict)

    def make_recipe(self, codec: Mapping[str, Any], changes: Mapping[str, Any], seed: int) -> Recipe:
        """Its recipe.

        Arguments:
            codec: options of the codec, before its own.
            changes: sections, whose keys replace its own.
            seed: of weights, noise and order.
        """
        sections: dict[str, Any] = {**COMMON, **self.recipe, "codec": {**self.codec, **codec}}
        for name, section in changes.items():
            mine = sections.get(name)
            merged = isinstance(mine, Mapping) and isinstance(section, Mapping)
            sections[name] = dict(mine or {}) | dict(section) if merged else section
        sections["train"] = {**sections["train"], "seed": seed}
        return validate({"name": f"detector-{self.name}", **sections})


NEIGHBOURS = Engine(
    "neighbours",
    {
        "network": {"name": "neighbours", "leave_out": True},
        "predict": "x0",
        "process": {"schedule": "rectified-flow"},
        "train": {"steps": 0},
    },
    Named(name="residual", levels=1),  # 0.3 of the rows' spacing: more levels find no more (benchmarks/tabular.md)
    leaves_out=True,
    codec={"layout": "vector"},
)

DENOISER = Engine(
    "denoiser",
    {
        "network": {"name": "mlp", "width": 128, "depth": 3},
        "predict": "edm",
        "optimizer": {"learning_rate": 2e-3, "warmup": 100},
        "train": {"steps": 1500, "batch": 256, "keep": True},
    },
    Named(name="profile"),
    codec={"layout": "vector"},
)

MIXED = Engine(
    "mixed",
    {
        "network": {"name": "mlp", "width": 192, "depth": 4},
        "process": {"kernel": "absorbing"},
        "optimizer": {"learning_rate": 2e-3, "warmup": 100},
        "train": {"steps": 2000, "batch": 256, "keep": True},
    },
    Named(name="residual"),
    codec={"layout": "fields"},
)

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (NEIGHBOURS, DENOISER, MIXED)}
