"""The network of the ready recipe for Fashion-MNIST, 28 × 28, without the data: what speed is measured on."""

from __future__ import annotations

import torch
from torch import Tensor

from suffuse.conditions import Condition, ConditionSpace, Label, encode_conditions
from suffuse.denoise import Preconditioned
from suffuse.recipe import load_recipe
from suffuse.trained import build_denoiser
from suffuse_images.codec import PictureCodec

RECIPE = "images/fashion-mnist"
CODEC = PictureCodec(28, 28, "grey", mean=(0.286,), std=0.353)
LABELS: ConditionSpace = {"label": Label(tuple("0123456789"))}


def denoiser() -> Preconditioned:
    """Untrained, in evaluation mode."""
    return build_denoiser(load_recipe(RECIPE), CODEC, LABELS).eval().requires_grad_(False)


def labels(count: int) -> dict[str, Condition]:
    """Conditions of a batch, the classes in turn."""
    return encode_conditions(LABELS, {"label": [i % 10 for i in range(count)]}, count)


def states(count: int) -> Tensor:
    """Zero states that lend their shape."""
    return torch.zeros(CODEC.like(count).shape)
