r"""The evidence lower bound, for every process.

.. math:: \log p(x_0) \ge -\mathrm{KL}(q(x_1 | x_0) \,\|\, p(x_1)) - \mathbb E\, \text{errors along the path}

Gaussian fields are bounded in continuous time (:mod:`suffuse.likelihood.gaussian`), masked ones over a random order of
their entries, other categorical ones along a chain of finitely many steps (:mod:`suffuse.likelihood.categorical`). A
product's bound is the sum of its fields', each at noise levels that suit it, all fields being noised at once. Fields of
the same kind and schedule share their levels, and so their evaluations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.likelihood.categorical import ChainTerm, MaskedTerm
from suffuse.likelihood.gaussian import READ_OFF, GaussianTerm
from suffuse.likelihood.normal import standard_error
from suffuse.likelihood.term import Term
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, Process, Product, Schedule
from suffuse.process.categorical import Categorical
from suffuse.rng import Rng
from suffuse.sampling.loop import NO_CONDITIONS
from suffuse.state import State, fields


@dataclass(frozen=True)
class Elbo:
    """A lower bound on the log-likelihood of states.

    Arguments:
        nats: the bound, the sum over a sample's real entries: float64 ``[batch]``. A log-density for Gaussian fields,
            a log-probability for categorical ones.
        prior: the part of the prior, -KL(q(x₁ | x₀) ‖ p(x₁)), float64 ``[batch]``.
        path: the part along the path, one estimate for each draw, float64 ``[batch, draws]``.
        fields: the bound's parts by field, float64 ``[batch]`` each; a bare tensor's name is the empty string.
        evaluations: of the denoiser.
    """

    nats: Tensor
    prior: Tensor
    path: Tensor
    fields: Mapping[str, Tensor]
    evaluations: int

    @property
    def error(self) -> Tensor:
        """The standard error of ``nats`` that is due to the noise drawn ``[batch]``; NaN with one draw."""
        return standard_error(self.path)


@torch.no_grad()
def elbo(
    denoiser: Denoiser,
    process: Process,
    x: State,
    *,
    rng: Rng,
    conditions: Conditions = NO_CONDITIONS,
    levels: int = 64,
    draws: int = 1,
    level: float = READ_OFF,
    variance: float = 1.0,
) -> Elbo:
    """A lower bound on the log-likelihood of clean states, in nats, summed over each sample's real entries.

    Arguments:
        denoiser: the belief.
        process: any.
        x: clean states.
        rng: one stream for each sample; samples of the same seed get the same noise.
        conditions: handed to the denoiser.
        levels: noise levels at which each kind of field is looked at, an evaluation each. Under continuous and masking
            noise they make the estimate less noisy; under other categorical noise they are the steps of the chain, and
            the more there are, the tighter the bound.
        draws: of noise; the estimate is their mean.
        level: the noise level σ/α at which Gaussian fields are read off.
        variance: of the data, for the prior of Gaussian fields.

    Raises:
        RecipeError: ``levels`` or ``draws`` is not positive.
        UnsupportedError: a process for which no bound is known.
    """
    for name, number in (("levels", levels), ("draws", draws)):
        if number < 1:
            raise RecipeError("must be at least 1", field=name, expected=">= 1", got=number)
    terms = terms_of(process, x, level, variance)
    prior = {name: nats for term in terms for name, nats in term.prior(x).items()}
    path = [{name: torch.zeros_like(nats) for name, nats in prior.items()} for _ in range(draws)]
    evaluations = 0
    for number, term in enumerate(terms):
        for draw, sums in enumerate(path):
            evaluations += _add(term, denoiser, process, x, rng.at("elbo", number, draw), conditions, levels, sums)
    by_draw = torch.stack([torch.stack([*sums.values()]).sum(0) for sums in path], dim=1)
    whole = torch.stack([*prior.values()]).sum(0)
    parts = {name: nats + torch.stack([sums[name] for sums in path]).mean(0) for name, nats in prior.items()}
    return Elbo(whole + by_draw.mean(1), whole, by_draw, parts, evaluations)


def _add(
    term: Term,
    denoiser: Denoiser,
    process: Process,
    x: State,
    rng: Rng,
    conditions: Conditions,
    levels: int,
    sums: dict[str, Tensor],
) -> int:
    """Add one draw of a term's part along the path to the sums of its fields; how many evaluations it took."""
    made = 0
    for made, here in enumerate(term.levels(x, rng, levels), start=1):
        x_t = process.corrupt(x, here.t, rng.at("level", made))
        if isinstance(x_t, dict):
            x_t = {**x_t, **here.drawn}
        else:
            x_t = here.drawn.get("", x_t)
        posterior = denoiser(x_t, here.t, conditions)
        for name, nats in here.nats(x_t, posterior).items():
            sums[name] = sums[name] + nats
    return made


def terms_of(process: Process, x: State, level: float, variance: float) -> list[Term]:
    """The terms of a process; fields of the same kind and schedule are one.

    Raises:
        UnsupportedError: a process for which no bound is known.
    """
    members = process.fields if isinstance(process, Product) else {name: process for name, _ in fields(x)}
    gaussian: dict[Schedule, list[str]] = {}
    masked: dict[Schedule, dict[str, Categorical]] = {}
    chains: dict[Schedule, dict[str, Categorical]] = {}
    for name, member in members.items():
        if isinstance(member, Gaussian):
            gaussian.setdefault(member.schedule, []).append(name)
        elif isinstance(member, Categorical):
            kind = masked if member.absorbing else chains
            kind.setdefault(member.schedule, {})[name] = member
        else:
            raise UnsupportedError(
                "no evidence lower bound is known", field="process", expected="Gaussian or categorical noise",
                got=type(member).__name__, fix="score by the profile, which works with every process",
            )  # fmt: skip
    return [
        *(GaussianTerm(tuple(names), schedule, level, variance) for schedule, names in gaussian.items()),
        *(MaskedTerm(processes) for processes in masked.values()),
        *(ChainTerm(processes) for processes in chains.values()),
    ]
