"""suffuse: train, sample, edit and score diffusion models for any kind of data.

The whole everyday API::

    import suffuse

    run = suffuse.train("digits")
    model = suffuse.load(run.folder)
    images = model.generate(16, label="7", seed=0)

Importing this package imports neither torch nor a plugin; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from suffuse.errors import SuffuseError as SuffuseError
    from suffuse.model import Model as Model
    from suffuse.model import load as load
    from suffuse.recipe import Recipe as Recipe
    from suffuse.recipe import load_recipe as load_recipe
    from suffuse.report import write_report as write_report
    from suffuse.rng import Rng as Rng
    from suffuse.tasks.distill import distill as distill
    from suffuse.tasks.export import export as export
    from suffuse.tasks.scoring.tables import TableScorer as TableScorer
    from suffuse.tasks.train import train as train

_HOMES = {
    "Model": "suffuse.model",
    "Recipe": "suffuse.recipe",
    "Rng": "suffuse.rng",
    "SuffuseError": "suffuse.errors",
    "TableScorer": "suffuse.tasks.scoring.tables",
    "distill": "suffuse.tasks.distill",
    "export": "suffuse.tasks.export",
    "load": "suffuse.model",
    "load_recipe": "suffuse.recipe",
    "train": "suffuse.tasks.train",
    "write_report": "suffuse.report",
}

__all__ = [
    "Model", "Recipe", "Rng", "SuffuseError", "TableScorer", "distill", "export", "load", "load_recipe", "train",
    "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # slower to import than all the rest

        return version("suffuse")
    if name not in _HOMES:
        raise AttributeError(f"module 'suffuse' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
