"""A small text encoder, trained with the network that it steers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Condition, Text
from suffuse.nn.attention import Attention
from suffuse.nn.embeddings import axial_positions

LAYERS = 2
HEAD_WIDTH = 32


@dataclass(frozen=True)
class Words:
    """The text encoder ``words``: the captions' own words, and a transformer that is trained with the network.

    Arguments:
        layers: of the transformer.
    """

    layers: int = LAYERS

    def tokens(self, kind: Text, text: str) -> list[int]:
        """Words, and unknown words letter by letter."""
        return kind.tokens(text)

    def longest(self, kind: Text) -> int:
        """The longest caption's length."""
        return kind.length

    def embedding(self, kind: Text, width: int, token_width: int) -> TextEmbedding:
        """An untrained embedding."""
        return TextEmbedding(kind, width, token_width, self.layers)


class TextLayer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        heads = next(h for h in range(max(1, width // HEAD_WIDTH), 0, -1) if width % h == 0)
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, zero=False)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x), mask=mask)
        x = x + self.mlp(self.norm2(x))
        return x


class TextEmbedding(nn.Module):
    """Tokens for cross-attention, and one vector for the whole text.

    Every text begins with a learned token, another one where the text is absent; so no row of the mask is empty, and
    an empty text is not the same as none.

    Arguments:
        kind: the vocabulary.
        width: of the vector.
        token_width: of the tokens.
        layers: of the transformer.
    """

    def __init__(self, kind: Text, width: int, token_width: int, layers: int = LAYERS) -> None:
        super().__init__()
        self.token_width = token_width
        self.words = nn.Embedding(len(kind.words) + 1, token_width)
        self.first = nn.Embedding(2, token_width)
        self.layers = nn.ModuleList(TextLayer(token_width) for _ in range(layers))
        self.norm = nn.LayerNorm(token_width)
        self.pooled = nn.Linear(token_width, width)

    def forward(self, condition: Condition | None, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode a batch of texts.

        Arguments:
            condition: token ids ``[batch, length]``; ``None``: absent for all samples.
            like: lends the batch size and the device.

        Returns:
            The tokens ``[batch, length + 1, token_width]``, their mask, bool ``[batch, length + 1]``, and the vectors
            ``[batch, width]``.
        """
        present = like.new_zeros(like.shape[0], dtype=torch.bool)
        ids = like.new_zeros(like.shape[0], 0, dtype=torch.int64)
        mask = ids > 0
        if condition is not None:
            present = condition.present
            mask = condition.value > 0 if condition.mask is None else condition.mask
            mask = mask & present[:, None]
            ids = torch.where(mask, condition.value, 0)
        x = torch.cat((self.first(present.long())[:, None], self.words(ids)), dim=1)
        x = x + axial_positions((x.shape[1],), self.token_width, x.device).to(x.dtype)
        mask = F.pad(mask, (1, 0), value=True)
        for layer in self.layers:
            x = layer(x, mask)
        tokens = self.norm(x)
        mean = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return tokens, mask, self.pooled(mean)
