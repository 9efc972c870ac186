"""The folder of one training."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from suffuse.errors import SuffuseError
from suffuse.files import write_json, write_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A training run and where its results lie.

    Arguments:
        folder: holds ``recipe.yaml``, ``checkpoint.safetensors``, ``model.safetensors``, ``log.jsonl``,
            ``environment.json`` and ``samples/``; ``left-out.jsonl``, where some data cannot be read.
        step: optimizer steps made.
        metrics: the last logged figures.
        interrupted: whether it was stopped before its last step; the same command goes on from there.
        begun: how many of the steps were made before, by a run that this one went on with.
    """

    folder: Path
    step: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    interrupted: bool = False
    begun: int = 0

    @property
    def recipe_path(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    @property
    def model_path(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def left_out_path(self) -> Path:
        return self.folder / "left-out.jsonl"

    @property
    def samples_folder(self) -> Path:
        return self.folder / "samples"

    def log(self) -> list[dict[str, Any]]:
        """The logged rows, oldest first; a last line that was cut short is left out."""
        if not self.log_path.exists():
            return []
        return list(_rows(self.log_path.read_text(encoding="utf-8").splitlines()))

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to the log."""
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rewind(self, step: int) -> None:
        """Drop the rows of steps after ``step``, which a resumed run makes again."""
        kept = [row for row in self.log() if row["step"] <= step]
        write_text(self.log_path, "".join(json.dumps(row) + "\n" for row in kept))

    def describe(self, recipe: str) -> None:
        """Write the recipe, and what it runs on."""
        write_text(self.recipe_path, recipe)
        write_json(self.folder / "environment.json", environment())

    def leave_out(self, faults: Sequence[SuffuseError]) -> None:
        """Write down what of the data cannot be read, a line for each, and say where; nothing of it is no file."""
        if not faults:
            self.left_out_path.unlink(missing_ok=True)
            return
        rows = [{"item": fault.field, "reason": fault.message} for fault in faults]
        write_text(self.left_out_path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
        logger.warning("what is left out (%d) is listed in %s", len(faults), self.left_out_path)


def _rows(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def environment() -> dict[str, Any]:
    """Versions and hardware, for reports and bug reports."""
    import torch

    packages = ("suffuse", "torch", "torchvision", "accelerate", "numpy", "safetensors")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "packages": {name: _version(name) for name in packages},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
