"""Ways to sample under a measurement, as a person names them: each turns a run into another.

The factories here are what ``--method NAME:KEY=VALUE`` calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.inverse.belief import SMOOTH, gaussian_schedules
from suffuse.inverse.diffpir import DiffPIR
from suffuse.inverse.dps import DPS
from suffuse.inverse.likelihood import Likelihood
from suffuse.inverse.mmps import MMPS
from suffuse.inverse.pigdm import PiGDM
from suffuse.inverse.repaint import RePaint, with_jumps
from suffuse.operators import Identity, Mask, Operator
from suffuse.posterior import Denoiser
from suffuse.process import Process
from suffuse.sampling import Sampler
from suffuse.state import State, fields


@dataclass(frozen=True)
class Run:
    """What samples one batch.

    Arguments:
        denoiser: the belief, already under guidance.
        process: the forward process.
        sampler: the solver.
        times: those that it visits.
    """

    denoiser: Denoiser
    process: Process
    sampler: Sampler
    times: Sequence[float]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of a batch: y = A(x₀) + s·z.

    Arguments:
        operator: A.
        value: y.
        noise: s.
    """

    operator: Operator
    value: State
    noise: float = 0.0


Method = Callable[[Run, Measured], Run]
"""A way to sample under a measurement; a value with a text of its own, as a frozen dataclass has it, by which a command
that was stopped knows that it is still the same."""


def repaint(resamples: int = 5, jump: int = 1) -> Method:
    """Replace the known part at every time, and go back and forth (:mod:`suffuse.inverse.repaint`)."""
    with_jumps([1.0, 0.0], resamples, jump)  # tells wrong options at once
    return Repainting(resamples, jump)


def mmps(iterations: int = 3) -> Method:
    """Guidance with the belief's own covariance (:mod:`suffuse.inverse.mmps`)."""
    return Guided(MMPS, {"iterations": iterations})


def pigdm(iterations: int = 10) -> Method:
    """Guidance with one deviation for all entries (:mod:`suffuse.inverse.pigdm`)."""
    return Guided(PiGDM, {"iterations": iterations})


def dps(strength: float = 1.0) -> Method:
    """Guidance by the norm of the residual (:mod:`suffuse.inverse.dps`)."""
    return Guided(DPS, {"strength": strength})


def diffpir(strength: float = 1.0, iterations: int = 10) -> Method:
    """A proximal step after each belief (:mod:`suffuse.inverse.diffpir`)."""
    return Guided(DiffPIR, {"strength": strength, "iterations": iterations})


@dataclass(frozen=True)
class Repainting:
    """See :func:`repaint`."""

    resamples: int
    jump: int

    def __call__(self, run: Run, measured: Measured) -> Run:
        if not isinstance(measured.operator, Mask):
            raise UnsupportedError(
                "fills what a mask left out, and nothing else", field="method", got=type(measured.operator).__name__,
                expected="a mask", fix="use mmps",
            )  # fmt: skip
        sampler = RePaint(run.sampler, measured.operator.known, measured.value)
        return replace(run, sampler=sampler, times=with_jumps(run.times, self.resamples, self.jump))


@dataclass(frozen=True)
class Guided:
    """A denoiser that knows the measurement; entries that are classes are kept at what was measured of them.

    Arguments:
        denoiser: the class of such denoisers.
        options: of theirs, by name.
    """

    denoiser: type[Likelihood] | type[DiffPIR]
    options: Mapping[str, Any]

    def __call__(self, run: Run, measured: Measured) -> Run:
        process = SMOOTH.of(run.process, self.denoiser.__name__)
        operator, value = measured.operator, measured.value
        denoiser = self.denoiser(run.denoiser, process, operator, value, noise=measured.noise, **self.options)
        known = _known_classes(process, measured)
        sampler = RePaint(run.sampler, known, value) if known else run.sampler
        return replace(run, denoiser=denoiser, sampler=sampler)


def _known_classes(process: Process, measured: Measured) -> dict[str, Tensor]:
    """Where a measurement tells entries of fields whose noise is not Gaussian: there it is exact."""
    smooth = gaussian_schedules(process, measured.value)
    if isinstance(measured.value, Tensor) or not isinstance(measured.operator, Mask | Identity):
        return {}
    others = {name: value for name, value in fields(measured.value) if name not in smooth}
    if isinstance(measured.operator, Identity):
        return {name: torch.ones_like(value, dtype=torch.bool) for name, value in others.items()}
    known = measured.operator.known
    assert isinstance(known, dict)
    return {name: known[name] for name in others if name in known}
