"""The student: its recipe, and how its training is put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from suffuse.distillation.criterion import MultistepConsistency
from suffuse.distillation.segments import Segments
from suffuse.distillation.teacher import TeacherStep
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian
from suffuse.recipe import DistillSection, Recipe, load_recipe
from suffuse.trained import Trained, build_denoiser, component

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "optimizer": {"learning_rate": 5e-4, "warmup": 50, "schedule": "cosine", "weight_decay": 0.0},
    "ema": {"kind": "power", "std": 0.1},
    "train": {
        "steps": 1000, "log_every": 20, "validate_every": 250, "validation_count": 128, "sample_every": 250,
        "checkpoint_every": 100,
    },
    "sample": {
        "sampler": "ddim", "grid": {"name": "shifted-flow", "shift": 1.0, "sigma_max": 80.0}, "guidance": 1.0,
        "interval": None,
    },
}  # fmt: skip
"""What a student's recipe has of its own, measured on several teachers (docs/distill.md)."""

CUTS = 32
"""The teacher's steps along the whole flow, of which each of the student's gets an equal share, but at least 4."""

METHOD = "multistep consistency distillation"

SAME = ("domain", "codec", "process", "predict", "network")
"""The sections of a recipe that a student shares with its teacher."""


def process_of(teacher: Trained) -> Gaussian:
    """The process of a model that can be distilled.

    Raises:
        UnsupportedError: it is not Gaussian noise, so that no differential equation leads from noise to data; or the
            model was distilled itself, and tells of the ends of a flow, not of the flow.
    """
    if teacher.recipe.distill is not None:
        raise UnsupportedError(
            "is a student itself", field="model", expected="a model that learnt from data", got=teacher.recipe.name,
            fix=f"distil its teacher, {teacher.recipe.distill.teacher}",
        )  # fmt: skip
    if not isinstance(teacher.process, Gaussian):
        raise UnsupportedError(
            "only a model of Gaussian noise can be distilled: other noise has no flow", field="model",
            expected="Gaussian", got=type(teacher.process).__name__, fix="sample it with fewer steps, as --steps 10",
        )  # fmt: skip
    return teacher.process


def student_recipe(teacher: Trained, section: Mapping[str, Any], steps: int, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe of a student: its teacher's, but for what is learnt, how long, and how it is sampled.

    Arguments:
        teacher: the model to be distilled.
        section: the recipe's section ``distill``.
        steps: of the student's sampling.
        overrides: ``section.key=value``, as for :func:`suffuse.recipe.load_recipe`.

    Raises:
        RecipeError: a wrong key or value.
        UnsupportedError: the model cannot be distilled.
    """
    process_of(teacher)
    data = teacher.recipe.model_dump(mode="json")
    data["name"] = "-".join(filter(None, (teacher.recipe.name, f"{steps}-step")))
    data["distill"] = {"cuts": max(4, CUTS // max(steps, 1)), **section}
    for name, changes in CHANGES.items():
        data[name] |= changes
    data["sample"] |= {"steps": steps}
    return load_recipe(data, overrides)


def make_criterion(recipe: Recipe, section: DistillSection, teacher: Trained, guided: Denoiser) -> MultistepConsistency:
    """What a student learns, and the student, which begins as its teacher.

    Arguments:
        recipe: the student's.
        section: that of the distillation.
        teacher: the model to be distilled.
        guided: its denoiser, under the guidance that shall be learnt too.

    Raises:
        RecipeError: the student's network, process or codec is another than its teacher's.
        UnsupportedError: the model cannot be distilled.
    """
    process = process_of(teacher)
    for name in SAME:
        mine, its = getattr(recipe, name), getattr(teacher.recipe, name)
        if mine != its:
            raise RecipeError("differs from the teacher's", field=name, expected=its, got=mine, fix=f"leave out {name}")
    student = build_denoiser(recipe, teacher.codec, teacher.conditions)
    student.network.load_state_dict(teacher.denoiser.network.state_dict())
    grid = component("grid", recipe.sample.grid, steps=recipe.sample.steps)(process.schedule)
    return MultistepConsistency(
        student,
        process,
        TeacherStep(guided, process),
        Segments.of(grid, process.schedule, section.cuts),
        component("weighting", recipe.objective.weight),
        recipe.objective.condition_dropout,
    )
