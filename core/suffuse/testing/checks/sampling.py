"""Sampling: one step of each sampler that can work with the process."""

from __future__ import annotations

from typing import Any

import torch

from suffuse.errors import UnsupportedError
from suffuse.process import Process, Product
from suffuse.registry import make, names
from suffuse.sampling import OneEvaluation, UniformTime, sample
from suffuse.state import State, fields, take
from suffuse.testing.case import Case
from suffuse.testing.checks.codec import decoded
from suffuse.testing.compare import finite
from suffuse.testing.failure import require

SAMPLES = 2


def samplers(case: Case) -> None:
    """Each sampler makes a step, and what it makes is finite, shaped like the state, and decodes."""
    used = [name for name in names("sampler") if _works(make("sampler", name), case.process)]
    done = [name for name in used if _sampled(case, name)]
    require(
        bool(done), "works with no sampler", field="process", expected="at least ddpm", got="none",
        fix="choose another schedule or kernel in the recipe",
    )  # fmt: skip


def _works(sampler: Any, process: Process) -> bool:
    """Whether the sampler declares that it works with the process, or with a field of it; else it is tried."""
    needs = getattr(sampler, "needs", None)
    if needs is None:
        return True
    if isinstance(process, Product) and isinstance(sampler, OneEvaluation):
        return any(needs.met(member) for member in process.fields.values())
    return bool(needs.met(process))


def _sampled(case: Case, name: str) -> bool:
    """Whether the sampler took the process after all; what it made is looked at."""
    like = take(case.x0, slice(0, SAMPLES))
    rng = case.rng("sampler", name, count=SAMPLES)
    start: State | None = None
    if case.bridges:
        start = case.process.corrupt(like, 1.0, rng)
    given = case.encoded_conditions(case.examples[:SAMPLES])
    try:
        end = sample(
            make("sampler", name), case.perturbed, case.process, UniformTime(2),
            rng=rng, like=like, x=start, conditions=given,
        )  # fmt: skip
    except UnsupportedError:
        return False
    shapes = {field: tuple(value.shape) for field, value in fields(like)}
    got = {field: tuple(value.shape) for field, value in fields(end)}
    require(
        got == shapes and finite(end), f"makes something else than states with the sampler {name}", field="sampling",
        expected=f"finite states {shapes}", got=got if got != shapes else "nan or inf",
        fix="look at what the network's output means: recipe.predict, the process's schedule",
    )  # fmt: skip
    for field in case.codec.categorical():
        rows = dict(fields(end))[field].sum(-1)
        real = dict(fields(like))[field].sum(-1) > 0
        require(
            torch.equal(rows[real], torch.ones_like(rows[real])),
            f"leaves entries without a class with the sampler {name}",
            field=f"sampling, field {field!r}", expected="one class for each real entry", got="none or several",
            fix="let the network give logits of all classes",
        )  # fmt: skip
    decoded(case, end)
    return True
