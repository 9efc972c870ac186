"""A training so short that a test can afford it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from suffuse.recipe import load_recipe
from suffuse.tasks.train import train
from suffuse.testing.case import default_recipe
from suffuse.training.run import Run

SHORT = (
    "train.steps=2", "train.batch=4", "train.validation_count=4", "train.log_every=1", "train.precision=no",
    "sample.steps=2", "sample.count=2",
)  # fmt: skip


def tiny_run(
    domain: str, out: str | Path, recipe: str | Path | Mapping[str, Any] | None = None, overrides: Iterable[str] = ()
) -> Run:
    """Train two steps of a domain's recipe, draw two samples, and save the model.

    Arguments:
        domain: its name.
        out: the run's folder.
        recipe: another than the domain's own that the kit would take.
        overrides: further changes, as ``train.steps=5``.
    """
    source = default_recipe(domain) if recipe is None else recipe
    return train(load_recipe(source, (*SHORT, *overrides)), out=out)
