from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions
from suffuse.errors import RecipeError
from suffuse.guidance import ClassifierFree
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, RectifiedFlow
from suffuse.rng import Rng
from suffuse.sampling import DDIM, LogSnr, sample
from tests.oracles import Exact, GaussianMixture, three_modes


class ByMode:
    """The exact belief of a mixture, or of the one component that a label names; counts its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, x: Tensor, t: Any, conditions: Conditions) -> Posterior:
        self.calls.append(len(x))
        mixture = three_modes()
        free = Exact(mixture, RectifiedFlow())(x, t, {}).mean
        label = conditions["label"]
        rows = [
            Exact(GaussianMixture(mixture.means[k : k + 1], mixture.std), RectifiedFlow())(x, t, {}) for k in range(3)
        ]
        chosen = torch.stack([r.mean for r in rows], 1)[torch.arange(len(x)), label.value]  # type: ignore[arg-type]
        return Posterior(torch.where(label.present[:, None], chosen, free))  # type: ignore[arg-type]


def labels(count: int) -> dict[str, Condition]:
    return {"label": Condition(torch.arange(count) % 3, torch.ones(count, dtype=torch.bool))}


def test_weight_one_is_off_and_costs_nothing() -> None:
    denoiser = ByMode()
    x = Rng.of(0, 6).normal(torch.zeros(6, 2, dtype=torch.float64))
    guided = ClassifierFree(denoiser, 1.0)(x, 0.5, labels(6))
    assert denoiser.calls == [6]
    assert torch.equal(guided.mean, denoiser(x, 0.5, labels(6)).mean)  # type: ignore[arg-type]


@pytest.mark.parametrize("t", [0.5, torch.full((6,), 0.5, dtype=torch.float64)], ids=["one", "each"])
def test_formula_in_one_call(t: Any) -> None:
    denoiser = ByMode()
    x = Rng.of(0, 6).normal(torch.zeros(6, 2, dtype=torch.float64))
    guided = ClassifierFree(denoiser, 3.0)(x, t, labels(6)).mean
    assert denoiser.calls == [12]
    given = denoiser(x, t, labels(6)).mean
    nothing = {"label": Condition(torch.zeros(6, dtype=torch.int64), torch.zeros(6, dtype=torch.bool))}
    free = denoiser(x, t, nothing).mean
    assert torch.allclose(guided, free + 3.0 * (given - free))  # type: ignore[operator, arg-type]


def test_outside_the_interval_the_second_evaluation_is_not_made() -> None:
    denoiser = ByMode()
    guided = ClassifierFree(denoiser, 3.0, RectifiedFlow(), (0.5, 2.0))
    x = torch.zeros(4, 2, dtype=torch.float64)
    for t in (0.9, 0.5, 0.1):  # σ/α of 9, 1 and 0.11
        guided(x, t, labels(4))
    assert denoiser.calls == [4, 8, 4]


def test_guidance_draws_samples_into_their_class() -> None:
    """With labels every sample ends at its component, and with weight the farther from the others."""
    like = torch.zeros(300, 2, dtype=torch.float64)
    spread = []
    for weight in (1.0, 2.0):
        guided = ClassifierFree(ByMode(), weight)
        x = sample(DDIM(), guided, Gaussian(), LogSnr(40), rng=Rng.of(0, 300), like=like, conditions=labels(300))
        assert isinstance(x, Tensor)
        distance = torch.cdist(x, three_modes().means)
        assert (distance.argmin(1) == torch.arange(300) % 3).float().mean() > 0.95
        spread.append(x.norm(dim=1).mean().item())
    assert spread[1] > spread[0] + 0.05


@pytest.mark.parametrize(("weight", "interval"), [(math.nan, (0.0, math.inf)), (2.0, (3.0, 1.0)), (2.0, (-1.0, 1.0))])
def test_nonsense_is_told(weight: float, interval: tuple[float, float]) -> None:
    with pytest.raises(RecipeError, match="guidance"):
        ClassifierFree(ByMode(), weight, RectifiedFlow(), interval)
