"""Checkpoints: everything that a run needs to go on as if it had never stopped, in one atomic file.

A checkpoint holds the network, its average, the objective's own weights, the optimizer's moments and the counters.
Times, noise and data order are functions of the step, so there is no generator and no loader to save.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from suffuse.errors import ModelFileError
from suffuse.tensorfile import read_tensors, write_tensors

FORMAT = "suffuse-checkpoint"
VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """The parts of a run that change while it trains.

    Arguments:
        step: optimizer steps made.
        tensors: all state, by dotted name.
        header: recipe, codec, conditions, counters, as JSON-able data.
    """

    step: int
    tensors: Mapping[str, Tensor]
    header: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replace the checkpoint at ``path`` atomically."""
        write_tensors(path, self.tensors, {**self.header, "format": FORMAT, "version": VERSION, "step": self.step})

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a checkpoint; raises as :func:`suffuse.tensorfile.read_tensors` does."""
        tensors, header = read_tensors(path, FORMAT, VERSION)
        return cls(header["step"], tensors, header)


def pack(modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors of modules and optimizer, by dotted name."""
    tensors = {f"{part}.{name}": x for part, module in modules.items() for name, x in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return tensors


def unpack(
    tensors: Mapping[str, Tensor], modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, path: Path
) -> None:
    """The inverse of :func:`pack`, in place.

    Raises:
        ModelFileError: the checkpoint is of another network.
    """
    for part, module in modules.items():
        load_part(module, tensors, part, path)
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in part_of(tensors, "optimizer").items():
        index, _, key = name.partition(".")
        slots.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def part_of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors below a name, without it."""
    return {name[len(part) + 1 :]: x for name, x in tensors.items() if name.startswith(part + ".")}


def load_part(module: nn.Module, tensors: Mapping[str, Tensor], part: str, path: Path) -> None:
    """Load the tensors below a name into a module.

    Raises:
        ModelFileError: they are another module's.
    """
    found = {name: x.float() if x.is_floating_point() else x for name, x in part_of(tensors, part).items()}
    try:
        module.load_state_dict(found)
    except RuntimeError as error:
        raise ModelFileError(
            f"does not fit its own recipe's {part} ({str(error).splitlines()[0]})",
            field=str(path),
            fix="it was made by another version of the network; train it again or install the plugin's older version",
        ) from error
