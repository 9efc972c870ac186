"""A residual MLP over a whole state: rows of a table, or a few fields of fixed sizes.

Every field is laid out flat, masks too, all side by side; blocks are modulated by noise level and conditions as a
DiT's are (adaLN-zero, Peebles & Xie 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.nn.attention import zero_
from suffuse.nn.conditioning import ConditionEmbedding
from suffuse.nn.embeddings import distinct, noise_features
from suffuse.nn.options import fraction, parse, positive, require, whole
from suffuse.state import State, fields, map_fields

NOISE_FEATURES = 128


@dataclass(frozen=True)
class MLPOptions:
    """Options of an MLP.

    Arguments:
        width: of the hidden vector.
        depth: how many blocks.
        mlp_ratio: the hidden width inside a block, in units of ``width``.
        dropout: at the end of each block.
    """

    width: int = 256
    depth: int = 4
    mlp_ratio: float = 2.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require(whole(self.width, 1), "width", self.width, "an integer of at least 1")
        require(whole(self.depth, 1), "depth", self.depth, "an integer of at least 1")
        require(positive(self.mlp_ratio), "mlp_ratio", self.mlp_ratio, "a positive number")
        require(fraction(self.dropout), "dropout", self.dropout, "a number from 0 up to, but not including, 1")


class Block(nn.Module):
    """Two layers behind adaLN-zero."""

    def __init__(self, options: MLPOptions) -> None:
        super().__init__()
        width, hidden = options.width, max(1, round(options.width * options.mlp_ratio))
        self.modulation = nn.Linear(width, 3 * width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(options.dropout)
        zero_(self.modulation)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Arguments: ``h`` ``[batch, width]``, ``embedding`` the same or ``[1, width]``; gives a new ``h``."""
        shift, scale, gate = self.modulation(embedding).chunk(3, dim=-1)
        return torch.addcmul(h, gate, self.dropout(self.mlp(modulate(h, shift, scale))))


def modulate(h: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer normalization with an affine map for each sample (adaLN), or one for all: ``[batch or 1, width]``."""
    return torch.addcmul(shift, F.layer_norm(h, h.shape[-1:], eps=1e-6).to(shift.dtype), 1 + scale)


class MLP(nn.Module):
    """An MLP for states of fixed sizes: a dict in, a dict out, or a tensor in, a tensor out.

    Arguments:
        template: any states of the sizes.
        conditions: what the network can be steered by: labels, numbers, texts (by their summary).
        options: see :class:`MLPOptions`.
    """

    def __init__(self, template: State, conditions: ConditionSpace, options: MLPOptions) -> None:
        super().__init__()
        self.width = width = options.width
        self.shapes = {name: tuple(x.shape[1:]) for name, x in _entries(template)}
        self.sizes = {name: math.prod(x.shape[1:]) for name, x in fields(template)}
        self.level_embedding = nn.Sequential(nn.Linear(NOISE_FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEmbedding(conditions, width)
        self.enter = nn.Linear(sum(map(math.prod, self.shapes.values())), width)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.depth))
        self.modulation = nn.Linear(width, 2 * width)
        self.leave = nn.Linear(width, sum(self.sizes.values()))
        zero_(self.modulation)
        zero_(self.leave)

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: fields ``[batch, …]`` of the template's sizes, and their masks.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: by name; what is left out is absent.

        Returns:
            The fields, shaped like those of ``x``, of the dtype in which the network computes.

        Raises:
            DomainInputError: the state has other fields or sizes than the template.
        """
        flat = self._flat(x)
        vector = self.conditions(conditions, flat).vector
        features = noise_features(distinct(noise_level), NOISE_FEATURES).to(flat.dtype)
        embedding = F.silu(self.level_embedding(features) + vector)
        h = self.enter(flat)
        for block in self.blocks:
            h = block(h, embedding)
        out: Tensor = self.leave(modulate(h, *self.modulation(embedding).chunk(2, dim=-1)))
        parts = torch.split(out, list(self.sizes.values()), dim=1)
        named = zip(self.sizes, parts, strict=True)
        shaped = {name: part.reshape(part.shape[0], *self.shapes[name]) for name, part in named}
        return shaped[""] if isinstance(x, Tensor) else shaped

    def _flat(self, x: State) -> Tensor:
        """All entries side by side, ``[batch, …]``; masks as 0 and 1, and 0 in the padding."""
        shapes = {name: tuple(value.shape[1:]) for name, value in _entries(x)}
        if shapes != self.shapes:
            raise DomainInputError(
                "has other sizes than the network was made for", field="state", expected=self.shapes, got=shapes
            )
        entries = dict(_entries(map_fields(lambda value: value, x)))
        dtype = next(value.dtype for _, value in fields(x))
        return torch.cat([entries[name].flatten(1).to(dtype) for name in self.shapes], dim=1)


def _entries(state: State) -> list[tuple[str, Tensor]]:
    return [("", state)] if isinstance(state, Tensor) else list(state.items())


def build(template: State, conditions: ConditionSpace, **options: Any) -> MLP:
    """An MLP for states like a template.

    Arguments:
        template: states of any fields; their sizes are those of all states.
        conditions: what the network can be steered by.
        options: see :class:`MLPOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: a condition is a state, which this network has no axes for.
    """
    made = MLP(template, conditions, parse(MLPOptions, options))
    if made.conditions.overlay_names:
        raise UnsupportedError(
            "takes no state for a condition", field="network.name", expected="labels, numbers and texts",
            got=", ".join(made.conditions.overlay_names),
        )  # fmt: skip
    return made
