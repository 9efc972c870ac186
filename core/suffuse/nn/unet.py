"""The U-Net (Ronneberger et al. 2015; Ho et al. 2020; Dhariwal & Nichol 2021) over 1, 2 or 3 axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.attention import zero_
from suffuse.nn.blocks import (
    GridAttention,
    GroupNorm,
    PaddingMode,
    ResidualBlock,
    Upsample,
    conv,
    crop_to,
    fold,
    pad_to,
    unfold,
)
from suffuse.nn.conditioning import ConditionEmbedding, Embedded
from suffuse.nn.embeddings import noise_features
from suffuse.nn.masked import over_masks
from suffuse.nn.options import fraction, grid_shape, parse, per_axis, require, whole, wholes
from suffuse.state import State

_MEMORY = {2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass(frozen=True)
class UNetOptions:
    """Options of a U-Net.

    Arguments:
        width: channels of the first level.
        multipliers: channels of each level, in units of ``width``; each level halves the sizes of the one before.
        blocks: residual blocks of a level, on the way down and again on the way up.
        fold: how many points of each axis are folded into channels before the first level; one number, or one for
            each axis. Folded by 2, a picture costs a quarter.
        attention: the levels (from 0) that end in attention; ``None``: the last.
        heads: of each attention.
        dropout: in residual blocks.
        padding_mode: ``zeros``, or ``circular`` for data that wrap around.
        mask: the network gives a mask and an offset, F = m ⊙ x + b, where it else gives F = b: for bridges out of
            noise, in which much of a datum is there already (ratio masks: Wang, Narayanan & Wang 2014).
    """

    width: int = 64
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 2
    fold: int | tuple[int, ...] = 1
    attention: tuple[int, ...] | None = None
    heads: int = 4
    dropout: float = 0.0
    padding_mode: PaddingMode = "zeros"
    mask: bool = False

    def __post_init__(self) -> None:
        require(whole(self.width, 1), "width", self.width, "an integer of at least 1")
        require(wholes(self.multipliers, 1), "multipliers", self.multipliers, "integers of at least 1")
        require(whole(self.blocks, 1), "blocks", self.blocks, "an integer of at least 1")
        require(whole(self.fold, 1) or wholes(self.fold, 1), "fold", self.fold, "integers of at least 1")
        last = len(self.multipliers) - 1
        levels = self.attention is None or (
            wholes(self.attention, 0, empty=True) and max(self.attention, default=0) <= last
        )
        require(levels, "attention", self.attention, f"levels from 0 to {last}")
        require(whole(self.heads, 1), "heads", self.heads, "an integer of at least 1")
        for level in self.attention_levels:
            channels = self.width * self.multipliers[level]
            fix = f"set network.heads to a divisor of {channels}"
            require(channels % self.heads == 0, "width", self.width, f"channels divisible by {self.heads} heads", fix)
        require(fraction(self.dropout), "dropout", self.dropout, "a number from 0 up to, but not including, 1")
        require(self.padding_mode in ("zeros", "circular"), "padding_mode", self.padding_mode, "zeros or circular")

    @property
    def attention_levels(self) -> tuple[int, ...]:
        return (len(self.multipliers) - 1,) if self.attention is None else self.attention


class Down(nn.Module):
    """One level on the way down: blocks, attention, and a strided convolution to the next level."""

    def __init__(self, blocks: list[ResidualBlock], attention: GridAttention | None, shrink: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention
        self.shrink = nn.Identity() if shrink is None else shrink

    def forward(self, h: Tensor, embedding: Tensor, embedded: Embedded) -> tuple[Tensor, list[Tensor]]:
        """What goes to the next level, and what each block gives to its counterpart on the way up."""
        skips = []
        for block in self.blocks:
            h = block(h, embedding)
            skips.append(h)
        if self.attention is not None:
            h = skips[-1] = self.attention(h, embedded.tokens, embedded.token_mask)
        return self.shrink(h), skips


class Up(nn.Module):
    """One level on the way up: back to its resolution, blocks that also take the skips, and attention."""

    def __init__(self, grow: Upsample | None, blocks: list[ResidualBlock], attention: GridAttention | None) -> None:
        super().__init__()
        self.grow = nn.Identity() if grow is None else grow
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention

    def forward(self, h: Tensor, skips: list[Tensor], embedding: Tensor, embedded: Embedded) -> Tensor:
        h = self.grow(h)
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            h = block(torch.cat((h, skip), dim=1), embedding)
        return h if self.attention is None else self.attention(h, embedded.tokens, embedded.token_mask)


class UNet(nn.Module):
    """A U-Net for states of any size.

    Arguments:
        channels: of the state.
        axes: 1, 2 or 3.
        conditions: what the network can be steered by. Labels, numbers and a summary of each text go into every
            residual block; a text's tokens into every attention; states lie over the input.
        options: see :class:`UNetOptions`.
    """

    def __init__(self, channels: int, axes: int, conditions: ConditionSpace, options: UNetOptions) -> None:
        super().__init__()
        o = options
        self.options = o
        self.factors = per_axis(o.fold, axes, "fold")
        width, token_width = 4 * o.width, 2 * o.width
        self.level_embedding = nn.Sequential(nn.Linear(o.width, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEmbedding(conditions, width, token_width)
        context = token_width if self.conditions.text_names else None
        sizes = [o.width * m for m in o.multipliers]

        def convolve(inside: int, outside: int, stride: int = 1) -> nn.Module:
            return conv(axes, inside, outside, stride=stride, padding_mode=o.padding_mode)

        def blocks(inside: int, outside: int) -> list[ResidualBlock]:
            return [ResidualBlock(axes, inside, outside, width, o.dropout, o.padding_mode) for _ in range(o.blocks)]

        def attention(level: int) -> GridAttention | None:
            return GridAttention(sizes[level], o.heads, context) if level in o.attention_levels else None

        points = math.prod(self.factors)
        self.enter = convolve((channels + self.conditions.overlay_channels) * points, sizes[0])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, size in enumerate(sizes):
            below = sizes[i + 1] if i + 1 < len(sizes) else None
            shrink = None if below is None else convolve(size, below, stride=2)
            grow = None if below is None else Upsample(axes, below, size, o.padding_mode)
            self.down.append(Down(blocks(size, size), attention(i), shrink))
            self.up.append(Up(grow, blocks(2 * size, size), attention(i)))
        self.middle = ResidualBlock(axes, sizes[-1], sizes[-1], width, o.dropout, o.padding_mode)
        self.norm = GroupNorm(sizes[0])
        self.finish = _masked if o.mask else _plain
        self.leave = convolve(sizes[0], (2 if o.mask else 1) * channels * points)
        zero_(self.leave)

    @property
    def multiples(self) -> tuple[int, ...]:
        """What the sizes of the axes are padded to multiples of."""
        halvings = len(self.options.multipliers) - 1
        return tuple(factor << halvings for factor in self.factors)

    def forward(self, x: Tensor, noise_level: Tensor, conditions: Conditions) -> Tensor:
        """Predict.

        Arguments:
            x: ``[batch, channels, *axes]``, of unit variance; any sizes.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: by name; what is left out is absent.

        Returns:
            A tensor shaped like ``x``, of the dtype in which the network computes.
        """
        embedded = self.conditions(conditions, x)
        features = noise_features(noise_level, self.options.width).to(x.dtype)
        embedding = F.silu(self.level_embedding(features) + embedded.vector)
        h = x if embedded.overlay is None else torch.cat((x, embedded.overlay), dim=1)
        h = self.enter(fold(pad_to(h, self.multiples), self.factors))
        h = self._levels(h, embedding, embedded)
        h = self.leave(F.silu(self.norm(h)))
        return self.finish(crop_to(unfold(h, self.factors), x.shape[2:]), x)

    def _levels(self, h: Tensor, embedding: Tensor, embedded: Embedded) -> Tensor:
        skips = []
        for down in self.down:
            h, given = down(h, embedding, embedded)
            skips.append(given)
        h = self.middle(h, embedding)
        for up in reversed(self.up):
            h = up(h, skips.pop(), embedding, embedded)
        return h


def _plain(made: Tensor, x: Tensor) -> Tensor:
    return made


def _masked(made: Tensor, x: Tensor) -> Tensor:
    mask, offset = made.chunk(2, dim=1)
    return mask * x + offset


def build(template: State, conditions: ConditionSpace, **options: Any) -> nn.Module:
    """A U-Net for states like a template.

    Arguments:
        template: states ``[batch, channels, *axes]`` with 1, 2 or 3 axes, bare or as one field with a mask
            (:class:`~suffuse.nn.masked.Masked`); their sizes do not matter.
        conditions: what the network can be steered by.
        options: see :class:`UNetOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: the state is no grid.
    """
    chosen = parse(UNetOptions, options)

    def of_grid(grid: State, space: ConditionSpace) -> nn.Module:
        channels, axes = grid_shape(grid)
        network = UNet(channels, axes, space, chosen)
        return network.to(memory_format=_MEMORY[axes]) if axes in _MEMORY else network

    return over_masks(of_grid, template, conditions)
