"""Claim: sampling a mixed state costs at most a tenth more than sampling its fields one after the other.

A state of numbers and categories under a product of processes, against two states of one field each under their own
processes, all with the same masks, samplers, steps and noise; they run in turn, round after round. First around a
denoiser that returns beliefs it has ready, so that steps alone are timed; then around MLPs, one of the mixed state
against one for each field.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import Row, parser, save, show
from benchmarks.timing import Job, interleaved
from suffuse.conditions import Conditions
from suffuse.denoise import precondition
from suffuse.nn import mlp
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Absorbing, Categorical, Gaussian, Kernel, Marginal, Process, Product
from suffuse.rng import Rng
from suffuse.sampling import DDPM, DiscreteFlow, DPMpp, Mixed, OneEvaluation, TauLeaping, UniformTime, sample
from suffuse.state import State, fields, only

TARGET = 1.1
KERNELS: dict[str, Kernel] = {"marginal": Marginal((0.4, 0.3, 0.2, 0.1)), "absorbing": Absorbing(4)}
RULES: dict[str, dict[str, OneEvaluation[Any]]] = {
    "ddpm": {"x": DDPM(), "y": DDPM()},
    "dpmpp, tau-leaping": {"x": DPMpp(), "y": TauLeaping()},
    "dpmpp, discrete-flow": {"x": DPMpp(), "y": DiscreteFlow(stochasticity=1.0)},
}
CLASSES = 4


def mixed_state(batch: int, length: int) -> dict[str, Tensor]:
    """Empty rows of up to ``length`` positions, with 3 numbers and a class each; a quarter is padding."""
    mask = torch.arange(length) < torch.linspace(length / 2, length, batch)[:, None]
    return {"x": torch.zeros(batch, length, 3), "y": torch.zeros(batch, length, CLASSES), "mask": mask}


def ready(like: State) -> Denoiser:
    """A denoiser that only returns a belief."""
    rng = Rng.of(7, len(next(value for _, value in fields(like))))
    beliefs = {name: rng.at(name).normal(value) for name, value in fields(like)}
    if "y" in beliefs:
        beliefs["y"] = beliefs["y"].softmax(-1)
    assert isinstance(like, dict)
    posterior = Posterior({**like, **beliefs})

    def denoiser(x_t: State, t: Time, conditions: Conditions) -> Posterior:
        return posterior

    return denoiser


def network(like: State, process: Process, width: int) -> Denoiser:
    """An MLP, untrained."""
    return precondition(mlp.build(like, {}, width=width, depth=4), process, "flow").eval()


def rows(batch: int, length: int, steps: int, rounds: int, width: int | None) -> list[Row]:
    """Milliseconds of CPU time a step, mixed and apart; other work on the machine disturbs these least.

    Arguments:
        width: of the networks; ``None``: steps alone.
    """
    like = mixed_state(batch, length)
    rng = Rng.of(0, batch)
    found: list[Row] = []
    for kernel in KERNELS:
        members: dict[str, Process] = {"x": Gaussian(), "y": Categorical(KERNELS[kernel])}
        whole = Product(members)
        denoisers = {
            name: ready(part) if width is None else network(part, process, width)
            for name, part, process in (
                ("mixed", like, whole),
                *((name, only(like, name), process) for name, process in members.items()),
            )
        }
        times = UniformTime(steps)(whole.schedule)
        for label, rules in RULES.items():
            together = partial(
                sample, Mixed(tuple(rules.values())), denoisers["mixed"], whole, times, rng=rng, like=like
            )  # fmt: skip
            alone = [
                partial(sample, rules[n], denoisers[n], members[n], times, rng=rng, like=only(like, n)) for n in members
            ]
            jobs = {"mixed": Job(together), "apart": Job(lambda alone=alone: [run() for run in alone])}
            mixed, apart = interleaved(jobs, rounds).values()
            found.append(
                {
                    "samplers": label,
                    "kernel": kernel,
                    "denoiser": "ready" if width is None else f"MLP, width {width}",
                    "batch": batch,
                    "positions": length,
                    "mixed, ms a step": 1e3 * median(mixed.cpu) / steps,
                    "apart, ms a step": 1e3 * median(apart.cpu) / steps,
                    "mixed over apart": median(mixed.cpu) / median(apart.cpu),
                    "of the least": min(mixed.cpu) / min(apart.cpu),
                }
            )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the ratios."""
    command = parser(__doc__)
    command.add_argument("--batch", type=int, nargs="+", default=[8, 256])
    command.add_argument("--length", type=int, default=32)
    command.add_argument("--steps", type=int, default=20)
    command.add_argument("--rounds", type=int, default=25)
    command.add_argument("--width", type=int, default=256)
    command.add_argument("--threads", type=int, default=1)
    options = command.parse_args(arguments)
    torch.set_num_threads(options.threads)
    sizes = [(batch, options.length, options.steps, options.rounds) for batch in options.batch]
    alone = [row for size in sizes for row in rows(*size, width=None)]
    around = [row for size in sizes for row in rows(*size, width=options.width)]
    show(f"Steps alone, a mixed state over its fields apart (target {TARGET})", alone)
    show(f"With networks (target {TARGET})", around)
    save(options.json, steps=alone, networks=around)


if __name__ == "__main__":
    main()
