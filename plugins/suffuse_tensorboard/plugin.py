"""What TensorBoard brings to suffuse: an observer, for recipes that ask for it."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry import hookimpl
from suffuse.registry.specs import ObserverSpec


@hookimpl
def register_observers(register: Callable[[ObserverSpec], None]) -> None:
    """``train.observers=[tensorboard]``."""
    register(
        ObserverSpec(
            name="tensorboard",
            summary="scalars and samples for TensorBoard, in the run's folder: folder=…",
            factory="suffuse_tensorboard.observer:TensorBoard",
            requires=("tensorboard",),
            install="suffuse[tensorboard]",
        )
    )
