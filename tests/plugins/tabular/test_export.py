"""Scores of rows without suffuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from suffuse.model import load
from suffuse.onnxfile import describe
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.columns import Boolean, LogTails, Number, Ranked
from suffuse_tabular.detector import DiffusionDetector
from suffuse_tabular.rows import Rows


def rows(count: int, seed: int, deviation: float = 1.0) -> np.ndarray:
    """Three numbers of unlike sizes; of each seventh row one is missing."""
    rng = np.random.default_rng(seed)
    x = np.array([1e6, 0.0, -5.0]) + deviation * rng.normal(size=(count, 3)) * np.array([10.0, 1.0, 1e-3])
    x[::7, 1] = np.nan
    return x


def test_the_codec_of_numbers_is_a_module() -> None:
    """The same states to the last bit, of empty cells, of what is far off, of truths."""
    cells = pa.table({"a": [1.0, 2.0, 4.0], "b": [0.5, -0.5, 0.1], "c": [True, False, True]})
    columns = (
        Number.fit("a", cells["a"].combine_chunks()),
        LogTails.fit("b", cells["b"].combine_chunks()),
        Boolean.fit("c", cells["c"].combine_chunks()),
    )
    codec = RowsCodec(columns, gaps=True)
    asked = pa.table({"a": [1.0, None, 9e9], "b": [77.0, -0.2, None], "c": [True, None, False]})
    module = codec.as_module()
    assert module is not None
    assert module.names == ("a", "b", "c")
    told = np.array([[np.nan if v is None else float(v) for v in r.values()] for r in asked.to_pylist()])
    found, wanted = module(torch.from_numpy(told)), codec.encode(Rows(asked))
    assert isinstance(found, dict)
    assert isinstance(wanted, dict)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_ranks_are_no_plain_numbers() -> None:
    cells = pa.array(np.linspace(0.0, 1.0, 50))
    assert RowsCodec((Ranked.fit("a", cells),)).as_module() is None


def test_a_detector_scores_rows_in_onnxruntime(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="is not installed: pip install suffuse[onnx]")
    pytest.importorskip("onnxscript", reason="is not installed: pip install suffuse[onnx]")
    detector = DiffusionDetector("denoiser", recipe={"train": {"steps": 60}}).fit(rows(300, 0))
    path = load(detector.save(tmp_path / "m.safetensors")).export(tmp_path / "score.onnx", "score")
    for asked in (rows(1, 1), rows(40, 2), rows(40, 3, deviation=30.0)):
        (found,) = onnxruntime.InferenceSession(str(path)).run(["score"], {"items": asked})
        np.testing.assert_allclose(found, -detector.score_samples(asked), rtol=1e-5, atol=1e-5)
    facts = describe(path)["facts"]
    assert json.loads(facts["columns"]) == list(detector.model_.codec.names)
    assert json.loads(facts["threshold"]) == pytest.approx(-detector.offset_)
    assert json.loads(facts["statistic"])["name"] == detector.model_.calibration.statistic.name


def test_centres_score_rows_in_onnxruntime(tmp_path: Path) -> None:
    """Whose noise levels are tied to the spacing that they remember."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="is not installed: pip install suffuse[onnx]")
    pytest.importorskip("onnxscript", reason="is not installed: pip install suffuse[onnx]")
    known = rows(300, 0)[:, [0, 2]]
    detector = DiffusionDetector("distilled").fit(known)
    path = detector.model_.export(tmp_path / "score.onnx", "score")
    asked = rows(40, 2)[:, [0, 2]]
    (found,) = onnxruntime.InferenceSession(str(path)).run(["score"], {"items": asked})
    assert found == pytest.approx(-detector.score_samples(asked), abs=1e-5)
