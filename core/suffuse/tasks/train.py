"""``train``: from a recipe to a model, in a folder of its own, with everything needed to go on after a stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from rich.console import Console

from suffuse.conditions import ConditionKind, conditions_from_json, conditions_to_json
from suffuse.domain import Codec, Domain, Splits
from suffuse.errors import DataError, RecipeError
from suffuse.files import write_with
from suffuse.progress import progress_bar
from suffuse.recipe import Recipe, load_recipe, sections, to_yaml
from suffuse.registry import load_domain, notify
from suffuse.tasks.evaluate import draw_conditions
from suffuse.tasks.generate import generate
from suffuse.trained import Trained, build_denoiser
from suffuse.training.batches import Batch, Batches, encode
from suffuse.training.checkpoint import Checkpoint, pack, unpack
from suffuse.training.loop import Progress, Trainer
from suffuse.training.objective import Objective, Uncertainty, make_times, make_weight
from suffuse.training.run import Run
from suffuse.training.validation import validation_loss

_FREE_TO_CHANGE = ("name", "train", "sample", "evaluate")
"""Sections that a resumed run may change; of ``train``, only lengths and intervals."""


def train(
    recipe: Recipe | str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    resume: bool = True,
    console: Console | None = None,
) -> Run:
    """Train a model.

    Arguments:
        recipe: a recipe, or anything that :func:`suffuse.recipe.load_recipe` takes.
        out: the run's folder; ``runs/NAME-DATE`` by default.
        resume: go on from the folder's checkpoint, if it has one; otherwise start over.
        console: where progress is drawn; ``None``: nowhere.

    Returns:
        the run; ``run.interrupted`` tells whether the user stopped it (the same call goes on).

    Raises:
        DataError, RecipeError, StorageError: with what to do.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    accelerator = Accelerator(
        mixed_precision=resolve_precision(recipe.train.precision),
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=False),
    )
    run = Run(Path(out) if out is not None else _default_folder(recipe))
    splits = load_domain(recipe.domain).splits(sections(recipe)[0])
    checkpoint = Checkpoint.read(run.checkpoint_path) if resume and run.checkpoint_path.exists() else None
    job = _prepare(recipe, splits, run, checkpoint, accelerator)
    if accelerator.is_main_process:
        run.folder.mkdir(parents=True, exist_ok=True)
        run.describe(to_yaml(recipe))
        run.rewind(job.trainer.step)
    return _Watch(job, console if accelerator.is_main_process else None).work()


def resolve_precision(precision: str) -> str:
    """``auto`` as what the hardware does fast: bfloat16 on GPUs and CPUs that compute in it, else float32."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    return "bf16" if "avx512_bf16" in _cpu_capabilities() else "no"


def _cpu_capabilities() -> set[str]:
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # absent before torch 2.9
    return {name for name, present in known.items() if present is True}


def _default_folder(recipe: Recipe) -> Path:
    return Path("runs") / f"{recipe.name or recipe.domain}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


@dataclass(frozen=True)
class Job:
    """A training, put together."""

    recipe: Recipe
    run: Run
    splits: Splits
    codec: Codec
    conditions: Mapping[str, ConditionKind]
    trainer: Trainer
    seconds_before: float

    @property
    def domain(self) -> Domain:
        return load_domain(self.recipe.domain)

    def model(self, facts: Mapping[str, Any]) -> Trained:
        """The model as it stands."""
        return Trained(self.recipe, self.codec, self.conditions, self.trainer.averaged, facts)


def _prepare(recipe: Recipe, splits: Splits, run: Run, checkpoint: Checkpoint | None, accelerator: Accelerator) -> Job:
    domain = load_domain(recipe.domain)
    if len(splits.train) == 0 or len(splits.validation) == 0:
        raise DataError(
            "holds too little", field="data", expected="at least one example to train on and one to validate",
            got=f"{len(splits.train)} and {len(splits.validation)}",
        )  # fmt: skip
    if checkpoint is None:
        codec = domain.fit_codec(sections(recipe)[1], splits.train)
        conditions = dict(domain.conditions(splits))
    else:
        _same_recipe(recipe, checkpoint, run)
        codec = domain.load_codec(checkpoint.header["codec"])
        conditions = conditions_from_json(checkpoint.header["conditions"])
    objective = Objective(
        build_denoiser(recipe, codec, conditions),
        make_times(recipe.objective.times),
        make_weight(recipe.objective.weight),
        recipe.objective.condition_dropout,
        Uncertainty() if recipe.objective.uncertainty else None,
    )
    trainer = Trainer(recipe, objective, accelerator)
    if checkpoint is not None:
        unpack(checkpoint.tensors, trainer.modules(), trainer.optimizer, run.checkpoint_path)
        trainer.step = checkpoint.step
    seconds = checkpoint.header["seconds"] if checkpoint is not None else 0.0
    return Job(recipe, run, splits, codec, conditions, trainer, seconds)


def _same_recipe(recipe: Recipe, checkpoint: Checkpoint, run: Run) -> None:
    """A checkpoint of another recipe is not overwritten silently."""
    mine, theirs = recipe.model_dump(mode="json"), checkpoint.header["recipe"]
    for section in mine:
        if section not in _FREE_TO_CHANGE and mine[section] != theirs.get(section):
            raise RecipeError(
                f"the folder holds a run of another recipe: `{section}` differs",
                field=str(run.folder),
                expected=theirs.get(section),
                got=mine[section],
                fix="choose another folder with --out, or start over with --no-resume",
            )
    for key in ("batch", "accumulate", "precision", "seed"):
        if mine["train"][key] != theirs["train"][key]:
            raise RecipeError(
                "differs from the run in the folder", field=f"train.{key}", expected=theirs["train"][key],
                got=mine["train"][key], fix="choose another folder with --out, or start over with --no-resume",
            )  # fmt: skip


class _Watch:
    """Runs a job and does what is due between its steps: log, validate, draw, save."""

    def __init__(self, job: Job, console: Console | None) -> None:
        self.job = job
        self.console = console
        self.stop = threading.Event()
        self.begun = time.perf_counter()
        self.shown: dict[str, float] = {}
        self.validation = self._validation_batches()

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.job.trainer.accelerator.is_main_process)

    @property
    def seconds(self) -> float:
        """Spent on the run, over all its parts."""
        return self.job.seconds_before + time.perf_counter() - self.begun

    def work(self) -> Run:
        """Train to the end or to a stop, and leave a checkpoint; at the end, the model."""
        job, trainer = self.job, self.job.trainer
        accelerator = trainer.accelerator
        batches = Batches(
            job.splits.train, job.codec, job.conditions, job.recipe.train.batch, job.recipe.train.seed,
            accelerator.process_index, accelerator.num_processes, job.recipe.train.workers,
        )  # fmt: skip
        notify("run_started", run=job.run)
        total = job.recipe.train.steps
        with _stopping(self.stop), progress_bar(self.console, "train", total, trainer.step) as advance:
            for progress in trainer.steps(batches):
                self._between(progress)
                advance(progress.step, self.shown)
                if self._stopped():
                    break
        finished = trainer.step >= total
        self._save()
        if finished and self.main:
            job.model(self._facts()).save(job.run.model_path)
        accelerator.wait_for_everyone()
        run = replace(job.run, step=trainer.step, metrics=dict(self.shown), interrupted=not finished)
        notify("run_finished", run=run)
        return run

    def _between(self, progress: Progress) -> None:
        every, step, last = self.job.recipe.train, progress.step, self.job.recipe.train.steps
        row: dict[str, float] = {}
        if step % every.log_every == 0 or step == last:
            row |= {"loss": float(progress.loss), "gradient_norm": float(progress.gradient_norm)}
            row |= {"learning_rate": progress.learning_rate}
        if self.main and (step % every.validate_every == 0 or step == last):
            row["validation_loss"] = self._validate()
        if self.main and (step % every.sample_every == 0 or step == last):
            self._draw(step)
        if step % every.checkpoint_every == 0 and step != last:
            self._save()
        if row:
            self.shown |= row
            notify("step_finished", run=self.job.run, step=step, metrics=row)
            if self.main:
                self.job.run.append({"step": step, "seconds": round(self.seconds, 2), **row})

    def _stopped(self) -> bool:
        """Whether any process was asked to stop: all must agree, or some would wait for ever."""
        accelerator = self.job.trainer.accelerator
        if accelerator.num_processes == 1:
            return self.stop.is_set()
        flag = torch.tensor(float(self.stop.is_set()), device=accelerator.device)
        return bool(accelerator.reduce(flag, "sum") > 0)

    def _validation_batches(self) -> list[Batch]:
        job = self.job
        count = min(job.recipe.train.validation_count, len(job.splits.validation))
        size = job.recipe.train.batch
        parts = [range(i, min(i + size, count)) for i in range(0, count, size)]
        return [encode([job.splits.validation[i] for i in part], job.codec, job.conditions) for part in parts]

    def _validate(self) -> float:
        trained = self.job.trainer.objective
        judged = Objective(self.job.trainer.averaged, trained.times, trained.weight)
        return validation_loss(judged, self.validation, self.job.trainer.accelerator.device)

    def _draw(self, step: int) -> None:
        job = self.job
        count = job.recipe.sample.count
        conditions = draw_conditions(job.splits.validation, job.conditions, count, job.recipe.train.seed)
        items = generate(job.model({}), count, seed=job.recipe.train.seed, conditions=conditions).items
        write_with(job.run.samples_folder / f"step-{step:07d}.png", job.domain.picture(items).save)

    def _save(self) -> None:
        if not self.main:
            return
        job, trainer = self.job, self.job.trainer
        header = {
            "recipe": job.recipe.model_dump(mode="json"),
            "codec": job.codec.to_json(),
            "conditions": conditions_to_json(job.conditions),
            "seconds": self.seconds,
        }
        Checkpoint(trainer.step, pack(trainer.modules(), trainer.optimizer), header).write(job.run.checkpoint_path)

    def _facts(self) -> dict[str, Any]:
        network = self.job.trainer.network
        return {
            "steps": self.job.trainer.step,
            "seconds": round(self.seconds, 1),
            "parameters": sum(p.numel() for p in network.parameters()),
            "data": self.job.splits.name,
            "examples": len(self.job.splits.train),
            "processes": self.job.trainer.accelerator.num_processes,
            "trained": f"{datetime.now(UTC):%Y-%m-%d}",
            **{k: round(v, 6) for k, v in self.shown.items() if k in ("loss", "validation_loss")},
        }


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the step; the second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def request(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, request)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
