"""From conditions to what a network takes: a vector, tokens, and channels laid over its input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Condition, Conditions, ConditionSpace, Label, Number, StateCondition, Text
from suffuse.errors import DomainInputError, UnsupportedError, unknown_name
from suffuse.nn.embeddings import fourier
from suffuse.nn.text import Words

_INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Embedded:
    """Conditions as tensors.

    Arguments:
        vector: ``[batch, width]``, the sum over all labels, numbers and texts; ``[1, width]`` where there is none.
        tokens: ``[batch, length, token_width]`` of all texts; ``None`` without any.
        token_mask: bool ``[batch, length]``, true where a token is real; no row is empty.
        overlay: ``[batch, channels, *axes]``, to be concatenated to the input; ``None`` without a state condition.
    """

    vector: Tensor
    tokens: Tensor | None = None
    token_mask: Tensor | None = None
    overlay: Tensor | None = None


class LabelEmbedding(nn.Module):
    """A learned vector for each class, and one for its absence."""

    def __init__(self, kind: Label, width: int) -> None:
        super().__init__()
        self.absent = len(kind.classes)
        self.table = nn.Embedding(self.absent + 1, width)

    def forward(self, condition: Condition | None, like: Tensor) -> Tensor:
        if condition is None:
            return self.table(torch.full((like.shape[0],), self.absent, device=like.device))  # type: ignore[no-any-return]
        return self.table(torch.where(condition.present, condition.value, self.absent))  # type: ignore[no-any-return]


class NumberEmbedding(nn.Module):
    """Fourier features of a standardized number through an MLP, and a learned vector for its absence."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.absent = nn.Parameter(torch.zeros(width))

    def forward(self, condition: Condition | None, like: Tensor) -> Tensor:
        absent = self.absent.expand(like.shape[0], -1)
        if condition is None:
            return absent
        value = torch.where(condition.present, condition.value, 0.0)
        # The slowest wave rises all the way from -12 to 12 deviations, so that outliers keep their order.
        features = fourier(value, self.width, 0.125, 8.0).to(like.dtype)
        return torch.where(condition.present[:, None], self.mlp(features), absent)


class Overlay(nn.Module):
    """A state condition as channels: its values, zero where absent, and a channel that is 1 where it is present."""

    def __init__(self, kind: StateCondition) -> None:
        super().__init__()
        self.shape = tuple(kind.shape)
        self.channels = self.shape[0] + 1

    def forward(self, condition: Condition | None, like: Tensor) -> Tensor:
        axes = like.shape[2:]
        if len(axes) != len(self.shape) - 1:
            raise UnsupportedError(
                "a state condition must have as many axes as the state",
                expected=f"{len(axes)} axes after the channels",
                got=f"shape {self.shape}",
            )
        if condition is None:
            return like.new_zeros(like.shape[0], self.channels, *axes)
        present = condition.present.reshape(-1, *(1,) * (like.ndim - 1))
        value = torch.where(present, condition.value, 0.0).to(like.dtype)
        if value.shape[2:] != axes:
            value = F.interpolate(value, axes, mode=_INTERPOLATION[len(axes)])
        return torch.cat((value, present.to(like.dtype).expand(-1, 1, *axes)), dim=1)


class ConditionEmbedding(nn.Module):
    """Embeds every condition of a space; what an absent condition holds is irrelevant.

    Arguments:
        space: what the network can be steered by.
        width: of the vector.
        token_width: of the tokens of texts; ``None``: ``width``.
    """

    def __init__(self, space: ConditionSpace, width: int, token_width: int | None = None) -> None:
        super().__init__()
        self.width = width
        # Lists, not a ModuleDict: that one forbids names such as "a.b" and "type". Sorted, so that weights keep
        # their place whatever order a file gives the names.
        self.names = tuple(sorted(space))
        vectors: dict[str, nn.Module] = {}
        for name in self.names:
            kind = space[name]
            if isinstance(kind, Label):
                vectors[name] = LabelEmbedding(kind, width)
            elif isinstance(kind, Number):
                vectors[name] = NumberEmbedding(width)
        self.vector_names = tuple(vectors)
        self.vectors = nn.ModuleList(vectors.values())
        self.text_names = tuple(n for n in self.names if isinstance(space[n], Text))
        texts = [k for n in self.names if isinstance(k := space[n], Text)]
        self.texts = nn.ModuleList((k.encoder or Words()).embedding(k, width, token_width or width) for k in texts)
        self.overlay_names = tuple(n for n in self.names if isinstance(space[n], StateCondition))
        self.overlays = nn.ModuleList(Overlay(k) for n in self.names if isinstance(k := space[n], StateCondition))

    @property
    def overlay_channels(self) -> int:
        """How many channels the overlay adds to the input."""
        return sum(overlay.channels for overlay in self.overlays if isinstance(overlay, Overlay))

    def forward(self, conditions: Conditions, like: Tensor) -> Embedded:
        """Embed the conditions of a batch.

        Arguments:
            conditions: by name; one that is left out is absent for all samples.
            like: the network's input ``[batch, channels, *axes]``, which lends batch size, axes, device and dtype.

        Raises:
            DomainInputError: a condition that the network does not have.
            UnsupportedError: a state condition with another number of axes than the state.
        """
        for name in conditions:
            if name not in self.names:
                raise unknown_name("condition", name, self.names, DomainInputError, field=name)
        vector = like.new_zeros(1, self.width)
        for name, embed in zip(self.vector_names, self.vectors, strict=True):
            vector = vector + embed(conditions.get(name), like)
        tokens, masks = [], []
        for name, embed in zip(self.text_names, self.texts, strict=True):
            text, mask, pooled = embed(conditions.get(name), like)
            vector = vector + pooled
            tokens.append(text)
            masks.append(mask)
        overlays = [o(conditions.get(n), like) for n, o in zip(self.overlay_names, self.overlays, strict=True)]
        return Embedded(
            vector,
            torch.cat(tokens, dim=1) if tokens else None,
            torch.cat(masks, dim=1) if masks else None,
            torch.cat(overlays, dim=1) if overlays else None,
        )
