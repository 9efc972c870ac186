"""A training or a distillation, put together: data, codec, criterion, trainer; anew or from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from suffuse.conditions import ConditionKind, conditions_from_json
from suffuse.denoise import Preconditioned
from suffuse.distillation import METHOD, make_criterion, read_teacher
from suffuse.domain import Codec, Domain, Splits, examples_at
from suffuse.errors import DataError, RecipeError
from suffuse.forward import with_encoder
from suffuse.nn.memory import Memory
from suffuse.precision import resolve_precision
from suffuse.recipe import DistillSection, Recipe, sections, validate
from suffuse.registry import load_domain
from suffuse.tasks.plan import Sampling, make_plan
from suffuse.trained import Trained, build_denoiser, component
from suffuse.training.batches import Batch, Batches, Source, encode, make_source
from suffuse.training.checkpoint import Checkpoint, unpack
from suffuse.training.criterion import Criterion
from suffuse.training.loop import Trainer
from suffuse.training.objective import Objective, Uncertainty
from suffuse.training.run import Run
from suffuse.training.validation import validation_loss

_FREE_TO_CHANGE = ("name", "train", "sample", "evaluate")
"""Sections that a resumed run may change, but for these keys."""

_FIXED = tuple(("train", key) for key in ("batch", "accumulate", "precision", "seed", "patience"))
_FIXED_OF_STUDENTS = (("sample", "grid"), ("sample", "steps"))


def make_accelerator(precision: str) -> Accelerator:
    """The devices, processes and precision of a training.

    Under ``torchrun`` on a machine without an accelerator the processes share the work on CPUs.
    """
    AcceleratorState._reset_state()  # else the precision of the first training of this Python process stays for all
    return Accelerator(
        mixed_precision=resolve_precision(precision, "train.precision"), cpu=not torch.accelerator.is_available()
    )


@dataclass(frozen=True)
class Job:
    """A training, put together.

    Arguments:
        recipe: says how.
        run: where results lie.
        splits: the data.
        codec, conditions: of the model.
        trainer: everything that changes.
        seconds_before: spent before this part of the run.
        origin: facts about where the model comes from.
    """

    recipe: Recipe
    run: Run
    splits: Splits
    codec: Codec
    conditions: Mapping[str, ConditionKind]
    trainer: Trainer
    seconds_before: float
    origin: Mapping[str, Any]

    @property
    def domain(self) -> Domain:
        return load_domain(self.recipe.domain)

    @property
    def source(self) -> Source:
        """The batches of this process."""
        train, accelerator = self.recipe.train, self.trainer.accelerator
        batches = Batches(
            self.splits.train, self.codec, self.conditions, train.batch, train.seed, accelerator.process_index,
            accelerator.num_processes, train.workers,
        )  # fmt: skip
        return make_source(batches, train.keep)

    def model(self, facts: Mapping[str, Any]) -> Trained:
        """The model as it stands."""
        facts, best = dict(facts), self.trainer.best
        if best is not None and best.step:
            facts |= {"best_step": best.step, "validation_loss": round(best.loss, 6)}
        return Trained(self.recipe, self.codec, self.conditions, self.trainer.outcome, facts)

    def validates(self, step: int) -> bool:
        """Whether the validation loss is due after a step."""
        return step % self.recipe.train.validate_every == 0 or step == self.recipe.train.steps

    def validate(self) -> float:
        """The validation loss of the average as it stands, which patience takes note of."""
        trainer = self.trainer
        loss = validation_loss(trainer.criterion.of(trainer.averaged), self._held_out, trainer.accelerator.device)
        if trainer.best is not None:
            trainer.best.look(trainer.average.network, loss, trainer.step)
        return loss

    @cached_property
    def _held_out(self) -> list[Batch]:
        """The validation part, encoded."""
        count, size = min(self.recipe.train.validation_count, len(self.splits.validation)), self.recipe.train.batch
        parts = [range(i, min(i + size, count)) for i in range(0, count, size)]
        return [encode(examples_at(self.splits.validation, part), self.codec, self.conditions) for part in parts]


@dataclass(frozen=True)
class _Start:
    """What a run begins with."""

    codec: Codec
    conditions: Mapping[str, ConditionKind]
    criterion: Criterion
    origin: Mapping[str, Any] = field(default_factory=dict)


def prepare(recipe: Recipe, splits: Splits, run: Run, checkpoint: Checkpoint | None, accelerator: Accelerator) -> Job:
    """Put a run together: a distillation where the recipe has a section of that name, else a training.

    Raises:
        DataError, ModelFileError, RecipeError, UnsupportedError: with what to do.
    """
    if len(splits.train) == 0 or len(splits.validation) == 0:
        raise DataError(
            "holds too little", field="data", expected="at least one example to train on and one to validate",
            got=f"{len(splits.train)} and {len(splits.validation)}",
        )  # fmt: skip
    if checkpoint is not None:
        _same_recipe(recipe, checkpoint, run)
    if recipe.distill is None:
        start = _training(recipe, splits, checkpoint)
    else:
        start = _distillation(recipe, recipe.distill, accelerator.device)
    trainer = Trainer(recipe, start.criterion, accelerator)
    if checkpoint is not None:
        unpack(checkpoint.tensors, trainer.modules(), trainer.optimizer, run.checkpoint_path)
        trainer.step = checkpoint.step
        if trainer.best is not None:
            trainer.best.restore(checkpoint.header["best"])
        if trainer.accelerator.scaler is not None and checkpoint.header["scaler"] is not None:
            trainer.accelerator.scaler.load_state_dict(checkpoint.header["scaler"])
    seconds = checkpoint.header["seconds"] if checkpoint is not None else 0.0
    return Job(recipe, run, splits, start.codec, start.conditions, trainer, seconds, start.origin)


def _training(recipe: Recipe, splits: Splits, checkpoint: Checkpoint | None) -> _Start:
    """An untrained denoiser, and its denoising error."""
    domain = load_domain(recipe.domain)
    if checkpoint is None:
        codec = domain.fit_codec(sections(recipe)[1], splits.train)
        conditions = with_encoder(recipe, domain.conditions(splits))
    else:
        codec = domain.load_codec(checkpoint.header["codec"])
        conditions = with_encoder(recipe, conditions_from_json(checkpoint.header["conditions"]))
    denoiser = build_denoiser(recipe, codec, conditions)
    if recipe.train.steps and not any(parameter.requires_grad for parameter in denoiser.parameters()):
        raise RecipeError(
            "has nothing to train", field="network", expected="train.steps=0", got=f"{recipe.train.steps} steps",
            fix="set train.steps=0, or take a network that has parameters",
        )  # fmt: skip
    if checkpoint is None and isinstance(denoiser.network, Memory):
        everything = examples_at(splits.train, range(len(splits.train)))
        denoiser.network.remember(encode(everything, codec, conditions).x0)
    return _Start(codec, conditions, objective_of(recipe, denoiser))


def objective_of(recipe: Recipe, denoiser: Preconditioned) -> Objective:
    """The denoising error that a recipe trains by."""
    return Objective(
        denoiser,
        component("times", recipe.objective.times),
        component("weighting", recipe.objective.weight),
        recipe.objective.condition_dropout,
        Uncertainty() if recipe.objective.uncertainty else None,
        recipe.objective.relative,
    )


def _distillation(recipe: Recipe, section: DistillSection, device: torch.device) -> _Start:
    """A student that is its teacher as yet, and what it learns of it."""
    teacher = read_teacher(section).to(device)
    guided = make_plan(teacher, Sampling(guidance=section.guidance, interval=section.interval)).guided
    criterion = make_criterion(recipe, section, teacher, guided)
    origin = {"method": METHOD, "teacher": section.teacher, "teacher_facts": dict(teacher.facts)}
    return _Start(teacher.codec, teacher.conditions, criterion, origin)


def _same_recipe(recipe: Recipe, checkpoint: Checkpoint, run: Run) -> None:
    """A checkpoint of another recipe is not overwritten silently."""
    mine, theirs = (r.model_dump(mode="json") for r in (recipe, validate(checkpoint.header["recipe"])))
    for section in mine:
        if section not in _FREE_TO_CHANGE and mine[section] != theirs[section]:
            raise RecipeError(
                f"the folder holds a run of another recipe: `{section}` differs",
                field=str(run.folder),
                expected=theirs[section],
                got=mine[section],
                fix="choose another folder with --out, or start over with --no-resume",
            )
    fixed = [*_FIXED, *(_FIXED_OF_STUDENTS if recipe.distill is not None else ())]
    for section, key in fixed:
        if mine[section][key] != theirs[section][key]:
            raise RecipeError(
                "differs from the run in the folder", field=f"{section}.{key}", expected=theirs[section][key],
                got=mine[section][key], fix="choose another folder with --out, or start over with --no-resume",
            )  # fmt: skip
