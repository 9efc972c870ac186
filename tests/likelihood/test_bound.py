"""Evidence lower bounds, against likelihoods that are known or can be summed up."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.likelihood import elbo, noise_levels, profile
from suffuse.posterior import Posterior, Time
from suffuse.process import EDM, VE, Cosine, Gaussian, Product, RectifiedFlow, Schedule, SubVP, VPLinear, noise_ratio
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing, Marginal, Uniform
from suffuse.rng import Rng
from suffuse.state import State, take
from tests.likelihood.test_density import Padded, standard, white
from tests.oracles import Exact, GaussianMixture, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def within(found: Tensor, expected: float, deviations: float = 4.5) -> bool:
    """Whether independent estimates agree with a number, by their own scatter."""
    return abs(float(found.mean()) - expected) < deviations * float(found.std()) / math.sqrt(len(found)) + 1e-9


# Gaussian fields ------------------------------------------------------------------------------------------------------


@schedules
def test_the_bound_is_the_density_of_a_gaussian(schedule: Schedule) -> None:
    """With the exact denoiser the bound is tight, sample by sample."""
    mixture = GaussianMixture(torch.tensor([[0.3, -0.2, 0.1]], dtype=torch.float64), 0.9)
    x = torch.tensor([[1.0, -0.5, 0.4]], dtype=torch.float64).expand(4000, 3)
    found = elbo(Exact(mixture, schedule), Gaussian(schedule), x, rng=Rng.of(0, 4000), levels=6)
    assert found.evaluations == 7
    assert within(found.nats, float(mixture.log_prob(x[:1])))
    assert torch.allclose(found.nats, found.fields[""])
    assert torch.allclose(found.nats, found.prior + found.path.mean(1))


@schedules
def test_the_bound_is_the_density_of_a_mixture(schedule: Schedule) -> None:
    mixture = standard()
    x = mixture.sample(3).repeat_interleave(2000, 0)
    found = elbo(Exact(mixture, schedule), Gaussian(schedule), x, rng=Rng.of(0, 6000), levels=10)
    for i in range(3):
        assert within(found.nats[2000 * i : 2000 * (i + 1)], float(mixture.log_prob(x[2000 * i : 2000 * i + 1])))


def test_a_wrong_denoiser_gets_less() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    wrong = Exact(GaussianMixture(mixture.means * 0.7, mixture.std * 1.4), process.schedule)
    x = mixture.sample(400)
    options: dict[str, Any] = {"rng": Rng.of([0] * 400), "levels": 16, "draws": 2}
    right = elbo(Exact(mixture, process.schedule), process, x, **options).nats
    assert float(right.mean()) > float(elbo(wrong, process, x, **options).nats.mean()) + 0.1


def test_the_prior_is_paid_for() -> None:
    """σ/α ends at 2: the bound is the density less KL(p₁ ‖ N(0, σ² + v)), which is on average the exact figure."""
    mixture, schedule = white(2, 1.0), EDM(2.0)
    x = mixture.sample(4000)
    for variance in (1.0, 0.0):
        found = elbo(Exact(mixture, schedule), Gaussian(schedule), x, rng=Rng.of(0, 4000), levels=8, variance=variance)
        ratio = (4.0 + 1.0) / (4.0 + variance)
        assert within(found.nats - mixture.log_prob(x), -(ratio - 1.0 - math.log(ratio)))


def test_samples_of_one_seed_share_their_noise() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    denoiser = Exact(mixture, process.schedule)
    x = mixture.sample(5)
    together = elbo(denoiser, process, x, rng=Rng.of([3] * 5), levels=8).nats
    alone = torch.cat([elbo(denoiser, process, x[i : i + 1], rng=Rng.of(3), levels=8).nats for i in range(5)])
    assert torch.allclose(together, alone, atol=1e-10)


def test_error_of_the_draws() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    x = mixture.sample(1).expand(300, 2)
    found = elbo(Exact(mixture, process.schedule), process, x, rng=Rng.of(0, 300), levels=4, draws=3)
    assert found.path.shape == (300, 3)
    assert float(found.error.square().mean().sqrt()) == pytest.approx(float(found.nats.std()), rel=0.2)


def test_padding_contributes_nothing() -> None:
    schedule = RectifiedFlow()
    process = Product({"a": Gaussian(schedule)})
    real = torch.tensor([[True, True, True], [True, False, False]])
    x: State = {"a": white(6).sample(2).reshape(2, 3, 2) * real[..., None], "mask": real}
    rng = Rng.of(0, 2)
    found = elbo(Padded(schedule), process, x, rng=rng, levels=8, draws=2)
    short = {"a": x["a"][1:, :1], "mask": real[1:, :1]}  # type: ignore[index]
    assert torch.allclose(found.nats[1:], elbo(Padded(schedule), process, short, rng=rng[1:], levels=8, draws=2).nats)
    many = take(x, torch.tensor([1] * 3000))
    bound = elbo(Padded(schedule), process, many, rng=Rng.of(0, 3000), levels=8).nats
    assert within(bound, float(white(2).log_prob(x["a"][1:, 0])))  # type: ignore[index]


# Categorical fields ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A joint distribution of ``n`` entries of ``k`` classes, as a table that can be summed over."""

    n: int
    k: int
    seed: int = 0
    weights: Tensor = field(init=False)

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.rand(self.k**self.n, generator=generator, dtype=torch.float64).pow(3.0)
        object.__setattr__(self, "weights", drawn / drawn.sum())

    @property
    def states(self) -> Tensor:
        """All states, one-hot ``[k^n, n, k]``."""
        rows = torch.tensor(list(itertools.product(range(self.k), repeat=self.n)))
        return torch.nn.functional.one_hot(rows, self.k).double()

    def belief(self, likelihood: Tensor) -> Tensor:
        """E[x₀ | x_t] ``[batch, n, k]``, given p(x_tⁱ | x₀ⁱ = class) ``[batch, n, k]``."""
        each = torch.einsum("bnk,snk->bsn", likelihood, self.states).prod(-1) * self.weights
        return torch.einsum("bs,snk->bnk", each / each.sum(-1, keepdim=True), self.states)


@dataclass(frozen=True)
class ExactTable:
    """The exact denoiser of a table under a process."""

    table: Table
    process: Categorical

    def __call__(self, x_t: State, t: Time, conditions: Any) -> Posterior:
        assert isinstance(x_t, Tensor)
        alpha = torch.as_tensor(self.process.alpha(t), dtype=torch.float64).reshape(-1, 1, 1)
        if self.process.absorbing:
            masked = (x_t == 0.0).all(-1, keepdim=True)
            return Posterior(self.table.belief(torch.where(masked, 1.0, x_t)))
        pi = torch.tensor(self.process.kernel.stationary, dtype=torch.float64)
        chance = (x_t * pi).sum(-1, keepdim=True)
        return Posterior(self.table.belief(alpha * x_t + (1.0 - alpha) * chance))


def ordered(table: Table, row: int) -> float:
    """The bound over random orders, summed up over all of them."""
    x0, total = table.states[row], 0.0
    for order in itertools.permutations(range(table.n)):
        for place, i in enumerate(order):
            likelihood = torch.ones(1, table.n, table.k, dtype=torch.float64)
            for known in order[:place]:
                likelihood[0, known] = x0[known]
            total += math.log(float((table.belief(likelihood)[0, i] * x0[i]).sum()))
    return total / math.factorial(table.n)


@pytest.mark.parametrize("schedule", [RectifiedFlow(), Cosine(), VPLinear()], ids=lambda s: type(s).__name__)
def test_masks_have_the_bound_over_orders(schedule: Schedule) -> None:
    table = Table(3, 3)
    process = Categorical(Absorbing(3), schedule)
    for row in (0, 7, 22):
        x = table.states[row].expand(3000, 3, 3)
        found = elbo(ExactTable(table, process), process, x, rng=Rng.of(0, 3000), levels=64)
        assert found.evaluations == 3  # no more than there are entries: the sum over counts is whole
        assert float(found.prior.abs().max()) == 0.0
        expected = ordered(table, row)
        assert within(found.nats, expected)
        assert expected <= math.log(float(table.weights[row]))
        few = elbo(ExactTable(table, process), process, x, rng=Rng.of(0, 3000), levels=2)
        assert few.evaluations == 2
        assert within(few.nats, expected)


def test_the_masked_time_is_that_of_the_schedule() -> None:
    """The share of masked entries that the denoiser is told of is the share that is masked."""
    process, seen = Categorical(Absorbing(3), Cosine()), []

    def denoiser(x_t: Tensor, t: Tensor, conditions: Any) -> Posterior:
        gone = (x_t == 0.0).all(-1).double().mean()
        seen.append((float(gone), float((1.0 - process.schedule.alpha(t)).mean())))
        return Posterior(torch.full_like(x_t, 1.0 / 3.0))

    x = Table(3, 3).states[5].repeat(1000, 100, 1)
    elbo(denoiser, process, x, rng=Rng.of(0, 1000), levels=5)  # type: ignore[arg-type]
    for gone, told in seen:
        assert gone == pytest.approx(told, abs=0.01)


def chain_bound(table: Table, process: Categorical, row: int, steps: int) -> float:
    """The bound of a chain evenly spaced in α, all expectations summed up."""
    x0, states = table.states[row : row + 1], table.states
    alphas = [1.0 - i / steps * (1.0 - process.schedule.alpha(1.0)) for i in range(steps + 1)]
    times = [0.0, *(invert(process.schedule, a) for a in alphas[1:-1]), 1.0]

    def kl(p: Tensor, q: Tensor) -> Tensor:
        return (p * (p.clamp_min(1e-300).log() - q.clamp_min(1e-300).log())).sum((-2, -1))

    pi = torch.tensor(process.kernel.stationary, dtype=torch.float64).expand_as(x0)
    last = process.marginal(x0, 1.0)
    assert isinstance(last, Tensor)
    total = -float(kl(last, pi))
    denoiser = ExactTable(table, process)
    for s, t in itertools.pairwise(times):
        here = process.marginal(x0, t)
        assert isinstance(here, Tensor)
        chance = torch.einsum("snk,nk->sn", states, here[0]).prod(-1)
        true, ours = (
            process.bridge(states, x0.expand_as(states), t, s),
            process.bridge(states, denoiser(states, t, {}).mean, t, s),
        )
        assert isinstance(true, Tensor) and isinstance(ours, Tensor)
        total -= float((chance * kl(true, ours)).sum())
    return total


def invert(schedule: Schedule, alpha: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if schedule.alpha(middle) > alpha else (low, middle)
    return high


def made_by_chain(table: Table, process: Categorical, steps: int) -> Tensor:
    """p(x₀) of ancestral sampling with the exact denoiser, every path summed up."""
    states, denoiser = table.states, ExactTable(table, process)
    alphas = [1.0 - i / steps * (1.0 - process.schedule.alpha(1.0)) for i in range(steps + 1)]
    times = [0.0, *(invert(process.schedule, a) for a in alphas[1:-1]), 1.0]
    pi = torch.tensor(process.kernel.stationary, dtype=torch.float64)
    p = torch.einsum("snk,k->sn", states, pi).prod(-1)
    for s, t in reversed(list(itertools.pairwise(times))):
        step = process.bridge(states, denoiser(states, t, {}).mean, t, s)
        assert isinstance(step, Tensor)
        p = p @ torch.einsum("snk,rnk->srn", step, states).prod(-1)
    return p


KERNELS = [Uniform(3), Marginal((0.5, 0.3, 0.2))]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: type(k).__name__)
@pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear()], ids=lambda s: type(s).__name__)
def test_chains_have_the_bound_of_their_steps(kernel: Any, schedule: Schedule) -> None:
    table, steps = Table(2, 3), 6
    process = Categorical(kernel, schedule)
    made = made_by_chain(table, process, steps)
    assert float(made.sum()) == pytest.approx(1.0)
    for row in (0, 5):
        x = table.states[row].expand(3000, 2, 3)
        found = elbo(ExactTable(table, process), process, x, rng=Rng.of(0, 3000), levels=steps)
        assert found.evaluations == steps
        expected = chain_bound(table, process, row, steps)
        assert within(found.nats, expected)
        assert expected < math.log(float(made[row]))


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: type(k).__name__)
def test_more_steps_are_tighter(kernel: Any) -> None:
    table, process = Table(2, 3), Categorical(kernel)
    p = table.weights.tolist()
    bounds = [sum(p[row] * chain_bound(table, process, row, steps) for row in range(9)) for steps in (2, 8, 32)]
    assert all(a < b for a, b in itertools.pairwise(bounds))
    assert bounds[-1] < float((table.weights * table.weights.log()).sum())


def test_one_entry_is_bounded_tightly() -> None:
    """One masked entry leaves no order to choose: the bound is the log-probability."""
    table, process = Table(1, 4), Categorical(Absorbing(4))
    found = elbo(ExactTable(table, process), process, table.states, rng=Rng.of(0, 4))
    assert torch.allclose(found.nats, table.weights.log())


@pytest.mark.parametrize("kernel", [Absorbing(3), *KERNELS], ids=lambda k: type(k).__name__)
def test_symmetric_entries_count_once_and_padding_not_at_all(kernel: Any) -> None:
    """Of an edge matrix of 3 nodes, 2 real: three independent entries on and above the diagonal."""
    process = Product({"e": Categorical(kernel, symmetric=True)})
    real = torch.tensor([[True, True, False]])
    e = torch.nn.functional.one_hot(torch.tensor([[[0, 1, 0], [1, 2, 0], [0, 0, 0]]]), 3).double()
    pairs = (real[:, :, None] & real[:, None])[..., None]
    x: State = {"e": e * pairs, "e.mask": pairs[..., 0]}
    chance = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    member = process.fields["e"]
    assert isinstance(member, Categorical)

    def denoiser(x_t: Any, t: Time, conditions: Any) -> Posterior:
        here = x_t["e"]
        pi = torch.tensor(kernel.stationary[:3], dtype=torch.float64)
        alpha = torch.as_tensor(member.alpha(t), dtype=torch.float64).reshape(-1, 1, 1, 1)
        noise = pi if not member.absorbing else torch.ones(3).double()
        seen = (here * noise).sum(-1, keepdim=True) if not member.absorbing else 0.0
        likelihood = alpha * here + (1.0 - alpha) * seen
        if member.absorbing:
            likelihood = torch.where((here == 0.0).all(-1, keepdim=True), 1.0, here)
        belief = likelihood * chance
        return Posterior({"e": belief / belief.sum(-1, keepdim=True) + torch.where(pairs, 0.0, 5.0)})

    n, steps = 2000, 24
    found = elbo(denoiser, process, take(x, torch.tensor([0] * n)), rng=Rng.of(0, n), levels=steps)
    exact = float(chance[[0, 1, 2]].log().sum())
    if member.absorbing:
        assert within(found.nats, exact)
    else:  # the steps are exact for independent entries: what is left is the prior's mismatch, here none
        assert float(found.nats.mean()) == pytest.approx(exact, abs=0.05)
    short: State = {"e": x["e"][:, :2, :2], "e.mask": x["e.mask"][:, :2, :2]}  # type: ignore[index]
    pairs = pairs[:, :2, :2]
    again = elbo(denoiser, process, take(short, torch.tensor([0] * n)), rng=Rng.of(0, n), levels=steps)
    assert torch.allclose(found.nats, again.nats, atol=1e-9)


# Products -------------------------------------------------------------------------------------------------------------


def test_a_product_is_the_sum_of_its_fields() -> None:
    """Independent fields of three kinds under two schedules: the sum of what each gets alone."""
    mixture, masked, chain = standard(), Table(2, 3, 1), Table(2, 3, 2)
    members: dict[str, Any] = {
        "x": Gaussian(Cosine()),
        "m": Categorical(Absorbing(3), Cosine()),
        "c": Categorical(Uniform(3)),
        "y": Gaussian(RectifiedFlow()),
    }
    process = Product(members)
    beliefs: dict[str, Any] = {
        "x": Exact(mixture, Cosine()),
        "m": ExactTable(masked, members["m"]),
        "c": ExactTable(chain, members["c"]),
        "y": Exact(mixture, RectifiedFlow()),
    }

    def denoiser(x_t: Any, t: Time, conditions: Any) -> Posterior:
        return Posterior({name: belief(x_t[name], t, {}).mean for name, belief in beliefs.items()})

    n = 3000
    data = {"x": mixture.sample(1), "m": masked.states[2:3], "c": chain.states[4:5], "y": mixture.sample(1, 5)}
    x: State = {name: value.expand(n, *value.shape[1:]) for name, value in data.items()}
    found = elbo(denoiser, process, x, rng=Rng.of(0, n), levels=6)
    assert found.evaluations == 7 + 7 + 2 + 6
    expected = {
        "x": float(mixture.log_prob(data["x"])),
        "m": ordered(masked, 2),
        "c": chain_bound(chain, members["c"], 4, 6),
        "y": float(mixture.log_prob(data["y"])),
    }
    for name, nats in found.fields.items():
        assert within(nats, expected[name]), name
    assert torch.allclose(found.nats, torch.stack([*found.fields.values()]).sum(0))


def test_fields_of_a_kind_share_their_evaluations() -> None:
    process = Product(
        {"a": Gaussian(), "b": Gaussian(), "c": Categorical(Absorbing(2)), "d": Categorical(Absorbing(2))}
    )
    x = {
        "a": torch.zeros(1, 2), "b": torch.zeros(1, 3),
        "c": torch.eye(2)[None], "d": torch.eye(2)[None],
    }  # fmt: skip

    def denoiser(x_t: Any, t: Time, conditions: Any) -> Posterior:
        return Posterior({"a": x_t["a"], "b": x_t["b"], "c": 0.5 + 0.0 * x_t["c"], "d": 0.5 + 0.0 * x_t["d"]})

    found = elbo(denoiser, process, x, rng=Rng.of(0), levels=16)
    assert found.evaluations == 17 + 4
    assert float(found.fields["c"] + found.fields["d"]) == pytest.approx(4.0 * math.log(0.5))


def test_wrong_requests_are_told() -> None:
    denoiser, x = Exact(standard(), RectifiedFlow()), torch.zeros(1, 2)

    class Strange:
        schedule = RectifiedFlow()

    for options in ({"levels": 0}, {"draws": 0}):
        with pytest.raises(RecipeError, match=next(iter(options))):
            elbo(denoiser, Gaussian(), x, rng=Rng.of(0), **options)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="profile"):
        elbo(denoiser, Strange(), x, rng=Rng.of(0))  # type: ignore[arg-type]


# Profiles -------------------------------------------------------------------------------------------------------------


@schedules
def test_profile_of_white_noise_is_one(schedule: Schedule) -> None:
    """Data of unit variance: (1 + SNR) times the best squared error is 1 at every noise level."""
    x = white(3000, 1.0).sample(1)
    process = Gaussian(schedule)
    found = profile(Exact(white(3000, 1.0), schedule), process, x, levels=5, draws=2)
    assert found.errors.shape == (1, 5)
    assert found.errors[0].tolist() == pytest.approx([1.0] * 5, abs=0.1)
    ratios = [noise_ratio(schedule, t) for t in found.times]
    assert ratios[0] == pytest.approx(0.2) and ratios[-1] == pytest.approx(5.0)
    assert noise_levels(process, 5) == found.times


def test_profile_has_the_expected_errors() -> None:
    """One Gaussian: E‖x₀ - x̂₀‖² in closed form, for a sample that is odd and for one that is not."""
    mixture, process = white(2), Gaussian(RectifiedFlow())
    x = torch.tensor([[0.1, 0.0], [3.0, -2.0]], dtype=torch.float64)
    found = profile(Exact(mixture, process.schedule), process, x, levels=[0.3, 0.6], draws=1000)
    for column, t in enumerate((0.3, 0.6)):
        alpha, sigma = 1.0 - t, t
        gain = alpha * 0.49 / (alpha**2 * 0.49 + sigma**2)
        error = (1.0 - gain * alpha) ** 2 * x.square().mean(1) + gain**2 * sigma**2
        expected = (1.0 + (alpha / sigma) ** 2) * error
        assert found.errors[:, column].tolist() == pytest.approx(expected.tolist(), rel=0.15)


def test_profile_does_not_depend_on_the_batch() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    denoiser = Exact(mixture, process.schedule)
    x = mixture.sample(4)
    together = profile(denoiser, process, x, levels=4, draws=2).errors
    for i in range(4):
        assert torch.allclose(profile(denoiser, process, x[i : i + 1], levels=4, draws=2).errors, together[i : i + 1])
    twins = profile(denoiser, process, x[:1].expand(3, 2), levels=4).errors
    assert torch.equal(twins[0], twins[1]) and torch.equal(twins[0], twins[2])
    assert not torch.allclose(profile(denoiser, process, x, levels=4, seed=1).errors, together)


@pytest.mark.parametrize("kernel", [Absorbing(3), Uniform(3)], ids=lambda k: type(k).__name__)
def test_profile_of_every_process(kernel: Any) -> None:
    """An unlikely row gets larger errors than a likely one."""
    table, process = Table(3, 3), Categorical(kernel)
    likely, unlikely = int(table.weights.argmax()), int(table.weights.argmin())
    x = table.states[[likely, unlikely]]
    errors = profile(ExactTable(table, process), process, x, levels=4, draws=50).errors
    assert bool((errors[1] > errors[0] + 0.1).all())


def test_wrong_levels_are_told() -> None:
    denoiser, x = Exact(three_modes(), RectifiedFlow()), torch.zeros(1, 2)
    for options in ({"levels": 0}, {"levels": []}, {"levels": [0.0]}, {"levels": [1.5]}, {"draws": 0}):
        with pytest.raises(RecipeError, match=next(iter(options))):
            profile(denoiser, Gaussian(), x, **options)  # type: ignore[arg-type]
