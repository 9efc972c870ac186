"""How a detector learns: recipes, and the statistics by which their models score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from suffuse.recipe import Recipe, validate
from suffuse.tasks.statistics import DensityStatistic, RelativeResidualStatistic, ResidualStatistic, Statistic

COMMON: Mapping[str, Any] = {"domain": "tabular", "data": {"name": "file"}}


@dataclass(frozen=True)
class Engine:
    """A way to learn what is usual.

    Arguments:
        name: how a person asks for it.
        recipe: what it changes of an empty recipe.
        statistic: by which its models score.
        codec: what it changes of the codec's options.
        leaves_out: whether its models score a row that they were trained on as if they had not been.
        gaps: whether it can learn from rows with empty cells.
    """

    name: str
    recipe: Mapping[str, Any]
    statistic: Statistic
    codec: Mapping[str, Any] = field(default_factory=dict)
    leaves_out: bool = False
    gaps: bool = True

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
        return validate({"name": self.name, **sections})


def _remembered(network: str) -> dict[str, Any]:
    return {
        "network": {"name": network, "leave_out": True},
        "predict": "x0",
        "process": {"schedule": "rectified-flow"},
        "train": {"steps": 0},
    }


NEAREST = ResidualStatistic(levels=1)
"""At 0.3 of the rows' spacing: more levels find no more (benchmarks/tabular.md)."""

NEIGHBOURS = Engine(
    "neighbours", _remembered("neighbours"), NEAREST, {"layout": "vector", "numbers": "logtails"}, leaves_out=True
)
RANKS = Engine(
    "ranks", _remembered("neighbours"), NEAREST, {"layout": "vector", "numbers": "quantile"}, leaves_out=True
)
PATCHES = Engine(
    "patches",
    _remembered("patches"),
    DensityStatistic(),
    {"layout": "vector", "numbers": "logtails"},
    leaves_out=True,
    gaps=False,
)

DISTILLED = Engine(
    "distilled",
    {**_remembered("neighbours"), "network": {"name": "centres"}},
    NEAREST,
    {"layout": "vector", "numbers": "logtails"},
    gaps=False,
)
"""What ``neighbours`` would say, from a few hundred centres of the rows: at one cost for any number of them."""

DENOISER = Engine(
    "denoiser",
    {
        "network": {"name": "mlp", "width": 96, "depth": 2},
        "predict": "edm",
        "process": {"schedule": "rectified-flow"},
        "objective": {"times": {"name": "log-uniform", "low": 0.05, "high": 3.0}, "weight": "edm"},
        "optimizer": {"learning_rate": 4e-3, "weight_decay": 0.0, "warmup": 100},
        "ema": {"kind": "exponential", "decay": 0.995},
        "train": {"steps": 1200, "batch": 256, "keep": True, "precision": "no"},
    },
    RelativeResidualStatistic(ratios=(0.05, 0.196, 0.766, 3.0)),
    {"layout": "vector", "numbers": "logtails"},
)

QUICK = replace(DENOISER, statistic=RelativeResidualStatistic(ratios=(0.05, 0.766)))
"""The denoiser as a panel asks it: beside the exact views two levels find as much as four (benchmarks/tabular.md)."""

MIXED = Engine(
    "mixed",
    {
        "network": {"name": "mlp", "width": 192, "depth": 4},
        "process": {"kernel": "absorbing"},
        "optimizer": {"learning_rate": 2e-3, "warmup": 100},
        "train": {"steps": 2000, "batch": 256, "keep": True},
    },
    ResidualStatistic(),
    {"layout": "fields"},
)

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (NEIGHBOURS, DISTILLED, PATCHES, DENOISER, MIXED)}

NEAR = replace(NEIGHBOURS, name="near", statistic=ResidualStatistic())
FAR = Engine(
    "far",
    {
        "network": {"name": "gaussian", "keep": 0.75},
        "predict": "x0",
        "process": {"schedule": "rectified-flow"},
        "train": {"steps": 0},
    },
    DensityStatistic(),
    {"layout": "vector"},
    leaves_out=True,  # a row counts for next to nothing in the moments of many
    gaps=False,
)

VIEWS = (NEIGHBOURS, RANKS, PATCHES)
"""The exact judges of a panel: three views of the same rows."""
