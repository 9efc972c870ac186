"""Categorical noise against matrices: transitions, Bayes by enumeration, rates, simulated chains, masks and padding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.posterior import Posterior
from suffuse.process import (
    EDM,
    VE,
    Absorbing,
    Categorical,
    Cosine,
    Kernel,
    Marginal,
    RectifiedFlow,
    Schedule,
    SubVP,
    Uniform,
    VPLinear,
)
from suffuse.process.kernels import is_absorbing, narrow, stationary_like, widen
from suffuse.rng import Rng
from suffuse.state import State

F64 = torch.float64
KERNELS: list[Kernel] = [Uniform(3), Absorbing(3), Marginal((0.5, 0.2, 0.3)), Marginal((6.0, 0.0, 4.0)), Uniform(1)]
SCHEDULES: list[Schedule] = [RectifiedFlow(), Cosine(), VPLinear(), SubVP()]
kernels = pytest.mark.parametrize("kernel", KERNELS, ids=repr)
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def field(state: State) -> Tensor:
    assert isinstance(state, Tensor)
    return state


def matrix(kernel: Kernel, kept: float) -> Tensor:
    """The transition matrix of one entry over all outcomes: Q = a I + (1 - a) 1 π^T, row = from."""
    pi = torch.tensor(kernel.stationary, dtype=F64)
    return kept * torch.eye(len(pi), dtype=F64) + (1.0 - kept) * pi.expand(len(pi), -1)


def outcomes(kernel: Kernel) -> Iterator[tuple[int, Tensor]]:
    """Every outcome as a state ``[1, 1, classes]``."""
    for i in range(len(kernel.stationary)):
        yield i, narrow(kernel, torch.eye(len(kernel.stationary), dtype=F64)[i]).reshape(1, 1, -1)


def belief(kernel: Kernel) -> Tensor:
    """Some belief about the classes, ``[1, 1, classes]``."""
    return torch.tensor([0.1, 0.6, 0.3][: kernel.classes], dtype=F64).softmax(0).reshape(1, 1, -1)


@kernels
@schedules
def test_rates_integrate_to_the_transition(kernel: Kernel, schedule: Schedule) -> None:
    """The matrix exponentials of the rate matrix β (1 π^T - I), over fine steps, multiply to q(x_t | x_s)."""
    process, s, t = Categorical(kernel, schedule), 0.2, 0.7
    pi = torch.tensor(kernel.stationary, dtype=F64)
    generator = pi.expand(len(pi), -1) - torch.eye(len(pi), dtype=F64)
    times = torch.linspace(s, t, 401, dtype=F64)
    product = torch.eye(len(pi), dtype=F64)
    for a, b in pairwise(times):
        middle = (0.5 * (a + b)).clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(schedule.alpha(middle).log(), middle)
        product = product @ torch.linalg.matrix_exp(-slope * (b - a) * generator)
    for i, x in outcomes(kernel):
        assert torch.allclose(field(process.transition(x, s, t))[0, 0], product[i], atol=1e-6)


@kernels
@schedules
def test_chapman_kolmogorov(kernel: Kernel, schedule: Schedule) -> None:
    """From x₀ to s and on to t is from x₀ to t, as products of matrices."""
    process, s, t = Categorical(kernel, schedule), 0.3, 0.8
    on = matrix(kernel, schedule.alpha(t) / schedule.alpha(s))
    for i, x in outcomes(kernel):
        assert torch.allclose(field(process.transition(x, s, t))[0, 0], on[i], atol=1e-15)
        if i < kernel.classes:
            there = field(process.marginal(x, s))[0, 0]
            assert torch.allclose(there, matrix(kernel, schedule.alpha(s))[i], atol=1e-15)
            assert torch.allclose(field(process.marginal(x, t))[0, 0], there @ on, atol=1e-15)


def bayes(process: Categorical, i: int, p: Tensor, t: float, s: float) -> Tensor:
    """Σ_k p_k q(x_s | x_t = i, x₀ = k), by enumeration; the k that cannot lead to i are left out."""
    on = matrix(process.kernel, process.schedule.alpha(t) / process.schedule.alpha(s))
    to_s, to_t = (matrix(process.kernel, process.schedule.alpha(u)) for u in (s, t))
    total = torch.zeros(len(on), dtype=F64)
    for k, weight in enumerate(p.tolist()):
        if to_t[k, i] > 0.0:
            total += weight * to_s[k] * on[:, i] / to_t[k, i]
    return total / total.sum()


@kernels
@schedules
@pytest.mark.parametrize(("t", "s"), [(1.0, 0.5), (0.8, 0.3), (0.6, 0.0), (1.0, 0.0), (0.5, 0.4999999)])
def test_bridge_is_bayes(kernel: Kernel, schedule: Schedule, t: float, s: float) -> None:
    process, p = Categorical(kernel, schedule), belief(kernel)
    for i, x in outcomes(kernel):
        if kernel.stationary[i] == 0.0 and schedule.alpha(t) == 0.0:
            continue  # never seen there
        known = torch.eye(kernel.classes, dtype=F64)[i] if kernel.stationary[i] == 0.0 else p[0, 0]
        found = field(process.bridge(x, p, t, s))[0, 0]
        assert torch.allclose(found, bayes(process, i, known, t, s), atol=1e-12)
        each = torch.tensor([t], dtype=F64), torch.tensor([s], dtype=F64)
        assert torch.allclose(field(process.bridge(x, p, *each))[0, 0], found, atol=1e-12)


@kernels
@schedules
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_every_eta_keeps_the_marginal(kernel: Kernel, schedule: Schedule, eta: float) -> None:
    """Given the true x₀, a step from q(x_t | x₀) ends in q(x_s | x₀): summed over all x_t, no draws."""
    process = Categorical(kernel, schedule)
    for k in range(kernel.classes):
        x0 = torch.eye(kernel.classes, dtype=F64)[k].reshape(1, 1, -1)
        for t, s in ((1.0, 0.6), (0.9, 0.4), (0.5, 0.0)):
            chance = field(process.marginal(x0, t))[0, 0]
            total = torch.zeros_like(chance)
            for i, x in outcomes(kernel):
                mixed = eta * field(process.bridge(x, x0, t, s)) + (1.0 - eta) * field(process.leap(x, x0, t, s))
                total += chance[i] * mixed[0, 0]
            assert torch.allclose(total, field(process.marginal(x0, s))[0, 0], atol=1e-12)


def test_leap_under_a_mask_is_the_bridge() -> None:
    process = Categorical(Absorbing(3))
    for _, x in outcomes(process.kernel):
        for t, s in ((1.0, 0.6), (0.7, 0.2)):
            bridge, leap = (
                process.bridge(x, belief(process.kernel), t, s),
                process.leap(x, belief(process.kernel), t, s),
            )
            assert torch.allclose(field(bridge), field(leap), atol=1e-15)


@kernels
@schedules
def test_the_limits_are_finite(kernel: Kernel, schedule: Schedule) -> None:
    """α = 0, s next to t, s = t, t next to 0, in float32 and float64; and no weight comes from nowhere."""
    process = Categorical(kernel, schedule)
    for dtype in (torch.float32, F64):
        for _, x in outcomes(kernel):
            x = x.to(dtype)
            for t, s in ((1.0, 1.0 - 1e-12), (0.5, 0.5), (0.5, 0.5 - 1e-15), (1e-4, 0.0), (1.0, 1e-9), (1.0, 1.0)):
                for made in (process.bridge(x, belief(kernel), t, s), process.transition(x, s, t)):
                    assert field(made).isfinite().all()
                    assert (field(made) >= 0.0).all()
                    assert field(made).sum().item() == pytest.approx(1.0, abs=1e-4)


@kernels
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_simulated_chain_has_the_marginals(kernel: Kernel, symmetric: bool) -> None:
    """Forward in steps, and backward in steps given the true x₀, against q(x_t | x₀)."""
    process, n = Categorical(kernel, Cosine(), symmetric), 4000
    x0 = torch.zeros(n, 3, 3, kernel.classes, dtype=F64)
    x0[..., -1] = 1.0
    rng, times = Rng.of(0, n), [0.0, 0.2, 0.45, 0.7, 1.0]
    x: State = x0
    for number, (s, t) in enumerate(pairwise(times)):
        x = process.draw(process.transition(x, s, t), rng.at("forward", number))
        _check(process, x, x0, t)
    for eta in (1.0, 0.5, 0.0):
        back = process.prior(x0, rng)
        for number, (t, s) in enumerate(pairwise(reversed(times))):
            back = process.reverse(back, Posterior(x0), t, s, rng.at("back", number), eta)
            _check(process, back, x0, s)
        assert torch.equal(field(back), x0)


def _check(process: Categorical, x: State, x0: Tensor, t: float) -> None:
    found, expected = field(x), field(process.marginal(x0[:1], t))[0, 0, 0]
    share = widen(process.kernel, found).mean((0, 1, 2))
    assert torch.allclose(share, expected, atol=0.016)
    if process.symmetric:
        assert torch.equal(found, found.transpose(1, 2))


def test_draws_are_exact() -> None:
    """Inverse distribution function in float64: rare classes come as often as they should, impossible ones never."""
    process, n = Categorical(Marginal((0.0, 1.0, 1e-6, 1.0 - 1e-6, 0.0))), 1000
    x = field(process.prior(torch.zeros(n, 4000, 5), Rng.of(0, n)))
    count = x.sum((0, 1))
    assert (count[0], count[4]) == (0.0, 0.0)
    assert count.sum() == 4_000_000
    assert 0 < count[2] < 12
    assert count[1].item() == pytest.approx(2_000_000, abs=5000)


SHAPES = [(False, (5,)), (False, (5, 5)), (True, (5, 5))]


@kernels
@pytest.mark.parametrize(("symmetric", "positions"), SHAPES, ids=["list", "table", "pairs"])
@pytest.mark.parametrize("prior", [False, True])
def test_a_sample_is_the_same_alone_in_a_batch_and_padded(
    kernel: Kernel, symmetric: bool, positions: tuple[int, ...], prior: bool
) -> None:
    process = Categorical(kernel, symmetric=symmetric)
    rng = Rng.of(0, 6)
    small = torch.zeros(6, *positions, kernel.classes)
    small[..., 0] = 1.0
    longer = [n + 3 for n in positions]
    large, real = torch.zeros(6, *longer, kernel.classes), torch.zeros(6, *longer, dtype=torch.bool)
    inside = (slice(None), *(slice(n) for n in positions))
    large[inside], real[inside] = small, True
    whole = torch.ones(6, *positions, dtype=torch.bool)

    def noisy(x: Tensor, mask: Tensor, rng: Rng) -> Tensor:
        state = {"x": x, "mask": mask}
        made = process.prior(state, rng) if prior else process.corrupt(state, 0.6, rng)
        assert isinstance(made, dict)
        return made["x"]

    here, padded = noisy(small, whole, rng), noisy(large, real, rng)
    assert torch.equal(padded[inside], here)
    assert not padded[~real].any()
    assert torch.equal(noisy(torch.where(real[..., None], large, 7.0), real, rng), padded)
    assert torch.equal(noisy(small[2:3], whole[2:3], rng[2:3])[0], here[2])


def test_the_loss_is_the_cross_entropy() -> None:
    process = Categorical(Uniform(3))
    x0 = torch.eye(3, dtype=F64)[torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])]
    mean = Rng.of(0, 2).normal(x0).softmax(-1)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    loss = process.loss(Posterior({"x": mean, "mask": mask}), {"x": x0, "mask": mask}, {"x": x0, "mask": mask}, 0.5)
    nats = -(x0 * mean.log()).sum(-1)
    assert torch.allclose(loss, torch.stack([nats[0, :2].mean(), nats[1].mean()]))


@pytest.mark.parametrize("schedule", [RectifiedFlow(), Cosine()], ids=lambda s: type(s).__name__)
def test_the_masked_loss_is_the_elbo(schedule: Schedule) -> None:
    """Averaged over masks and over times uniform in α it is the exact ELBO of a belief that ignores all others.

    A masked entry's log-probability under such a belief does not depend on the time, so that the ELBO is tight:
    -log p(x₀) itself.
    """
    process, n = Categorical(Absorbing(3), schedule), 40_000
    p = torch.tensor([0.7, 0.2, 0.1], dtype=F64)
    x0 = torch.eye(3, dtype=F64)[torch.tensor([0, 1, 2, 1])].expand(n, -1, -1)
    alpha = (torch.arange(n, dtype=F64) + 0.5) / n
    t = 1.0 - alpha if isinstance(schedule, RectifiedFlow) else alpha.arccos() / schedule._turn
    x_t = field(process.corrupt(x0, t.clamp(0.0, 1.0), Rng.of(0, n)))
    masked = (x_t == 0.0).all(-1, keepdim=True)
    mean = torch.where(masked, p, x_t)
    loss = process.loss(Posterior(mean), x0, x_t, t)
    exact = -(x0[0] @ p.log()).mean()
    assert loss.mean().item() == pytest.approx(exact.item(), rel=0.03)
    plain = Categorical(Absorbing(3), schedule, weighting="plain").loss(Posterior(mean), x0, x_t, t)
    assert torch.allclose(plain / (1.0 - alpha).clamp_min(1e-3), loss)
    counted = Categorical(Absorbing(3), schedule, weighting="count").loss(Posterior(mean), x0, x_t, t)
    assert counted.mean().item() == pytest.approx(exact.item() * 4 / 5, rel=0.02)


@pytest.mark.parametrize("entries", [1, 2, 3])
def test_masked_entries_that_are_counted_give_the_same_bound_with_less_variance(entries: int) -> None:
    """Whatever a belief makes of each set of masked entries: here of one alone something else than of several."""
    n, classes = 60_000, 2
    x0 = torch.eye(classes, dtype=F64)[torch.zeros(n, entries, dtype=torch.int64)]
    t = (torch.arange(n, dtype=F64) + 0.5) / n
    x_t = field(Categorical(Absorbing(classes)).corrupt(x0, t, Rng.of(0, n)))
    masked = (x_t == 0.0).all(-1, keepdim=True)
    sure = 1.0 - 0.2 * masked.double().sum(1, keepdim=True)
    mean = torch.where(masked, torch.cat([sure, 1.0 - sure], dim=-1).expand_as(x_t), x_t)
    losses = {
        name: Categorical(Absorbing(classes), weighting=name).loss(Posterior(mean), x0, x_t, t)
        for name in ("elbo", "count")
    }  # fmt: skip
    exact = -sum(math.log(1.0 - 0.2 * k) for k in range(1, entries + 1)) / entries
    assert losses["elbo"].mean().item() == pytest.approx(exact, rel=0.03)
    assert losses["count"].mean().item() * (entries + 1) / entries == pytest.approx(exact, rel=0.03)
    assert losses["count"].var() < losses["elbo"].var() / 2


def test_what_cannot_be_is_told() -> None:
    for wrong in (
        lambda: Marginal(()),
        lambda: Marginal((1.0, -1.0)),
        lambda: Marginal((0.0, 0.0)),
        lambda: Uniform(0),
    ):
        with pytest.raises(RecipeError):
            wrong()
    for schedule in (EDM(), VE()):
        with pytest.raises(RecipeError, match="keeps too much of the data"):
            Categorical(Uniform(2), schedule)
    with pytest.raises(RecipeError, match="weighting"):
        Categorical(Uniform(2), weighting="some")  # type: ignore[arg-type]
    with pytest.raises(DomainInputError, match="number of classes"):
        Categorical(Uniform(2)).corrupt(torch.zeros(1, 4, 3), 0.5, Rng.of(0))


def test_kernels_of_frequencies() -> None:
    assert Marginal.of([1.0, 3.0]).stationary == (0.25, 0.75)
    assert Uniform.of([1.0, 3.0]) == Uniform(2)
    assert Absorbing.of([1.0, 3.0]) == Absorbing(2)
    assert [is_absorbing(k) for k in KERNELS] == [False, True, False, False, False]
    assert stationary_like(Absorbing(2), torch.zeros(1)).tolist() == [0.0, 0.0, 1.0]
