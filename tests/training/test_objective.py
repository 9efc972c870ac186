"""Weights make the x₀ error equal to the losses that they are named after; times follow their distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import Condition
from suffuse.denoise import Preconditioned
from suffuse.errors import RecipeError
from suffuse.process import EDM, Cosine, Gaussian, Interpolant, RectifiedFlow, Schedule, VPLinear, noise_ratio
from suffuse.recipe import EmaSection, Named, OptimizerSection, load_recipe
from suffuse.rng import Rng
from suffuse.trained import component
from suffuse.training.batches import indices
from suffuse.training.ema import Average, Power, make_decay
from suffuse.training.objective import Objective, Uncertainty, drop_some
from suffuse.training.optimizer import learning_rate, make_optimizer
from tests.toy import recipe


class Constant(nn.Module):
    """Predicts the same number everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.3))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor, level: Tensor, conditions: dict[str, Condition]) -> Tensor:
        if conditions:
            self.seen.append(conditions["label"].present)
        return self.value.to(x.dtype).expand_as(x)


@pytest.mark.parametrize(
    ("weight", "predict", "schedule"),
    [
        ("snr", "eps", VPLinear()),
        ("v", "v", VPLinear()),
        ("v", "v", Cosine()),
        ("flow", "flow", RectifiedFlow()),
        ("edm", "edm", EDM()),
        ("uniform", "x0", RectifiedFlow()),
    ],
)
def test_weight_gives_the_loss_of_the_target(weight: str, predict: str, schedule: Schedule) -> None:
    """The weighted x₀ error is the mean squared error of what the network itself predicts."""
    rng, t = Rng.of(0, 4), torch.tensor([0.05, 0.3, 0.6, 0.95], dtype=torch.float64)
    x0 = rng.at("x0").normal(torch.zeros(4, 6, dtype=torch.float64))
    noise = rng.at("corrupt").normal(x0)
    alpha, sigma = schedule.alpha(t)[:, None], schedule.sigma(t)[:, None]
    variance = alpha**2 + sigma**2
    target = {
        "eps": noise,
        "v": alpha * noise - sigma * x0,
        "flow": noise - x0,
        "x0": x0,
        "edm": (variance * x0 - alpha * (alpha * x0 + sigma * noise)) / (sigma * variance.sqrt()),
    }[predict]
    objective = Objective(
        Preconditioned(Constant(), Gaussian(schedule), predict),
        component("times", Named(name="uniform")),
        component("weighting", Named(name=weight)),
    )
    loss, _ = objective.at(x0, t, {}, rng)
    assert torch.allclose(loss, (target - 0.3).square().mean(1), rtol=1e-6)


def test_min_snr_is_capped() -> None:
    weight = component("weighting", Named(name="min-snr", gamma=5.0))
    assert weight(torch.tensor([-2.0, 0.0, 10.0], dtype=torch.float64)).tolist() == pytest.approx(
        [math.exp(-2), 1.0, 5.0]
    )


@pytest.mark.parametrize("schedule", [VPLinear(), RectifiedFlow(), EDM()])
def test_log_normal_times(schedule: Schedule) -> None:
    u = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    t = component("times", Named(name="log-normal")).quantile(u, schedule)
    logs = noise_ratio(schedule, t).log()
    assert logs.mean().item() == pytest.approx(-1.2, abs=0.01)
    assert logs.std().item() == pytest.approx(1.2, abs=0.01)


def test_logit_normal_times() -> None:
    u = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    t = component("times", Named(name="logit-normal")).quantile(u, RectifiedFlow())
    assert t.logit().std().item() == pytest.approx(1.0, abs=0.01)


def test_uniform_times_between_two() -> None:
    u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
    t = component("times", Named(name="uniform", first=0.5, last=1.0)).quantile(u, RectifiedFlow())
    torch.testing.assert_close(t, torch.linspace(0.5, 1.0, 5, dtype=torch.float64))
    with pytest.raises(RecipeError, match="are no times"):
        component("times", Named(name="uniform", first=0.9, last=0.1))


def test_relative_losses_count_small_damages_as_much_as_large_ones() -> None:
    size = torch.tensor([[2.0], [0.2]], dtype=torch.float64)
    process = Interpolant(lambda x0, rng: x0 + size)
    parts = component("times", Named(name="uniform")), component("weighting", Named(name="flow"))
    denoiser = Preconditioned(Constant(), process, "flow")
    x0, t = torch.randn(2, 5, dtype=torch.float64), torch.tensor([0.3, 0.8], dtype=torch.float64)
    plain, _ = Objective(denoiser, *parts).at(x0, t, {}, Rng.of(0, 2))
    relative, _ = Objective(denoiser, *parts, relative=True).at(x0, t, {}, Rng.of(0, 2))
    torch.testing.assert_close(plain, (size[:, 0] - 0.3).square())
    torch.testing.assert_close(relative, ((size - 0.3) / size).square()[:, 0])
    unchanged = Interpolant(lambda x0, rng: x0)
    nothing, _ = Objective(Preconditioned(Constant(), unchanged, "flow"), *parts, relative=True).at(
        x0, t, {}, Rng.of(0, 2)
    )
    assert nothing.isfinite().all()
    with pytest.raises(RecipeError, match="bridges"):
        Objective(Preconditioned(Constant(), Gaussian(), "flow"), *parts, relative=True)


def test_conditions_are_dropped_as_often_as_asked() -> None:
    network = Constant()
    denoiser = Preconditioned(network, Gaussian())
    objective = Objective(
        denoiser, component("times", Named(name="uniform")), component("weighting", Named(name="flow")), 0.25
    )
    given = {"label": Condition(torch.zeros(2000, dtype=torch.int64), torch.ones(2000, dtype=torch.bool))}
    objective(torch.zeros(2000, 1), given, Rng.of(0, 2000))
    assert network.seen[0].float().mean().item() == pytest.approx(0.75, abs=0.04)


def test_each_of_several_conditions_is_left_out_alone_too() -> None:
    count, share = 8000, 0.25
    all_there = Condition(torch.zeros(count, dtype=torch.int64), torch.ones(count, dtype=torch.bool))
    kept = drop_some({"one": all_there, "other": all_there}, share, Rng.of(0, count))
    one, other = kept["one"].present, kept["other"].present
    for pair, expected in (
        ((one & other), (1 - share) ** 3),
        ((one & ~other), (1 - share) ** 2 * share),
        ((other & ~one), (1 - share) ** 2 * share),
    ):
        assert pair.float().mean().item() == pytest.approx(expected, abs=0.02)


def test_learned_uncertainty_finds_the_log_loss() -> None:
    """At its optimum L/e^u + u has u = log E[L]."""
    torch.manual_seed(0)
    module = Uncertainty()
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    snr = torch.linspace(-6, 6, 64, dtype=torch.float64)
    loss = (0.3 * snr).exp().float()
    for _ in range(400):
        u = module(snr)
        (loss * (-u).exp() + u).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert torch.allclose(module(snr), loss.log(), atol=0.1)


def test_power_average_has_the_width_it_is_named_for() -> None:
    """The profile's standard deviation, relative to the length of training (Karras et al. 2024, eq. 4)."""
    steps, rule = 4000, Power(0.1)
    weights = torch.zeros(steps, dtype=torch.float64)
    for k in range(1, steps + 1):
        keep = rule(k)
        weights *= keep
        weights[k - 1] = 1.0 - keep
    at = torch.arange(1, steps + 1, dtype=torch.float64) / steps
    mean = (weights * at).sum()
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-9)
    assert ((weights * (at - mean) ** 2).sum().sqrt()).item() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("kind", ["power", "exponential", "none"])
def test_averages_follow_their_rules(kind: str) -> None:
    network = nn.Linear(2, 2)
    rule = make_decay(EmaSection(kind=kind))  # type: ignore[arg-type]
    average = Average(network, rule)
    expected = network.weight.detach().clone()
    for k in range(1, 6):
        with torch.no_grad():
            network.weight.add_(1.0)
        expected = rule(k) * expected + (1 - rule(k)) * network.weight.detach()
        average.update(k)
    weight = average.network.get_parameter("weight")
    assert torch.allclose(weight, expected, atol=1e-5)
    assert not weight.requires_grad


def test_learning_rate_warms_up_and_falls() -> None:
    section = OptimizerSection(learning_rate=1.0, warmup=10, final=0.1)
    rates = [learning_rate(section, k, 110) for k in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[60] == pytest.approx(0.55, abs=0.01)
    assert rates[110] == pytest.approx(0.1)


def test_decay_spares_gains_and_biases() -> None:
    optimizer = make_optimizer(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), OptimizerSection(weight_decay=0.5))
    decayed = {tuple(p.shape): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decayed == {(3, 3): 0.5, (3,): 0.0}


def test_order_visits_everything_once_an_epoch() -> None:
    seen = indices(10, 0, 0, 30)
    assert all(sorted(seen[k : k + 10]) == list(range(10)) for k in (0, 10, 20))
    assert seen[:10] != seen[10:20]
    assert indices(10, 0, 7, 5) == seen[7:12]
    assert indices(10, 1, 0, 10) != seen[:10]


@pytest.mark.parametrize("field", ["times", "weight"])
def test_unknown_names_are_told(field: str, toy: None) -> None:
    with pytest.raises(RecipeError, match=f"objective.{field}: .*unifrom"):
        load_recipe(recipe(objective={field: "unifrom"}))
    with pytest.raises(RecipeError, match=f"objective.{field}.widht"):
        load_recipe(recipe(objective={field: {"name": "uniform", "widht": 3}}))
