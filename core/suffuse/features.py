"""What a denoiser's network thinks of a state half-way through: features for search and comparison, of any domain.

Denoisers learn features as a by-product (Baranchuk et al. 2022; Xiang et al. 2023, denoising diffusion autoencoders).
They are read off an inner layer while the network looks at a slightly noised state. Over every axis but the batch and
the channels only the mean, the largest and the smallest value are kept, so that features have one length whatever the
size of the item, and do not depend on where in it something is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError, unknown_name
from suffuse.posterior import Denoiser
from suffuse.process import Process, time_of_ratio
from suffuse.rng import Rng
from suffuse.state import State, batch_size

LEVEL = 0.4
"""The noise level σ/α at which the network looks, unless told otherwise."""


SHARE = 0.6
"""The share of its parameters that a network has used at the layer that is read unless told otherwise."""


class _Reached(Exception):
    """Ends a forward pass at the layer that was wanted."""


@dataclass(frozen=True)
class Features:
    """Reads features off a network.

    Every state gets the same noise, so that its features depend on nothing but itself. While it reads, the layer
    carries a hook: one network must not be read by several threads at once.

    Arguments:
        network: the raw module.
        denoiser: what calls it.
        process: of the noise.
        layer: the layer's name among ``network.named_modules()``.
        level: the noise level σ/α of the process's clock.
        seed: of the noise.

    Raises:
        RecipeError: there is no such layer, or the level is not positive.
    """

    network: nn.Module
    denoiser: Denoiser
    process: Process
    layer: str
    level: float = LEVEL
    seed: int = 0

    def __post_init__(self) -> None:
        names = [name for name, _ in self.network.named_modules() if name]
        if self.layer not in names:
            raise unknown_name("layer", self.layer, names, RecipeError, field="layer")
        if not self.level > 0.0:
            raise RecipeError("must be positive", field="level", expected="a noise level σ/α > 0", got=self.level)

    @property
    def time(self) -> float:
        """When the network looks."""
        return min(1.0, time_of_ratio(self.process.schedule, self.level))

    @torch.no_grad()
    def __call__(self, x: State, conditions: Conditions) -> Tensor:
        """Features of clean states: float32 ``[batch, width]``.

        Raises:
            UnsupportedError: the layer was not reached, or gave no tensor with the batch as its first axis.
        """
        noised = self.process.corrupt(x, self.time, Rng.of([self.seed] * batch_size(x)).at("features"))
        module = self.network.get_submodule(self.layer)
        with _reading(module) as seen, suppress(_Reached):
            self.denoiser(noised, self.time, conditions)
        activation = seen[0] if seen else None
        if activation is None or activation.ndim < 2 or activation.shape[0] != batch_size(x):
            raise UnsupportedError(
                "gives no features", field="layer", expected="a layer that gives a tensor [batch, …]",
                got=f"{self.layer}: {'nothing' if activation is None else list(activation.shape)}",
            )  # fmt: skip
        return pooled(activation, channels_first(module), x)


def inner_layer(network: nn.Module, run: Callable[[], object], share: float = SHARE) -> str:
    """The stage at which a share of the network's parameters have been used: a little past the middle, by default.

    Stages are the network's children, those of lists and sequences taken one by one, in the order in which they are
    called. Only those count that give a tensor.

    Arguments:
        network: any module.
        run: calls it once.
        share: from 0, the first stage, to 1, the last.

    Raises:
        UnsupportedError: no stage gives a tensor.
    """
    order = _called(network, run)
    if not order:
        raise UnsupportedError("has no inner layers", field="layer", got=type(network).__name__, fix="name a layer")
    used = torch.tensor([sum(p.numel() for p in network.get_submodule(name).parameters()) for name in order]).cumsum(0)
    return order[int((used >= share * used[-1]).nonzero()[0])]


def _called(network: nn.Module, run: Callable[[], object]) -> list[str]:
    """The stages that give a tensor, in the order in which they are first called."""
    order: list[str] = []

    def noted(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, out: None if _tensor(out) is None or name in order else order.append(name)

    handles = [module.register_forward_hook(noted(name)) for name, module in stages(network)]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return order


def stages(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The children of a module, by name; in their place those of lists and sequences, and of a wrapped network."""
    children = list(module.named_children())
    wraps = not prefix and len(children) == 1 and any(True for _ in children[0][1].children())
    for name, child in children:
        if wraps or isinstance(child, nn.ModuleList | nn.Sequential):
            yield from stages(child, f"{prefix}{name}.")
        else:
            yield prefix + name, child


def channels_first(module: nn.Module) -> bool:
    """Whether a layer's channels are the axis after the batch, as where it convolves; else they are the last."""
    return any(isinstance(part, _ConvNd) for part in module.modules())


def pooled(activation: Tensor, first: bool, x: State) -> Tensor:
    """The mean, maximum and minimum of an activation over all axes but the batch and the channels, side by side.

    Arguments:
        activation: ``[batch, channels, …]`` if ``first``, else ``[batch, …, channels]``.
        x: the state that it is of; where the other axes are those of one of its masks, or those of the elements that a
            mask of pairs ``[batch, n, n]`` has, padding does not count.

    Returns:
        float32 ``[batch, 3·channels]``; ``[batch, channels]`` where there are no other axes.
    """
    activation = (activation.movedim(1, -1) if first else activation).float()
    if activation.ndim == 2:
        return activation
    masks = [] if isinstance(x, Tensor) else [m for m in x.values() if m.dtype == torch.bool]
    masks += [m.any(1) | m.any(2) for m in masks if m.ndim == 3 and m.shape[1] == m.shape[2]]
    mask = next((m for m in masks if m.shape == activation.shape[:-1]), None)
    values = activation.flatten(1, -2)
    real = torch.ones_like(values[..., :1], dtype=torch.bool) if mask is None else mask.flatten(1)[..., None]
    mean = torch.where(real, values, 0.0).sum(1) / real.sum(1).clamp_min(1)
    most = torch.where(real, values, -torch.inf).amax(1)
    least = torch.where(real, values, torch.inf).amin(1)
    return torch.cat([mean, *(torch.where(real.any(1), end, 0.0) for end in (most, least))], dim=1)


def _tensor(out: Any) -> Tensor | None:
    """What a layer gives: a tensor, or the first of several."""
    if isinstance(out, tuple | list) and out:
        out = out[0]
    return out if isinstance(out, Tensor) and out.ndim >= 2 else None


@contextmanager
def _reading(module: nn.Module) -> Iterator[list[Tensor]]:
    """Keep what a module gives, and end the pass there."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, out: Any) -> None:
        tensor = _tensor(out)
        if tensor is not None:
            seen.append(tensor)
            raise _Reached

    handle = module.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()
