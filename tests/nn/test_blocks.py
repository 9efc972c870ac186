"""Blocks over 1, 2 and 3 axes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from suffuse.nn.attention import Attention, attend
from suffuse.nn.blocks import GridAttention, GroupNorm, ResidualBlock, Upsample, crop_to, fold, pad_to, unfold

GRIDS = [(6,), (6, 4), (2, 6, 4)]


@pytest.mark.parametrize("axes", GRIDS)
def test_unfold_inverts_fold(axes: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *axes)
    factors = tuple(2 if i % 2 else 1 for i in range(len(axes), 0, -1))
    folded = fold(x, factors)
    assert folded.numel() == x.numel()
    torch.testing.assert_close(unfold(folded, factors), x, rtol=0, atol=0)
    torch.testing.assert_close(unfold(fold(x, (2,) * len(axes)), (2,) * len(axes)), x, rtol=0, atol=0)


def test_fold_over_two_axes_is_pixel_unshuffle_with_channels_last() -> None:
    x = torch.randn(2, 3, 6, 4)
    folded = fold(x, (2, 2))
    torch.testing.assert_close(folded, F.pixel_unshuffle(x, 2), rtol=0, atol=0)
    assert folded.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("axes", GRIDS)
def test_cropping_inverts_padding(axes: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *axes)
    padded = pad_to(x, (5,) * len(axes))
    assert all(size % 5 == 0 for size in padded.shape[2:])
    torch.testing.assert_close(crop_to(padded, axes), x, rtol=0, atol=0)
    torch.testing.assert_close(padded.sum(), x.sum())


@pytest.mark.parametrize("axes", GRIDS)
def test_blocks_begin_as_the_identity(axes: tuple[int, ...]) -> None:
    x, embedding = torch.randn(2, 8, *axes), torch.randn(2, 16)
    torch.testing.assert_close(ResidualBlock(len(axes), 8, 8, 16)(x, embedding), x)
    tokens, mask = torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(GridAttention(8, 2, 16)(x, tokens, mask), x)


@pytest.mark.parametrize("axes", GRIDS)
def test_changes_of_size(axes: tuple[int, ...]) -> None:
    x = torch.randn(2, 8, *axes)
    assert ResidualBlock(len(axes), 8, 12, 16)(x, torch.randn(2, 16)).shape == (2, 12, *axes)
    assert Upsample(len(axes), 8, 4)(x).shape == (2, 4, *(2 * size for size in axes))


def test_activations_stay_channels_last() -> None:
    x = torch.randn(2, 8, 4, 6).to(memory_format=torch.channels_last)
    block = ResidualBlock(2, 8, 12, 16).to(memory_format=torch.channels_last)
    for y in (block(x, torch.randn(2, 16)), GridAttention(8, 2)(x), GroupNorm(8)(x)):
        assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels", [1, 3, 7, 8, 20, 48, 64, 96, 512])
def test_groups_divide_the_channels_and_hold_more_than_one(channels: int) -> None:
    norm = GroupNorm(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups <= 32
    assert channels // norm.num_groups >= min(8, channels)


def test_a_normalized_point_keeps_its_information() -> None:
    a, b = torch.randn(2, 1, 16, 1, 1)
    assert not torch.allclose(GroupNorm(16)(a), GroupNorm(16)(b))


def test_masked_tokens_change_nothing() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2, 4, zero=False)
    x, context = torch.randn(2, 5, 8), torch.randn(2, 6, 4)
    mask = torch.arange(6) < torch.tensor([[2], [6]])
    poisoned = torch.where(mask[..., None], context, 100.0)
    torch.testing.assert_close(attention(x, context, mask), attention(x, poisoned, mask))
    torch.testing.assert_close(attention(x, context, mask)[:1], attention(x[:1], context[:1, :2]))


def test_attention_is_the_formula() -> None:
    q, k, v = torch.randn(3, 2, 4, 5, 8)
    weights = (q @ k.mT / 8**0.5).softmax(-1)
    torch.testing.assert_close(attend(q, k, v), weights @ v)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert attend(q.bfloat16(), k.bfloat16(), v.bfloat16()).dtype == torch.bfloat16
