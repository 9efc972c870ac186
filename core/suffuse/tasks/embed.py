"""``features``: what a model's own network thinks of items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import torch
from torch import Tensor

from suffuse.conditions import Conditions, encode_conditions, move_conditions
from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.features import LEVEL, Features, inner_layer
from suffuse.order import listed
from suffuse.rng import Rng
from suffuse.state import to
from suffuse.tasks.items import encode_items
from suffuse.tasks.plan import parts
from suffuse.trained import Trained


def features(
    model: Trained, items: Sequence[Item], *, layer: str | None = None, level: float = LEVEL, batch: int = 64
) -> Tensor:
    """Features of items, as :mod:`suffuse.features` reads them: float32 ``[count, width]`` on the CPU.

    Arguments:
        model: a trained model.
        items: of its domain.
        layer: of its network; a little past the middle by default.
        level: the noise level σ/α at which the network looks.
        batch: items looked at at a time; changes the speed, not the features.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
        RecipeError: the network has no such layer, or the level is not positive.
    """
    if not items:
        raise DomainInputError("is empty", field="items", expected="at least one item")
    if batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    reader = feature_reader(model, layer, level)
    return torch.cat([read_features(model, reader, items[part]) for part in parts(len(items), batch)])


def feature_reader(model: Trained, layer: str | None, level: float) -> Features:
    """What reads the model's features; where no layer is named, the network is called once to find it."""
    denoiser = model.denoiser
    if layer is None:
        like = to(model.codec.like(1, Rng.of(0).at("like")), model.device)
        layer = inner_layer(denoiser.network, lambda: denoiser(like, 1.0, _nothing(model, 1)))
    return Features(denoiser.network, denoiser, model.process, layer, level)


def read_features(model: Trained, reader: Features, items: Sequence[Item]) -> Tensor:
    """Features of one batch of items, on the CPU."""
    return reader(listed(model, encode_items(model, items)), _nothing(model, len(items))).cpu()


def fingerprint(model: Trained) -> str:
    """A digest of a model's weights and codec, by which features of different models are told apart."""
    digest = hashlib.blake2b(json.dumps(model.codec.to_json(), sort_keys=True).encode(), digest_size=16)
    for name, weight in sorted(model.denoiser.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _nothing(model: Trained, count: int) -> Conditions:
    return move_conditions(encode_conditions(model.conditions, {}, count), model.device)
