"""The U-Net (Ronneberger et al. 2015; Ho et al. 2020; Dhariwal & Nichol 2021) over 1, 2 or 3 axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.attention import zero_
from suffuse.nn.blocks import (
    GridAttention,
    ResidualBlock,
    Upsample,
    conv,
    crop_to,
    fold,
    group_norm,
    pad_to,
    unfold,
)
from suffuse.nn.conditioning import ConditionEmbedding, Embedded
from suffuse.nn.embeddings import noise_features
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
            each axis. Folding by 2 costs a quarter on pictures.
        attention: the levels (from 0) that end in attention; ``None``: the last.
        heads: of each attention.
        dropout: in residual blocks.
        padding_mode: ``zeros``, or ``circular`` for data that wrap around.
    """

    width: int = 64
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 2
    fold: int | tuple[int, ...] = 1
    attention: tuple[int, ...] | None = None
    heads: int = 4
    dropout: float = 0.0
    padding_mode: str = "zeros"

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


class Level(nn.Module):
    """The blocks of one level, one way: the last may attend."""

    def __init__(self, blocks: list[ResidualBlock], attention: GridAttention | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention

    def attend(self, x: Tensor, embedded: Embedded) -> Tensor:
        return x if self.attention is None else self.attention(x, embedded.tokens, embedded.token_mask)


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
        points = 1
        for factor in self.factors:
            points *= factor
        width = 4 * o.width
        self.level_embedding = nn.Sequential(nn.Linear(o.width, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEmbedding(conditions, width)
        context = width if self.conditions.text_names else None

        def block(inside: int, outside: int) -> ResidualBlock:
            return ResidualBlock(axes, inside, outside, width, o.dropout, o.padding_mode)

        def attention(level: int, inside: int) -> GridAttention | None:
            return GridAttention(inside, o.heads, context) if level in o.attention_levels else None

        sizes = [o.width * m for m in o.multipliers]
        last = len(sizes) - 1
        self.enter = conv(
            axes, (channels + self.conditions.overlay_channels) * points, sizes[0], padding_mode=o.padding_mode
        )
        self.down = nn.ModuleList(
            Level([block(size, size) for _ in range(o.blocks)], attention(i, size)) for i, size in enumerate(sizes)
        )
        self.shrink = nn.ModuleList(
            conv(axes, sizes[i], sizes[i + 1], stride=2, padding_mode=o.padding_mode) for i in range(last)
        )
        self.middle = Level([block(sizes[-1], sizes[-1])], None)
        self.up = nn.ModuleList(
            Level([block(2 * size, size) for _ in range(o.blocks)], attention(i, size)) for i, size in enumerate(sizes)
        )
        self.grow = nn.ModuleList(Upsample(axes, sizes[i + 1], sizes[i], o.padding_mode) for i in range(last))
        self.norm = group_norm(sizes[0])
        self.leave = conv(axes, sizes[0], channels * points, padding_mode=o.padding_mode)
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
        h = self._grid(h, embedding, embedded)
        h = self.leave(F.silu(self.norm(h)))
        return crop_to(unfold(h, self.factors), x.shape[2:])

    def _grid(self, h: Tensor, embedding: Tensor, embedded: Embedded) -> Tensor:
        skips: list[Tensor] = []
        for i, level in enumerate(self.down):
            for block in level.blocks:
                h = block(h, embedding)
                skips.append(h)
            h = level.attend(h, embedded)
            if i < len(self.shrink):
                h = self.shrink[i](h)
        for block in self.middle.blocks:
            h = block(h, embedding)
        for i in reversed(range(len(self.up))):
            level = self.up[i]
            if i < len(self.grow):
                h = self.grow[i](h)
            for block in level.blocks:
                h = block(torch.cat((h, skips.pop()), dim=1), embedding)
            h = level.attend(h, embedded)
        return h


def build(template: State, conditions: ConditionSpace, **options: Any) -> UNet:
    """A U-Net for states like a template.

    Arguments:
        template: states ``[batch, channels, *axes]`` with 1, 2 or 3 axes; their sizes do not matter.
        conditions: what the network can be steered by.
        options: see :class:`UNetOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: the state is no grid.
    """
    channels, axes = grid_shape(template)
    network = UNet(channels, axes, conditions, parse(UNetOptions, options))
    return network.to(memory_format=_MEMORY[axes]) if axes in _MEMORY else network  # type: ignore[call-overload, no-any-return]
