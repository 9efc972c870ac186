r"""Claim: suffuse's samplers compute what diffusers' and k-diffusion's do.

Same network, same initial noise, same times, same fresh noise; the figure is the largest difference of the end states
over their root mean square. Target: at most 1e-5.

diffusers keeps its noise schedule in float32. ``shipped`` takes it so, and gives suffuse the very same numbers;
``float64`` replaces the scheduler's tables by ones computed in float64. DPMSolverMultistepScheduler casts the state to
float32 in every step, whatever its dtype is, which bounds its agreement in float64.

DEISMultistepScheduler never reaches σ = 0; UniPCMultistepScheduler is not a number there (bh1), or takes order 2 in the
step before (order 3). They are compared down to the noise level of t = 1/40.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
from suffuse.sampling import (
    DDIM,
    DDPM,
    DEIS,
    IPNDM,
    DPMpp,
    DPMppSDE,
    Euler,
    EulerAncestral,
    Heun,
    Karras,
    LogSnr,
    Sampler,
    UniPC,
    sample,
)
from suffuse.sampling.unipc import Variant
from tests.oracles import three_modes

T = TypeVar("T")

VARIANTS: tuple[Variant, ...] = ("bh1", "bh2")

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
        eta: handed to ``step``, where it takes it.
        tables: whether the table of noise levels is ``shipped`` or ``float64``.
        last: the time at which both end; other than 0 only with a float64 table.
        noisy: whether ``step`` is handed the fresh noise.
        draws: whether it draws the fresh noise by itself; it is then made to draw suffuse's.
    """

    sampler: Sampler
    scheduler: str
    options: dict[str, Any] = field(default_factory=dict)
    eta: float | None = None
    tables: str = "shipped"
    last: float = 0.0
    noisy: bool = False
    draws: bool = False
    toolkit = "diffusers"

    @property
    def peer(self) -> str:
        given = {**self.options, **({} if self.eta is None else {"eta": self.eta})}
        shown = ", ".join(f"{k}={given[k]}" for k in _TELLING if k in given)
        return f"{self.scheduler}({shown}), {self.tables} table" + (f", to t = {self.last:g}" if self.last else "")

    def __call__(self, task: Task) -> tuple[Tensor, Tensor]:
        scheduler = self._make(task)
        products = scheduler.alphas_cumprod.double()
        indices = sorted({int(t) for t in scheduler.timesteps}, reverse=True)
        times = [*((i + 1) / TRAINED for i in indices), self.last]
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
        if self.tables == "float64" and hasattr(scheduler, "sigmas"):
            ratios = ((1.0 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt()
            last = ratios[round(self.last * TRAINED) - 1] if self.last else torch.zeros((), dtype=torch.float64)
            scheduler.sigmas = torch.cat([ratios[scheduler.timesteps], last[None]])
        return scheduler

    def _loop(self, task: Task, scheduler: Any, products: Tensor) -> Tensor:
        """A diffusers pipeline's loop."""
        ratios = ((1.0 - products) / products).sqrt()
        noise = task.noise("reverse")
        x = task.start * self._scale(scheduler, products)
        with _drawn(scheduler, noise) if self.draws else nullcontext():
            for t in scheduler.timesteps:
                output = task.ask(scheduler.scale_model_input(x, t), ratios[int(t)])
                x = scheduler.step(output, t, x, **self._extra(noise)).prev_sample
        return x

    def _extra(self, noise: Iterator[Tensor]) -> dict[str, Any]:
        given = {} if self.eta is None else {"eta": self.eta}
        return {**given, "variance_noise": next(noise)} if self.noisy else given

    @staticmethod
    def _scale(scheduler: Any, products: Tensor) -> float:
        """From x to the scheduler's coordinates: some work in x/α."""
        return float(products[-1].rsqrt()) if type(scheduler).__name__ in _IN_SIGMA else 1.0


_IN_SIGMA = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler")
"""Schedulers of diffusers that work in x/α."""


@contextmanager
def _drawn(scheduler: Any, noise: Iterator[Tensor]) -> Iterator[None]:
    """The scheduler draws the given noise."""
    with patch.object(sys.modules[type(scheduler).__module__], "randn_tensor", lambda *_, **__: next(noise)):
        yield


@dataclass(frozen=True)
class DiffusersIPNDM:
    """A comparison with diffusers' IPNDM, which has noise levels of its own, σ = sin²(π t/2), and takes a velocity.

    It starts at the scheduler's second time: at the first, where α = 0, that takes x̂₀ = 0, whatever the network says.
    """

    sampler: Sampler
    toolkit = "diffusers"
    peer = "IPNDMScheduler, from its second time, float64 table"

    def __call__(self, task: Task) -> tuple[Tensor, Tensor]:
        scheduler = peer("diffusers").IPNDMScheduler()
        scheduler.set_timesteps(task.steps)
        scheduler.set_begin_index(1)
        scheduler.betas = (0.5 * math.pi * torch.linspace(1.0, 0.0, task.steps + 1, dtype=torch.float64)).sin() ** 2
        scheduler.alphas = (1.0 - scheduler.betas**2).sqrt()
        schedule, levels = Table((scheduler.alphas[1:-1] ** 2).flip(0)), task.steps - 1
        times = [k / levels for k in range(levels, -1, -1)]
        mine = task.suffuse(self.sampler, schedule, times, task.start, task.network.predict)
        x = task.start
        for k, t in enumerate(scheduler.timesteps[1:], start=1):
            alpha, sigma = float(scheduler.alphas[k]), float(scheduler.betas[k])
            output = task.ask(x, sigma / alpha)
            velocity = output if task.network.predict == "v" else (output - sigma * x) / alpha
            x = scheduler.step(velocity, t, x).prev_sample
        return mine, x


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
        handed: whether the function is handed that noise, rather than drawing its own.
    """

    sampler: Sampler
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    purpose: str = "churn"
    handed: bool = False
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
        noise = task.noise(self.purpose)
        options = {**self.options, "noise_sampler": lambda *_: next(noise)} if self.handed else self.options
        with _noise_of(sampling, noise):
            function = getattr(sampling, self.function)
            return mine, function(partial(_PREDICT[predict], task), x, sigmas.to(x), disable=True, **options)


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

Comparison = Diffusers | DiffusersIPNDM | KDiffusion

_TELLING = ("eta", "algorithm_type", "solver_order", "solver_type")
"""Options of diffusers that are part of a comparison's name."""
_PLAIN: dict[str, Any] = {"clip_sample": False}
_2M: dict[str, Any] = {"algorithm_type": "dpmsolver++", "solver_order": 2, "solver_type": "midpoint"}
_3M: dict[str, Any] = {"algorithm_type": "dpmsolver++", "solver_order": 3, "solver_type": "heun"}
_UNIPC, _DEIS = "UniPCMultistepScheduler", "DEISMultistepScheduler"
_FULL_ORDER: dict[str, Any] = {"lower_order_final": False}
_1M_SDE, _2M_SDE = ({**_2M, "algorithm_type": "sde-dpmsolver++", "solver_order": order} for order in (1, 2))
_CHURN: dict[str, float] = {"s_churn": 8.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 1.003}
_MY_CHURN: dict[str, float] = {"churn": 8.0, "churn_low": 0.05, "churn_high": 50.0, "churn_noise": 1.003}

COMPARISONS: tuple[Comparison, ...] = (
    Diffusers(DDIM(), "DDIMScheduler", _PLAIN, 0.0),
    Diffusers(DDIM(), "DDIMScheduler", _PLAIN, 0.0, "float64"),
    Diffusers(DDIM(0.5), "DDIMScheduler", _PLAIN, 0.5, "float64", noisy=True),
    Diffusers(DDPM(), "DDIMScheduler", _PLAIN, 1.0, noisy=True),
    Diffusers(DDPM(), "DDIMScheduler", _PLAIN, 1.0, "float64", noisy=True),
    Diffusers(DPMpp(2), "DPMSolverMultistepScheduler", _2M),
    Diffusers(DPMpp(3, curvature=0.5), "DPMSolverMultistepScheduler", _3M),
    Diffusers(DPMppSDE(1), "DPMSolverMultistepScheduler", _1M_SDE, noisy=True),
    Diffusers(DPMppSDE(2), "DPMSolverMultistepScheduler", _2M_SDE, noisy=True),
    Diffusers(UniPC(2), _UNIPC, {"solver_order": 2}),
    Diffusers(UniPC(2), _UNIPC, {"solver_order": 2}, tables="float64"),
    *(
        Diffusers(
            UniPC(order, variant),
            _UNIPC,
            {**_FULL_ORDER, "solver_order": order, "solver_type": variant},
            tables="float64",
            last=0.025,
        )
        for order in (1, 2, 3)
        for variant in VARIANTS
    ),
    Diffusers(
        UniPC(3, corrector=False),
        _UNIPC,
        {**_FULL_ORDER, "solver_order": 3, "disable_corrector": list(range(TRAINED))},
        tables="float64",
        last=0.025,
    ),
    *(
        Diffusers(DEIS(order, "log-rho"), _DEIS, {"solver_order": order}, tables="float64", last=0.025)
        for order in (2, 3)
    ),
    DiffusersIPNDM(IPNDM()),
    Diffusers(Euler(), "EulerDiscreteScheduler"),
    Diffusers(EulerAncestral(), "EulerAncestralDiscreteScheduler", draws=True),
    Diffusers(Heun(coordinates="sigma"), "HeunDiscreteScheduler"),
    KDiffusion(Euler(), "sample_euler"),
    KDiffusion(Euler(**_MY_CHURN), "sample_euler", _CHURN),
    KDiffusion(Heun(coordinates="sigma"), "sample_heun"),
    KDiffusion(Heun(coordinates="sigma", **_MY_CHURN), "sample_heun", _CHURN),
    KDiffusion(DDPM(), "sample_euler_ancestral", purpose="reverse"),
    KDiffusion(EulerAncestral(0.5), "sample_euler_ancestral", {"eta": 0.5}, "reverse"),
    KDiffusion(EulerAncestral(1.5, 1.003), "sample_euler_ancestral", {"eta": 1.5, "s_noise": 1.003}, "reverse"),
    KDiffusion(DPMpp(2), "sample_dpmpp_2m"),
    *(KDiffusion(DPMppSDE(2, eta), "sample_dpmpp_2m_sde", {"eta": eta}, "reverse", handed=True) for eta in (0.5, 1.0)),
    *(
        KDiffusion(DPMppSDE(3, eta, curvature=0.5), "sample_dpmpp_3m_sde", {"eta": eta}, "reverse", handed=True)
        for eta in (0.5, 1.0)
    ),
    KDiffusion(DPMpp(3, curvature=0.5), "sample_dpmpp_3m_sde", {"eta": 0.0}, handed=True),
    *(KDiffusion(DEIS(order, "rho"), "sample_lms", {"order": order}) for order in (2, 3, 4)),
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
