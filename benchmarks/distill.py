r"""Claim: a distilled model's one to four evaluations are worth more than as many of its teacher's.

Three ways of learning the teacher's flow in N steps, all from the teacher's weights, with the same optimizer and as
many steps of it:

- ``consistency``: what ``suffuse distill`` does;
- ``direct``: each student's step is regressed on the whole of the teacher's flow there, 8 steps of it (Luhman & Luhman
  2021, where N is 1);
- ``progressive``: 16 DDIM steps of the teacher become 8, then 4, 2, 1 (Salimans & Ho 2022).

They are scored as ``suffuse evaluate`` does, beside the teacher at its recipe's steps, and at N: by DDIM on the
student's own grid, and by what it samples with of itself.

The teacher is ``--model``: a run's folder, a file, or a starter. Its data are needed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import Row, parser, save, show
from suffuse.conditions import Conditions
from suffuse.denoise import Preconditioned
from suffuse.distillation import (
    FlowStep,
    MultistepConsistency,
    Segments,
    TeacherStep,
    make_criterion,
    student_recipe,
)
from suffuse.domain import Splits
from suffuse.files import digest
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian
from suffuse.recipe import Recipe
from suffuse.sampling import DDIM, Consistency
from suffuse.state import State
from suffuse.tasks.evaluate import evaluate, open_splits
from suffuse.tasks.job import make_accelerator
from suffuse.trained import Trained, component, locate
from suffuse.training.batches import Batches
from suffuse.training.loop import Trainer

METRICS = ("frechet_distance", "precision", "recall", "class_accuracy")


@dataclass(frozen=True)
class Repeated:
    """Several even steps in the place of one."""

    step: FlowStep
    times: int

    def __call__(self, x_t: State, t: Tensor, s: Tensor, conditions: Conditions) -> State:
        for k in range(self.times):
            x_t = self.step(x_t, t + (s - t) * (k / self.times), t + (s - t) * ((k + 1) / self.times), conditions)
        return x_t


@dataclass(frozen=True)
class DDIMStep:
    """One DDIM step."""

    denoiser: Denoiser
    process: Gaussian

    def __call__(self, x_t: State, t: Tensor, s: Tensor, conditions: Conditions) -> State:
        return self.process.transfer(x_t, self.denoiser(x_t, t, conditions), t, s)


@dataclass(frozen=True)
class Task:
    """What all methods have in common.

    Arguments:
        teacher: the model.
        recipe: the student's.
        splits: the data.
    """

    teacher: Trained
    recipe: Recipe
    splits: Splits

    def criterion(self) -> MultistepConsistency:
        """What ``suffuse distill`` minimizes."""
        assert self.recipe.distill is not None
        return make_criterion(self.recipe, self.recipe.distill, self.teacher, self.teacher.denoiser)

    def regression(self, flow: FlowStep, steps: int) -> MultistepConsistency:
        """The distance to where ``flow`` leads in each of ``steps`` whole steps: without cuts, that is all."""
        whole = self.criterion()
        times = component("grid", self.recipe.sample.grid, steps=steps)(whole.process.schedule)
        whole.flow, whole.segments = flow, Segments.of(times, whole.process.schedule, cuts=1)
        return whole

    def learn(self, criterion: MultistepConsistency, steps: int) -> Preconditioned:
        """The average of a student after some optimizer steps."""
        recipe = self.recipe.model_copy(update={"train": self.recipe.train.model_copy(update={"steps": steps})})
        trainer = Trainer(recipe, criterion, make_accelerator(recipe.train.precision))
        train = recipe.train
        batches = Batches(self.splits.train, self.teacher.codec, self.teacher.conditions, train.batch, train.seed)
        for _ in trainer.steps(batches):
            pass
        return trainer.averaged.requires_grad_(False)


def by_consistency(job: Task) -> Preconditioned:
    return job.learn(job.criterion(), job.recipe.train.steps)


def directly(job: Task) -> Preconditioned:
    process = job.teacher.denoiser.process
    assert isinstance(process, Gaussian)
    flow = Repeated(TeacherStep(job.teacher.denoiser, process), max(1, 8 // job.recipe.sample.steps))
    return job.learn(job.regression(flow, job.recipe.sample.steps), job.recipe.train.steps)


def progressively(job: Task) -> Preconditioned:
    stages = [n for n in (8, 4, 2, 1) if n >= job.recipe.sample.steps]
    denoiser = job.teacher.denoiser
    for steps in stages:
        process = denoiser.process
        assert isinstance(process, Gaussian)
        criterion = job.regression(Repeated(DDIMStep(copy.deepcopy(denoiser), process), 2), steps)
        criterion.denoiser.network.load_state_dict(denoiser.network.state_dict())
        denoiser = job.learn(criterion, job.recipe.train.steps // len(stages))
    return denoiser


METHODS: dict[str, Callable[[Task], Preconditioned]] = {
    "consistency": by_consistency,
    "direct": directly,
    "progressive": progressively,
}


def rows(source: str, methods: Sequence[str], counts: Sequence[int], train_steps: int, samples: int) -> Iterator[Row]:
    path = locate(source)
    teacher = Trained.read(path)
    splits = open_splits(teacher.recipe)

    def score(who: str, n: int, model: Trained, seconds: float | None = None, **options: Any) -> Row:
        metrics = evaluate(model, count=samples, splits=splits, **options).metrics
        return {"model": who, "steps": n, **{name: metrics.get(name) for name in METRICS}, "seconds": seconds}

    yield score("teacher", teacher.recipe.sample.steps, teacher)
    for steps in counts:
        section = {"teacher": source, "fingerprint": digest(path)}
        recipe = student_recipe(teacher, section, steps, [f"train.steps={train_steps}"])
        grid = component("grid", recipe.sample.grid, steps=steps)
        yield score("teacher, ddim", steps, teacher, sampler=DDIM(), grid=grid)
        yield score("teacher, its own sampler", steps, teacher, steps=steps)
        for method in methods:
            begun = time.process_time()
            denoiser = METHODS[method](Task(teacher, recipe, splits))
            seconds = time.process_time() - begun
            student = replace(teacher, recipe=recipe, denoiser=denoiser, budgets={})
            yield score(method, steps, student, seconds)
            if method == "consistency" and steps > 1:
                yield score("the same, sampled by fresh noise", steps, student, sampler=Consistency())


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="fashion", help="the teacher")
    options.add_argument("--methods", nargs="+", default=["consistency"], choices=METHODS, help="what to compare")
    options.add_argument("--steps", nargs="+", type=int, default=[1, 2, 4], help="of the students")
    options.add_argument("--train-steps", type=int, default=400, help="optimizer steps of each student")
    options.add_argument("--count", type=int, default=500, help="samples that are scored")
    asked = options.parse_args(arguments)
    torch.set_num_threads(1)
    table = list(rows(asked.model, asked.methods, asked.steps, asked.train_steps, asked.count))
    show(f"{asked.model}, N = {asked.count}, {asked.train_steps} optimizer steps", table)
    save(asked.json, distill=table)


if __name__ == "__main__":
    main()
