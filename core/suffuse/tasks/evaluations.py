"""How often a network was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from suffuse.state import batch_size


@dataclass
class Evaluations:
    """Counts evaluations: one for each sample of each batch that a network was given."""

    count: int = 0


@contextmanager
def counted(network: nn.Module) -> Iterator[Evaluations]:
    """Count the evaluations of a network within a block, whoever asks for them."""
    told = Evaluations()

    def tell(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        told.count += batch_size(inputs[0])

    handle = network.register_forward_pre_hook(tell)
    try:
        yield told
    finally:
        handle.remove()
