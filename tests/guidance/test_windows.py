"""Long states from windows: exact where windows know all there is to know, covered, and without a seam."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import UnsupportedError
from suffuse.guidance.windows import Windowed, starts
from suffuse.posterior import Posterior, Time
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.sampling import DDIM, UniformTime, sample

F64 = torch.float64


@dataclass(frozen=True)
class Stationary:
    """The exact belief about a stationary Gaussian sequence with E[x_i x_j] = exp(-|i - j|/reach)."""

    reach: float
    process: Gaussian = field(default_factory=Gaussian)

    def covariance(self, size: int) -> Tensor:
        places = torch.arange(size, dtype=F64)
        return torch.exp(-(places[:, None] - places).abs() / self.reach)

    def __call__(self, x_t: Tensor, t: Time, conditions: Conditions) -> Posterior:
        alpha, sigma = self.process.schedule.alpha(t), self.process.schedule.sigma(t)
        covariance = self.covariance(x_t.shape[-1])
        noisy = alpha**2 * covariance + sigma**2 * torch.eye(len(covariance), dtype=F64)
        return Posterior(x_t @ torch.linalg.solve(noisy, alpha * covariance))


@pytest.mark.parametrize(("length", "size"), [(8, 8), (9, 8), (12, 8), (64, 8), (1001, 64), (3, 8), (17, 1)])
def test_windows_cover_all_and_lie_half_over_each_other(length: int, size: int) -> None:
    found = starts(length, size)
    assert found[0] == 0 and found[-1] == max(0, length - size)
    assert all(0 < b - a <= max(1, -(-size // 2)) for a, b in pairwise(found))


def test_a_belief_about_each_entry_by_itself_is_the_same_in_windows() -> None:
    own = Stationary(1e-9)
    x = torch.randn(3, 2, 50, dtype=F64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Windowed(own, 2, 16)(x, 0.4, {}).mean, own(x, 0.4, {}).mean)


def test_states_no_longer_than_a_window_are_left_alone() -> None:
    own = Stationary(5.0)
    x = torch.randn(2, 1, 16, dtype=F64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Windowed(own, 2, 16)(x, 0.4, {}).mean, own(x, 0.4, {}).mean)


def test_long_samples_have_the_covariance_of_the_sequence_everywhere() -> None:
    """Windows eight times as long as the reach give the sequence itself, across their seams too."""
    own, length, size = Stationary(2.0), 60, 16
    like = torch.zeros(8000, 1, length, dtype=F64)
    made = sample(
        DDIM(), Windowed(own, 2, size), Gaussian(), UniformTime(24), rng=Rng.of(range(8000)), like=like
    )[:, 0]  # fmt: skip
    found = made.T @ made / len(made)
    next_to = torch.diagonal(found, 1) / torch.diagonal(found).clamp_min(1e-9)[:-1]
    expected = float(own.covariance(2)[0, 1])
    apart = torch.cat([made[:, :size], made[:, size : 2 * size].roll(1, 0)], 1)  # windows made by themselves
    seam = float((apart[:, size - 1] * apart[:, size]).mean())
    assert abs(seam) < 0.05 < expected - 0.1
    assert float((next_to - expected).abs().max()) < 0.08


def test_fields_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="windows"):
        Windowed(lambda x, t, c: Posterior(x), 1, 4)({"a": torch.zeros(1, 8)}, 0.5, {})
