r"""Preconditioning: from a raw network to a denoiser.

A network F sees an input of unit variance and a noise level, and predicts one of several targets. Each of them gives
the posterior mean as

.. math:: \hat x_0 = c_\text{skip}(α, σ)\, x_t + c_\text{out}(α, σ)\, F(c_\text{in} x_t, c_\text{noise}),

with one pair (c_skip, c_out) for each parametrization:

=========  =====================================  ===========================  ==========================
predict    target of F                            c_skip                       c_out
=========  =====================================  ===========================  ==========================
``x0``     x₀                                     0                            1
``eps``    ε                                      1/α                          -σ/α
``v``      (α ε - σ x₀)/√(α² + σ²)                α/(α² + σ²)                  -σ/√(α² + σ²)
``flow``   ε - x₀                                 1/(α + σ)                    -σ/(α + σ)
``score``  σ ∇ log p(x_t) = -ε                    1/α                          σ/α
``edm``    unit-variance residual                 α σ_d²/D²                    σ σ_d/D
=========  =====================================  ===========================  ==========================

with D² = α²σ_d² + σ², the variance of x_t; c_in = 1/D always. Sources: Ho et al. 2020 (eps), Salimans & Ho 2022 (v),
Lipman et al. 2022 (flow), Song et al. 2021 (score), Karras et al. 2022, table 1, generalized to α ≠ 1 (edm).

The network is told ``¼ log(σ/α)``, clamped to \|log(σ/α)\| ≤ 6, beyond which x_t is clean, or pure noise.

Categorical fields are simpler: the network sees one-hot vectors and gives logits. A :class:`Head` for each kind of
process says how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions
from suffuse.errors import UnsupportedError, unknown_name
from suffuse.numerics import Real, clamp, sqrt
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process.base import Process
from suffuse.process.categorical import Categorical
from suffuse.process.gaussian import Gaussian
from suffuse.process.interpolant import Interpolant
from suffuse.process.product import Product
from suffuse.process.schedule import Schedule, log_snr
from suffuse.state import State, batch_size, combine, device_of, map_fields, merge, only

MOST_LOG_RATIO = 6.0


@dataclass(frozen=True)
class Parametrization:
    """What a network predicts, as the coefficients of x̂₀ = skip·x_t + out·F.

    Arguments:
        coefficients: ``(alpha, sigma, sigma_data) -> (skip, out)``.
        needs_signal: whether it divides by α, so that no schedule with α(1) = 0 can use it.
    """

    name: str
    coefficients: Callable[[Any, Any, float], tuple[Any, Any]]
    needs_signal: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied, also to other processes, by its name."""
        return parametrization, (self.name,)


def _edm(alpha: Real, sigma: Real, sigma_data: float) -> tuple[Real, Real]:
    variance = alpha * alpha * sigma_data**2 + sigma * sigma
    return alpha * sigma_data**2 / variance, sigma * sigma_data / sqrt(variance)


PARAMETRIZATIONS = {
    p.name: p
    for p in (
        Parametrization("x0", lambda a, s, d: (0.0 * a, 0.0 * a + 1.0)),
        Parametrization("eps", lambda a, s, d: (1.0 / a, -s / a), needs_signal=True),
        Parametrization("v", lambda a, s, d: (a / (a * a + s * s), -s / sqrt(a * a + s * s))),
        Parametrization("flow", lambda a, s, d: (1.0 / (a + s), -s / (a + s))),
        Parametrization("score", lambda a, s, d: (1.0 / a, s / a), needs_signal=True),
        Parametrization("edm", _edm),
    )
}


def parametrization(name: str) -> Parametrization:
    """The parametrization of this name."""
    if name not in PARAMETRIZATIONS:
        raise unknown_name("parametrization", name, PARAMETRIZATIONS, UnsupportedError, field="predict")
    return PARAMETRIZATIONS[name]


class Head(Protocol):
    """What stands between a network and one kind of noise: what the network sees, and what its output means."""

    def enter(self, x_t: State, t: Time) -> State:
        """The network's input."""
        ...

    def belief(self, x_t: State, t: Time, output: State) -> State:
        """The posterior mean that an output stands for."""
        ...


@dataclass(frozen=True)
class GaussianHead:
    """Input of unit variance, and x̂₀ = skip·x_t + out·F.

    Arguments:
        schedule: the scales of the noise.
        predict: what F is.
        sigma_data: the data's standard deviation.

    Raises:
        UnsupportedError: the parametrization divides by α, and the schedule has α(1) = 0.
    """

    schedule: Schedule
    predict: Parametrization
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        if self.predict.needs_signal and self.schedule.alpha(1.0) == 0.0:
            raise UnsupportedError(
                f"{self.predict.name!r} divides by the signal scale, which is 0 at t = 1",
                field="predict",
                expected="v, flow, x0 or edm for a schedule that ends in pure noise",
                got=f"{self.predict.name} under {type(self.schedule).__name__}",
            )

    def enter(self, x_t: State, t: Time) -> State:
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        return combine((1.0 / sqrt(alpha * alpha * self.sigma_data**2 + sigma * sigma), x_t))

    def belief(self, x_t: State, t: Time, output: State) -> State:
        skip, out = self.predict.coefficients(self.schedule.alpha(t), self.schedule.sigma(t), self.sigma_data)
        return combine((skip, x_t), (out, map_fields(lambda x, f: f.to(x.dtype), x_t, output)))


@dataclass(frozen=True)
class CategoricalHead:
    """Input as it is, and logits of the classes, ``[batch, *positions, classes]``, for output.

    Probabilities are computed in float32 or wider. Logits of a symmetric field are averaged with their transpose;
    entries that noise cannot have made (those that are not masked, under an absorbing kernel) stay as they are.

    Arguments:
        process: whose belief it is.
    """

    process: Categorical

    def enter(self, x_t: State, t: Time) -> State:
        return x_t

    def belief(self, x_t: State, t: Time, output: State) -> State:
        return map_fields(self._probabilities, x_t, output)

    def _probabilities(self, x: Tensor, logits: Tensor) -> Tensor:
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if self.process.symmetric:
            logits = 0.5 * (logits + logits.transpose(1, 2))
        return torch.where(self.process.is_known(x), x, logits.softmax(-1).to(x.dtype))


@dataclass(frozen=True)
class ProductHead:
    """A head for each field: a dict in, a dict out.

    Arguments:
        heads: by the fields' names.
    """

    heads: Mapping[str, Head]

    def enter(self, x_t: State, t: Time) -> State:
        return merge(x_t, {n: head.enter(only(x_t, n), t) for n, head in self.heads.items()})

    def belief(self, x_t: State, t: Time, output: State) -> State:
        for name in self.heads:
            if isinstance(output, Tensor) or name not in output:
                raise UnsupportedError(
                    "the network says nothing of this field", field=name, expected=", ".join(self.heads),
                    got="a bare tensor" if isinstance(output, Tensor) else ", ".join(output),
                )  # fmt: skip
        return merge(x_t, {n: head.belief(only(x_t, n), t, only(output, n)) for n, head in self.heads.items()})


def head_of(process: Process, predict: Parametrization, sigma_data: float = 1.0) -> Head:
    """The head of a process; ``predict`` is of its Gaussian fields.

    Raises:
        UnsupportedError: the parametrization cannot be used, or the process is of an unknown kind.
    """
    if isinstance(process, Gaussian | Interpolant):
        return GaussianHead(process.schedule, predict, sigma_data)
    if isinstance(process, Categorical):
        return CategoricalHead(process)
    if isinstance(process, Product):
        return ProductHead({name: head_of(p, predict, sigma_data) for name, p in process.fields.items()})
    raise UnsupportedError(
        "no network can be trained under this process", field="process", got=type(process).__name__,
        expected="a Gaussian, a Categorical, a Product of these, or an Interpolant",
    )  # fmt: skip


class Preconditioned(nn.Module):
    """A network as a denoiser: ``(x_t, t, conditions) -> Posterior``.

    Arguments:
        network: ``(input, noise_level, conditions) -> output``; the noise level is ``[batch]``, the output is shaped
            like the input. Gaussian fields of the input have unit variance, and what comes out is what ``predict``
            names; categorical fields go in one-hot, and their logits come out.
        process: the process under which the network is trained.
        predict: the parametrization's name, for Gaussian fields.
        sigma_data: the data's standard deviation (1 where the codec standardizes), in Gaussian fields.

    Raises:
        UnsupportedError: the parametrization divides by α, and the schedule has α(1) = 0; or the network says what it
            ``predicts``, as the exact belief does, and is asked for something else or under other noise.
    """

    def __init__(self, network: nn.Module, process: Process, predict: str = "v", sigma_data: float = 1.0) -> None:
        super().__init__()
        _require_meant(getattr(network, "predicts", None), process, predict)
        self.network = network
        self.process = process
        self.predict = parametrization(predict)
        self.sigma_data = sigma_data
        self.head = head_of(process, self.predict, sigma_data)

    def forward(self, x_t: State, t: Time, conditions: Conditions | None = None) -> Posterior:
        """The posterior at time ``t``, a float for the whole batch or float64 ``[batch]``."""
        level = 0.25 * clamp(-0.5 * log_snr(self.process.schedule, t), -MOST_LOG_RATIO, MOST_LOG_RATIO)
        output = self.network(self.head.enter(x_t, t), _per_sample(level, x_t), conditions or {})
        return Posterior(self.head.belief(x_t, t, output))


def _require_meant(predicts: str | None, process: Process, predict: str) -> None:
    """A network whose output is no matter of training can stand for one thing alone, under the noise that it knows."""
    if predicts is None:
        return
    if predict != predicts:
        raise UnsupportedError("is not what the network gives", field="predict", expected=predicts, got=predict)
    if not isinstance(process, Gaussian):
        raise UnsupportedError(
            "is not the noise that the network knows", field="process", got=type(process).__name__,
            expected="Gaussian noise, under one schedule in every field",
        )  # fmt: skip


def _per_sample(level: Time, x: State) -> Tensor:
    """A noise level as float32 ``[batch]`` on the state's device; one for all is held once, of stride 0."""
    device = device_of(x)
    if isinstance(level, Tensor):
        return level.to(device, torch.float32).expand(batch_size(x))
    return torch.full((1,), level, dtype=torch.float32, device=device).expand(batch_size(x))


def precondition(network: nn.Module, process: Process, predict: str = "v", sigma_data: float = 1.0) -> Preconditioned:
    """A denoiser from a network; see :class:`Preconditioned`."""
    return Preconditioned(network, process, predict, sigma_data)


@dataclass(frozen=True)
class Rescheduled:
    r"""A denoiser trained under one schedule, asked under another.

    Two Gaussian kernels with the same SNR differ by a scale alone, so
    :math:`p(x_0 | x_t)` under ``schedule`` is the trained posterior at the time of equal SNR, on the rescaled state
    (Karras et al. 2022, appendix C.1).

    Arguments:
        denoiser: trained under ``trained``.
        trained: the schedule of training.
        schedule: the schedule of sampling.

    Raises:
        UnsupportedError: sampling begins in purer noise than training ever saw, by more than can be neglected.
    """

    denoiser: Denoiser
    trained: Schedule
    schedule: Schedule

    def __post_init__(self) -> None:
        seen, asked = (s.alpha(1.0) / s.sigma(1.0) for s in (self.trained, self.schedule))
        if seen > 0.05 and asked < seen:
            raise UnsupportedError(
                "the model was never trained on noise this pure",
                field="schedule",
                expected=f"a signal-to-noise ratio α/σ of at least {seen:.3g} at t = 1",
                got=f"{asked:.3g} ({type(self.schedule).__name__})",
            )

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        level = log_snr(self.schedule, t)
        trained_time = clamp(self.trained.time(clamp(level, log_snr(self.trained, 1.0), 80.0)), 0.0, 1.0)
        deviation = self._deviation(self.trained, trained_time) / self._deviation(self.schedule, t)
        return self.denoiser(combine((deviation, x_t)), trained_time, conditions)

    @staticmethod
    def _deviation(schedule: Schedule, t: Time) -> Any:
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        return sqrt(alpha * alpha + sigma * sigma)


def reschedule(denoiser: Denoiser, trained: Schedule, schedule: Schedule) -> Denoiser:
    """The denoiser under another schedule; itself where the two are equal. See :class:`Rescheduled`."""
    return denoiser if trained == schedule else Rescheduled(denoiser, trained, schedule)
