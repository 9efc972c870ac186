r"""Rules that ask the denoiser once a step, on states of one kind or of several.

Such a step has four phases, each a method that a rule may leave as it is:

1. ``perturb``: make the state noisier (churn);
2. the denoiser is asked, once;
3. ``correct``: mend the state by what the denoiser now says of it (UniC);
4. ``advance``: go to the next time.

On a :class:`~suffuse.process.Product` the denoiser sees the whole state and every field advances by itself: by the
first rule whose need the field's own process meets, else by that process's own ancestral step. A multistep solver made
for Gaussian noise thus works on a mixed state as it stands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Process, Product
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import ANY, Need, P
from suffuse.state import State, merge


class OneEvaluation(ABC, Generic[P]):
    """A sampler with one evaluation a step."""

    needs: ClassVar[Need[Any]] = ANY
    """What it needs of the process, or of at least one field's."""

    @property
    def depth(self) -> int:
        """How many earlier beliefs it looks back on."""
        return 0

    @property
    def perturbs(self) -> bool:
        """Whether it makes the state noisier first: on a mixed state every field would then have a time of its own."""
        return False

    def perturb(self, process: P, now: Step, rng: Rng) -> tuple[State, float]:
        """A noisier state and its time, from which the step is made."""
        return now.x, now.t

    def correct(self, process: P, now: Step, posterior: Posterior) -> State:
        """The state at ``now.t``, mended by the belief that was formed there."""
        return now.x

    @abstractmethod
    def advance(self, process: P, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        """The state at ``s``.

        Arguments:
            process: one that meets :attr:`needs`.
            now: the state, already perturbed and corrected, and the history.
            posterior: the belief at ``now.t``.
            s: the next time, earlier than ``now.t``.
            rng: for fresh noise.
        """

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        return step_by((self,), denoiser, process, now, s, rng, conditions)


@dataclass(frozen=True)
class Mixed:
    """One rule for each kind of field: the first whose need a field's process meets; else its own ancestral step.

    Arguments:
        rules: as ``(DPMpp(2), TauLeaping())``.
    """

    rules: Sequence[OneEvaluation[Any]]
    needs: ClassVar[Need[Any]] = ANY

    def __post_init__(self) -> None:
        if not self.rules:
            raise RecipeError("is empty", field="Mixed.rules", expected="at least one sampler")
        for rule in self.rules:
            if not isinstance(rule, OneEvaluation):
                raise UnsupportedError(
                    "asks the denoiser more than once a step", field="Mixed.rules", got=type(rule).__name__,
                    expected="samplers with one evaluation a step",
                )  # fmt: skip

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        return step_by(self.rules, denoiser, process, now, s, rng, conditions)


def step_by(
    rules: Sequence[OneEvaluation[Any]],
    denoiser: Denoiser,
    process: Process,
    now: Step,
    s: float,
    rng: Rng,
    conditions: Conditions,
) -> Step:
    """One step of a process, or of every field of a product, by the first rule that fits."""
    if isinstance(process, Product) and not (len(rules) == 1 and rules[0].needs.met(process)):
        return _step_fields(rules, denoiser, process, now, s, rng, conditions)
    rule = _first(rules, process) or rules[0]
    process = rule.needs.of(process, rule)
    if rule.perturbs:
        x, t = rule.perturb(process, now, rng)
        now = replace(now, x=x, t=t)
    posterior = denoiser(now.x, now.t, conditions)
    corrected = rule.correct(process, now, posterior)
    if corrected is not now.x:
        now = replace(now, x=corrected)
    x_s = rule.advance(process, now, posterior, s, rng)
    return now.to(x_s, s, posterior, depth=rule.depth)


def _step_fields(
    rules: Sequence[OneEvaluation[Any]],
    denoiser: Denoiser,
    process: Product,
    now: Step,
    s: float,
    rng: Rng,
    conditions: Conditions,
) -> Step:
    chosen = {name: _first(rules, member) for name, member in process.fields.items()}
    used = [rule for rule in chosen.values() if rule is not None]
    if not used:
        rules[0].needs.of(process, rules[0])
    for rule in used:
        if rule.perturbs:
            rule.needs.of(process, rule)
    posterior = denoiser(now.x, now.t, conditions)
    mended: dict[str, State] = {}
    parts: dict[str, State] = {}
    for name, member in process.fields.items():
        here, belief, noise = now.only(name), posterior.only(name), rng.at("field", name)
        own = chosen[name]
        if own is None:
            mended[name], parts[name] = here.x, member.reverse(here.x, belief, now.t, s, noise)
        else:
            mended[name] = own.correct(member, here, belief)
            parts[name] = own.advance(member, replace(here, x=mended[name]), belief, s, noise)
    depth = max(rule.depth for rule in used)
    return now.to(merge(now.x, parts), s, posterior, merge(now.x, mended), depth)


def _first(rules: Sequence[OneEvaluation[Any]], process: Process) -> OneEvaluation[Any] | None:
    return next((rule for rule in rules if rule.needs.met(process)), None)
