from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.guidance import AdaptiveProjected, ClassifierFree
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, Product
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from tests.guidance.oracles import label

PROCESS = Gaussian()


def project(v0: Tensor, v1: Tensor) -> tuple[Tensor, Tensor]:
    """Sadat et al. 2024, algorithm 1."""
    v1 = torch.nn.functional.normalize(v1, dim=(-1, -2, -3))
    parallel = (v0 * v1).sum(dim=(-1, -2, -3), keepdim=True) * v1
    return parallel, v0 - parallel


def paper(given: Tensor, free: Tensor, scale: float, eta: float, norm_threshold: float) -> Tensor:
    """Sadat et al. 2024, algorithm 1, without the momentum buffer."""
    diff = given - free
    if norm_threshold > 0:
        diff_norm = diff.norm(p=2, dim=(-1, -2, -3), keepdim=True)
        diff = diff * torch.minimum(torch.ones_like(diff), norm_threshold / diff_norm)
    parallel, orthogonal = project(diff, given)
    return given + (scale - 1) * (orthogonal + eta * parallel)


class Two:
    """One belief with the condition, another without; whatever x_t is."""

    def __init__(self, given: Any, free: Any) -> None:
        self.given, self.free = given, free
        self.calls: list[int] = []

    def __call__(self, x: Any, t: Any, conditions: Any) -> Posterior:
        present = conditions["label"].present
        self.calls.append(len(present))
        index = torch.arange(len(present)) % self._count()
        if isinstance(self.given, Tensor):
            return Posterior(self._chosen(present, self.given[index], self.free[index]))
        return Posterior({k: self._chosen(present, v[index], self.free[k][index]) for k, v in self.given.items()})

    def _count(self) -> int:
        return len(self.given if isinstance(self.given, Tensor) else next(iter(self.given.values())))

    @staticmethod
    def _chosen(present: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return torch.where(present.reshape(-1, *(1,) * (a.ndim - 1)), a, b)


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("norm", [None, 0.2, 10.0])
def test_algorithm_of_the_paper(eta: float, norm: float | None) -> None:
    given, free = randn(4, 3, 5, 5, seed=0), randn(4, 3, 5, 5, seed=1)
    denoiser = Two(given, free)
    guided = AdaptiveProjected(denoiser, PROCESS, 4.0, eta, norm)(given, 0.5, label(0, 1, 0, 2)).mean
    threshold = 0.0 if norm is None else norm * math.sqrt(3 * 5 * 5)
    assert torch.allclose(guided, paper(given, free, 4.0, eta, threshold), atol=1e-12)  # type: ignore[arg-type]
    assert denoiser.calls == [8]


def test_with_all_of_the_parallel_part_it_is_classifier_free_guidance() -> None:
    denoiser = Two(randn(2, 6, seed=0), randn(2, 6, seed=1))
    beliefs = [
        g(randn(2, 6, seed=2), 0.5, label(0, 1)).mean
        for g in (AdaptiveProjected(denoiser, PROCESS, 4.0, eta=1.0), ClassifierFree(denoiser, PROCESS, 4.0))
    ]
    assert torch.allclose(*beliefs, atol=1e-12)  # type: ignore[arg-type]


def test_off() -> None:
    denoiser = Two(randn(2, 6, seed=0), randn(2, 6, seed=1))
    for weight, asked in ((1.0, label(0, 1)), (4.0, label(None, None))):
        AdaptiveProjected(denoiser, PROCESS, weight)(randn(2, 6, seed=2), 0.5, asked)
    assert denoiser.calls == [2, 2]


def test_padding_has_no_length() -> None:
    """A padded sample is guided as it is alone."""
    real = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    given = {"x": randn(2, 5, 2, seed=0), "mask": real}
    free = {"x": randn(2, 5, 2, seed=1), "mask": real}
    guided = AdaptiveProjected(Two(given, free), PROCESS, 4.0, 0.1, 0.3)(given, 0.5, label(0, 1)).mean
    alone = AdaptiveProjected(Two(given["x"][:1, :3], free["x"][:1, :3]), PROCESS, 4.0, 0.1, 0.3)
    assert isinstance(guided, dict)
    assert torch.allclose(guided["x"][:1, :3], alone(given["x"][:1, :3], 0.5, label(0)).mean)  # type: ignore[arg-type]
    assert (guided["x"][0, 3:] == 0.0).all()


def test_fields_of_a_product_have_their_own_lengths() -> None:
    process = Product({"size": Gaussian(), "place": Gaussian(), "colour": Categorical(Uniform(3))})
    given, free = (
        {
            "size": randn(2, 4, seed=s),
            "place": 50.0 * randn(2, 4, 3, seed=s + 1),
            "colour": randn(2, 4, 3, seed=s + 2).softmax(-1),
        }
        for s in (0, 10)
    )
    guided = AdaptiveProjected(Two(given, free), process, 4.0, 0.1, 0.3)(given, 0.5, label(0, 1)).mean
    assert isinstance(guided, dict)
    for name in ("size", "place"):
        alone = AdaptiveProjected(Two(given[name], free[name]), PROCESS, 4.0, 0.1, 0.3)
        assert torch.allclose(guided[name], alone(given[name], 0.5, label(0, 1)).mean)  # type: ignore[arg-type]
    pooled = given["colour"] ** 4 / free["colour"] ** 3
    assert torch.allclose(guided["colour"], pooled / pooled.sum(-1, keepdim=True))


@pytest.mark.parametrize(
    "options", [{"weight": math.inf}, {"weight": 2.0, "norm": 0.0}, {"weight": 2.0, "eta": math.nan}]
)
def test_nonsense_is_told(options: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=r"guidance\."):
        AdaptiveProjected(Two(None, None), PROCESS, **options)
