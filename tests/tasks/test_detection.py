"""Known anomalies: what ``evaluate`` tells of them, what is kept, and what the report shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.errors import DataError, DomainInputError
from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.report import write_report
from suffuse.report.detection import drawings, sentences
from suffuse.report.labelled import read_labelled
from suffuse.tasks.data import open_splits
from suffuse.tasks.detection import Detection, detect
from suffuse.tasks.evaluate import evaluate
from suffuse.tasks.score import calibrate, score
from suffuse.training.run import Run
from tests.tasks import odd

FIGURES = ("auroc", "auprc", "f1_at_share", "anomalies", "usual")


@pytest.fixture(scope="module")
def model(toy_run: Run) -> Iterator[Model]:
    """The toy model, of data that have known anomalies."""
    with isolated(odd.Plugin()):
        yield load(Path(toy_run.folder))


@pytest.fixture(scope="module")
def calibrated(model: Model) -> Model:
    """The same with a score of its own, and a threshold."""
    splits = open_splits(model.recipe)
    usual = calibrate(model, [splits.train[i].item for i in range(60)], statistic="profile", levels=4)
    return replace(model, calibration=replace(usual, threshold=float(usual.values[-3])))


def test_evaluate_tells_what_the_score_finds(model: Model) -> None:
    found = evaluate(model, count=4, steps=1)
    assert found.detection is not None
    assert found.metrics["auroc"] > 0.95 and found.metrics["auprc"] > 0.8
    assert (found.metrics["anomalies"], found.metrics["usual"]) == (12, 24)
    assert "class_accuracy" in found.metrics
    assert "threshold" not in found.metrics and "anomalies_found" not in found.metrics
    json.dumps(found.as_dict())
    assert "detection" not in found.figures()


def test_without_anomalies_nothing_changes(model: Model) -> None:
    found = evaluate(model, count=4, steps=1, splits=replace(open_splits(model.recipe), anomalies=None))
    assert found.detection is None and not set(FIGURES) & set(found.metrics)
    assert set(found.as_dict()) == {"metrics", "count", "data", "seconds"}


def test_scores_are_those_of_score(model: Model, calibrated: Model) -> None:
    splits = open_splits(model.recipe)
    items = [part[i].item for part in (splits.test, odd.Noise(12)) for i in range(len(part))]
    own = detect(calibrated, splits)
    wanted = score(calibrated, items)
    assert own.scores == pytest.approx(wanted.values) and own.p == pytest.approx(wanted.p_values)
    assert calibrated.calibration is not None
    assert own.threshold == calibrated.calibration.threshold and own.reference == 60
    plain = detect(model, splits)
    assert plain.scores == pytest.approx(score(model, items, statistic="profile", reference="data").values)
    assert plain.reference == 24 and plain.threshold is None


def test_figures_are_scikit_learns(calibrated: Model) -> None:
    found = detect(calibrated, open_splits(calibrated.recipe))
    labels, scores = np.array(found.odd), np.array(found.scores)
    figures = found.metrics()
    assert figures["auroc"] == pytest.approx(roc_auc_score(labels, scores))
    assert figures["auprc"] == pytest.approx(average_precision_score(labels, scores))
    as_many = scores >= np.sort(scores)[-12]
    assert figures["f1_at_share"] == pytest.approx(f1_score(labels, as_many))
    assert found.threshold is not None
    assert figures["false_alarms"] == pytest.approx(np.mean(scores[~labels] > found.threshold))
    assert figures["anomalies_found"] == pytest.approx(np.mean(scores[labels] > found.threshold))


def test_of_many_items_as_large_a_share_of_either_is_scored(model: Model) -> None:
    splits = replace(open_splits(model.recipe), anomalies=odd.Noise(6))
    found = detect(model, splits, most=15)
    assert (len(found.scores), sum(found.odd), found.of) == (15, 3, 30)
    assert detect(model, splits, most=15) == found


def test_the_oddest_are_told_in_order(model: Model) -> None:
    found = detect(model, open_splits(model.recipe))
    assert [top.score for top in found.top] == sorted(found.scores, reverse=True)[:10]
    for top in found.top:
        offset = 24 if top.odd else 0
        assert found.scores[offset + top.place] == top.score and found.p[offset + top.place] == top.p
        assert "of the score is in" in top.reason
    assert Detection.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_empty_anomalies_are_an_error(model: Model) -> None:
    with pytest.raises(DataError, match="no anomalies"):
        detect(model, replace(open_splits(model.recipe), anomalies=odd.Noise(0)))


@pytest.fixture
def run(model: Model, toy_run: Run, tmp_path: Path) -> Path:
    """A run's folder that may be written into."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("model.safetensors", "recipe.yaml", "log.jsonl"):
        (folder / name).write_bytes((toy_run.folder / name).read_bytes())
    return folder


def test_from_the_command_line_to_the_report(run: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(run), "--count", "4", "--steps", "1"])
    assert result.exit_code == 0, result.output
    assert "auroc" in result.stdout and "36 of 36 test items and known anomalies" in result.stdout
    page = write_report(run).read_text()
    assert page.count("<svg") >= 4 and "Receiver operating characteristic" in page and "known anomaly" in page
    told = json.loads(CliRunner().invoke(app, ["evaluate", str(run), "--count", "4", "--steps", "1", "--json"]).stdout)
    assert set(told) == {"metrics", "count", "data", "seconds"} and set(FIGURES) <= set(told["metrics"])


def test_report_without_anomalies_has_no_such_section(run: Path) -> None:
    assert "Anomalies" not in write_report(run).read_text()


SCORES = "score,p,is_odd,reason\n1.5,0.5,0,\n9.0,0.01,1,far off\n0.5,0.9,0,\n2.5,0.2,1,\n"


def test_report_of_a_file_of_scores(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text(SCORES)
    result = CliRunner().invoke(app, ["report", str(run), "--scores", str(file), "--label", "is_odd"])
    assert result.exit_code == 0, result.output
    page = (run / "report.html").read_text()
    assert "far off" in page and "4 items of scores.csv, 2 of them" in page
    missing = CliRunner().invoke(app, ["report", str(run), "--scores", str(file), "--label", "is_old"])
    assert missing.exit_code == DomainInputError.exit_code and "did you mean 'is_odd'" in missing.output


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".arrow"])
def test_labelled_scores_of_every_kind_of_file(suffix: str, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    from pyarrow import csv, feather, parquet

    table = pa.table({"score": [1.0, 3.0, 2.0], "odd": [False, True, False], "p": [0.5, 0.1, 0.4]})
    path = tmp_path / f"scores{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        write = {".csv": csv.write_csv, ".parquet": parquet.write_table, ".arrow": feather.write_feather}[suffix]
        write(table, str(path))
    found = read_labelled(path, "odd")
    assert (found.scores, found.odd, found.p) == ((1.0, 3.0, 2.0), (False, True, False), (0.5, 0.1, 0.4))
    assert [top.place for top in found.top] == [1, 2, 0]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("score,odd\n1,0\n2,0\n", DomainInputError, "one kind only"),
        ("score,odd\n1,no\n2,yes\n", DomainInputError, "is no label"),
        ("score,odd\n1,0\n,1\n", DomainInputError, "has gaps"),
        ("scor,odd\n1,0\n2,1\n", DomainInputError, "no column named 'score'"),
        ('score,odd\n1,0\n"2', DataError, "cannot be read"),
    ],
)
def test_wrong_files_of_scores_are_named(text: str, error: type[Exception], match: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(error, match=match):
        read_labelled(path, "odd")
    with pytest.raises(DataError, match="no file of scores"):
        read_labelled(tmp_path / "scores.txt", "odd")
    with pytest.raises(DataError, match="cannot be read"):
        read_labelled(tmp_path / "absent.csv", "odd")


def test_the_report_warns_of_a_reference_unlike_the_test_part() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=400)
    p = np.clip(1.0 - scores, 0.001, 1.0)
    usual = Detection(tuple(scores), (False,) * 390 + (True,) * 10, tuple(p), reference=999)
    moved = replace(usual, p=tuple(p**2))
    assert len(sentences(usual)) == 2
    assert "smaller than they should be" in sentences(moved)[2]
    assert len(drawings(usual)) == 4 and len(drawings(replace(usual, p=()))) == 3
    assert sentences(replace(usual, p=()))[0].startswith("400 items")
