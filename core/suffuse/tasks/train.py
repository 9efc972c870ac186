"""``train``: from a recipe to a model, in a folder of its own, with everything needed to go on after a stop."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from suffuse.conditions import conditions_to_json
from suffuse.errors import ModelFileError, TrainingError
from suffuse.files import folder_of, write_with
from suffuse.process import Interpolant
from suffuse.progress import progress_bar
from suffuse.recipe import Recipe, load_recipe, sections, to_yaml
from suffuse.registry import load_domain, notify
from suffuse.tasks.evaluate import bridged, draw_conditions
from suffuse.tasks.generate import generate
from suffuse.tasks.job import Job, make_accelerator, prepare
from suffuse.trained import component
from suffuse.training.checkpoint import Checkpoint, pack
from suffuse.training.loop import Progress
from suffuse.training.run import Run


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
    recipe = anchored(recipe if isinstance(recipe, Recipe) else load_recipe(recipe))
    accelerator = make_accelerator(recipe.train.precision)
    run = Run(Path(out) if out is not None else _default_folder(recipe))
    with folder_of(run.folder) if accelerator.is_main_process else nullcontext():
        splits = load_domain(recipe.domain).splits(sections(recipe)[0])
        checkpoint = _read_checkpoint(run) if resume and run.checkpoint_path.exists() else None
        job = prepare(recipe, splits, run, checkpoint, accelerator)
        if accelerator.is_main_process:
            run.describe(to_yaml(recipe))
            run.leave_out(splits.faults)
            run.rewind(job.trainer.step)
    return _Watch(job, console if accelerator.is_main_process else None).work()


def anchored(recipe: Recipe) -> Recipe:
    """The recipe with the paths of its data absolute, so that a model finds its data from any folder."""
    data = sections(recipe)[0]
    paths = {key: value.absolute() for key in recipe.data if isinstance(value := getattr(data, key, None), Path)}
    return recipe.model_copy(update={"data": {**recipe.data, **{key: str(path) for key, path in paths.items()}}})


def _read_checkpoint(run: Run) -> Checkpoint:
    try:
        return Checkpoint.read(run.checkpoint_path)
    except ModelFileError as error:
        raise ModelFileError(
            error.message, field=error.field, expected=error.expected, got=error.got,
            fix="start over with --no-resume; a finished model in the folder is not touched until then",
        ) from error  # fmt: skip


def _default_folder(recipe: Recipe) -> Path:
    return Path("runs") / f"{recipe.name or recipe.domain}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


class _Watch:
    """Runs a job and does what is due between its steps: log, validate, draw, save."""

    def __init__(self, job: Job, console: Console | None) -> None:
        self.job = job
        self.console = console
        self.stop = threading.Event()
        self.begun = time.perf_counter()
        self.observers = [component("observer", named) for named in job.recipe.train.observers] if self.main else []
        self.shown = {k: v for row in job.run.log()[-1:] for k, v in row.items() if k not in ("step", "seconds")}

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
        begun = trainer.step
        self._tell("run_started", run=replace(job.run, step=begun, begun=begun))
        total = job.recipe.train.steps
        with _stopping(self.stop), progress_bar(self.console, "train", total, trainer.step) as advance:
            for progress in trainer.steps(job.source):
                self._between(progress)
                advance(progress.step, self.shown)
                if self._stopped():
                    break
        finished = trainer.finished
        self._save()
        if (
            finished and self.main and not (begun == trainer.step and job.run.model_path.exists())
        ):  # it may hold more by now
            job.model(self._facts()).save(job.run.model_path)
        accelerator.wait_for_everyone()
        run = replace(job.run, step=trainer.step, begun=begun, metrics=dict(self.shown), interrupted=not finished)
        self._tell("run_finished", run=run)
        return run

    def _between(self, progress: Progress) -> None:
        every, step, trainer = self.job.recipe.train, progress.step, self.job.trainer
        row: dict[str, float] = {}
        if self.job.validates(step) and (self.main or trainer.best is not None):  # all processes end as one
            row["validation_loss"] = self.job.validate()
        last = trainer.finished
        saving = step % every.checkpoint_every == 0 and not last
        if step % every.log_every == 0 or last or saving:
            loss, norm = float(progress.loss), float(progress.gradient_norm)
            row = {"loss": loss, "gradient_norm": norm, "learning_rate": progress.learning_rate, **row}
            self._require_finite(loss, step)
        if self.main and (step % every.sample_every == 0 or last):
            self._draw(step)
        if saving:
            self._save()
        if row:
            self.shown |= row
            self._tell("step_finished", run=self.job.run, step=step, metrics=row)
            if self.main:
                self.job.run.append({"step": step, "seconds": round(self.seconds, 2), **row})

    def _require_finite(self, loss: float, step: int) -> None:
        """Stop a training that diverged, before its checkpoint replaces the last good one."""
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {step}",
                field=str(self.job.run.folder),
                expected="a finite loss",
                fix="lower optimizer.learning_rate or optimizer.clip, or lengthen optimizer.warmup",
            )

    def _tell(self, hook: str, **arguments: Any) -> None:
        """Tell observers, in one process only: they may write files."""
        if self.main:
            notify(hook, self.observers, **arguments)

    def _stopped(self) -> bool:
        """Whether any process was asked to stop: all must agree, or some would wait for ever."""
        accelerator = self.job.trainer.accelerator
        if accelerator.num_processes == 1:
            return self.stop.is_set()
        flag = torch.tensor(float(self.stop.is_set()), device=accelerator.device)
        return bool(accelerator.reduce(flag, "sum") > 0)

    def _draw(self, step: int) -> None:
        job = self.job
        count = job.recipe.sample.count
        model, seed = job.model({}), job.recipe.train.seed
        if isinstance(model.process, Interpolant):
            items = bridged(model, job.splits.validation, min(count, len(job.splits.validation)), seed=seed)[0].items
        else:
            conditions = draw_conditions(job.splits.validation, job.conditions, count, seed)
            items = generate(model, count, seed=seed, conditions=conditions).items
        path = job.run.samples_folder / f"step-{step:07d}.png"
        write_with(path, job.domain.picture(items).save)
        if job.domain.reel:
            job.domain.write(items, path.with_suffix(job.domain.reel))

    def _save(self) -> None:
        if not self.main:
            return
        job, trainer = self.job, self.job.trainer
        header = {
            "recipe": job.recipe.model_dump(mode="json"),
            "codec": job.codec.to_json(),
            "conditions": conditions_to_json(job.conditions),
            "seconds": self.seconds,
            "scaler": None if trainer.accelerator.scaler is None else trainer.accelerator.scaler.state_dict(),
            "best": {} if trainer.best is None else trainer.best.to_json(),
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
            **self.job.origin,
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
