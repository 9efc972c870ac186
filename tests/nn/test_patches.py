"""Patches against the mixture of Gaussians that they are, written out by scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.nn.patches import NEAR, Patches, build

Floats = NDArray[np.float64]


def sheet(count: int, width: int, seed: int = 0) -> torch.Tensor:
    """Points near a curved sheet."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.randn(count, 2, generator=generator)
    bent = torch.stack([place[:, i % 2] * (0.5 + 0.3 * i) + 0.2 * place[:, 0] ** (i % 3) for i in range(width)], dim=1)
    return bent + 0.05 * torch.randn(count, width, generator=generator)


def covariances(rows: Floats, near: int, without: int | None = None) -> Floats:
    """The second moment of each row's nearest about it; one row's term may be missing."""
    found = []
    for i, row in enumerate(rows):
        order = np.argsort(((rows - row) ** 2).sum(1), kind="stable")
        others = [j for j in order if j != i][:near]
        kept = [rows[j] - row for j in others if j != without]
        found.append(sum((np.outer(a, a) for a in kept), np.zeros((rows.shape[1],) * 2)) / near)
    return np.array(found)


def log_density(x: Floats, rows: Floats, moments: Floats, ratio: float, but: int | None = None) -> float:
    noise = ratio**2 * np.eye(rows.shape[1])
    told = [
        multivariate_normal.logpdf(x, row, moment + noise)
        for i, (row, moment) in enumerate(zip(rows, moments, strict=True))
        if i != but
    ]
    return float(logsumexp(told) - np.log(len(rows)))


def made(rows: torch.Tensor, **options: object) -> Patches:
    network = build(rows[:1], {}, **options)
    network.remember(rows)
    return network


@pytest.mark.parametrize(("width", "near"), [(3, 4), (9, 4)], ids=["narrow", "wide"])
def test_the_density_is_the_mixtures(width: int, near: int) -> None:
    rows = sheet(NEAR, width)  # no more than are looked at: the density is that of all patches
    asked = sheet(7, width, seed=1)
    moments = covariances(rows.double().numpy(), near)
    expected = [log_density(x, rows.double().numpy(), moments, 0.3) for x in asked.double().numpy()]
    found = made(rows, neighbours=near).log_density(asked, 0.3, {})
    assert found.tolist() == pytest.approx(expected, abs=1e-3)


def test_what_is_remembered_is_asked_about_as_if_it_were_not() -> None:
    rows = sheet(NEAR, 4)
    plain = rows.double().numpy()
    expected = [log_density(plain[i], plain, covariances(plain, 4, without=i), 0.4, but=i) for i in range(NEAR)]
    assert made(rows, neighbours=4, leave_out=True).log_density(rows, 0.4, {}).tolist() == pytest.approx(
        expected, abs=1e-3
    )
    unseen = sheet(3, 4, seed=2)
    alike = made(rows, neighbours=5).log_density(unseen, 0.4, {})
    assert torch.equal(made(rows, neighbours=5, leave_out=True).log_density(unseen, 0.4, {}), alike)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 30.0])
def test_the_mean_is_tweedies(ratio: float) -> None:
    """E[x₀ | u] = u + r² ∇ log p(u)."""
    rows, asked = sheet(12, 3), sheet(5, 3, seed=1)
    plain, step = rows.double().numpy(), 1e-4
    moments = covariances(plain, 4)
    scores = [
        [
            (log_density(u + e, plain, moments, ratio) - log_density(u - e, plain, moments, ratio)) / (2.0 * step)
            for e in step * np.eye(3)
        ]
        for u in asked.double().numpy()
    ]
    expected = asked.double() + ratio**2 * torch.tensor(scores)
    level = torch.full((5,), np.log(ratio) / 4.0)
    found = made(rows, neighbours=4)(asked / (1.0 + ratio**2) ** 0.5, level, {})
    assert isinstance(found, torch.Tensor)
    assert (found - expected).abs().max() < 2e-3 * max(1.0, ratio**2 * 1e-2)


def test_equal_rows_have_a_density() -> None:
    network = made(torch.ones(30, 2), leave_out=True)
    assert network.spacing == 1.0
    assert network.log_density(torch.zeros(2, 2), 0.1, {}).isfinite().all()
    assert network.log_density(torch.ones(1, 2), 0.1, {}) > network.log_density(torch.zeros(1, 2), 0.1, {})


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    network, rows = made(sheet(40, 3)), sheet(40, 3)
    other = build(rows[:1], {})
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.log_density(rows, 0.1, {}), network.log_density(rows, 0.1, {}))
    assert other.count == 40 and other.spacing == network.spacing


def test_no_more_are_remembered_than_asked_for() -> None:
    assert made(sheet(50, 3), most=20).count == 20


def test_it_refuses_what_it_cannot_do() -> None:
    masked = {"values": torch.zeros(1, 3), "mask": torch.ones(1, 3, dtype=torch.bool)}
    with pytest.raises(UnsupportedError, match="lack entries"):
        build(masked, {})
    with pytest.raises(UnsupportedError, match="remembers nothing"):
        build(torch.zeros(1, 3), {}).log_density(torch.zeros(1, 3), 0.1, {})
    with pytest.raises(DomainInputError, match="too few"):
        made(torch.zeros(1, 3))
    for options in ({"neighbours": 0}, {"most": 1}, {"leave_out": "yes"}, {"seed": -1}, {"other": 1}):
        with pytest.raises(RecipeError):
            build(torch.zeros(1, 3), {}, **options)
