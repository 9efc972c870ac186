"""Gathering a run's facts and writing the page."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Sequence
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from suffuse.errors import DataError
from suffuse.files import write_text
from suffuse.report.curves import curve, panels
from suffuse.report.detection import drawings, sentences
from suffuse.report.labelled import read_labelled
from suffuse.tasks.detection import Detection
from suffuse.training.run import Run

MOST_PICTURES = 6
PLAYED = ("audio", "video")
"""Kinds of files that a page can play, and the elements that do."""


def write_report(
    folder: str | Path, out: str | Path | None = None, *, scores: str | Path | None = None, label: str = "label"
) -> Path:
    """Write the report of a run.

    Arguments:
        folder: the run's folder.
        out: the file; ``report.html`` in the folder by default.
        scores: a file of scores of labelled items, to be shown; by default those of the data's known anomalies, if
            ``evaluate`` has found some.
        label: its column that tells which items are odd.

    Returns:
        the file, which needs no other to be looked at.

    Raises:
        DataError: the folder holds no run, or the file of scores cannot be read.
        DomainInputError: the file of scores lacks a column.
    """
    run = Run(Path(folder))
    if not run.recipe_path.exists():
        raise DataError(
            "holds no run", field=str(folder), expected="a folder that `suffuse train` wrote", fix="check the path"
        )
    rows, evaluation = run.log(), _json(run.folder / "evaluation.json")
    found = _detection(evaluation) if scores is None else read_labelled(scores, label)
    page = Environment(loader=PackageLoader("suffuse.report", "."), autoescape=True).get_template("page.html.jinja")
    text = page.render(
        name=run.folder.resolve().name,
        summary=_summary(run, rows),
        curves=[curve(rows, names) for names in panels(rows)],
        pictures=[(path.stem, _inline(path)) for path in _spread(sorted(run.samples_folder.glob("step-*.png")))],
        played=[_played(path) for path in _playable(run.samples_folder)],
        grid=_inline(path) if (path := run.folder / "grid.png").exists() else None,
        beside=_inline(path) if (path := run.folder / "evaluation.png").exists() else None,
        metrics=evaluation.get("metrics", {}),
        evaluation=evaluation,
        found=found,
        found_drawings=[] if found is None else drawings(found),
        found_sentences=[] if found is None else sentences(found),
        recipe=run.recipe_path.read_text(encoding="utf-8"),
        environment=json.dumps(_json(run.folder / "environment.json"), indent=2),
        version=metadata.version("suffuse"),
    )
    path = Path(out) if out is not None else run.folder / "report.html"
    write_text(path, text)
    return path


def _detection(evaluation: dict[str, Any]) -> Detection | None:
    held = evaluation.get("detection")
    return None if held is None else Detection.from_dict(held)


def _summary(run: Run, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The figures that a reader wants first."""
    if not rows:
        return {"state": "not a step logged yet"}
    last = rows[-1]
    validation = [row["validation_loss"] for row in rows if "validation_loss" in row]
    told = {
        "state": "finished" if run.model_path.exists() else "not finished",
        "steps": f"{last['step']:,}",
        "time": str(timedelta(seconds=round(last["seconds"]))),
        "steps a second": f"{last['step'] / max(last['seconds'], 1e-9):.2f}",
    }
    return told | ({"validation loss": f"{validation[-1]:.4f}"} if validation else {})


def _spread(paths: Sequence[Path]) -> list[Path]:
    """At most :data:`MOST_PICTURES`, the first and the last among them."""
    if len(paths) <= MOST_PICTURES:
        return list(paths)
    return [paths[round(i * (len(paths) - 1) / (MOST_PICTURES - 1))] for i in range(MOST_PICTURES)]


def _inline(path: Path) -> str:
    kind, _ = mimetypes.guess_type(path)
    return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def _playable(folder: Path) -> list[Path]:
    """The last samples that a browser plays, and those half way there."""
    found = [path for path in sorted(folder.glob("step-*")) if _medium(path) in PLAYED]
    return [*found[len(found) // 2 : -1][:1], *found[-1:]]


def _played(path: Path) -> tuple[str, str, str]:
    """A file's name, the element that plays it, and all of it."""
    return path.stem, _medium(path), _inline(path)


def _medium(path: Path) -> str:
    return (mimetypes.guess_type(path)[0] or "").partition("/")[0]


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
