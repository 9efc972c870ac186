"""Linear systems, each sample by itself; and the times of resampling."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.inverse import with_jumps
from suffuse.inverse.solve import Linear, conjugate_gradients, gmres
from suffuse.rng import Rng

SIZE = 7


def matrices(spoilt: float = 0.0) -> Tensor:
    """Five positive matrices, of very different sizes; ``spoilt``: how far from symmetric."""
    x = Rng.of(0, 5).normal(torch.zeros(5, SIZE, SIZE, dtype=torch.float64))
    scale = torch.tensor([1e-6, 1e-2, 1.0, 1e2, 1e6], dtype=torch.float64)[:, None, None]
    return scale * (x @ x.mT / SIZE + 0.1 * torch.eye(SIZE) + spoilt * x)


def applied(a: Tensor) -> Linear:
    return lambda v: torch.einsum("bij,bj->bi", a, v)  # type: ignore[arg-type, return-value]


def right_side() -> Tensor:
    return Rng.of(7, 5).normal(torch.zeros(5, SIZE, dtype=torch.float64))


@pytest.mark.parametrize("solve", [conjugate_gradients, gmres])
def test_as_many_iterations_as_numbers_are_exact(solve) -> None:
    a, b = matrices(), right_side()
    b[2] = 0.0
    options = {"tolerance": 1e-12} if solve is conjugate_gradients else {}
    x = solve(applied(a), b, SIZE + 3 * (solve is conjugate_gradients), **options)
    assert torch.allclose(x, torch.linalg.solve(a, b), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("solve", [conjugate_gradients, gmres])
def test_samples_do_not_know_of_each_other(solve) -> None:
    a, b = matrices(), right_side()
    whole = solve(applied(a), b, 4)
    for i in range(5):
        assert torch.allclose(solve(applied(a[i : i + 1]), b[i : i + 1], 4), whole[i : i + 1], rtol=1e-10)


def test_gmres_takes_what_is_not_symmetric() -> None:
    a, b = matrices(0.3), right_side()
    assert torch.allclose(gmres(applied(a), b, SIZE), torch.linalg.solve(a, b), rtol=1e-6)  # type: ignore[arg-type]
    before = b.norm(dim=1)
    for iterations in range(1, SIZE + 1):
        left = (b - applied(a)(gmres(applied(a), b, iterations))).norm(dim=1)  # type: ignore[operator, union-attr]
        assert (left <= before * (1.0 + 1e-9)).all(), "the residual never grows"
        before = left


@pytest.mark.parametrize("solve", [conjugate_gradients, gmres])
def test_singular_systems_that_have_a_solution(solve) -> None:
    """Those of a measurement without noise: the solution without a part that the matrix does not see."""
    a = matrices()[2:3]
    a[:, 4:] = a[:, :, 4:] = 0.0
    b = applied(a)(right_side()[2:3])
    x = solve(applied(a), b, 20)
    assert torch.allclose(x, torch.einsum("bij,bj->bi", torch.linalg.pinv(a), b), atol=1e-4)  # type: ignore[arg-type]
    nothing = solve(applied(torch.zeros_like(a)), b, 5)
    assert not nothing.any()


def test_the_way_back_and_forth() -> None:
    times = [1.0, 0.6, 0.3, 0.0]
    assert with_jumps(times, 1) == times
    assert with_jumps(times, 2) == [1.0, 0.6, 1.0, 0.6, 0.3, 0.6, 0.3, 0.0, 0.3, 0.0]
    assert with_jumps(times, 2, jump=2) == [1.0, 0.6, 0.3, 1.0, 0.6, 0.3, 0.0, 0.3, 0.0]
    assert with_jumps(times, 2, jump=9) == [*times, *times]
    with pytest.raises(RecipeError, match=r"repaint\.jump"):
        with_jumps(times, 2, jump=0)
