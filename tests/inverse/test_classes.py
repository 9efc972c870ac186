"""Categorical and mixed states of which a part is known, against exact conditionals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.inverse import Measured, Run
from suffuse.inverse.method import dps, mmps, pigdm, repaint
from suffuse.inverse.noising import noise_further, noise_known
from suffuse.operators import Blur, Identity, Mask
from suffuse.posterior import Posterior
from suffuse.process import Absorbing, Categorical, Gaussian, Kernel, Marginal, Product, RectifiedFlow, Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, UniformTime, sample
from suffuse.state import State
from tests.oracles import ExactDiscrete, three_words

COUNT = 1600
F64 = torch.float64
KNOWN = torch.tensor([False, True, False])[:, None]
"""The middle word is known: to be of class 0."""


def conditional() -> Tensor:
    """p(all words | the middle one), by enumeration: ``[27]``."""
    joint = three_words()
    weights = joint.table.flatten() * joint.states[:, 1, 0]
    return weights / weights.sum()


def distance(kernel: Kernel, steps: int, resamples: int) -> float:
    """Total variation between what is drawn and what is true."""
    process, joint = Categorical(kernel), three_words()
    clean = torch.zeros(COUNT, 3, 3, dtype=F64)
    clean[:, :, 0] = 1.0
    clean[:, 0, 1] = 5.0  # what is not known is not looked at, however wrong it is
    run = Run(ExactDiscrete(joint, process), process, DDPM(), UniformTime(steps)(RectifiedFlow()))  # type: ignore[arg-type]
    run = repaint(resamples)(run, Measured(Mask(KNOWN), Mask(KNOWN)(clean)))
    x = sample(run.sampler, run.denoiser, process, run.times, rng=Rng.of(0, COUNT), like=clean)
    assert isinstance(x, Tensor)
    assert torch.equal(x[:, 1], clean[:, 1])
    drawn = torch.einsum("bnk,snk->bsn", x, joint.states).prod(-1).mean(0)
    return 0.5 * float((drawn - conditional()).abs().sum())


def test_known_words_under_a_mask_are_seen_all_along() -> None:
    """One pass is as good as sampling itself: what is left is chance, about 0.03, and the steps' own error."""
    assert distance(Absorbing(3), 32, 1) < 0.05


@pytest.mark.parametrize("kernel", [Uniform(3), Marginal((0.5, 0.2, 0.3))], ids=repr)
def test_resampling_helps_other_kernels(kernel: Kernel) -> None:
    once, often = distance(kernel, 16, 1), distance(kernel, 32, 8)
    assert often < 0.65 * once if isinstance(kernel, Marginal) else often < 0.8 * once
    assert often < 0.1


@pytest.mark.parametrize("kernel", [Absorbing(3), Uniform(3), Marginal((0.5, 0.2, 0.3))], ids=repr)
def test_going_back_has_the_right_distribution(kernel: Kernel) -> None:
    """Noise up to s, and from there to t, is noise up to t."""
    process = Categorical(kernel)
    x0 = torch.eye(3, dtype=F64)[torch.zeros(COUNT, 1, dtype=torch.int64)]
    rng = Rng.of(0, COUNT)
    x = noise_further(process, process.corrupt(x0, 0.3, rng), 0.3, 0.8, rng.at("more"))
    marginal = process.marginal(x0[:1], 0.8)
    assert torch.allclose(x.mean(0), marginal[0, :, :3], atol=0.03)  # type: ignore[union-attr, index, call-overload]


@pytest.mark.parametrize("times", [(0.0, 0.4), (0.3, 0.8), (0.5, 1.0), (0.0, 1.0)])
def test_going_back_has_the_right_moments(times: tuple[float, float]) -> None:
    s, t = times
    process = Gaussian(RectifiedFlow())
    x0 = torch.full((COUNT, 1), 1.5, dtype=F64)
    rng = Rng.of(0, COUNT)
    x = noise_further(process, process.corrupt(x0, s, rng), s, t, rng.at("more"))
    assert float(x.mean()) == pytest.approx(1.5 * (1.0 - t), abs=0.05)  # type: ignore[union-attr]
    assert float(x.std()) == pytest.approx(t, rel=0.05)  # type: ignore[union-attr]


KIND = {"kind": torch.ones(1, 1, 1, dtype=torch.bool)}
SIZE = {"size": torch.ones(1, 1, dtype=torch.bool)}
MEANS = torch.tensor([[1.5, 0.0], [-0.5, 1.0], [-1.0, -1.0]], dtype=F64)
"""What the numbers are about, for each class."""
PRIOR = torch.tensor([0.5, 0.3, 0.2], dtype=F64)
STD = 0.5


@dataclass(frozen=True)
class Mixed:
    """The exact belief about a class ``[batch, 1, 3]`` and two numbers ``[batch, 2]`` that depend on it."""

    process: Product

    def __call__(self, x: State, t: Any, conditions: Mapping[str, Any]) -> Posterior:
        assert isinstance(x, dict)
        kinds: Any = self.process.fields["kind"]
        t = float(t)
        alpha, sigma = 1.0 - t, t
        variance = alpha**2 * STD**2 + sigma**2
        fits = -0.5 * (x["size"][:, None] - alpha * MEANS).square().sum(-1) / variance
        now = kinds.outcomes(x["kind"])[:, 0]
        chances = kinds.marginal(torch.eye(3, dtype=F64)[:, None], t)[:, 0]
        p = (PRIOR.log() + fits + (now @ chances.T).clamp_min(1e-300).log()).softmax(-1)
        each = MEANS + alpha * STD**2 / variance * (x["size"][:, None] - alpha * MEANS)
        return Posterior({"kind": p[:, None], "size": (p[..., None] * each).sum(1)})


def product(kernel: Kernel) -> Product:
    return Product({"kind": Categorical(kernel), "size": Gaussian(RectifiedFlow())})


def fill(kernel: Kernel, method: Any, known: dict[str, Tensor], clean: dict[str, Tensor], noise: float = 0.0) -> Any:
    process = product(kernel)
    run = Run(Mixed(process), process, DDPM(), UniformTime(40)(RectifiedFlow()))
    mask = Mask(known)
    run = method(run, Measured(mask, mask(clean), noise))
    return sample(run.sampler, run.denoiser, process, run.times, rng=Rng.of(0, COUNT), like=clean)


def given(kind: int = 2, size: tuple[float, float] = (0.3, 0.2)) -> dict[str, Tensor]:
    kinds = torch.zeros(COUNT, 1, 3, dtype=F64)
    kinds[:, :, kind] = 1.0
    return {"kind": kinds, "size": torch.tensor(size, dtype=F64).expand(COUNT, -1).clone()}


@pytest.mark.parametrize("method", [repaint(1), mmps(2), pigdm()], ids=["repaint", "mmps", "pigdm"])
def test_numbers_beside_a_class_that_is_seen_all_along(method: Any) -> None:
    """p(size | kind) is one Gaussian; under a mask every method shows the class to the denoiser from the start."""
    made = fill(Absorbing(3), method, KIND, given(kind=2))
    assert torch.equal(made["kind"], given(kind=2)["kind"])
    assert torch.allclose(made["size"].mean(0), MEANS[2], atol=0.05)
    assert torch.allclose(made["size"].std(0), torch.full((2,), STD, dtype=F64), rtol=0.12)


def test_numbers_beside_a_class_that_is_noised() -> None:
    """It shows late which class it is; each return towards noise lets the numbers follow."""
    off = [(fill(Uniform(3), repaint(r), KIND, given())["size"].mean(0) - MEANS[2]).norm() for r in (1, 6)]
    assert off[1] < 0.9 * off[0]


def exact_kinds(noise: float) -> Tensor:
    """p(kind | size), by Bayes' rule."""
    fits = -0.5 * (torch.tensor([0.3, 0.2]) - MEANS).square().sum(-1) / (STD**2 + noise**2)
    return (PRIOR.log() + fits).softmax(-1)


@pytest.mark.parametrize(
    ("kernel", "method", "noise"),
    [
        pytest.param(Absorbing(3), repaint(6), 0.0, id="absorbing, repaint"),
        pytest.param(Uniform(3), repaint(3), 0.0, id="uniform, repaint"),
        pytest.param(Uniform(3), mmps(2), 0.0, id="uniform, mmps"),
        pytest.param(Uniform(3), mmps(2), 0.4, id="uniform, mmps with noise"),
    ],
)
def test_a_class_beside_known_numbers(kernel: Kernel, method: Any, noise: float) -> None:
    made = fill(kernel, method, SIZE, given(), noise)
    assert torch.allclose(made["kind"].mean(0)[0], exact_kinds(noise), atol=0.07)


def test_a_class_that_is_shown_once_and_for_all_is_drawn_too_early_by_derivatives() -> None:
    """Under a mask it is drawn while the numbers are noise still; nearer the truth than the prior, and no more."""
    made = fill(Absorbing(3), mmps(2), SIZE, given())["kind"].mean(0)[0]
    assert (made - exact_kinds(0.0)).abs().sum() < 0.75 * (PRIOR - exact_kinds(0.0)).abs().sum()


def test_the_identity_measures_classes_exactly() -> None:
    process = product(Absorbing(3))
    run = mmps(2)(
        Run(Mixed(process), process, DDPM(), UniformTime(20)(RectifiedFlow())), Measured(Identity(), given(), 0.5)
    )
    x = sample(run.sampler, run.denoiser, process, run.times, rng=Rng.of(0, COUNT), like=given())
    assert torch.equal(x["kind"], given()["kind"])  # type: ignore[call-overload, index]
    expected = (MEANS[2] + torch.tensor([0.3, 0.2])) / 2.0  # as noisy as the class is wide
    assert torch.allclose(x["size"].mean(0), expected, atol=0.05)  # type: ignore[call-overload, union-attr, index]


def test_what_is_known_is_noised_or_stays() -> None:
    process, x0 = product(Absorbing(3)), given()
    noised = noise_known(process, x0, 0.5, Rng.of(0, COUNT))
    assert torch.equal(noised["kind"], x0["kind"])  # type: ignore[call-overload, index]
    assert not torch.equal(noised["size"], x0["size"])  # type: ignore[call-overload, index]
    assert noise_known(Categorical(Uniform(3)), x0["kind"], 0.0, Rng.of(0, COUNT)) is x0["kind"]


def test_needs_are_told() -> None:
    words, clean = Categorical(Uniform(3)), torch.eye(3, dtype=F64)[None]
    run = Run(ExactDiscrete(three_words(), words), words, DDIM(), [1.0, 0.0])  # type: ignore[arg-type]
    for method in (mmps(), pigdm(), dps()):
        with pytest.raises(UnsupportedError, match=r"Gaussian(.|\n)*repaint"):
            method(run, Measured(Mask(KNOWN), clean))
    with pytest.raises(UnsupportedError, match="a mask"):
        repaint()(run, Measured(Blur(1.0), clean))
