"""Claim: sampling costs its network evaluations and at most three percent more.

Time of ``sample(…)`` (start noise, grid and loop) over that of as many bare calls of the network, which run right
before it in every round; the evaluations are counted. The same for diffusers' schedulers, looped as its pipelines do.

Then the steps alone, for every solver and its counterpart in diffusers: microseconds of the processor a step, around a
denoiser that returns a tensor it has ready. Target for deterministic ones: at most half of the counterpart's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks import fashion
from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import Row, name_of, parser, save, show, tell
from benchmarks.timing import Job, Times, interleaved
from suffuse.conditions import Condition, Conditions
from suffuse.denoise import Preconditioned
from suffuse.posterior import Posterior, Time
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    DEIS,
    IPNDM,
    AdamsBashforth,
    DPMpp,
    DPMppSDE,
    Euler,
    EulerAncestral,
    Heun,
    LogSnr,
    Sampler,
    UniPC,
    sample,
)
from suffuse.state import State

TARGET = 1.03
SAMPLERS: tuple[Sampler, ...] = (DDPM(), DDIM(), Euler(), Heun(), Heun(churn=10.0), DPMpp())
"""Those that are timed around a network."""

TRAILING = {"timestep_spacing": "trailing"}
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "DDPM": ("DDPMScheduler", {**TRAILING, "clip_sample": False}),
    "DDIM": ("DDIMScheduler", {**TRAILING, "clip_sample": False}),
    "Euler": ("EulerDiscreteScheduler", TRAILING),
    "EulerAncestral": ("EulerAncestralDiscreteScheduler", TRAILING),
    "Heun": ("HeunDiscreteScheduler", TRAILING),
    "DPM++(2M)": ("DPMSolverMultistepScheduler", {**TRAILING, "algorithm_type": "dpmsolver++"}),
    "DPM++(3M)": ("DPMSolverMultistepScheduler", {**TRAILING, "algorithm_type": "dpmsolver++", "solver_order": 3}),
    "DPM++(2M, SDE)": ("DPMSolverMultistepScheduler", {**TRAILING, "algorithm_type": "sde-dpmsolver++"}),
    "UniPC-3": ("UniPCMultistepScheduler", {**TRAILING, "solver_order": 3}),
    "DEIS-3": ("DEISMultistepScheduler", {**TRAILING, "solver_order": 3}),
    "iPNDM": ("IPNDMScheduler", {}),
}
"""Of diffusers: class and options."""
AROUND_A_NETWORK = ("DDPM", "DDIM", "Euler", "Heun", "DPM++(2M)")

ALONE: tuple[tuple[Sampler, str | None], ...] = (
    (DDPM(), "DDPM"),
    (DDIM(), "DDIM"),
    (Euler(), "Euler"),
    (EulerAncestral(), "EulerAncestral"),
    (Heun(), "Heun"),
    (Heun(churn=10.0), None),
    (DPMpp(2), "DPM++(2M)"),
    (DPMpp(3), "DPM++(3M)"),
    (DPMppSDE(2), "DPM++(2M, SDE)"),
    (UniPC(3), "UniPC-3"),
    (DEIS(3), None),
    (DEIS(3, "log-rho"), "DEIS-3"),
    (IPNDM(4), "iPNDM"),
    (AdamsBashforth(3), None),
)
"""Those whose steps are timed alone, and their counterparts."""


class Counted:
    """A denoiser that counts its calls."""

    def __init__(self, denoiser: Preconditioned) -> None:
        self.denoiser = denoiser
        self.calls = 0

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        self.calls += 1
        posterior: Posterior = self.denoiser(x_t, t, conditions)
        return posterior


class Bench:
    """Sampling with one network and one batch.

    Arguments:
        batch: how many samples.
        steps: of every sampler.
    """

    def __init__(self, batch: int, steps: int) -> None:
        self.denoiser = fashion.denoiser()
        self.like = fashion.states(batch)
        self.conditions: dict[str, Condition] = fashion.labels(batch)
        self.rng = Rng.of(0, batch)
        self.noise = self.rng.normal(self.like)
        self.level = torch.zeros(batch)
        self.batch, self.steps = batch, steps

    def network(self, x: Tensor) -> Tensor:
        output: Tensor = self.denoiser.network(x, self.level, self.conditions)
        return output

    def bare(self, calls: int) -> Job:
        """So many calls of the network."""

        def run() -> None:
            with torch.inference_mode():
                for _ in range(calls):
                    self.network(self.noise)

        return Job(run)

    def sample(self, sampler: Sampler, denoiser: Any) -> State:
        grid, process = LogSnr(self.steps), self.denoiser.process
        return sample(sampler, denoiser, process, grid, rng=self.rng, like=self.like, conditions=self.conditions)

    def evaluations(self, sampler: Sampler) -> int:
        counted = Counted(self.denoiser)
        self.sample(sampler, counted)
        return counted.calls

    def loop(self, scheduler: Any) -> Tensor:
        """A diffusers pipeline's loop."""
        x: Tensor = self.noise * scheduler.init_noise_sigma
        with torch.inference_mode():
            for t in scheduler.timesteps:
                output = self.network(scheduler.scale_model_input(x, t))
                x = scheduler.step(output, t, x).prev_sample
        return x

    def rows(self, rounds: int, schedulers: dict[str, Callable[[int], Any]]) -> list[dict[str, Any]]:
        """Time each sampler, and each scheduler of diffusers."""
        made = {name_of(s): (self.evaluations(s), Job(partial(self.sample, s, self.denoiser))) for s in SAMPLERS}
        for name, make in schedulers.items():
            ready = partial(make, self.steps)
            made[f"diffusers {name}"] = len(ready().timesteps), Job(self.loop, lambda ready=ready: (ready(),))
        jobs: dict[str, Job] = {}
        for name, (calls, job) in made.items():
            jobs |= {f"{name} bare": self.bare(calls), name: job}
        times = interleaved(jobs, rounds)
        return [self._row(name, calls, times[name], times[f"{name} bare"]) for name, (calls, _) in made.items()]

    def _row(self, name: str, calls: int, whole: Any, bare: Any) -> dict[str, Any]:
        return {
            "sampler": name,
            "batch": self.batch,
            "steps": self.steps,
            "evaluations": calls,
            "bare ms a call": 1e3 * bare.middle / calls,
            "µs a step beyond": 1e6 * (whole.middle - bare.middle) / self.steps,
            "over bare": whole.over(bare),
            "of the least": whole.least_over(bare),
        }


def step_rows(shape: Sequence[int], steps: int, rounds: int, schedulers: dict[str, Callable[[int], Any]]) -> list[Row]:
    """Microseconds a step around a denoiser that does nothing."""
    process, x, rng = Gaussian(), torch.randn(*shape), Rng.of(0, shape[0])
    ready = [torch.randn(*shape) for _ in range(8)]  # what was believed before is another tensor than what is now
    beliefs = cycle([Posterior(mean) for mean in ready])
    times = LogSnr(steps)(process.schedule)
    jobs = {"floor: a·x + b·y": Job(partial(_floor, ready[0], x, steps))}
    for sampler, _ in ALONE:
        jobs[name_of(sampler)] = Job(partial(sample, sampler, lambda *_: next(beliefs), process, times, rng=rng, x=x))
    for name, make in schedulers.items():
        jobs[f"diffusers {name}"] = Job(partial(_step_through, cycle(ready), x), lambda make=make: (make(steps),))
    with torch.inference_mode():
        measured = interleaved(jobs, rounds)
    rows: list[tuple[str, str]] = [("floor: a·x + b·y", ""), *((name_of(s), f"diffusers {p}") for s, p in ALONE)]
    return [_step_row("×".join(map(str, shape)), steps, measured, *row) for row in rows]


def _step_row(state: str, steps: int, measured: Mapping[str, Times], name: str, counterpart: str) -> Row:
    own, theirs = measured[name], measured.get(counterpart)
    return {
        "sampler": name,
        "state": state,
        "µs a step": 1e6 * median(own.cpu) / steps,
        "least": 1e6 * min(own.cpu) / steps,
        "diffusers": None if theirs is None else 1e6 * median(theirs.cpu) / steps,
        "over diffusers": None if theirs is None else median(own.cpu) / median(theirs.cpu),
    }


def _floor(output: Tensor, x: Tensor, steps: int) -> None:
    """The least that a deterministic step can do."""
    for _ in range(steps):
        x = x.mul(0.5).add_(output, alpha=0.5)


def _step_through(outputs: Iterator[Tensor], x: Tensor, scheduler: Any) -> None:
    """All steps that the scheduler asks for; two-stage Heun has nearly two for each of the grid."""
    for t in scheduler.timesteps:
        scheduler.scale_model_input(x, t)  # as the pipelines do, and some schedulers insist on
        x = scheduler.step(next(outputs), t, x).prev_sample


def diffusers_schedulers() -> dict[str, Callable[[int], Any]]:
    """By name, what makes a scheduler that is ready for so many steps."""
    kinds = peer("diffusers")

    def make(name: str, steps: int) -> Any:
        kind, options = SCHEDULERS[name]
        scheduler = getattr(kinds, kind)(**options)
        scheduler.set_timesteps(steps)
        return scheduler

    return {name: partial(make, name) for name in SCHEDULERS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the ratios, and the microseconds."""
    command = parser(__doc__)
    command.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    command.add_argument("--steps", type=int, default=10)
    command.add_argument("--rounds", type=int, default=9)
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--alone", action="store_true", help="the steps alone, none around a network")
    command.add_argument("--tiny-rounds", type=int, default=50, help="of the steps alone")
    options = command.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        schedulers = diffusers_schedulers()
    except AbsentPeer as reason:
        schedulers = {}
        tell(str(reason))
    ratios, steps = [], []
    around = {name: make for name, make in schedulers.items() if name in AROUND_A_NETWORK}
    for batch in () if options.alone else options.batch:
        ratios += Bench(batch, options.steps).rows(options.rounds, around)
    for shape in ((1, 1, 8, 8), (64, 3, 32, 32)):
        steps += step_rows(shape, 50, options.tiny_rounds, schedulers)
    if ratios:
        show(f"Sampling over its bare network evaluations (target {TARGET})", ratios)
    show("The steps alone", steps)
    save(options.json, ratios=ratios, steps=steps)


if __name__ == "__main__":
    main()
