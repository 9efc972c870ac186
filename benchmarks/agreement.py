r"""Claim: suffuse's samplers compute what diffusers' and k-diffusion's do.

Same network, same initial noise, same times, same fresh noise; the figure is the largest difference of the end states
over their root mean square. Target: at most 1e-5.

diffusers keeps its noise schedule in float32. ``shipped`` takes it so, and gives suffuse the very same numbers;
``float64`` replaces the scheduler's table by one computed in float64. DPMSolverMultistepScheduler casts the state to
float32 in every step, whatever its dtype is, which bounds its agreement in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import name_of, parser, save, show, tell
from suffuse.conditions import Conditions
from suffuse.denoise import Preconditioned
from suffuse.nn.unet import UNet, UNetOptions
from suffuse.process import EDM, Gaussian, Schedule, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, DPMpp2M, Euler, Heun, Karras, LogSnr, Sampler, sample
from tests.oracles import three_modes

T = TypeVar("T")

TARGET = 1e-5
TRAINED = 1000
"""Discrete noise levels of a diffusers scheduler."""
COUNT = 8
"""Samples in the batch."""


class MixtureNoise(nn.Module):
    """ε as predicted by the exact posterior of a Gaussian mixture, from a variance-preserving input."""

    shape = (2,)
    predict, diffusers_predict = "eps", "epsilon"

    def forward(self, x: Tensor, level: Tensor, conditions: Conditions) -> Tensor:
        ratio = (4.0 * level.double()).exp()[:, None]
        alpha = (1.0 + ratio.square()).rsqrt()
        mean = three_modes().posterior_mean(x.double(), alpha, alpha * ratio)
        return ((x - alpha * mean) / (alpha * ratio)).to(x.dtype)


class SmallUNet(UNet):
    """A U-Net of fixed random weights, read as a velocity."""

    shape = (1, 8, 8)
    predict, diffusers_predict = "v", "v_prediction"

    def __init__(self) -> None:
        super().__init__(1, 2, {}, UNetOptions(width=16, multipliers=(1, 2), blocks=1))
        for number, weights in enumerate(self.parameters()):
            fresh = Rng.of(number).normal(shape=weights.shape)[0]
            weights.data = (fresh / math.sqrt(max(weights[0].numel(), 1))).float()


@dataclass(frozen=True)
class Table:
    """A discrete schedule: the k-th of n noise levels at t = k/n, data at 0. It knows no time between."""

    products: Tensor
    """ᾱ of each level, float64."""

    def alpha(self, t: Any) -> Any:
        return math.sqrt(self._product(t))

    def sigma(self, t: Any) -> Any:
        return math.sqrt(1.0 - self._product(t))

    def time(self, log_snr: Any) -> Any:
        levels = self.products.log() - (-self.products).log1p()
        return (1 + int((levels - log_snr).abs().argmin())) / len(self.products)

    def _product(self, t: float) -> float:
        index = round(t * len(self.products))
        return 1.0 if index == 0 else float(self.products[index - 1])


@dataclass(frozen=True)
class Task:
    """What both sides are given.

    Arguments:
        network: ``(input of unit variance, ¼ log σ/α, conditions) -> output``.
        dtype: of the state and of the network.
        steps: of the sampler.
        rng: the streams of all noise.
    """

    network: Any
    dtype: torch.dtype
    steps: int
    rng: Rng = field(default_factory=lambda: Rng.of(0, COUNT))

    @property
    def start(self) -> Tensor:
        """Standard normal noise."""
        return self.rng.at("start").normal(torch.empty(COUNT, *self.network.shape, dtype=self.dtype))

    def noise(self, purpose: str) -> Iterator[Tensor]:
        """The fresh noise of each step, as suffuse draws it."""
        for step in range(self.steps):
            yield self.rng.at("step", step, purpose).normal(self.start)

    def ask(self, x: Tensor, ratio: Tensor | float) -> Tensor:
        """The network's output at noise level σ/α."""
        log_ratio = torch.as_tensor(ratio, dtype=torch.float64).log().clamp(-6.0, 6.0)
        output: Tensor = self.network(x, (0.25 * log_ratio).float().expand(COUNT), {})
        return output

    def suffuse(self, sampler: Sampler, schedule: Schedule, times: Sequence[float], x: Tensor, predict: str) -> Tensor:
        """Where suffuse's sampler ends."""
        process = Gaussian(schedule)
        denoiser = Preconditioned(self.network, process, predict)
        end = sample(sampler, denoiser, process, times, rng=self.rng, x=x)
        assert isinstance(end, Tensor)
        return end


# diffusers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diffusers:
    """A comparison with a scheduler of diffusers.

    Arguments:
        sampler: of suffuse.
        scheduler: the name of diffusers' class.
        options: of the class.
        eta: handed to ``step`` together with the fresh noise, where it takes them.
        tables: whether the table of noise levels is ``shipped`` or ``float64``.
    """

    sampler: Sampler
    scheduler: str
    options: dict[str, Any] = field(default_factory=dict)
    eta: float | None = None
    tables: str = "shipped"
    toolkit = "diffusers"

    @property
    def peer(self) -> str:
        return self.scheduler + (f"(eta={self.eta:g})" if self.eta is not None else "") + f", {self.tables} table"

    def __call__(self, task: Task) -> tuple[Tensor, Tensor]:
        scheduler = self._make(task)
        products = scheduler.alphas_cumprod.double()
        indices = sorted({int(t) for t in scheduler.timesteps}, reverse=True)
        times = [*((i + 1) / TRAINED for i in indices), 0.0]
        mine = task.suffuse(self.sampler, Table(products), times, task.start, task.network.predict)
        return mine, self._loop(task, scheduler, products)

    def _make(self, task: Task) -> Any:
        kind = getattr(peer("diffusers"), self.scheduler)
        scheduler = kind(
            num_train_timesteps=TRAINED,
            timestep_spacing="trailing",
            prediction_type=task.network.diffusers_predict,
            **self.options,
        )
        if self.tables == "float64":
            betas = torch.linspace(1e-4, 0.02, TRAINED, dtype=torch.float64)
            scheduler.alphas_cumprod = (1.0 - betas).cumprod(0)
            scheduler.final_alpha_cumprod = torch.ones((), dtype=torch.float64)
        scheduler.set_timesteps(task.steps)
        return scheduler

    def _loop(self, task: Task, scheduler: Any, products: Tensor) -> Tensor:
        """A diffusers pipeline's loop."""
        ratios = ((1.0 - products) / products).sqrt()
        noise = task.noise("reverse")
        x = task.start * self._scale(scheduler, products)
        for t in scheduler.timesteps:
            output = task.ask(scheduler.scale_model_input(x, t), ratios[int(t)])
            x = scheduler.step(output, t, x, **self._extra(noise)).prev_sample
        return x

    def _extra(self, noise: Iterator[Tensor]) -> dict[str, Any]:
        return {} if self.eta is None else {"eta": self.eta, "variance_noise": next(noise)}

    @staticmethod
    def _scale(scheduler: Any, products: Tensor) -> float:
        """From x to the scheduler's coordinates: some work in x/α."""
        in_sigma = type(scheduler).__name__ in ("EulerDiscreteScheduler", "HeunDiscreteScheduler")
        return float(products[-1].rsqrt()) if in_sigma else 1.0


# k-diffusion ----------------------------------------------------------------------------------------------------------

SIGMA_MIN, SIGMA_MAX = 0.002, 80.0


@dataclass(frozen=True)
class KDiffusion:
    """A comparison with a sampler of k-diffusion, under EDM's schedule: α = 1.

    Arguments:
        sampler: of suffuse.
        function: the name of k-diffusion's.
        options: of the function.
        purpose: what suffuse draws fresh noise for.
    """

    sampler: Sampler
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    purpose: str = "churn"
    toolkit = "k_diffusion"

    @property
    def peer(self) -> str:
        return self.function + "".join(f", {k}={v:g}" for k, v in self.options.items())

    def __call__(self, task: Task) -> tuple[Tensor, Tensor]:
        sampling = peer("k_diffusion.sampling")
        schedule = EDM(2.0 * SIGMA_MAX)  # room for churn above the first noise level
        sigmas = sampling.get_sigmas_karras(task.steps, SIGMA_MIN, SIGMA_MAX).double()
        times = [time_of_ratio(schedule, float(s)) for s in sigmas[:-1]] + [0.0]
        x = task.start * SIGMA_MAX
        predict = "edm" if task.network.predict == "v" else task.network.predict
        mine = task.suffuse(self.sampler, schedule, times, x, predict)
        with _noise_of(sampling, task.noise(self.purpose)):
            function = getattr(sampling, self.function)
            return mine, function(partial(_PREDICT[predict], task), x, sigmas.to(x), disable=True, **self.options)


@contextmanager
def _noise_of(sampling: Any, noise: Iterator[Tensor]) -> Iterator[None]:
    """k-diffusion's samplers draw the given noise."""
    with patch.object(sampling.torch, "randn_like", lambda x: next(noise)):
        yield


def _from_noise(task: Task, x: Tensor, sigma: Tensor) -> Tensor:
    """x̂₀ = x - σ ε."""
    s = sigma.reshape(-1, *(1 for _ in x.shape[1:]))
    return x - s * task.ask(x / (1.0 + s * s).sqrt(), sigma)


def _from_residual(task: Task, x: Tensor, sigma: Tensor) -> Tensor:
    """x̂₀ = c_skip x + c_out F(c_in x) (Karras et al. 2022, table 1, σ_data = 1)."""
    s = sigma.reshape(-1, *(1 for _ in x.shape[1:]))
    variance = 1.0 + s * s
    return x / variance + s / variance.sqrt() * task.ask(x / variance.sqrt(), sigma)


_PREDICT: dict[str, Callable[[Task, Tensor, Tensor], Tensor]] = {"eps": _from_noise, "edm": _from_residual}


# all of them ----------------------------------------------------------------------------------------------------------

Comparison = Diffusers | KDiffusion

_PLAIN: dict[str, Any] = {"clip_sample": False}
_2M: dict[str, Any] = {"algorithm_type": "dpmsolver++", "solver_order": 2, "solver_type": "midpoint"}
_CHURN: dict[str, float] = {"s_churn": 8.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 1.003}
_MY_CHURN: dict[str, float] = {"churn": 8.0, "churn_low": 0.05, "churn_high": 50.0, "churn_noise": 1.003}

COMPARISONS: tuple[Comparison, ...] = (
    Diffusers(DDIM(), "DDIMScheduler", _PLAIN, 0.0),
    Diffusers(DDIM(), "DDIMScheduler", _PLAIN, 0.0, "float64"),
    Diffusers(DDIM(0.5), "DDIMScheduler", _PLAIN, 0.5, "float64"),
    Diffusers(DDPM(), "DDIMScheduler", _PLAIN, 1.0),
    Diffusers(DDPM(), "DDIMScheduler", _PLAIN, 1.0, "float64"),
    Diffusers(DPMpp2M(), "DPMSolverMultistepScheduler", _2M),
    Diffusers(Euler(), "EulerDiscreteScheduler"),
    Diffusers(Heun(coordinates="sigma"), "HeunDiscreteScheduler"),
    KDiffusion(Euler(), "sample_euler"),
    KDiffusion(Euler(**_MY_CHURN), "sample_euler", _CHURN),
    KDiffusion(Heun(coordinates="sigma"), "sample_heun"),
    KDiffusion(Heun(coordinates="sigma", **_MY_CHURN), "sample_heun", _CHURN),
    KDiffusion(DDPM(), "sample_euler_ancestral", purpose="reverse"),
    KDiffusion(DPMpp2M(), "sample_dpmpp_2m"),
)
NETWORKS: dict[str, Callable[[], nn.Module]] = {"mixture": MixtureNoise, "unet": SmallUNet}
PRECISIONS = {"float64": torch.float64, "float32": torch.float32}


@torch.no_grad()
def difference(comparison: Comparison, network: str, precision: str, steps: int) -> float:
    """How far two end states are apart, relative to their size.

    Raises:
        AbsentPeer: the other toolkit is not installed.
    """
    dtype = PRECISIONS[precision]
    mine, theirs = comparison(Task(NETWORKS[network]().to(dtype).eval(), dtype, steps))
    return float((mine - theirs).abs().max() / theirs.square().mean().sqrt())


def grid_differences(steps: int) -> list[dict[str, Any]]:
    """How far the grids of noise levels are apart, relative to each level."""
    sampling = peer("k_diffusion.sampling")
    schedule = EDM(SIGMA_MAX)
    pairs = ((Karras, "get_sigmas_karras"), (LogSnr, "get_sigmas_exponential"))
    rows = []
    for grid, function in pairs:
        mine = [schedule.sigma(t) for t in grid(steps, sigma_min=SIGMA_MIN, sigma_max=SIGMA_MAX)(schedule)[:-1]]
        theirs = getattr(sampling, function)(steps, SIGMA_MIN, SIGMA_MAX)[:-1].double()
        worst = float((torch.tensor(mine, dtype=torch.float64) / theirs - 1.0).abs().max())
        rows.append({"grid": grid.__name__, "peer": function, "difference": worst})
    return rows


def _row(comparison: Comparison, network: str, steps: int) -> dict[str, Any]:
    figures = {p: difference(comparison, network, p, steps) for p in PRECISIONS}
    name = {"sampler": name_of(comparison.sampler), "peer": comparison.peer, "network": network}
    return {**name, **figures, "ok": "yes" if max(figures.values()) <= TARGET else "NO"}


def _present(absent: set[str], makers: Iterable[Callable[[], T]]) -> Iterator[T]:
    """What can be made with the toolkits that are installed; what is told of the others is added to ``absent``."""
    for make in makers:
        try:
            yield make()
        except AbsentPeer as reason:
            absent.add(str(reason))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the differences."""
    command = parser(__doc__)
    command.add_argument("--steps", type=int, default=20)
    options = command.parse_args(arguments)
    absent: set[str] = set()
    rows = list(_present(absent, (partial(_row, c, n, options.steps) for c in COMPARISONS for n in NETWORKS)))
    grids = [row for rows in _present(absent, [partial(grid_differences, options.steps)]) for row in rows]
    show(f"Largest difference of the end states over their root mean square, {options.steps} steps", rows)
    show("Largest relative difference of noise levels", grids)
    for reason in sorted(absent):
        tell(reason)
    save(options.json, samplers=rows, grids=grids)


if __name__ == "__main__":
    main()
