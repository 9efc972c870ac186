from __future__ import annotations

import math

import pytest
import torch

from suffuse.errors import RecipeError
from suffuse.process import EDM, VE, Cosine, RectifiedFlow, Schedule, SubVP, VPLinear, log_snr

ALL = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
named = pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)


@named
def test_starts_at_data_and_falls(schedule: Schedule) -> None:
    assert schedule.sigma(0.0) == 0.0
    assert schedule.alpha(0.0) == 1.0
    t = torch.linspace(0.0, 1.0, 1001, dtype=torch.float64)
    assert (log_snr(schedule, t).diff() < 0).all()


@named
def test_time_inverts_log_snr(schedule: Schedule) -> None:
    t = torch.linspace(1e-4, 0.9999, 500, dtype=torch.float64)
    assert torch.allclose(schedule.time(log_snr(schedule, t)), t, rtol=1e-12, atol=1e-13)
    assert schedule.time(log_snr(schedule, 0.3)) == pytest.approx(0.3, rel=1e-12)


@named
def test_floats_and_tensors_agree(schedule: Schedule) -> None:
    t = [0.0, 1e-6, 0.2, 0.9, 1.0]
    for f in (schedule.alpha, schedule.sigma):
        assert f(torch.tensor(t, dtype=torch.float64)).tolist() == pytest.approx([f(x) for x in t], rel=1e-14)


@named
def test_no_cancellation_near_data(schedule: Schedule) -> None:
    """σ keeps its relative accuracy where 1 - α² would have lost it."""
    t, h = 1e-12, 1e-13
    power = math.log(schedule.sigma(t + h) / schedule.sigma(t)) / math.log((t + h) / t)
    assert power == pytest.approx(round(2 * power) / 2, abs=1e-3)


def test_closed_forms() -> None:
    t = 0.37
    b = 0.1 * t + 0.5 * 19.9 * t**2
    assert VPLinear().alpha(t) == pytest.approx(math.exp(-b / 2), rel=1e-14)
    assert VPLinear().alpha(t) ** 2 + VPLinear().sigma(t) ** 2 == pytest.approx(1.0, rel=1e-14)
    assert SubVP().sigma(t) == pytest.approx(1 - math.exp(-b), rel=1e-13)
    assert Cosine(-60.0).alpha(t) == pytest.approx(math.cos(math.pi / 2 * t), rel=1e-12)
    assert VE().sigma(1.0) == pytest.approx(math.sqrt(50**2 - 0.01**2), rel=1e-12)
    assert EDM().sigma(0.5) == 40.0
    assert (RectifiedFlow().alpha(t), RectifiedFlow().sigma(t)) == (1 - t, t)
    assert RectifiedFlow().alpha(1.0) == 0.0


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: VPLinear(beta_min=3.0, beta_max=1.0), "VPLinear.beta_max"),
        (lambda: VE(sigma_min=-1.0), "VE.sigma_min"),
        (lambda: EDM(sigma_max=math.nan), "EDM.sigma_max"),
        (lambda: Cosine(log_snr_min=2.0), "Cosine.log_snr_min"),
    ],
)
def test_nonsense_is_told(make: object, field: str) -> None:
    with pytest.raises(RecipeError) as error:
        make()  # type: ignore[operator]
    assert error.value.field == field
