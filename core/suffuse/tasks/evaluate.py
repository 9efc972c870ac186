"""``evaluate``: how like the data, how varied and how new a model's samples are, and what its score finds."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from suffuse.conditions import ConditionSpace
from suffuse.domain import Dataset, Item, Splits
from suffuse.errors import DataError, PluginError
from suffuse.files import write_json, write_with
from suffuse.jsonable import finite
from suffuse.process import Interpolant
from suffuse.registry import all_specs, full_name, make
from suffuse.rng import Rng
from suffuse.tasks.bridge import bridge
from suffuse.tasks.data import open_splits
from suffuse.tasks.detection import Detection, detect
from suffuse.tasks.generate import generate
from suffuse.tasks.plan import deal
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

logger = logging.getLogger(__name__)

FEW = 50
"""With fewer samples, or test examples, figures tell more of chance than of the model."""


@dataclass(frozen=True)
class Evaluation:
    """A model's figures.

    Arguments:
        metrics: by name; every one depends on ``count``. In JSON, one that is not finite is null.
        count: samples scored.
        data: what they were scored against.
        seconds: spent sampling.
        detection: how well the model's own score finds the data's known anomalies, if there are any; its figures are
            among the metrics.
        beside: a picture of the samples beside the data, where the domain draws one.
    """

    metrics: Mapping[str, float]
    count: int
    data: str
    seconds: float
    detection: Detection | None = None
    beside: Image.Image | None = None

    def figures(self) -> dict[str, Any]:
        """The figures as JSON-able data."""
        return {"metrics": finite(self.metrics), "count": self.count, "data": self.data, "seconds": self.seconds}

    def as_dict(self) -> dict[str, Any]:
        """The figures, and the single scores of the detection if there is one, as JSON-able data."""
        return self.figures() | ({} if self.detection is None else {"detection": self.detection.as_dict()})

    def write(self, path: Path) -> None:
        """Write it where :mod:`suffuse.report` finds it: the figures into a JSON file, the picture next to it."""
        write_json(path, self.as_dict())
        picture = path.with_suffix(".png")
        if self.beside is not None:
            write_with(picture, self.beside.save)
        else:
            picture.unlink(missing_ok=True)  # of an earlier evaluation


def evaluate(
    model: Trained,
    *,
    count: int | None = None,
    seed: int = 0,
    conditions: Mapping[str, Any] | None = None,
    splits: Splits | None = None,
    on_step: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Evaluation:
    """Generate samples under conditions drawn from the test data, and score them; of a bridge, lead test items back
    that its coupling has degraded.

    Where the data have known anomalies, these and the test part are scored too, by the model's own score, see
    :func:`suffuse.tasks.detection.detect`.

    Arguments:
        model: a trained model.
        count: samples; the recipe's number by default.
        seed: of the first sample, and of the draw of conditions.
        conditions: asked for instead of those drawn from the test data, as for
            :func:`suffuse.tasks.generate.generate`.
        splits: the data; the recipe's by default.
        on_step: progress of sampling.
        options: as for :func:`suffuse.tasks.generate.generate`.

    Raises:
        DataError: the data set is missing, or has no test part.
    """
    splits = open_splits(model.recipe) if splits is None else splits
    count = model.recipe.evaluate.count if count is None else count
    _check_sizes(count, splits)
    asked = draw_conditions(splits.test, model.conditions, count, seed) | deal(conditions or {}, count)
    begun = time.perf_counter()
    if isinstance(model.process, Interpolant):
        samples, originals = bridged(model, splits.test, count, seed=seed, on_step=on_step, **options)
    else:
        samples, originals = generate(model, count, seed=seed, conditions=asked, on_step=on_step, **options), []
    seconds = time.perf_counter() - begun
    metrics = score_items(model, samples, splits)
    if originals:
        metrics |= model.domain.fidelity(samples.items, originals)
    detection = detect(model, splits) if splits.anomalies is not None else None
    if detection is not None:
        metrics |= detection.metrics()
    beside = model.domain.beside(samples.items, splits.test, model.codec)
    return Evaluation(metrics, count, splits.name, seconds, detection, beside)


def bridged(model: Trained, part: Dataset, count: int, **options: Any) -> tuple[Samples, list[Item]]:
    """What a bridge makes of degraded items of a part, each once before any twice, and what these were before.

    Arguments:
        model: of a bridge.
        part: of clean examples.
        count: how many.
        options: as for :func:`suffuse.tasks.bridge.bridge`.
    """
    examples = [part[i % len(part)] for i in range(count)]
    items = [example.item for example in examples]
    asked = {name: [example.conditions.get(name) for example in examples] for name in model.conditions}
    return bridge(model, items, degrade=True, conditions=asked, **options), items


def _check_sizes(count: int, splits: Splits) -> None:
    """Warn where figures would be chance."""
    tests = len(splits.test)
    if tests == 0:
        raise DataError("has no test part", field=splits.name, expected="examples that were not trained on", got=0)
    if min(count, tests) < FEW:
        logger.warning(
            "%d samples are scored against %d test examples: with fewer than %d of either, figures are mostly chance",
            count, tests, FEW,
        )  # fmt: skip


def score_items(model: Trained, samples: Samples, splits: Splits) -> dict[str, float]:
    """The domain's own metrics, and those that plugins bring for it; warns of each that is not finite.

    Raises:
        PluginError: a plugin's metric is named as one of the domain's own.
    """
    scored = (samples.items, samples.conditions, splits, model.codec)
    metrics = dict(model.domain.evaluate(*scored))
    for spec in all_specs("metric"):
        if spec.domain == model.recipe.domain:
            if spec.name in metrics:
                raise PluginError(
                    "is one of the domain's own already", field=f"metric {full_name(spec)!r}", fix="rename it"
                )
            metrics[spec.name] = float(make("metric", full_name(spec), *scored))
    for name, value in metrics.items():
        if not math.isfinite(value):
            logger.warning("the metric %r is not finite (%s) on %d samples", name, value, len(samples.items))
    return metrics


def draw_conditions(dataset: Dataset, space: ConditionSpace, count: int, seed: int) -> dict[str, list[Any]]:
    """The conditions of examples drawn from a data set, evenly: every example once before any twice."""
    if not space:
        return {}
    order = Rng.of(seed).at("conditions").bits(len(dataset))[0].argsort().tolist()
    drawn = [dataset[order[i % len(order)]].conditions for i in range(count)]
    return {name: [c.get(name) for c in drawn] for name in space}
