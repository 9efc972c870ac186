"""A trained domain: one ``.safetensors`` file, and the verbs as methods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from suffuse.domain import Item
from suffuse.index import Hit, Index
from suffuse.operators import Operator
from suffuse.state import State
from suffuse.tasks import blend as blending
from suffuse.tasks import bridge as bridging
from suffuse.tasks import drift as drifting
from suffuse.tasks import embed as embedding
from suffuse.tasks import encode as encoding
from suffuse.tasks import evaluate as evaluating
from suffuse.tasks import explain as explaining
from suffuse.tasks import export as exporting
from suffuse.tasks import generate as generating
from suffuse.tasks import inpaint as inpainting
from suffuse.tasks import optimize as optimizing
from suffuse.tasks import restore as restoring
from suffuse.tasks import score as scoring
from suffuse.tasks import search as searching
from suffuse.tasks import vary as varying
from suffuse.tasks.inverse import Named
from suffuse.trained import Trained, locate


class Model(Trained):
    """A trained domain; each method is a verb, and calls the function of that name in :mod:`suffuse.tasks`."""

    def generate(self, count: int = 1, *, seed: int = 0, **options: Any) -> list[Item]:
        """Make items; see :func:`suffuse.tasks.generate.generate`. Conditions are keywords, as ``label="7"``."""
        conditions = {name: options.pop(name) for name in [*options] if name not in generating.OPTIONS}
        return generating.generate(self, count, seed=seed, conditions=conditions, **options).items

    def inpaint(self, items: Sequence[Item], known: State | None = None, **options: Any) -> list[Item]:
        """Keep a part of items, and make the rest anew; see :func:`suffuse.tasks.inpaint.inpaint`."""
        conditions = {name: options.pop(name) for name in [*options] if name not in inpainting.OPTIONS}
        return inpainting.inpaint(self, items, known, conditions=conditions, **options).items

    def restore(self, items: Sequence[Item], operator: Operator | Named = "identity", **options: Any) -> list[Item]:
        """Undo noise, blur or another loss; see :func:`suffuse.tasks.restore.restore`."""
        conditions = {name: options.pop(name) for name in [*options] if name not in restoring.OPTIONS}
        return restoring.restore(self, items, operator, conditions=conditions, **options).items

    def bridge(self, items: Sequence[Item], **options: Any) -> list[Item]:
        """From source items to what they come from; see :func:`suffuse.tasks.bridge.bridge`."""
        conditions = {name: options.pop(name) for name in [*options] if name not in bridging.OPTIONS}
        return bridging.bridge(self, items, conditions=conditions, **options).items

    def vary(self, items: Sequence[Item], strength: float | None = None, **options: Any) -> list[Item]:
        """Noise items a little, and make them anew from there; see :func:`suffuse.tasks.vary.vary`."""
        conditions = {name: options.pop(name) for name in [*options] if name not in varying.OPTIONS}
        return varying.vary(self, items, strength, conditions=conditions, **options).items

    def blend(self, a: Item, b: Item, count: int = 5, **options: Any) -> list[Item]:
        """From one item to another through those between; see :func:`suffuse.tasks.blend.blend`."""
        return blending.blend(self, a, b, count, **options).items

    def encode(self, items: Sequence[Item], **options: Any) -> encoding.Encoded:
        """Carry items to the noise that they come from; see :func:`suffuse.tasks.encode.encode`."""
        return encoding.encode(self, items, **options)

    def decode(self, encoded: encoding.Encoded, **options: Any) -> list[Item]:
        """Items from the noise that they were carried to; see :func:`suffuse.tasks.encode.decode`."""
        return encoding.decode(self, encoded, **options)

    def score(self, items: Iterable[Item], **options: Any) -> scoring.Scores:
        """How odd items are; see :func:`suffuse.tasks.score.score`."""
        return scoring.score(self, items, **options)

    def explain(self, items: Sequence[Item], **options: Any) -> explaining.Explanations:
        """Why items are odd, and what they would be if they were not; see :func:`suffuse.tasks.explain.explain`."""
        return explaining.explain(self, items, **options)

    def drift(self, items: Iterable[Item], **options: Any) -> drifting.Drifts:
        """Which parts of items are not as they were; see :func:`suffuse.tasks.drift.drift`."""
        return drifting.drift(self, items, **options)

    def export(self, path: str | Path, what: str = "denoiser") -> Path:
        """Write a part of it as an ONNX file; see :func:`suffuse.tasks.export.export`."""
        return exporting.export(self, path, what)

    def features(self, items: Sequence[Item], **options: Any) -> Tensor:
        """What the model's network thinks of items; see :func:`suffuse.tasks.embed.features`."""
        return embedding.features(self, items, **options)

    def search(
        self, queries: Sequence[Item], where: Index | str | Path | Sequence[str | Path], k: int = 8, **options: Any
    ) -> list[list[Hit]]:
        """The items most like others; see :func:`suffuse.tasks.search.search`."""
        return searching.search(self, queries, where, k, **options)

    def evaluate(self, **options: Any) -> dict[str, float]:
        """Score samples against the test data; see :func:`suffuse.tasks.evaluate.evaluate`."""
        return dict(evaluating.evaluate(self, **options).metrics)

    def optimize(self, steps: Sequence[int] = optimizing.STEPS, **options: Any) -> Model:
        """The model with the best solver and noise levels at few steps; see :func:`suffuse.tasks.optimize.optimize`."""
        return optimizing.optimize(self, steps, **options).apply(self)


def load(source: str | Path) -> Model:
    """Load a model.

    Arguments:
        source: a file, a run folder, or a starter's name.

    Raises:
        ModelFileError: missing, truncated, of another kind, or written by a newer suffuse.
        PluginError: its domain is not installed.
    """
    return Model.read(locate(source))
