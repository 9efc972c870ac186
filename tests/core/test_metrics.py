"""Scores of point clouds against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suffuse.errors import DomainInputError
from suffuse.metrics import (
    compare,
    copying,
    frechet_distance,
    gaussian_frechet,
    moments,
    nearest_distances,
    precision_recall_density_coverage,
    subsample,
)
from suffuse.rng import Rng


def cloud(count: int, features: int = 3, seed: int = 0) -> Tensor:
    return Rng.of(seed).normal(shape=(count, features))[0]


def with_moments(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The points, mapped so that mean and covariance are exactly ``mean`` and ``diag(std²)``."""
    centred = x - x.mean(0)
    cov = centred.T @ centred / (len(x) - 1)
    white = centred @ torch.linalg.inv(torch.linalg.cholesky(cov)).T
    return white * std + mean


def test_frechet_of_gaussians_of_known_moments():
    mean_a, std_a = torch.tensor([0.0, 1.0, -2.0]).double(), torch.tensor([1.0, 2.0, 0.5]).double()
    mean_b, std_b = torch.tensor([1.0, 1.0, 0.0]).double(), torch.tensor([3.0, 2.0, 1.0]).double()
    a, b = with_moments(cloud(500), mean_a, std_a), with_moments(cloud(300, seed=1), mean_b, std_b)
    expected = float(((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum())
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_correlated_gaussians_in_two_dimensions():
    """For 2 × 2 matrices tr √M = √(tr M + 2 √det M)."""
    a, b = torch.tensor([[2.0, 0.7], [0.7, 1.0]]).double(), torch.tensor([[1.0, -0.3], [-0.3, 3.0]]).double()
    product = a @ b
    root = math.sqrt(float(product.trace()) + 2.0 * math.sqrt(float(torch.linalg.det(product))))
    zero = torch.zeros(2).double()
    expected = float(a.trace() + b.trace()) - 2.0 * root
    assert gaussian_frechet(zero, a, zero, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_is_zero_for_the_same_points_even_with_a_singular_covariance():
    x = cloud(50)
    flat = torch.cat((x, x[:, :1], torch.ones(50, 1)), 1)
    assert frechet_distance(flat, flat) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(cloud(3, 10), cloud(3, 10)) == pytest.approx(0.0, abs=1e-6)


def test_moments_are_those_of_textbooks():
    x = cloud(40)
    mean, cov = moments(x.float())
    torch.testing.assert_close(mean, x.mean(0), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(cov, torch.cov(x.T), rtol=1e-5, atol=1e-6)


def test_a_set_covers_itself():
    x = cloud(700)
    scores = precision_recall_density_coverage(x, x, k=5)
    assert (scores["precision"], scores["recall"], scores["coverage"]) == (1.0, 1.0, 1.0)
    # of the points within the 5th neighbour's distance, strictly, are the point itself and four others
    # (a few of the ties are rounded to the other side)
    assert scores["density"] == pytest.approx(1.0, abs=0.05)


def test_distant_sets_do_not_cover_each_other():
    scores = precision_recall_density_coverage(cloud(300), cloud(400, seed=1) + 100.0)
    assert set(scores.values()) == {0.0}


def test_a_set_that_lacks_a_mode_is_precise_and_does_not_recall():
    left, right = cloud(300), cloud(300, seed=1) + 100.0
    scores = precision_recall_density_coverage(torch.cat((left, right)), cloud(300, seed=2))
    assert scores["precision"] > 0.9
    assert scores["recall"] == pytest.approx(0.5, abs=0.06)
    assert scores["coverage"] == pytest.approx(0.5, abs=0.06)


def test_coverage_on_a_line_by_hand():
    real, made = torch.tensor([[0.0], [1.0], [2.0], [10.0]]), torch.tensor([[0.5], [1.5], [30.0]])
    scores = precision_recall_density_coverage(real, made, k=1)
    # real radii 1, 1, 1, 8; made radii 1, 1, 28.5
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["density"] == pytest.approx((2 + 2 + 0) / 3)  # 10 is 8.5 from 1.5: outside its own ball
    assert scores["coverage"] == pytest.approx(3 / 4)
    assert scores["recall"] == 1.0  # 0 lies in the ball about 0.5, and 10 in that about 30


def test_nearest_distances_of_bytes_and_floats():
    points = cloud(30, 20) * 40 + 128
    references = (cloud(20_000, 20, seed=1) * 40 + 128).clamp(0, 255).to(torch.uint8)
    expected = torch.cdist(points, references.double()).amin(1)
    torch.testing.assert_close(nearest_distances(points, references).double(), expected, rtol=1e-5, atol=1e-4)


def test_copies_are_told_from_new_points():
    train, held_out = cloud(1000, 8), cloud(500, 8, seed=1)
    fresh, copies = copying(cloud(500, 8, seed=2), held_out, train), copying(train[:500], held_out, train)
    assert fresh["nearest_train_ratio"] == pytest.approx(1.0, abs=0.1)
    assert fresh["near_copies"] == pytest.approx(0.01, abs=0.02)
    assert copies["nearest_train_ratio"] == 0.0
    assert copies["near_copies"] == 1.0


def test_copies_are_told_where_held_out_points_repeat_training_points():
    train = cloud(1000, 8)
    held_out = torch.cat((train[:20], cloud(500, 8, seed=1)))
    assert copying(train[100:400], held_out, train)["near_copies"] == 1.0


def test_subsample_is_keyed():
    x = cloud(100)
    assert subsample(x, 100, "a") is x
    torch.testing.assert_close(subsample(x, 10, "a"), subsample(x, 10, "a"))
    assert not torch.equal(subsample(x, 10, "a"), subsample(x, 10, "b"))


@pytest.mark.parametrize("features", [torch.zeros(1, 3), torch.zeros(3), torch.zeros(0, 3)])
def test_too_few_points_are_an_error(features):
    with pytest.raises(DomainInputError, match="at least 2"):
        frechet_distance(features, cloud(10))
    with pytest.raises(DomainInputError, match="at least 2"):
        precision_recall_density_coverage(cloud(10), features)


def test_comparison_of_equal_worse_and_copied_sets() -> None:
    generator = torch.Generator().manual_seed(0)
    units = torch.tensor([1e-3, 1.0, 1e4])
    train, test, made = (torch.randn(400, 3, generator=generator) * units for _ in range(3))
    good = compare(made, test, train)
    assert good["frechet_distance"] < 0.1 and 0.3 < good["frechet_floor"] / good["frechet_distance"] < 3.0
    assert good["precision"] > 0.8 and good["recall"] > 0.8 and 0.8 < good["nearest_train_ratio"] < 1.25
    assert compare(made / units, test / units, train / units) == pytest.approx(good, rel=1e-3), "units do not matter"
    shifted, narrow, copied = made + torch.tensor([5e-3, 0.0, 0.0]), 0.3 * made, train[:400]
    assert compare(shifted, test, train)["frechet_distance"] > 10.0
    assert compare(narrow, test, train)["recall"] < 0.5
    assert compare(copied, test, train)["nearest_train_ratio"] == 0.0
