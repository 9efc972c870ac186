"""The belief of one Gaussian: scipy's density, the closed form of the mean, and data of which a part is odd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.nn.gaussian import build
from suffuse.nn.memory import Dense, Memory

MEAN = np.array([1.0, -2.0, 0.5])
COVARIANCE = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.2], [0.0, 0.2, 0.3]])


def drawn(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).multivariate_normal(MEAN, COVARIANCE, count)).float()


def shown(rows: torch.Tensor, **options: float):
    network = build(rows[:1], {}, **options)
    network.remember(rows)
    return network


def moments(rows: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return rows.double().mean(0).numpy(), np.cov(rows.double().numpy().T)


def test_the_density_is_that_of_the_noised_gaussian() -> None:
    rows, asked = drawn(300), drawn(20, seed=1)
    network = shown(rows)
    assert isinstance(network, Memory) and isinstance(network, Dense) and network.count == 300
    mean, covariance = moments(rows)
    for ratio in (0.1, 1.0, 7.0):
        told = multivariate_normal(mean, covariance + ratio**2 * np.eye(3)).logpdf(asked.numpy())
        assert np.allclose(network.log_density(asked, ratio, {}).numpy(), told, rtol=1e-4, atol=1e-4)


def test_the_belief_is_the_closed_form() -> None:
    rows, asked = drawn(300), drawn(20, seed=1)
    mean, covariance = moments(rows)
    for ratio in (0.2, 1.5):
        gain = covariance @ np.linalg.inv(covariance + ratio**2 * np.eye(3))
        told = mean + (asked.numpy() - mean) @ gain.T
        level = torch.full((20,), 0.25 * np.log(ratio))
        found = shown(rows)(asked / np.sqrt(1.0 + ratio**2), level, {})
        assert np.allclose(found.numpy(), told, atol=1e-4)


def test_more_entries_than_states_are_no_fault() -> None:
    rows = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
    network = shown(rows)
    assert network.axes.shape == (11, 40)
    mean, covariance = moments(rows)
    told = multivariate_normal(mean, covariance + 0.5**2 * np.eye(40)).logpdf(rows.numpy())
    assert np.allclose(network.log_density(rows, 0.5, {}).numpy(), told, rtol=1e-4)


def test_odd_states_shape_it_no_more() -> None:
    odd = torch.tensor([6.0, 6.0, 6.0]) + 0.1 * torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([drawn(240), odd])
    assert np.abs(shown(rows).mean.numpy() - MEAN).max() > 0.5
    network = shown(rows, keep=0.75)
    assert np.abs(network.mean.numpy() - MEAN).max() < 0.15
    density = network.log_density(rows, 0.1 * network.spacing, {})
    assert density[240:].max() < density[:240].min()


def test_states_that_are_all_alike_have_a_density() -> None:
    network = shown(torch.ones(5, 2))
    assert network.spacing == 1.0
    assert torch.isfinite(network.log_density(torch.zeros(1, 2), 0.1, {})).all()


def test_a_file_holds_all_of_it() -> None:
    rows = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    network, fresh = shown(rows), build(rows[:1], {})
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh.log_density(rows, 0.3, {}), network.log_density(rows, 0.3, {}))
    assert fresh.count == 4


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="remembers nothing"):
        build(torch.zeros(1, 3), {}).log_density(torch.zeros(1, 3), 0.1, {})
    with pytest.raises(UnsupportedError, match="lack entries"):
        build({"values": torch.zeros(1, 3), "mask": torch.ones(1, 3, dtype=torch.bool)}, {})
    with pytest.raises(DomainInputError, match="too few"):
        shown(torch.zeros(1, 3))
    with pytest.raises(RecipeError, match="keep"):
        build(torch.zeros(1, 3), {}, keep=0.0)
