"""A trained domain: one ``.safetensors`` file, and the verbs as methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suffuse.domain import Item
from suffuse.errors import ModelFileError, SuffuseError
from suffuse.registry import find, names, resource
from suffuse.registry.specs import StarterSpec
from suffuse.tasks import evaluate as evaluating
from suffuse.tasks import generate as generating
from suffuse.trained import Trained


class Model(Trained):
    """A trained domain; each method is a verb, and calls the function of that name in :mod:`suffuse.tasks`."""

    def generate(self, count: int = 1, *, seed: int = 0, **options: Any) -> list[Item]:
        """Make items; see :func:`suffuse.tasks.generate.generate`. Conditions are keywords, as ``label="7"``."""
        conditions = {name: options.pop(name) for name in [*options] if name not in generating.OPTIONS}
        return generating.generate(self, count, seed=seed, conditions=conditions, **options).items

    def evaluate(self, **options: Any) -> dict[str, float]:
        """Score samples against the test data; see :func:`suffuse.tasks.evaluate.evaluate`."""
        return dict(evaluating.evaluate(self, **options).metrics)


def load(source: str | Path) -> Model:
    """Load a model.

    Arguments:
        source: a file, a run folder, or a starter's name.

    Raises:
        ModelFileError: missing, truncated, of another kind, or written by a newer suffuse.
        PluginError: its domain is not installed.
    """
    return Model.read(locate(source))


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
