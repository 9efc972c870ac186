"""Embeddings of noise levels and positions."""

from __future__ import annotations

import torch

from suffuse.nn.embeddings import axial_positions, fourier, noise_features, rotary_positions, rotated


def test_odd_widths_end_in_a_zero() -> None:
    features = fourier(torch.randn(3), 7, 1.0, 2.0)
    assert features.shape == (3, 7)
    assert not features[:, -1].any()


def test_noise_levels_are_told_apart_everywhere_and_vary_smoothly() -> None:
    levels = torch.linspace(-1.5, 1.5, 301)
    features = noise_features(levels, 32)
    apart = torch.cdist(features, features)
    neighbours = apart.diagonal(1)
    far = apart[torch.triu(torch.ones_like(apart, dtype=torch.bool), 20)]
    assert neighbours.min() > 0.1
    assert far.min() > neighbours.max()


def test_positions_of_a_grid_are_distinct_and_begin_alike() -> None:
    table = axial_positions((3, 4, 5), 26)
    assert table.shape == (60, 26)
    assert torch.cdist(table, table).fill_diagonal_(9.0).min() > 1e-3
    small = axial_positions((2, 4, 5), 26)
    torch.testing.assert_close(table[: len(small)], small)


def test_each_axis_has_its_own_features() -> None:
    table = axial_positions((3, 4), 16).reshape(3, 4, 16)
    torch.testing.assert_close(table[:, :1, :8].expand(-1, 4, -1), table[..., :8])
    torch.testing.assert_close(table[:1, :, 8:].expand(3, -1, -1), table[..., 8:])


def test_products_of_what_is_rotated_tell_the_distance() -> None:
    """As a complex number is turned by its position: an oracle in complex arithmetic, and no place of its own."""
    x, by = torch.randn(2, 9, 8, dtype=torch.float64), rotary_positions(9, 8)
    waves = 160.0 ** -(torch.arange(4, dtype=torch.float64) / 4)
    angles = torch.arange(9, dtype=torch.float64)[:, None] * waves
    there = rotated(x, by)
    number = torch.complex(x[..., :4], x[..., 4:]) * torch.polar(torch.ones_like(angles), angles)
    torch.testing.assert_close(there, torch.cat((number.real, number.imag), dim=-1), atol=1e-5, rtol=1e-5)
    products = rotated(x[:, :1].expand(-1, 9, -1), by) @ rotated(x[:, :1].expand(-1, 9, -1), by).transpose(1, 2)
    torch.testing.assert_close(products[:, 1:, 1:], products[:, :-1, :-1], atol=1e-5, rtol=1e-5)
