"""Samplers of categorical states against the exact chain, in which nothing is drawn."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.report import name_of
from benchmarks.strong import slope
from suffuse.process import Absorbing, Kernel, Marginal, Uniform
from suffuse.sampling import DDIM, DDPM, Consistency, DiscreteFlow, Remasking, TauLeaping
from tests.chains import Chain, Rule
from tests.oracles import DiscreteJoint, three_words

KERNELS: tuple[Kernel, ...] = (Uniform(3), Absorbing(3), Marginal((0.5, 0.2, 0.3)))
RULES: tuple[Rule, ...] = (
    DDPM(),
    DDIM(),
    DDIM(eta=0.5),
    DiscreteFlow(),
    DiscreteFlow(stochasticity=3.0),
    TauLeaping(),
    Consistency(),
)
MASKS: tuple[Rule, ...] = (Remasking(), Remasking(eta=1.0), Remasking(eta=0.02, strategy="cap"))
"""For the absorbing kernel alone."""
COUNTS = (1, 4, 16, 64, 128)
FITTED = (64, 128)


def chain_rows() -> list[dict[str, Any]]:
    """One row a kernel and rule: the total variation between x₀ and the data, of one entry and of three."""
    alone = DiscreteJoint(torch.tensor([0.15, 0.6, 0.25], dtype=torch.float64))
    rows = []
    for kernel in KERNELS:
        for rule in (*RULES, *(MASKS if isinstance(kernel, Absorbing) else ())):
            errors = {n: Chain(three_words(), kernel, rule).distance(n) for n in COUNTS}
            rows.append({
                "kernel": name_of(kernel),
                "sampler": name_of(rule),
                "one entry, 1 to 5 steps": max(Chain(alone, kernel, rule).distance(n) for n in (1, 2, 5)),
                **{f"joint, {n} steps": e for n, e in errors.items()},
                "order": None if isinstance(rule, Consistency) else slope(FITTED, [errors[n] for n in FITTED]),
            })  # fmt: skip
    return rows
