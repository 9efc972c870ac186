"""Randomness: keyed by what it is for, and nothing else touched."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from suffuse.process import Interpolant
from suffuse.state import State
from suffuse.tasks.generate import generate
from suffuse.testing.case import Case
from suffuse.testing.compare import largest_difference
from suffuse.testing.failure import NotApplicable, require

NEAR = 0.05
"""Rounding differs between batch sizes, and an item's values may be rounded to their neighbours."""


def same_seed(case: Case) -> None:
    """The same seed gives the same, and another something else: codec, weights, augmentation, sizes."""
    require(
        case.fit_codec().to_json() == case.codec.to_json(), "fits another codec to the same data",
        field="Domain.fit_codec", expected="the same figures each time", got="others",
        fix="key what is random, as by suffuse.rng.permutation",
    )  # fmt: skip
    for name, value in case.build().state_dict().items():
        require(
            torch.equal(value, case.untrained.state_dict()[name]), "begins with other weights the second time",
            field=f"network, {name}", expected="the same, under torch's seed", got="others",
            fix="draw weights from torch's own generator, which is seeded around the factory",
        )  # fmt: skip
    plain = case.codec.encode(case.items)
    _keyed(case, "Codec.encode", lambda seed: case.codec.encode(case.items, case.rng("seed", seed)), plain)
    _keyed(case, "Codec.like", lambda seed: case.codec.like(8, case.rng("seed", seed)), case.codec.like(8))
    require(
        largest_difference(plain, case.codec.encode(case.items)) == 0.0, "is random without streams",
        field="Codec.encode", expected="the same states each time", got="others", fix="augment only where rng is given",
    )  # fmt: skip


def _keyed(case: Case, field: str, make: Callable[[int], State], plain: State) -> None:
    """What streams make is the same for the same seed, and if they make a difference, another for another."""
    first, again = make(1), make(1)
    require(
        largest_difference(first, again) == 0.0, "gives something else for the same seed", field=field,
        expected="the same states", got="others", fix="draw from the rng that is handed over, and from nothing else",
    )  # fmt: skip
    if largest_difference(first, plain) == 0.0:
        return
    require(
        any(largest_difference(first, make(seed)) > 0.0 for seed in range(2, 8)), "does not depend on the seed",
        field=field, expected="other states for another seed", got="the same",
        fix="draw from the rng that is handed over, not from one of your own",
    )  # fmt: skip


def generates(case: Case) -> None:
    """The recipe's own way to sample gives items, the same for the same seed, alone or among others."""
    if isinstance(case.process, Interpolant):
        raise NotApplicable("the process leads from data to data: nothing is generated from noise")
    three = generate(case.trained, 3, seed=5, steps=2).items
    require(
        len(three) == 3, "makes another number of items", field="generate", expected=3, got=len(three),
        fix="one item for each sample",
    )  # fmt: skip
    case.codec.encode(three)
    again = generate(case.trained, 1, seed=6, steps=2).items
    difference = largest_difference(case.codec.encode(three[1:2]), case.codec.encode(again))
    require(
        difference < NEAR, "makes another item alone than among others", field="generate",
        expected="item 1 of seed 5 = item 0 of seed 6", got=f"states that differ by {difference:.3g}",
        fix="let nothing depend on the batch",
    )  # fmt: skip


def global_state(case: Case) -> None:
    """Nothing that the domain does touches the random state of Python, numpy or torch."""
    for name, act in _acts(case):
        before = _state()
        act()
        changed = [
            which for which, a, b in zip(("random", "numpy.random", "torch"), before, _state(), strict=True) if a != b
        ]
        require(
            not changed, "touches a global random state", field=name, expected="all as they were",
            got=", ".join(changed), fix="use the rng that is handed over, or numpy.random.default_rng(key)",
        )  # fmt: skip


def _acts(case: Case) -> Iterator[tuple[str, Callable[[], Any]]]:
    train, noisy = case.splits.train, case.noisy
    yield "Domain.splits", lambda: case.domain.splits(case.sections[0])
    yield "Splits.train[0]", lambda: train[0]
    yield "Domain.conditions", lambda: case.domain.conditions(case.splits)
    yield "Domain.fit_codec", case.fit_codec
    yield "Codec.encode", lambda: case.codec.encode(case.items)
    yield "Codec.encode with streams", lambda: case.codec.encode(case.items, case.rng("global"))
    yield "Codec.like", lambda: case.codec.like(4, case.rng("global", count=4))
    yield "Codec.decode", lambda: case.codec.decode(case.x0)
    yield "Domain.picture", lambda: case.domain.picture(case.items[:2])
    yield "network, in evaluation", lambda: case.perturbed(noisy.x, noisy.t, noisy.conditions)


def _state() -> tuple[Any, Any, Any]:
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes() + str(np.random.get_state()[2]).encode(),  # type: ignore[index]  # noqa: NPY002
        bytes(torch.random.get_rng_state().tolist()),
    )
