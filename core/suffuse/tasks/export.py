"""``export``: a model as an ONNX file, for pipelines without suffuse and without Python."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import conditions_to_json, encode_conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.onnxfile import write_onnx
from suffuse.order import is_unordered
from suffuse.rng import Rng
from suffuse.tasks.graphs import DenoiserGraph, ScoreGraph, inputs_of
from suffuse.tasks.score import make_scorer
from suffuse.tasks.statistics.base import Judging
from suffuse.trained import Trained

PARTS = ("denoiser", "score")

TRACED, CHECKED = 2, 5
"""Batch sizes with which a graph is made, and checked."""


def export(model: Trained, path: str | Path, what: str = "denoiser") -> Path:
    """Write a part of a model as an ONNX file, which is checked by onnxruntime before it is there.

    ``denoiser``: the belief x̂₀ about a noised state. Inputs are the entries of the state, ``x`` or ``x.NAME``, masks
    too; the time ``t``, float64 ``[batch]``; and of each condition ``condition.NAME``, ``condition.NAME.present`` and,
    of a text, ``condition.NAME.mask``. Outputs are ``x0`` or ``x0.NAME``. All axes but the batch's are fixed.

    ``score``: from items told as plain numbers, ``items``, float64 ``[batch, …]``, to ``score``, float64 ``[batch]``:
    that of the model's own calibration.

    What the file is of stands in its ``metadata_props``: ``suffuse.what``, ``suffuse.recipe``, ``suffuse.domain``,
    ``suffuse.process`` or ``suffuse.columns``, ``suffuse.statistic``, ``suffuse.threshold``.

    Arguments:
        model: a trained model. It is left on its device.
        path: should end in ``.onnx``.
        what: the part.

    Returns:
        the path.

    Raises:
        PluginError: a package of ``suffuse[onnx]`` is not installed.
        RecipeError: there is no such part.
        UnsupportedError: the network has no graph; or of a score, the model is not calibrated, or its codec does not
            begin with plain numbers.
        StorageError: the file cannot be written.
    """
    if what not in PARTS:
        raise RecipeError("is unknown", field="what", expected=" or ".join(PARTS), got=what)
    device = model.device
    try:
        (_export_denoiser if what == "denoiser" else _export_score)(model.to("cpu"), Path(path))
    finally:
        model.to(device)
    return Path(path)


def _export_denoiser(model: Trained, path: Path) -> None:
    graph = DenoiserGraph(model.denoiser, model.codec.like(1), encode_conditions(model.conditions, {}, 1))
    inputs, others = (_noised(model, count) for count in (TRACED, CHECKED))
    facts = {
        "process": model.recipe.process.model_dump(mode="json"),
        "conditions": conditions_to_json(model.conditions),
    }
    write_onnx(path, graph, inputs, others, graph.outputs, {**_facts(model, "denoiser"), **facts})


def _noised(model: Trained, count: int) -> dict[str, Tensor]:
    """Pure noise at several times, under no condition: what a denoiser is asked about, for tracing it."""
    rng = Rng.of(range(count)).at("export")
    x = model.process.prior(model.codec.like(count, rng), rng)
    t = torch.linspace(0.2, 0.8, count, dtype=torch.float64)
    return inputs_of(x, t, encode_conditions(model.conditions, {}, count))


def _export_score(model: Trained, path: Path) -> None:
    calibration, entrance = model.calibration, model.codec.as_module()
    if calibration is None:
        raise UnsupportedError(
            "is not calibrated, and has no score of its own", field="model", got=model.recipe.name,
            expected="a model with a calibration, as a detector's", fix="export the denoiser",
        )  # fmt: skip
    if entrance is None or is_unordered(model.recipe.domain, model.codec):
        raise UnsupportedError(
            "does not begin with plain numbers", field="codec", got=type(model.codec).__name__,
            expected="a codec that is a module (Codec.as_module)", fix="export the denoiser",
        )  # fmt: skip
    scorer = make_scorer(model)
    if isinstance(scorer.statistic, Judging):
        raise UnsupportedError(
            "asks several models, each with a codec of its own", field="statistic", got=scorer.statistic.name,
            expected="the score of one model", fix="export one that judges alone",
        )  # fmt: skip
    inputs, others = ({"items": entrance.examples(count)} for count in (TRACED, CHECKED))
    facts = {
        "columns": list(entrance.names),
        "statistic": calibration.statistic.model_dump(mode="json"),
        "threshold": calibration.threshold,
    }
    graph = ScoreGraph(entrance, scorer)
    write_onnx(path, graph, inputs, others, ("score",), {**_facts(model, "score"), **facts})


def _facts(model: Trained, what: str) -> dict[str, Any]:
    return {
        "version": metadata.version("suffuse"),
        "what": what,
        "recipe": model.recipe.name,
        "domain": model.recipe.domain,
    }
