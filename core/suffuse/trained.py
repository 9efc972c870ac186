"""A trained domain without its verbs: what a model file holds, and how a recipe becomes a denoiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from suffuse.budgets import Budget
from suffuse.calibration import Calibration
from suffuse.conditions import ConditionKind, conditions_from_json, conditions_to_json
from suffuse.denoise import Preconditioned
from suffuse.domain import Codec, Domain
from suffuse.errors import ModelFileError, SuffuseError
from suffuse.forward import build_process, with_encoder
from suffuse.process import Process
from suffuse.recipe import Named, Recipe, validate
from suffuse.registry import find, load_domain, make, names, resource
from suffuse.registry.specs import StarterSpec
from suffuse.rng import digest, seeded
from suffuse.tensorfile import read_tensors, write_tensors
from suffuse.training.checkpoint import load_part, part_of

FORMAT = "suffuse-model"
VERSION = 1


@dataclass(frozen=True)
class Trained:
    """A denoiser with everything needed to use it.

    Arguments:
        recipe: how it was trained.
        codec: between items and states.
        conditions: what it can be steered by.
        denoiser: the belief.
        facts: figures and provenance of training, JSON-able.
        budgets: what to sample with at a number of steps, as :mod:`suffuse.tasks.optimize` found it.
        calibration: what its own score says of usual items, by which ``score`` judges unless told otherwise.
        panel: models of the same items that judge them together with it, each calibrated for itself.
    """

    recipe: Recipe
    codec: Codec
    conditions: Mapping[str, ConditionKind]
    denoiser: Preconditioned
    facts: Mapping[str, Any] = field(default_factory=dict)
    budgets: Mapping[int, Budget] = field(default_factory=dict)
    calibration: Calibration | None = None
    panel: tuple[Trained, ...] = ()

    @property
    def domain(self) -> Domain:
        """The domain whose items it makes."""
        return load_domain(self.recipe.domain)

    @property
    def process(self) -> Process:
        """The process that it was trained under."""
        return self.denoiser.process

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(chain(self.denoiser.parameters(), self.denoiser.buffers())).device

    def to(self, device: torch.device | str) -> Self:
        """Move to a device, in place, with its panel; returns itself."""
        self.denoiser.to(device)
        for one in self.panel:
            one.to(device)
        return self

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32) -> Path:
        """Write the model to one file.

        Arguments:
            path: should end in ``.safetensors``.
            dtype: of the weights in the file; ``torch.float16`` halves it.
        """
        tensors, header = self._packed(dtype)
        write_tensors(Path(path), tensors, header)
        return Path(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a model file.

        Raises:
            ModelFileError: missing, truncated, of another kind, or written by a newer suffuse.
            PluginError: its domain is not installed.
        """
        return cls._unpacked(*read_tensors(path, FORMAT, VERSION), path)

    def _packed(self, dtype: torch.dtype) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and the header of a file; those of its panel are in it as they would be in files of their own."""
        state = self.denoiser.network.state_dict()
        tensors = {f"network.{k}": x.to(dtype) if x.is_floating_point() else x for k, x in state.items()}
        header: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "suffuse": metadata.version("suffuse"),
            "recipe": self.recipe.model_dump(mode="json"),
            "codec": self.codec.to_json(),
            "conditions": conditions_to_json(self.conditions),
            "facts": dict(self.facts),
            "budgets": {str(steps): budget.to_json() for steps, budget in self.budgets.items()},
        }
        if self.calibration is not None:
            header["calibration"] = self.calibration.to_json()
            tensors |= {f"calibration.{k}": x for k, x in self.calibration.tensors().items()}
        for i, (parts, told) in enumerate(one._packed(dtype) for one in self.panel):
            header.setdefault("panel", []).append(told)
            tensors |= {f"panel.{i}.{k}": x for k, x in parts.items()}
        return tensors, header

    @classmethod
    def _unpacked(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any], path: Path) -> Self:
        recipe = validate(header["recipe"])
        codec = load_domain(recipe.domain).load_codec(header["codec"])
        conditions = with_encoder(recipe, conditions_from_json(header["conditions"]))
        denoiser = build_denoiser(recipe, codec, conditions)
        load_part(denoiser.network, tensors, "network", path)
        budgets = {int(steps): Budget.from_json(data) for steps, data in header.get("budgets", {}).items()}
        told = header.get("calibration")
        calibration = None if told is None else Calibration.from_file(told, part_of(tensors, "calibration"))
        frozen = denoiser.eval().requires_grad_(False)
        panel = tuple(
            Trained._unpacked(part_of(tensors, f"panel.{i}"), one, path)
            for i, one in enumerate(header.get("panel", []))
        )
        return cls(recipe, codec, conditions, frozen, header["facts"], budgets, calibration, panel)


def build_denoiser(recipe: Recipe, codec: Codec, conditions: Mapping[str, ConditionKind]) -> Preconditioned:
    """The untrained denoiser of a recipe, its weights keyed by the recipe's seed."""
    process = build_process(recipe, codec)
    with seeded(digest("weights", recipe.train.seed)):
        network: nn.Module = component("network", recipe.network, template=codec.like(1), conditions=conditions)
    return Preconditioned(network, process, recipe.predict)


def component(kind: str, named: Named, **options: Any) -> Any:
    """Make what a recipe names, with the recipe's options."""
    return make(kind, named.name, **{**named.options, **options})


def locate(source: str | Path) -> Path:
    """The file of a model that is named by a file, a run folder, or a starter's name."""
    path = Path(source)
    if path.is_dir():
        file = path / "model.safetensors"
        if not file.exists():
            raise ModelFileError(
                "holds no model yet" if (path / "recipe.yaml").exists() else "is no run's folder",
                field=str(path),
                expected="model.safetensors in a run's folder",
                fix="let `suffuse train` finish; the same command goes on from the checkpoint",
            )
        return file
    if path.is_file() or path.suffix == ".safetensors":
        return path
    return _starter(str(source))


def _starter(name: str) -> Path:
    try:
        spec = find("starter", name)
    except SuffuseError as error:
        raise ModelFileError(
            "is neither a file, nor a run folder, nor a starter's name",
            field=name,
            expected=f"a .safetensors file, a run folder, or one of {', '.join(names('starter')) or '(no starters)'}",
            fix=error.fix,
        ) from error
    assert isinstance(spec, StarterSpec)
    return resource(spec)
