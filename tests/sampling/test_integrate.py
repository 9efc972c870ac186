"""The integrators, against solutions in closed form."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Time
from suffuse.sampling.integrate import _ERROR, _NODES, _STAGES, dormand_prince, runge_kutta4
from suffuse.state import State

RATES = torch.tensor([[0.5], [-1.0], [-8.0], [2.0]], dtype=torch.float64)
"""One sample is stiffer than the others."""
START = torch.tensor([[1.0, 2.0], [-0.5, 1.0], [0.3, -0.7], [1.0, 0.1]], dtype=torch.float64)


def column(t: Time, like: Tensor) -> Tensor:
    return torch.as_tensor(t, dtype=torch.float64).reshape(-1, 1).to(like)


def decay(rates: Tensor) -> Any:
    """dy/dt = rate·cos(t)·y, whose solution is y₀ exp(rate (sin t - sin t₀))."""
    return lambda t, y: rates * column(t, y).cos() * y


def solution(rates: Tensor, y: Tensor, t0: float, t1: float) -> Tensor:
    return y * (rates * (math.sin(t1) - math.sin(t0))).exp()


@pytest.mark.parametrize(("t0", "t1"), [(0.0, 1.3), (1.3, 0.2), (-2.0, 2.0)])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_dormand_prince_keeps_its_tolerance_in_either_direction(tolerance: float, t0: float, t1: float) -> None:
    exact = solution(RATES, START, t0, t1)
    found, _ = dormand_prince(decay(RATES), START, t0, t1, tolerance, tolerance)
    assert ((found - exact).abs() / (1.0 + exact.abs())).max() < 10.0 * tolerance


def test_evaluations_grow_as_the_fifth_root_of_the_tolerance() -> None:
    counts = [dormand_prince(decay(RATES), START, 0.0, 1.3, tol, tol)[1] for tol in (1e-7, 1e-12)]
    assert counts[1] / counts[0] == pytest.approx(10.0, rel=0.2)


def test_a_sample_takes_the_same_steps_alone_and_in_the_batch() -> None:
    """Its value is the same, and the batch is asked for as often as its hardest sample alone."""
    together, calls = dormand_prince(decay(RATES), START, 0.0, 1.3, 1e-5, 1e-5)
    alone = [dormand_prince(decay(RATES[i : i + 1]), START[i : i + 1], 0.0, 1.3, 1e-5, 1e-5) for i in range(len(START))]
    assert all(torch.equal(together[i], y[0]) for i, (y, _) in enumerate(alone))
    assert calls == max(n for _, n in alone)
    assert min(n for _, n in alone) < calls


def test_counts_its_calls_and_asks_within_the_interval() -> None:
    asked: list[Tensor] = []

    def f(t: Time, y: Tensor) -> Tensor:
        assert isinstance(t, Tensor)
        asked.append(t)
        result: Tensor = decay(RATES)(t, y)
        return result

    _, calls = dormand_prince(f, START, 0.1, 0.9, 1e-4, 1e-4)
    times = torch.stack(asked)
    assert calls == len(asked)
    assert (float(times.min()), float(times.max())) == (0.1, 0.9)
    assert times.dtype == torch.float64


def test_a_first_step_is_tried_as_told() -> None:
    """Of the whole interval, where that is short: seven evaluations."""
    _, calls = dormand_prince(decay(RATES), START, 0.0, 1e-3, 1e-3, 1e-3, first_step=1e-3)
    assert calls == 7


def test_members_of_a_tuple_each_keep_the_tolerance() -> None:
    """What is integrated along, ``[batch]``, counts as much as the many entries of a state."""

    def f(t: Time, y: tuple[State, ...]) -> tuple[State, ...]:
        x, _ = y
        assert isinstance(x, Tensor)
        return 0.0 * x, 50.0 * (50.0 * column(t, x)[:, 0]).cos().expand(len(x))

    x = torch.ones(3, 1000, dtype=torch.float64)
    (same, total), _ = dormand_prince(f, (x, torch.zeros(3, dtype=torch.float64)), 0.0, 1.0, 1e-7, 1e-7)
    assert isinstance(same, Tensor)
    assert isinstance(total, Tensor)
    assert torch.equal(same, x)
    assert total.tolist() == pytest.approx([math.sin(50.0)] * 3, abs=1e-5)


def test_padding_does_not_count_and_stays_empty() -> None:
    """What the slope of padding is changes neither the steps nor the result."""
    mask = torch.tensor([[True, False], [True, True], [False, False], [True, False]])

    def f(rubbish: float) -> Any:
        def slope(t: Time, y: dict[str, Tensor]) -> dict[str, Tensor]:
            x = RATES * column(t, y["x"]).cos() * y["x"]
            return {"x": torch.where(mask, x, rubbish), "mask": mask}

        return slope

    y: dict[str, Tensor] = {"x": torch.where(mask, START, 0.0), "mask": mask}
    clean, calls = dormand_prince(f(0.0), y, 0.0, 1.3, 1e-6, 1e-6)
    dirty, same = dormand_prince(f(1e6), y, 0.0, 1.3, 1e-6, 1e-6)
    assert calls == same
    assert torch.equal(clean["x"], dirty["x"])
    assert torch.equal(clean["mask"], mask)
    assert (clean["x"][~mask] == 0.0).all()


def test_the_tableau_has_its_orders() -> None:
    """Σ b c^k = 1/(k+1): to k = 4 for the solution, to k = 3 for the one that the error compares it with."""
    nodes, weights = torch.tensor([0.0, *_NODES]), torch.tensor([*_STAGES[-1], 0.0])
    nodes, weights, error = nodes.double(), weights.double(), torch.tensor(_ERROR).double()
    sums = [float((weights * nodes**k).sum()) * (k + 1) for k in range(6)]
    assert sums[:5] == pytest.approx([1.0] * 5, abs=1e-6)
    assert sums[5] != pytest.approx(1.0, abs=1e-3)
    assert [float((error * nodes**k).sum()) for k in range(4)] == pytest.approx([0.0] * 4, abs=1e-7)
    assert abs(float((error * nodes**4).sum())) > 1e-4
    assert [sum(row) for row in _STAGES] == pytest.approx(list(_NODES))


def test_runge_kutta4_has_order_four() -> None:
    exact = solution(RATES, START, 1.3, 0.1)
    errors = []
    for steps in (64, 128, 256):
        times = [1.3 - 1.2 * i / steps for i in range(steps + 1)]
        errors.append(float((runge_kutta4(decay(RATES), START, times) - exact).abs().max()))
    assert [math.log2(a / b) for a, b in pairwise(errors)] == pytest.approx([4.0, 4.0], abs=0.15)


def test_runge_kutta4_integrates_tuples() -> None:
    """A polynomial of degree three along with the state, exactly."""

    def f(t: float, y: tuple[State, ...]) -> tuple[State, ...]:
        x, total = y
        assert isinstance(x, Tensor)
        assert isinstance(total, Tensor)
        return -x, torch.full_like(total, 4.0 * t**3)

    x, total = runge_kutta4(f, (START, torch.zeros(4, dtype=torch.float64)), [0.0, 0.7, 2.0])
    assert isinstance(x, Tensor)
    assert isinstance(total, Tensor)
    assert total.tolist() == pytest.approx([16.0] * 4)
    assert torch.allclose(x, START * math.exp(-2.0), atol=0.03)


def test_nothing_to_do() -> None:
    assert dormand_prince(decay(RATES), START, 0.5, 0.5) == (START, 0)


@pytest.mark.parametrize("name", ["rtol", "atol", "max_evaluations"])
def test_nonsense_is_told(name: str) -> None:
    options: dict[str, Any] = {name: 0}
    with pytest.raises(RecipeError, match=name):
        dormand_prince(decay(RATES), START, 0.0, 1.0, **options)


def test_no_arrival_is_told() -> None:
    with pytest.raises(RecipeError, match="max_evaluations: the integrator did not arrive"):
        dormand_prince(lambda t, y: -1e6 * y, START, 0.0, 1.0, max_evaluations=100)


@pytest.mark.parametrize("first_step", [None, 0.5])
def test_a_slope_that_is_not_finite_is_told(first_step: float | None) -> None:
    with pytest.raises(RecipeError, match="no step is small enough"):
        dormand_prince(lambda t, y: y * math.nan, START, 0.0, 1.0, first_step=first_step)
