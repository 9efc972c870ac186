"""The likelihood along the probability flow, against densities that are known."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.likelihood import Adaptive, Fixed, log_prob
from suffuse.likelihood.divergence import rademacher, with_divergence
from suffuse.likelihood.flow import Flow
from suffuse.posterior import Posterior
from suffuse.process import EDM, VE, Cosine, Gaussian, Product, RectifiedFlow, Schedule, SubVP, VPLinear
from suffuse.rng import Rng
from suffuse.sampling import Heun, UniformTime, sample
from suffuse.state import State, take
from tests.oracles import Exact, GaussianMixture, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def standard() -> GaussianMixture:
    """Three modes, brought to mean zero and variance one, as a codec brings data."""
    raw = three_modes()
    centred = raw.means - raw.means.mean(0)
    scale = math.sqrt(float(centred.square().mean()) + raw.std**2)
    return GaussianMixture(centred / scale, raw.std / scale)


def white(d: int, std: float = 0.7) -> GaussianMixture:
    return GaussianMixture(torch.zeros(1, d, dtype=torch.float64), std)


@schedules
def test_of_a_mixture_under_every_schedule(schedule: Schedule) -> None:
    mixture = standard()
    x = torch.cat([mixture.sample(24), torch.tensor([[2.5, -2.0], [0.0, 0.0]], dtype=torch.float64)])
    found = log_prob(Exact(mixture, schedule), Gaussian(schedule), x, rng=Rng.of(0, len(x)))
    assert (found.nats - mixture.log_prob(x)).abs().max() < 1e-3
    assert found.evaluations < 200
    assert torch.isnan(found.error).all()


def test_fixed_steps_converge_at_order_four() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    x = mixture.sample(24)
    errors = []
    for steps in (32, 64):
        found = log_prob(Exact(mixture, process.schedule), process, x, rng=Rng.of(0, 24), solver=Fixed(steps))
        assert found.evaluations == 4 * steps + 1
        errors.append(float((found.nats - mixture.log_prob(x)).square().mean().sqrt()))
    assert errors[1] < 1e-5
    assert math.log2(errors[0] / errors[1]) > 3.5


def test_the_first_stretch_is_exact_to_fourth_order() -> None:
    """Read off at a level r, the density is wrong by O(r⁴), not by the noise of level r."""
    mixture, process = standard(), Gaussian(RectifiedFlow())
    x = mixture.sample(24)
    errors = []
    for level in (0.05, 0.1):
        found = log_prob(
            Exact(mixture, process.schedule), process, x, rng=Rng.of(0, 24), level=level, solver=Adaptive(1e-8, 1e-8)
        )
        errors.append(float((found.nats - mixture.log_prob(x)).square().mean().sqrt()))
    smoothed = mixture.log_prob(x, 1.0, 0.1) - mixture.log_prob(x)
    assert math.log2(errors[1] / errors[0]) > 3.5
    assert errors[1] < 0.15 * float(smoothed.square().mean().sqrt())


def test_a_prior_that_still_holds_data() -> None:
    """σ/α ends at 2: given the true density there the answer is exact; variance 1 is nearer to it than variance 0."""
    mixture, schedule = standard(), EDM(2.0)
    x = mixture.sample(64)
    found = {
        name: log_prob(Exact(mixture, schedule), Gaussian(schedule), x, rng=Rng.of(0, 64), **options).nats
        for name, options in {
            "true": {"prior": lambda code: mixture.log_prob(code, 1.0, 2.0)},
            "one": {},
            "none": {"variance": 0.0},
        }.items()
    }
    error = {name: float((nats - mixture.log_prob(x)).abs().mean()) for name, nats in found.items()}
    assert error["true"] < 1e-3
    assert error["one"] < 0.5 * error["none"]


def tilted(d: int) -> GaussianMixture:
    """Two modes that no axis separates, so that the Jacobian has entries off its diagonal."""
    means = torch.stack([torch.zeros(d), torch.linspace(-0.4, 0.4, d)]).double()
    return GaussianMixture(means, 0.5)


def test_hutchinson_is_unbiased_and_tells_its_error() -> None:
    d, n = 70, 100
    mixture, process = tilted(d), Gaussian(RectifiedFlow())
    x = mixture.sample(1)
    denoiser = Exact(mixture, process.schedule)
    exact = log_prob(denoiser, process, x, rng=Rng.of(0), divergence="exact", solver=Fixed(16))
    assert torch.allclose(exact.nats, mixture.log_prob(x), atol=2e-3)
    found = log_prob(denoiser, process, x.expand(n, d), rng=Rng.of(0, n), probes=2, solver=Fixed(16))
    assert found.divergence.shape == (n, 2)
    spread = float(found.nats.std())
    assert float(found.nats.mean()) == pytest.approx(float(exact.nats), abs=4.0 * spread / math.sqrt(n))
    assert float(found.error.square().mean().sqrt()) == pytest.approx(spread, rel=0.3)


def test_probes_are_fixed_and_keyed() -> None:
    process, mixture = Gaussian(RectifiedFlow()), tilted(7)
    x = mixture.sample(6)
    denoiser = Exact(mixture, process.schedule)

    def nats(x: Tensor, rng: Rng) -> Tensor:
        return log_prob(denoiser, process, x, rng=rng, divergence="hutchinson", solver=Fixed(8)).nats

    assert torch.allclose(nats(x, Rng.of(0, 6))[4:5], nats(x[4:5], Rng.of(4)), atol=1e-12)
    assert not torch.allclose(nats(x[4:5], Rng.of(4)), nats(x[4:5], Rng.of(9)), atol=1e-4)


def test_alone_and_in_any_batch() -> None:
    process, mixture = Gaussian(VPLinear()), standard()
    x = torch.cat([mixture.sample(5), torch.full((1, 2), 30.0, dtype=torch.float64)])  # one that is hard to integrate
    denoiser = Exact(mixture, process.schedule)
    together = log_prob(denoiser, process, x, rng=Rng.of(0, 6))
    alone = log_prob(denoiser, process, x[2:3], rng=Rng.of(2))
    assert torch.allclose(together.nats[2:3], alone.nats, atol=1e-11)


def test_the_code_leads_back() -> None:
    mixture, process = standard(), Gaussian(RectifiedFlow())
    x = mixture.sample(16)
    denoiser = Exact(mixture, process.schedule)
    code = log_prob(denoiser, process, x, rng=Rng.of(0, 16)).code
    back = sample(Heun(), denoiser, process, UniformTime(400), rng=Rng.of(0, 16), x=code)
    assert torch.allclose(back, x, atol=1e-4)  # type: ignore[arg-type]


class Padded:
    """The exact belief of white noise, as a network gives it: anything in the padding, and no mask."""

    def __init__(self, schedule: Schedule, std: float = 0.7) -> None:
        self.schedule, self.std = schedule, std

    def __call__(self, x_t: State, t: object, conditions: object) -> Posterior:
        assert isinstance(x_t, dict)
        x = x_t["a"]
        alpha, sigma = (torch.as_tensor(f(t), dtype=torch.float64) for f in (self.schedule.alpha, self.schedule.sigma))
        gain = alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2)
        gain = gain.reshape(-1, *(1 for _ in x.shape[1:]))
        return Posterior({"a": torch.where(x_t["mask"][..., None], gain * x, 7.0 + x.sum())})


@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_padding_contributes_nothing(divergence: str) -> None:
    schedule = RectifiedFlow()
    process = Product({"a": Gaussian(schedule)})
    real = torch.tensor([[True, True, True], [True, False, False]])
    x = {"a": white(6).sample(2).reshape(2, 3, 2) * real[..., None], "mask": real}
    found = log_prob(Padded(schedule), process, x, rng=Rng.of(0, 2), divergence=divergence)  # type: ignore[arg-type]
    expected = [white(6).log_prob(x["a"][:1].flatten(1)), white(2).log_prob(x["a"][1:, 0])]
    assert torch.allclose(found.nats, torch.cat(expected), atol=1e-3)  # the belief is linear: no probe errs
    assert found.entries.tolist() == [6.0, 2.0]
    alone = log_prob(Padded(schedule), process, take(x, slice(1, 2)), rng=Rng.of(1), divergence=divergence)  # type: ignore[arg-type]
    assert torch.allclose(found.nats[1:], alone.nats, atol=1e-9)


def test_conditions_reach_the_denoiser() -> None:
    seen = []

    def denoiser(x: Tensor, t: object, conditions: object) -> Posterior:
        seen.append(conditions)
        return Posterior(0.0 * x)

    given = {"label": object()}
    log_prob(denoiser, Gaussian(), torch.zeros(1, 2), rng=Rng.of(0), conditions=given, solver=Fixed(1))  # type: ignore[arg-type]
    assert seen and all(c is given for c in seen)


def test_divergence_of_known_functions() -> None:
    x = torch.randn(3, 4, dtype=torch.float64)
    value, trace = with_divergence(lambda v: v**3, x, None)  # type: ignore[operator]
    assert torch.allclose(value, x**3)  # type: ignore[arg-type]
    assert torch.allclose(trace[:, 0], 3.0 * x.square().sum(1))
    assert not value.requires_grad  # type: ignore[union-attr]
    matrix = torch.randn(4, 4, dtype=torch.float64)
    probes = [rademacher(x, Rng.of(0, 3).at(i)) for i in range(3)]
    _, estimates = with_divergence(lambda v: v @ matrix.T, x, probes)  # type: ignore[operator]
    for i, v in enumerate(probes):
        assert torch.allclose(estimates[:, i], ((v @ matrix.T) * v).sum(1))  # type: ignore[operator, arg-type]
    _, nothing = with_divergence(lambda v: torch.ones_like(v), x, None)  # type: ignore[arg-type]
    assert nothing.tolist() == [[0.0]] * 3
    with torch.inference_mode():
        _, again = with_divergence(lambda v: v**3, x.clone(), None)  # type: ignore[operator]
    assert torch.allclose(again, trace)


@schedules
def test_flow_knows_its_times(schedule: Schedule) -> None:
    flow = Flow(Exact(standard(), schedule), schedule, {})  # type: ignore[arg-type]
    for points in (flow.graded(12), flow.chebyshev(12)):
        assert len(points) == 13
        assert (points[0], points[-1]) == (flow.first, flow.last)
        assert all(a < b for a, b in itertools.pairwise(points))
    times = flow.path.time(torch.tensor(points, dtype=torch.float64))
    assert isinstance(times, Tensor)
    assert times.tolist() == pytest.approx([flow.path.time(u) for u in points], abs=1e-12)
    assert float(times[-1]) == 1.0 and float(times[0]) > 0.0
    ratio = [schedule.sigma(t) / flow.path.scale(t) for t in times.tolist()]
    assert ratio == pytest.approx(points, rel=1e-6)


def test_wrong_requests_are_told() -> None:
    class Odd(Gaussian):
        pass

    x = torch.zeros(1, 2)
    denoiser = Exact(standard(), RectifiedFlow())
    mixed = Product({"a": Gaussian(), "b": Gaussian(VPLinear())})
    with pytest.raises(UnsupportedError, match="probability flow"):
        log_prob(denoiser, mixed, {"a": x, "b": x}, rng=Rng.of(0))  # type: ignore[arg-type]
    for options, field in (
        ({"divergence": "exakt"}, "divergence"),
        ({"divergence": "hutchinson", "probes": 0}, "probes"),
        ({"level": 0.0}, "level"),
        ({"solver": Fixed(0)}, "steps"),
        ({"solver": Adaptive(rtol=0.0)}, "rtol"),
    ):
        with pytest.raises(RecipeError, match=field):
            log_prob(denoiser, Gaussian(), x, rng=Rng.of(0), **options)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="did you mean 'exact'"):
        log_prob(denoiser, Gaussian(), x, rng=Rng.of(0), divergence="exakt")  # type: ignore[arg-type]
