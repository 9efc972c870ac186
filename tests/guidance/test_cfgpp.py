from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.guidance import CFGpp, ClassifierFree
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, Product, VPLinear, log_snr
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DPMpp, LogSnr, Sampler, Step, sample
from tests.guidance.oracles import by_mode, label, labels

VP = Gaussian(VPLinear())


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


def paper_step(x: Tensor, t: float, s: float, eps_c: Tensor, eps_u: Tensor, scale: float) -> Tensor:
    """Chung et al. 2024, algorithm 2 (their √ᾱ is α, and √(1 - ᾱ) is σ)."""
    (alpha_t, sigma_t), (alpha_s, sigma_s) = ((VP.schedule.alpha(r), VP.schedule.sigma(r)) for r in (t, s))
    eps = eps_u + scale * (eps_c - eps_u)
    x0 = (x - sigma_t * eps) / alpha_t
    return alpha_s * x0 + sigma_s * eps_u


@pytest.mark.parametrize("scale", [0.0, 0.6, 1.0])
def test_step_of_the_paper(scale: float) -> None:
    denoiser, t, s = by_mode(VP.schedule), 0.5, 0.4
    guided = CFGpp(denoiser, VP, scale)
    now = DDIM().step(guided, VP, Step(points(), t, total=1), s, Rng.of(0, 6), labels(6))
    assert denoiser.calls == [12]

    def eps(mean: Tensor) -> Tensor:
        return (points() - VP.schedule.alpha(t) * mean) / VP.schedule.sigma(t)

    given, free = denoiser(points(), t, labels(6)).mean, denoiser.free(points(), t)
    assert torch.allclose(now.x, paper_step(points(), t, s, eps(given), eps(free), scale), atol=1e-12)  # type: ignore[arg-type]


def test_it_is_classifier_free_guidance_whose_weight_depends_on_the_step() -> None:
    """A step of CFG++ is one of weight λ/(1 - e⁻ʰ), with h the step's length in log(α/σ)."""
    t, s, scale = 0.5, 0.4, 0.6
    h = 0.5 * (log_snr(VP.schedule, s) - log_snr(VP.schedule, t))
    weight = scale / (1.0 - math.exp(-h))
    steps = [
        DDIM().step(g, VP, Step(points(), t, total=1), s, Rng.of(0, 6), labels(6)).x
        for g in (CFGpp(by_mode(VP.schedule), VP, scale), ClassifierFree(by_mode(VP.schedule), VP, weight))
    ]
    assert torch.allclose(*steps, atol=1e-12)  # type: ignore[arg-type]


def test_a_multistep_solver_renoises_by_the_anchor_too() -> None:
    """At order 1 it is DDIM, step for step; at order 2 both the mean and the noise are drawn out from the past."""
    like = torch.zeros(30, 2, dtype=torch.float64)

    def run(sampler: Sampler, guidance: Any) -> Any:
        guided = guidance(by_mode(VP.schedule), VP, 0.6)
        return sample(sampler, guided, VP, LogSnr(10), rng=Rng.of(0, 30), like=like, conditions=labels(30))

    assert torch.allclose(run(DPMpp(1), CFGpp), run(DDIM(), CFGpp), atol=1e-12)
    assert not torch.allclose(run(DPMpp(2), CFGpp), run(DPMpp(2), ClassifierFree), atol=0.1)


def test_without_conditions_and_against_negative_ones() -> None:
    denoiser = by_mode(VP.schedule)
    belief = CFGpp(denoiser, VP, 0.6)(points(), 0.5, label(*[None] * 6))
    assert denoiser.calls == [6]
    assert belief.anchor is None
    belief = CFGpp(denoiser, VP, 0.6, negative=label(2))(points(), 0.5, labels(6))
    against, given = denoiser(points(), 0.5, label(*[2] * 6)).mean, denoiser(points(), 0.5, labels(6)).mean
    assert torch.allclose(belief.mean, against + 0.6 * (given - against), atol=1e-13)
    assert torch.allclose(belief.noise_mean, against, atol=1e-13)


def test_on_a_product() -> None:
    process = Product({"size": VP, "colour": Categorical(Uniform(2))})

    def denoiser(x: Any, t: Any, conditions: Any) -> Posterior:
        size = torch.where(conditions["label"].present, 1.0, -1.0).double()[:, None]
        return Posterior({"size": size, "colour": torch.stack([size, -size], -1).softmax(-1)})

    x = {"size": torch.zeros(2, 1).double(), "colour": torch.zeros(2, 1, 2).double()}
    belief = CFGpp(denoiser, process, 0.75)(x, 0.5, label(0, 1))
    assert isinstance(belief.mean, dict) and isinstance(belief.anchor, dict)
    assert torch.allclose(belief.mean["size"], torch.full((2, 1), 0.5, dtype=torch.float64))
    logits = torch.tensor([0.5, -0.5], dtype=torch.float64)  # between (1, -1) and (-1, 1)
    assert torch.allclose(belief.mean["colour"], logits.softmax(-1).expand(2, 1, 2))
    assert torch.equal(belief.anchor["size"], torch.full((2, 1), -1.0, dtype=torch.float64))


def test_nonsense_is_told() -> None:
    with pytest.raises(RecipeError, match="scale"):
        CFGpp(by_mode(VP.schedule), VP, math.nan)
