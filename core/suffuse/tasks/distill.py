"""``distill``: out of a trained model, one that samples in one to a few steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from suffuse.distillation import student_recipe
from suffuse.files import digest
from suffuse.tasks.train import train
from suffuse.trained import Trained, locate
from suffuse.training.run import Run


def distill(
    model: str | Path,
    *,
    steps: int = 2,
    train_steps: int | None = None,
    batch: int | None = None,
    guidance: float | str | Mapping[str, Any] | None = None,
    interval: tuple[float, float] | None = None,
    overrides: Iterable[str] = (),
    out: str | Path | None = None,
    resume: bool = True,
    console: Console | None = None,
) -> Run:
    """Distil a model.

    The student is a model like any other: its file generates, and is scored, in ``steps`` steps unless told otherwise.

    Arguments:
        model: the teacher: a file, a run's folder, or a starter's name. Its training data are needed.
        steps: of the student's sampling.
        train_steps: optimizer steps; the distillation's own default if not given.
        batch: examples in one batch; the teacher's number if not given.
        guidance: of the teacher, which the student learns with it; what the teacher's recipe says if not given.
        interval: the noise levels σ/α within which that guidance acts; likewise.
        overrides: ``section.key=value`` for the student's recipe, as ``data.limit=500``.
        out: the run's folder; ``runs/TEACHER-N-step`` by default, so that the same call goes on.
        resume: go on from the folder's checkpoint, if it has one; otherwise start over.
        console: where progress is drawn; ``None``: nowhere.

    Returns:
        the run; ``run.interrupted`` tells whether the user stopped it (the same call goes on).

    Raises:
        ModelFileError: there is no such model.
        RecipeError: ``steps`` is not positive, or an override is wrong.
        UnsupportedError: the model's noise is not Gaussian, or the model is a student itself.
        DataError, StorageError: with what to do.
    """
    path = locate(model)
    teacher = Trained.read(path)
    sampling = teacher.recipe.sample
    section = {
        "teacher": str(model),
        "fingerprint": digest(path),
        "guidance": sampling.guidance if guidance is None else guidance,
        "interval": sampling.interval if interval is None else interval,
    }
    told = {"train.steps": train_steps, "train.batch": batch}
    changes = [f"{key}={value}" for key, value in told.items() if value is not None]
    recipe = student_recipe(teacher, section, steps, [*changes, *overrides])
    folder = Path("runs") / recipe.name if out is None else Path(out)
    return train(recipe, out=folder, resume=resume, console=console)
