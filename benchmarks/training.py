"""Claim: a training step costs the network's own forward, backward and optimizer step, and at most five percent more.

The bare step: the network alone on a batch that is ready, a mean square, backward, fused AdamW. suffuse's step adds
what training needs: reading and encoding examples, times and noise, preconditioning, dropped conditions, gradient
clipping, the moving average. The same network inside denoising-diffusion-pytorch's ``GaussianDiffusion`` and
``Trainer``, over a folder of PNGs of the same data set, is run as that toolkit ships.

CPU time counts all threads of this process; the other toolkit's loader is in processes of its own, and not counted.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property, partial
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import parser, save, show, tell
from benchmarks.timing import Job, Times, interleaved
from suffuse.conditions import ConditionKind
from suffuse.denoise import Preconditioned
from suffuse.domain import Codec, Domain, Splits
from suffuse.recipe import Recipe, load_recipe, sections
from suffuse.registry import load_domain
from suffuse.rng import Rng, seeded
from suffuse.state import State
from suffuse.trained import build_denoiser, component
from suffuse.training.batches import Batch, Batches
from suffuse.training.loop import Trainer
from suffuse.training.objective import Objective
from suffuse.training.optimizer import make_optimizer

TARGET = 1.05
FEWEST = 100
"""Pictures that denoising-diffusion-pytorch wants at least."""


@dataclass(frozen=True)
class Setting:
    """A recipe of pictures, opened.

    Arguments:
        recipe: with its number of steps out of reach.
    """

    recipe: Recipe

    @classmethod
    def of(cls, name: str, batch: int | None) -> Setting:
        overrides = ["train.steps=1000000", *([] if batch is None else [f"train.batch={batch}"])]
        return cls(load_recipe(name, overrides))

    @property
    def domain(self) -> Domain:
        return load_domain(self.recipe.domain)

    @cached_property
    def splits(self) -> Splits:
        return self.domain.splits(sections(self.recipe)[0])

    @cached_property
    def codec(self) -> Codec:
        return self.domain.fit_codec(sections(self.recipe)[1], self.splits.train)

    @cached_property
    def conditions(self) -> Mapping[str, ConditionKind]:
        return self.domain.conditions(self.splits)

    @property
    def batches(self) -> Batches:
        train = self.recipe.train
        return Batches(self.splits.train, self.codec, self.conditions, train.batch, train.seed, workers=train.workers)

    @cached_property
    def batch(self) -> Batch:
        return self.batches.at(0)

    def denoiser(self) -> Preconditioned:
        return build_denoiser(self.recipe, self.codec, self.conditions).train()

    def objective(self) -> Objective:
        section = self.recipe.objective
        times, weight = component("times", section.times), component("weighting", section.weight)
        return Objective(self.denoiser(), times, weight, section.condition_dropout)


@dataclass(frozen=True)
class Bare:
    """The network's own training step, on a batch that is ready."""

    setting: Setting
    network: nn.Module
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, setting: Setting) -> Bare:
        network = setting.denoiser().network
        return cls(setting, network, make_optimizer(network, setting.recipe.optimizer))

    def loss(self) -> Tensor:
        x = self.setting.batch.x0
        assert isinstance(x, Tensor)
        level = torch.zeros(len(x))
        error: Tensor = self.network(x, level, self.setting.batch.conditions).square().mean()
        return error

    def step(self) -> None:
        self.loss().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


# denoising-diffusion-pytorch ------------------------------------------------------------------------------------------


class AsTheirs(nn.Module):
    """A network of suffuse with the face that ``GaussianDiffusion`` expects; the conditions are left out."""

    self_condition = False
    random_or_learned_sinusoidal_cond = False

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.channels = self.out_dim = channels

    def forward(self, x: Tensor, time: Tensor, x_self_cond: Tensor | None = None) -> Tensor:
        output: Tensor = self.network(x, time.float() / 1000.0 - 0.5, {})
        return output


class Theirs:
    """denoising-diffusion-pytorch's trainer around our network.

    Arguments:
        setting: lends network, batch size and pictures.
        folder: is filled with PNGs and results.
        count: of pictures, rounded up to whole batches.
    """

    def __init__(self, setting: Setting, folder: Path, count: int) -> None:
        kit = peer("denoising_diffusion_pytorch.denoising_diffusion_pytorch")
        x0 = setting.batch.x0
        assert isinstance(x0, Tensor)
        train, pictures = setting.splits.train, folder / "pictures"
        pictures.mkdir()
        size = setting.recipe.train.batch
        for i in range(size * math.ceil(max(count, FEWEST) / size)):
            train[i % len(train)].item.save(pictures / f"{i}.png")
        model = AsTheirs(setting.denoiser().network, x0.shape[1])
        self.trainer = kit.Trainer(
            kit.GaussianDiffusion(model, image_size=tuple(x0.shape[2:])),
            str(pictures),
            train_batch_size=size,
            train_num_steps=0,
            save_and_sample_every=10**9,
            results_folder=str(folder / "results"),
            calculate_fid=False,
        )

    def steps(self, count: int) -> None:
        """So many more; what the trainer draws and prints goes nowhere."""
        self.trainer.train_num_steps += count
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            self.trainer.train()


# figures --------------------------------------------------------------------------------------------------------------


@dataclass
class Parts:
    """What a step of suffuse's trainer consists of, each part alone.

    Arguments:
        setting: what is trained.
        trainer: a trainer of it.
        bare: the network's own step.
    """

    setting: Setting
    trainer: Trainer
    bare: Bare
    batches: Batches = field(init=False)
    index: int = 0

    def __post_init__(self) -> None:
        self.batches = self.setting.batches

    @property
    def jobs(self) -> dict[str, Callable[[], object]]:
        """The parts by name: the first three together are the bare step."""
        return {
            "forward": self.forward,
            "forward, backward": self.backward,
            "optimizer": self.optimize,
            "examples: read and encode": self.examples,
            "times, noise, preconditioning: forward": self.objective,
            "noise alone": self.noise,
            "dropout's keys": self.keys,
            "clipping": self.clip,
            "moving average": self.average,
        }

    def forward(self) -> None:
        with torch.enable_grad():
            self.bare.loss()

    def backward(self) -> None:
        self.bare.loss().backward()

    def optimize(self) -> None:
        self.bare.optimizer.step()

    def examples(self) -> Batch:
        self.index += 1
        return self.batches.at(self.index)

    def objective(self) -> Tensor:
        batch = self.setting.batch
        loss: Tensor = self.trainer.criterion(batch.x0, batch.conditions, self.rng)
        return loss

    def noise(self) -> State:
        return self.rng.at("corrupt").normal_like(self.setting.batch.x0)

    def keys(self) -> None:
        with seeded(self.index):
            pass

    def clip(self) -> None:
        self.trainer.accelerator.clip_grad_norm_(self.bare.network.parameters(), 1.0)

    def average(self) -> None:
        self.trainer.average.update(1000)

    @property
    def rng(self) -> Rng:
        return Rng.of(0, self.setting.recipe.train.batch).at("train", 0, self.index, 0)


def step_rows(times: Mapping[str, Times], steps: int, bare: str) -> list[dict[str, Any]]:
    """Milliseconds a step, and how many bare steps that is."""
    return [
        {
            "step": name,
            "ms": 1e3 * t.middle / steps,
            "least ms": 1e3 * t.least / steps,
            "CPU ms": 1e3 * sum(t.cpu) / len(t.cpu) / steps,
            "over bare": t.over(times[bare]),
            "of the least": t.least_over(times[bare]),
        }
        for name, t in times.items()
    ]


def part_rows(parts: Parts, rounds: int, bare_step: float) -> list[dict[str, Any]]:
    """Milliseconds of each part, and its share of the bare step."""
    times = interleaved({name: Job(run) for name, run in parts.jobs.items()}, rounds)
    return [
        {"part": name, "ms": 1e3 * t.middle, "least ms": 1e3 * t.least, "of bare step": t.middle / bare_step}
        for name, t in times.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the ratios, and where the time goes."""
    command = parser(__doc__)
    command.add_argument("--recipe", default="images/fashion-mnist", help="a ready recipe of pictures")
    command.add_argument("--batch", type=int, help="instead of the recipe's")
    command.add_argument("--steps", type=int, default=10, help="of a round")
    command.add_argument("--rounds", type=int, default=9)
    command.add_argument("--pictures", type=int, default=8192, help="PNGs for the other toolkit")
    command.add_argument("--threads", type=int, default=1)
    options = command.parse_args(arguments)
    torch.set_num_threads(options.threads)
    setting = Setting.of(options.recipe, options.batch)
    trainer = Trainer(setting.recipe, setting.objective(), Accelerator(cpu=True))
    bare = Bare.of(setting)
    source = trainer.steps(setting.batches)
    jobs = {
        "bare": Job(lambda: [bare.step() for _ in range(options.steps)]),
        "suffuse": Job(lambda: [next(source) for _ in range(options.steps)]),
    }
    with tempfile.TemporaryDirectory() as folder:
        try:
            theirs = Theirs(setting, Path(folder), options.pictures)
            jobs["denoising-diffusion-pytorch"] = Job(partial(theirs.steps, options.steps))
        except AbsentPeer as reason:
            tell(str(reason))
        times = interleaved(jobs, options.rounds)
    rows = step_rows(times, options.steps, "bare")
    bare.loss().backward()  # so that clipping and the optimizer have gradients
    details = part_rows(Parts(setting, trainer, bare), options.rounds, times["bare"].middle / options.steps)
    title = f"{options.recipe}, batch {setting.recipe.train.batch}: a training step (target {TARGET})"
    show(title, rows)
    show("Where suffuse's time goes", details)
    save(options.json, steps=rows, parts=details)


if __name__ == "__main__":
    main()
