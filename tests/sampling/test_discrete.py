"""Samplers of categorical states against the exact chain."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Posterior
from suffuse.process import Absorbing, Categorical, Cosine, Gaussian, Kernel, Marginal, Product, Uniform
from suffuse.process.kernels import narrow
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    Confidence,
    Consistency,
    DiscreteCorrector,
    DiscreteFlow,
    DPMpp,
    Mixed,
    Remasking,
    Sampler,
    Step,
    TauLeaping,
    UniformTime,
    iterate,
    sample,
)
from suffuse.sampling.discrete import tempered
from suffuse.sampling.discrete.rates import backward, both_ways, jump
from suffuse.state import State, only
from tests.chains import Chain, Rule, Shown
from tests.oracles import DiscreteJoint, Exact, ExactDiscrete, three_modes, three_words

F64 = torch.float64
KERNELS: list[Kernel] = [Uniform(3), Absorbing(3), Marginal((0.5, 0.2, 0.3))]
kernels = pytest.mark.parametrize("kernel", KERNELS, ids=repr)

ANYWHERE: list[Rule] = [DDPM(), DDIM(), DDIM(eta=0.4), DiscreteFlow(), DiscreteFlow(stochasticity=3.0), TauLeaping()]
MASKS: list[Rule] = [
    Remasking(),
    Remasking(eta=1.0),
    Remasking(eta=0.02, strategy="cap"),
    Remasking(eta=0.5, interval=(0.2, 0.7)),
]


def cases() -> list[Any]:
    return [pytest.param(kernel, rule, id=f"{kernel}-{rule}") for kernel in KERNELS for rule in ANYWHERE]


@pytest.mark.parametrize(("kernel", "rule"), cases())
def test_the_joint_distribution_converges(kernel: Kernel, rule: Rule) -> None:
    """At first order: twice the steps, half the distance from the truth, or less."""
    chain = Chain(three_words(), kernel, rule)
    far, near, nearer = chain.distance(8), chain.distance(64), chain.distance(128)
    assert near < 0.05
    assert near < 0.3 * far
    assert nearer < 0.62 * near


@pytest.mark.parametrize("rule", MASKS, ids=repr)
def test_remasking_converges_as_its_share_goes_with_the_steps(rule: Remasking) -> None:
    """With a share that stays, ever more is unmasked at once, and a bias remains."""

    def distance(steps: int) -> float:
        return Chain(three_words(), Absorbing(3), replace(rule, eta=8.0 * rule.eta / steps)).distance(steps)

    assert distance(64) < 0.09
    assert distance(128) < 0.62 * distance(64)
    assert Chain(three_words(), Absorbing(3), rule).distance(128) < 0.07


EXACT: list[Rule] = [rule for rule in ANYWHERE if not isinstance(rule, TauLeaping)] + [Consistency()]


@pytest.mark.parametrize("steps", [1, 2, 5])
@kernels
def test_one_entry_is_exact_at_any_number_of_steps(kernel: Kernel, steps: int) -> None:
    """The marginal of a single entry, whose belief is all there is to know; tau-leaping's under a mask alone."""
    joint = DiscreteJoint(torch.tensor([0.15, 0.6, 0.25], dtype=F64))
    rules = EXACT + ([*MASKS, TauLeaping()] if isinstance(kernel, Absorbing) else [])
    for rule in rules:
        assert torch.allclose(Chain(joint, kernel, rule).law(steps), joint.table, atol=1e-12), rule


def test_one_step_draws_the_entries_from_their_beliefs() -> None:
    """Whatever the rule: the joint is the product of the marginals."""
    joint = three_words()
    alone = [joint.table.sum([j for j in range(3) if j != i]) for i in range(3)]
    product = torch.einsum("a,b,c->abc", *alone).flatten()
    for kernel in KERNELS:
        for rule in [*EXACT, TauLeaping(), *(MASKS if isinstance(kernel, Absorbing) else [])]:
            assert torch.allclose(Chain(joint, kernel, rule).law(1), product, atol=1e-9), (kernel, rule)


@kernels
def test_renoising_mends_what_ancestral_steps_cannot(kernel: Kernel) -> None:
    """It forgets where it was, and so does not converge to the joint, but to something nearer in few steps."""
    joint = three_words()
    assert Chain(joint, kernel, Consistency()).distance(6) < Chain(joint, kernel, DDPM()).distance(1)


def test_under_a_mask_many_rules_are_one() -> None:
    chain = Chain(three_words(), Absorbing(3), DDPM())
    for rule in (DDIM(), DiscreteFlow(), TauLeaping(), Remasking(eta=0.0), Remasking(eta=1.0, interval=(0.0, 0.0))):
        assert torch.allclose(replace(chain, rule=rule).matrix(0.7, 0.4), chain.matrix(0.7, 0.4), atol=1e-9), rule


@kernels
def test_flow_without_stochasticity_is_ddim(kernel: Kernel) -> None:
    chain = Chain(three_words(), kernel, DDIM())
    assert torch.allclose(chain.matrix(0.7, 0.4), replace(chain, rule=DiscreteFlow()).matrix(0.7, 0.4), atol=1e-12)


@kernels
def test_rates_are_the_slope_of_the_bridge(kernel: Kernel) -> None:
    """Over a short time the backward intensities are the bridge's probabilities, and the forward ones the kernel's."""
    process, t, h = Categorical(kernel, Cosine()), 0.55, 1e-6
    x = torch.eye(len(kernel.stationary), dtype=F64)[:, None]
    mean = torch.tensor([0.2, 0.5, 0.3], dtype=F64).expand(len(x), 1, 3)
    state = narrow(kernel, x)
    belief = process.belief(state, mean)
    bridge, forward = process.bridge(state, mean, t, t - h), process.transition(state, t, t + h)
    assert isinstance(bridge, Tensor) and isinstance(forward, Tensor) and isinstance(belief, Tensor)
    away = x == 0.0
    assert torch.allclose(backward(process, x, belief, t, t - h)[away], bridge[away], rtol=1e-4, atol=1e-12)
    size = math.log(process.alpha(t) / process.alpha(t + h))  # type: ignore[arg-type]
    both = both_ways(process, x, belief, t, size)
    assert torch.allclose(both[away], (bridge + forward)[away], rtol=1e-4, atol=1e-12)


@kernels
@pytest.mark.parametrize(("t", "s"), [(0.9, 0.3), (0.5, 0.1), (0.2, 0.19)])
def test_intensities_are_integrals_of_the_rates(kernel: Kernel, t: float, s: float) -> None:
    process = Categorical(kernel)
    x = torch.eye(len(kernel.stationary), dtype=F64)[:, None]
    belief = process.belief(narrow(kernel, x), torch.tensor([0.2, 0.5, 0.3], dtype=F64).expand(len(x), 1, 3))
    assert isinstance(belief, Tensor)
    times = torch.linspace(t, s, 2001, dtype=F64).tolist()
    # the rate at u is that of both directions less the forward one; ∫ β over a short time is its size
    total = torch.zeros_like(x)
    for a, b in pairwise(times):
        size = math.log((1.0 - b) / (1.0 - a))
        forward = size * torch.tensor(kernel.stationary, dtype=F64)
        total += both_ways(process, x, belief, 0.5 * (a + b), size) - forward
    away = x == 0.0
    assert torch.allclose(backward(process, x, belief, t, s)[away], total[away], rtol=1e-5, atol=1e-9)


def test_a_jump_is_that_of_a_constant_rate() -> None:
    """Of the first jump: with one place to go to, the matrix exponential exactly; else to first order."""
    x = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=F64)
    intensity = torch.tensor([[[9.0, 0.7, 0.0]]], dtype=F64)
    generator = torch.tensor([[-0.7, 0.7], [0.0, 0.0]], dtype=F64)
    assert torch.allclose(jump(x, intensity)[0, 0, :2], torch.linalg.matrix_exp(generator)[0], atol=1e-15)
    assert jump(x, 0.0 * intensity).tolist() == x.tolist()
    small = jump(x, 1e-6 * torch.tensor([[[0.0, 1.0, 3.0]]], dtype=F64))[0, 0]
    assert small.tolist() == pytest.approx([1.0 - 4e-6, 1e-6, 3e-6], rel=1e-5)


@dataclass(frozen=True)
class Still:
    """A predictor that stays where it is, at another time."""

    x: Tensor = field(default_factory=lambda: torch.zeros(0))

    def step(self, denoiser: Any, process: Any, now: Step, s: float, rng: Rng, conditions: Any) -> Step:
        return now.to(now.x, s, Posterior(now.x))


@kernels
@pytest.mark.parametrize("t", [0.8, 0.4, 0.15])
def test_the_corrector_leaves_the_marginal(kernel: Kernel, t: float) -> None:
    """Forward and backward jumps together keep q_t of the joint, up to second order in their size."""
    joint = three_words()
    process = Shown(kernel)
    chain = Chain(joint, kernel, DDPM())
    x = narrow(kernel, chain.states)
    chances = process.marginal(joint.states, t)
    assert isinstance(chances, Tensor)
    law = joint.table.flatten() @ torch.einsum("sno,tno->stn", chances, chain.states).prod(-1)

    def moved(size: float) -> float:
        corrector = DiscreteCorrector(Still(), size=size)
        after = corrector.step(ExactDiscrete(joint, process), process, Step(x, 1.0), t, Rng.of(0, len(x)), {}).x
        assert isinstance(after, Tensor)
        matrix = torch.einsum("sno,tno->stn", after, chain.states).prod(-1)
        return 0.5 * float((law @ matrix - law).abs().sum())

    assert moved(0.02) < 0.01
    assert moved(0.01) < 0.3 * moved(0.02)


@kernels
def test_a_corrector_improves_few_steps(kernel: Kernel) -> None:
    """In draws: nearer to the truth than the predictor alone."""
    joint, process, n = three_words(), Categorical(kernel), 8000

    def found(sampler: Sampler) -> float:
        exact = ExactDiscrete(joint, process)
        x = sample(sampler, exact, process, UniformTime(4), rng=Rng.of(0, n), like=_like(n))  # type: ignore[arg-type]
        assert isinstance(x, Tensor)
        return distance(x)

    assert found(DiscreteCorrector(DDPM(), steps=4)) < 0.92 * found(DDPM())


def _like(count: int, dtype: torch.dtype = F64) -> Tensor:
    return torch.zeros(count, 3, 3, dtype=dtype)


def draw(sampler: Sampler, steps: int, count: int, dtype: torch.dtype = F64) -> Tensor:
    process = Categorical(Absorbing(3))
    exact = ExactDiscrete(three_words(), process)
    x = sample(sampler, exact, process, UniformTime(steps), rng=Rng.of(0, count), like=_like(count, dtype))  # type: ignore[arg-type]
    assert isinstance(x, Tensor)
    return x


def distance(x: Tensor, law: Tensor | None = None) -> float:
    """Total variation between draws and a law, the truth by default; the draws' own scatter adds about 0.01."""
    law = three_words().table.flatten() if law is None else law
    found = torch.bincount((x.argmax(-1) * torch.tensor([9, 3, 1])).sum(-1), minlength=27) / len(x)
    return 0.5 * float((found - law).abs().sum())


def test_draws_have_the_law_of_the_chain() -> None:
    """What was computed without draws is what is drawn."""
    for rule in (TauLeaping(), Remasking(eta=0.5), DiscreteFlow(stochasticity=2.0)):
        x = draw(rule, 4, 20_000)
        assert distance(x, Chain(three_words(), Absorbing(3), rule).law(4)) < 0.02


def test_confidence_in_random_order_converges_and_in_its_own_is_narrower() -> None:
    x = draw(Confidence(noise=1e6), 40, 4000)
    assert distance(x) < 0.08
    likeliest = draw(Confidence(), 40, 1000)
    assert (likeliest.argmax(-1) == torch.tensor([0, 0, 1])).all(-1).double().mean() > 0.45 > 4.0 / 10.5 + 0.05


@pytest.mark.parametrize("symmetric", [False, True])
def test_confidence_shows_the_surest_and_as_many_as_the_schedule_says(symmetric: bool) -> None:
    process = Categorical(Absorbing(4), symmetric=symmetric)
    real = torch.ones(6, 7, 7, dtype=torch.bool)
    real[1, :, 5:] = real[1, 5:, :] = False
    real[2] = False
    logits = 3.0 * Rng.of(0, 6).normal(torch.zeros(6, 7, 7, 4, dtype=F64))
    p = (logits + logits.transpose(1, 2)).softmax(-1)
    like = {"x": torch.zeros_like(p), "mask": real}

    def denoiser(x: State, t: float, conditions: object) -> Posterior:
        assert isinstance(x, dict)
        masked = (x["x"] == 0.0).all(-1, keepdim=True)
        return Posterior({**x, "x": torch.where(masked, p, x["x"])})

    entries = process.distinct(like)
    assert isinstance(entries, dict)
    count = entries["x"].sum((1, 2))
    assert count.tolist() == ([28, 15, 0, 28, 28, 28] if symmetric else [49, 25, 0, 49, 49, 49])
    before, left_before = like, count
    for step in iterate(Confidence(temperature=0.01), denoiser, process, UniformTime(5), rng=Rng.of(3, 6), like=like):  # type: ignore[arg-type]
        assert isinstance(step.x, dict)
        x = step.x["x"]
        masked = (x == 0.0).all(-1) & entries["x"]
        left = masked.sum((1, 2))
        if step.index:
            expected = left_before.double() * (step.t / (step.t + 0.2))
            assert ((left - expected).abs() < 1.0).all()
            shown = (before["x"] == 0.0).all(-1) & ~masked & entries["x"]
            sure = p.amax(-1)  # near temperature 0 the likeliest class is drawn
            for i in (0, 1, 3):
                assert not masked[i].any() or not shown[i].any() or sure[i][shown[i]].min() >= sure[i][masked[i]].max()
        if symmetric:
            assert torch.equal(x, x.transpose(1, 2))
        assert not x[~real].any()
        before, left_before = step.x, left
    assert (x.sum(-1) == real).all()


def test_confidence_shows_a_field_without_positions() -> None:
    """As a column of categories: one class a sample, ``[batch, classes]``, some of them gaps."""
    p = torch.tensor([0.2, 0.3, 0.5], dtype=F64).expand(4000, 3)
    there = torch.arange(4000)[:, None] % 4 > 0
    like: State = {"x": torch.zeros(4000, 3, dtype=F64), "mask": there}

    def denoiser(x: State, t: float, conditions: object) -> Posterior:
        assert isinstance(x, dict)
        return Posterior({**x, "x": torch.where((x["x"] == 0.0).all(-1, keepdim=True), p, x["x"])})

    steps = list(
        iterate(Confidence(), denoiser, Categorical(Absorbing(3)), UniformTime(4), rng=Rng.of(0, 4000), like=like)
    )  # type: ignore[arg-type]
    halfway, end = (step.x["x"] for step in (steps[2], steps[-1]) if isinstance(step.x, dict))
    assert halfway[there[:, 0]].sum(-1).mean() == pytest.approx(0.5, abs=0.04)
    assert torch.equal(end.sum(-1) == 1.0, there[:, 0])
    assert torch.allclose(end[there[:, 0]].mean(0), p[0], atol=0.04)


def test_remasking_takes_back_and_shows_in_balance() -> None:
    """The masked share follows the schedule, while shown entries are masked again."""
    process, n = Categorical(Absorbing(3)), 4000
    taken = 0.0
    before: Tensor | None = None
    for step in iterate(
        Remasking(eta=1.0),
        ExactDiscrete(three_words(), process),
        process,
        UniformTime(5),
        rng=Rng.of(0, n),
        like=_like(n),
    ):  # type: ignore[arg-type]
        assert isinstance(step.x, Tensor)
        masked = (step.x == 0.0).all(-1)
        assert masked.double().mean().item() == pytest.approx(step.t, abs=0.025)
        if before is not None:
            taken += float((masked & ~before).double().mean())
        before = masked
    assert taken > 0.2


def test_temperature_sharpens_the_logits() -> None:
    logits = torch.tensor([[[2.0, -1.0, 0.5], [90.0, 0.0, -200.0]]], dtype=F64)
    process = Categorical(Uniform(3))
    for temperature in (0.01, 0.5, 1.0, 3.0, 100.0):
        found = tempered(process, logits.softmax(-1), temperature)
        assert isinstance(found, Tensor)
        assert torch.allclose(found, (logits / temperature).softmax(-1), atol=1e-12)
    wide = torch.full((1, 1, 1000), 1e-3)
    assert torch.allclose(tempered(process, wide, 0.02), wide)  # type: ignore[arg-type]
    both = Product({"x": Gaussian(), "y": process})
    state = {"x": torch.ones(1, 2), "y": logits.softmax(-1)}
    cooled = tempered(both, state, 0.5)
    assert isinstance(cooled, dict)
    assert torch.equal(cooled["x"], state["x"])
    assert torch.allclose(cooled["y"], (2.0 * logits).softmax(-1))


def test_a_cold_chain_ends_in_the_likeliest_state() -> None:
    cold: list[Sampler] = [
        TauLeaping(temperature=0.01),
        DiscreteFlow(1.0, temperature=0.01),
        Remasking(temperature=0.01),
        Confidence(temperature=0.01),
        Consistency(temperature=0.01),
    ]
    for sampler in cold:
        x = draw(sampler, 16, 64, torch.float32)
        assert (x.argmax(-1) == torch.tensor([0, 0, 1])).all(-1).double().mean() > 0.8, sampler


EVERY: list[Rule] = [*ANYWHERE, *MASKS, Confidence(noise=1.0), Consistency()]


@pytest.mark.parametrize("rule", EVERY, ids=repr)
def test_pairs_stay_symmetric_and_padding_changes_nothing(rule: Rule) -> None:
    """A graph of 4 nodes gets the same bonds alone and padded to 7, whatever the padding holds."""
    process = Categorical(Absorbing(3), symmetric=True)
    table = Rng.of(5).normal(shape=(7, 7, 3))[0]
    table = table + table.transpose(0, 1)

    def denoiser(x: State, t: float, conditions: object) -> Posterior:
        assert isinstance(x, dict)
        n = x["bonds"].shape[1]
        masked = (x["bonds"] == 0.0).all(-1, keepdim=True)
        belief = (table[:n, :n] + 0.1 * x["bonds"].sum((1, 2))[:, None, None]).softmax(-1)
        return Posterior({**x, "bonds": torch.where(masked, belief, x["bonds"])})

    def run(n: int, filled: float) -> Tensor:
        real = torch.zeros(8, n, n, dtype=torch.bool)
        real[:, :4, :4] = ~torch.eye(4, dtype=torch.bool)
        like = {"bonds": torch.full((8, n, n, 3), filled, dtype=F64), "bonds.mask": real}
        end = sample(rule, denoiser, process, UniformTime(6), rng=Rng.of(0, 8), like=like)  # type: ignore[arg-type]
        assert isinstance(end, dict)
        assert torch.equal(end["bonds"], end["bonds"].transpose(1, 2))
        assert torch.equal(end["bonds"].sum(-1), real.double())
        return end["bonds"][:, :4, :4]

    alone = run(4, 0.0)
    assert torch.equal(run(7, 0.0), alone)
    assert torch.equal(run(7, 5.0), alone)
    assert len(alone.unique(dim=0)) > 1


def test_a_mixed_sampler_is_its_rules_field_by_field() -> None:
    """On a product whose fields know nothing of each other: the same numbers as each field sampled alone."""
    numbers, classes = Gaussian(), Categorical(Uniform(3))
    process = Product({"x": numbers, "y": classes})
    mixture, words = Exact(three_modes(), numbers.schedule), ExactDiscrete(three_words(), classes)
    alone = {
        "x": lambda x, t, c: _named("x", mixture(x["x"], t, c)),
        "y": lambda x, t, c: _named("y", words(x["y"], t, c)),
    }

    def together(x: State, t: float, conditions: Any) -> Posterior:
        assert isinstance(x, dict)
        return Posterior({"x": mixture(x["x"], t, {}).mean, "y": words(x["y"], t, {}).mean})  # type: ignore[dict-item]

    rng, times = Rng.of(0, 50), UniformTime(7)(numbers.schedule)
    like = {"x": torch.zeros(50, 2, dtype=F64), "y": _like(50)}
    rules: dict[str, Rule] = {"x": DPMpp(), "y": DiscreteFlow(stochasticity=1.0)}
    end = sample(Mixed(tuple(rules.values())), together, process, times, rng=rng, like=like)  # type: ignore[arg-type]
    assert isinstance(end, dict)
    for name, rule in rules.items():
        member = process.fields[name]
        now = Step(member.prior(only(like, name), rng.at("field", name)), times[0])
        for number, s in enumerate(times[1:]):
            now = rule.step(alone[name], member, now, s, rng.at("step", number, "field", name), {})
        assert isinstance(now.x, dict)
        assert torch.allclose(now.x[name], end[name], rtol=1e-12)


def _named(name: str, posterior: Posterior) -> Posterior:
    assert isinstance(posterior.mean, Tensor)
    return Posterior({name: posterior.mean})


def test_needs_are_told() -> None:
    like = _like(2)
    exact = ExactDiscrete(three_words(), Categorical(Uniform(3)))
    for sampler in (Confidence(), Remasking()):
        with pytest.raises(UnsupportedError, match="absorbing kernel"):
            sample(sampler, exact, Categorical(Uniform(3)), [1.0, 0.0], rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]
    for sampler in (TauLeaping(), DiscreteFlow(), DiscreteCorrector()):
        with pytest.raises(UnsupportedError, match="categorical"):
            sample(sampler, exact, Gaussian(), [1.0, 0.0], rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]


NONSENSE = {
    "temperature": lambda: TauLeaping(temperature=0.0),
    "stochasticity": lambda: DiscreteFlow(stochasticity=-1.0),
    "noise": lambda: Confidence(noise=-1.0),
    "eta": lambda: Remasking(eta=2.0),
    "strategy": lambda: Remasking(strategy="x"),  # type: ignore[arg-type]
    "interval": lambda: Remasking(interval=(0.8, 0.2)),
    "size": lambda: DiscreteCorrector(size=0.0),
    "steps": lambda: DiscreteCorrector(steps=-1),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_told(name: str) -> None:
    with pytest.raises(RecipeError) as error:
        NONSENSE[name]()
    assert error.value.field == name
