"""The diffusion transformer (Peebles & Xie 2023) over 1, 2 or 3 axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.attention import Attention, zero_
from suffuse.nn.blocks import crop_to, fold, pad_to, to_points, unfold
from suffuse.nn.conditioning import ConditionEmbedding, Embedded
from suffuse.nn.embeddings import axial_positions, noise_features
from suffuse.nn.masked import over_masks
from suffuse.nn.options import fraction, grid_shape, parse, per_axis, positive, require, whole, wholes
from suffuse.state import State

NOISE_FEATURES = 128


@dataclass(frozen=True)
class DiTOptions:
    """Options of a diffusion transformer.

    Arguments:
        width: of the tokens.
        depth: how many blocks.
        heads: of each attention; a divisor of ``width``.
        patch: how many points of each axis make one token; one number, or one for each axis.
        mlp_ratio: the hidden width of each MLP, in units of ``width``.
        dropout: at the end of each branch.
    """

    width: int = 128
    depth: int = 6
    heads: int = 4
    patch: int | tuple[int, ...] = 2
    mlp_ratio: float = 4.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require(whole(self.width, 1), "width", self.width, "an integer of at least 1")
        require(whole(self.depth, 1), "depth", self.depth, "an integer of at least 1")
        require(whole(self.heads, 1), "heads", self.heads, "an integer of at least 1")
        fix = f"set network.heads to a divisor of {self.width}"
        require(self.width % self.heads == 0, "width", self.width, f"a multiple of {self.heads}, the heads", fix)
        require(whole(self.patch, 1) or wholes(self.patch, 1), "patch", self.patch, "integers of at least 1")
        require(positive(self.mlp_ratio), "mlp_ratio", self.mlp_ratio, "a positive number")
        require(fraction(self.dropout), "dropout", self.dropout, "a number from 0 up to, but not including, 1")


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer normalization with an affine map for each sample (adaLN).

    Arguments:
        x: ``[batch, …, width]``.
        shift, scale: ``[batch, width]``.
    """
    normal = F.layer_norm(x, x.shape[-1:], eps=1e-6)
    each = (slice(None), *(None,) * (x.ndim - 2))
    return torch.addcmul(shift[each], normal.to(shift.dtype), 1 + scale[each])


class DiTBlock(nn.Module):
    """Self-attention and MLP, each behind adaLN-zero; between them, attention to a text's tokens.

    The text's branch is that of Chen et al. 2023 (PixArt-α). Every branch begins at zero.
    """

    def __init__(self, options: DiTOptions, context: int | None) -> None:
        super().__init__()
        width, hidden = options.width, max(1, round(options.width * options.mlp_ratio))
        self.modulation = nn.Linear(width, 6 * width)
        self.attention = Attention(width, options.heads, zero=False)
        self.cross = None if context is None else Attention(width, options.heads, context)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(options.dropout)
        zero_(self.modulation)

    def forward(
        self,
        x: Tensor,
        embedding: Tensor,
        embedded: Embedded,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        rotary: Tensor | None = None,
    ) -> Tensor:
        """New tokens.

        Arguments:
            x: tokens ``[batch, n, width]``.
            embedding: of noise level and conditions, ``[batch, width]``.
            embedded: a text's tokens.
            mask: bool ``[batch, n]``, true where a token may be attended to; each row has a true.
            bias: ``[batch, heads, n, n]``, added to the logits of the self-attention.
            rotary: see :class:`~suffuse.nn.attention.Attention`.
        """
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(embedding).chunk(6, dim=-1)
        attended = self.attention(modulate(x, shift1, scale1), mask=mask, bias=bias, rotary=rotary)
        x = torch.addcmul(x, gate1[:, None], self.dropout(attended))
        if self.cross is not None:
            x = x + self.dropout(self.cross(x, embedded.tokens, embedded.token_mask))
        return torch.addcmul(x, gate2[:, None], self.dropout(self.mlp(modulate(x, shift2, scale2))))


class DiT(nn.Module):
    """A diffusion transformer for states of any size.

    Arguments:
        channels: of the state.
        axes: 1, 2 or 3.
        conditions: what the network can be steered by. Labels, numbers and a summary of each text choose the affine
            maps of every block; a text's tokens are attended to by every block; states lie over the input.
        options: see :class:`DiTOptions`.
    """

    def __init__(self, channels: int, axes: int, conditions: ConditionSpace, options: DiTOptions) -> None:
        super().__init__()
        self.patch = per_axis(options.patch, axes, "patch")
        self.width = width = options.width
        self.level_embedding = nn.Sequential(nn.Linear(NOISE_FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEmbedding(conditions, width)
        context = width if self.conditions.text_names else None
        points = math.prod(self.patch)
        self.enter = nn.Linear((channels + self.conditions.overlay_channels) * points, width)
        self.blocks = nn.ModuleList(DiTBlock(options, context) for _ in range(options.depth))
        self.modulation = nn.Linear(width, 2 * width)
        self.leave = nn.Linear(width, channels * points)
        zero_(self.modulation)
        zero_(self.leave)

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
        features = noise_features(noise_level, NOISE_FEATURES).to(x.dtype)
        embedding = F.silu(self.level_embedding(features) + embedded.vector)
        h = x if embedded.overlay is None else torch.cat((x, embedded.overlay), dim=1)
        patches = fold(pad_to(h, self.patch), self.patch)
        grid = patches.shape[2:]
        tokens = self.enter(to_points(patches))
        tokens = tokens + axial_positions(grid, self.width, x.device).to(tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, embedding, embedded)
        shift, scale = self.modulation(embedding).chunk(2, dim=-1)
        out = self.leave(modulate(tokens, shift, scale))
        return crop_to(unfold(out.mT.reshape(x.shape[0], -1, *grid), self.patch), x.shape[2:])


def build(template: State, conditions: ConditionSpace, **options: Any) -> nn.Module:
    """A diffusion transformer for states like a template.

    Arguments:
        template: states ``[batch, channels, *axes]`` with 1, 2 or 3 axes, bare or as one field with a mask
            (:class:`~suffuse.nn.masked.Masked`); their sizes do not matter.
        conditions: what the network can be steered by.
        options: see :class:`DiTOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: the state is no grid.
    """
    chosen = parse(DiTOptions, options)
    return over_masks(lambda grid, space: DiT(*grid_shape(grid), space, chosen), template, conditions)
