r"""Integrators of ordinary differential equations dy/dt = f(t, y), for solvers and likelihoods alike.

:func:`dormand_prince` chooses its steps by itself, **for each sample apart**: every sample has a time and a step size
of its own, and all are asked for in one call of f. What comes out for a sample is therefore the same alone and in any
batch, which control by one norm over the whole batch would not give; and a batch takes as many calls as its hardest
sample needs alone, which one common step size could not undercut (Lienen & Günnemann 2022, torchode).

:func:`runge_kutta4` takes the steps that it is told to.

A value y is a state, or a tuple of states and tensors, batch first: what is integrated along, as the logarithm of a
density ``[batch]``, is one more member of the tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar, cast

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Time
from suffuse.state import State, batch_size, combine, map_fields, masked_mean

Y = TypeVar("Y", bound=State | tuple[State, ...])
_Members = tuple[State, ...]

_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES: tuple[tuple[float, ...], ...] = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""Dormand & Prince 1980, table 2: nodes, stages (the last one is the fifth-order solution itself), and the weights of
its difference from the fourth-order one."""

_INTEGRAL, _PROPORTIONAL = 0.2 - 0.75 * 0.04, 0.04
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
"""The controller's exponents and bounds (Hairer, Nørsett & Wanner 1993, II.4 and IV.2: β = 0.04)."""
_STRETCH = 1.01
"""A step that would leave less than a hundredth of itself goes to the end instead."""
_LEAST_ERROR = 1e-4


def dormand_prince(
    f: Callable[[Time, Y], Y],
    y: Y,
    t0: float,
    t1: float,
    rtol: float = 1e-3,
    atol: float = 1e-4,
    first_step: float | None = None,
    max_evaluations: int = 10_000,
) -> tuple[Y, int]:
    r"""Integrate adaptively by the Dormand-Prince pair of orders 5 and 4, its error held to a tolerance.

    A step is accepted if the root mean square over a sample's real entries of
    :math:`\text{error}/(\text{atol} + \text{rtol}\,\max(|y|, |y_\text{new}|))` is at most 1, in each member of a tuple
    apart. Step sizes follow a PI controller; the last evaluation of a step is the first of the next.

    Arguments:
        f: ``(t, y) -> dy/dt``, with t float64 ``[batch]`` on the CPU, a time of its own for each sample. It is asked at
            both ends, and must be finite there. A sample that has arrived is asked for at ``t1`` until all have.
        y: where to start.
        t0, t1: from when to when, in either direction.
        rtol, atol: the tolerance of one step.
        first_step: the size of the first step tried; ``None`` lets one more evaluation tell
            (Hairer, Nørsett & Wanner 1993, II.4).
        max_evaluations: of f, after which to give up.

    Returns:
        y at ``t1``, and how often f was called.

    Raises:
        RecipeError: a tolerance is not positive, ``t1`` was not reached within ``max_evaluations``, or no step is small
            enough (f is not finite, or jumps).
    """
    _check(rtol, atol, max_evaluations)
    if t0 == t1:
        return y, 0
    members, slope = _members(y), _on_members(f, y)
    count = batch_size(members[0])
    t, end = (torch.full((count,), time, dtype=torch.float64) for time in (t0, t1))
    k = slope(t, members)
    evaluations = 1
    if first_step is None:
        h = _first_step(slope, t, members, k, t1 - t0, rtol, atol)
        evaluations += 1
    else:
        h = torch.full_like(t, first_step)
    before = torch.full_like(t, _LEAST_ERROR)
    while bool((t != end).any()):
        if evaluations + 6 > max_evaluations:
            raise _too_many(max_evaluations, t, t1)
        reaches = h * _STRETCH >= (end - t).abs()
        s = torch.where(reaches, end, t + h.copysign(end - t))
        if bool((~((s - t).abs() > 0.0) & (t != end)).any()):  # too small to matter, or not a number
            raise _astray(t, t1)
        new, k_new, error = _attempt(slope, t, s, members, k)
        evaluations += 6
        off = _norm(error, members, new, rtol, atol)
        accepted = off <= 1.0
        h = (s - t).abs() * _factor(off, before, accepted)
        t = torch.where(accepted, s, t)
        members, k = _choose(accepted, new, members), _choose(accepted, k_new, k)
        before = torch.where(accepted, off.clamp_min(_LEAST_ERROR), before)
    return _like(y, members), evaluations


def runge_kutta4(f: Callable[[float, Y], Y], y: Y, times: Sequence[float]) -> Y:
    """Integrate by the classical rule of order 4 (Kutta 1901), four evaluations a step.

    Arguments:
        f: ``(t, y) -> dy/dt``, with t a float.
        y: where to start, at ``times[0]``.
        times: where to step, in either direction.
    """
    members, slope = _members(y), _on_members(f, y)
    for t, s in pairwise(times):
        h = s - t
        k1 = slope(t, members)
        k2 = slope(t + 0.5 * h, _sum((1.0, members), (0.5 * h, k1)))
        k3 = slope(t + 0.5 * h, _sum((1.0, members), (0.5 * h, k2)))
        k4 = slope(s, _sum((1.0, members), (h, k3)))
        members = _sum((1.0, members), (h / 6.0, k1), (h / 3.0, k2), (h / 3.0, k3), (h / 6.0, k4))
    return _like(y, members)


def _attempt(
    slope: Callable[[Tensor, _Members], _Members], t: Tensor, s: Tensor, y: _Members, k: _Members
) -> tuple[_Members, _Members, _Members]:
    """One step of the pair from t to s: the new value, the slope there, and the estimate of the error."""
    h, slopes, new = s - t, [k], y
    for node, weights in zip(_NODES, _STAGES, strict=True):
        new = _sum((1.0, y), *((h * w, k) for w, k in zip(weights, slopes, strict=True) if w != 0.0))
        slopes.append(slope(s if node == 1.0 else t + node * h, new))
    error = _sum(*((h * w, k) for w, k in zip(_ERROR, slopes, strict=True) if w != 0.0))
    return new, slopes[-1], error


def _first_step(
    slope: Callable[[Tensor, _Members], _Members],
    t: Tensor,
    y: _Members,
    k: _Members,
    span: float,
    rtol: float,
    atol: float,
) -> Tensor:
    """A step whose error should be about a hundredth of the tolerance, from the size of y, y' and y''."""
    size, speed = _norm(y, y, y, rtol, atol), _norm(k, y, y, rtol, atol)
    small = torch.where((size < 1e-5) | (speed < 1e-5), 1e-6, 0.01 * size / speed).clamp_max(abs(span))
    step = small.copysign(torch.tensor(span))
    ahead = slope(t + step, _sum((1.0, y), (step, k)))
    curvature = _norm(_sum((1.0, ahead), (-1.0, k)), y, y, rtol, atol) / small
    largest = torch.maximum(speed, curvature)
    wanted = torch.where(largest <= 1e-15, (1e-3 * small).clamp_min(1e-6), (0.01 / largest) ** 0.2)
    return torch.minimum(100.0 * small, wanted)


def _factor(off: Tensor, before: Tensor, accepted: Tensor) -> Tensor:
    """How much longer the next step is: a PI controller on the error of this step and of the last accepted one."""
    off = off.nan_to_num(nan=torch.inf).clamp_min(1e-10)
    after_success = _SAFETY * off**-_INTEGRAL * before**_PROPORTIONAL
    after_failure = (_SAFETY * off**-0.2).clamp_max(1.0)
    return torch.where(accepted, after_success, after_failure).clamp(_SHRINK, _GROW)


def _norm(error: _Members, y: _Members, new: _Members, rtol: float, atol: float) -> Tensor:
    """The error over the tolerance, the largest of all members': float64 ``[batch]`` on the CPU."""
    return torch.stack([_member_norm(*parts, rtol, atol) for parts in zip(error, y, new, strict=True)]).amax(0)


def _member_norm(error: State, y: State, new: State, rtol: float, atol: float) -> Tensor:
    def relative(a: Tensor, b: Tensor, e: Tensor) -> Tensor:
        return torch.square(e / (atol + rtol * torch.maximum(a.abs(), b.abs())))

    square = map_fields(relative, y, new, error)
    mean = square.reshape(len(square), -1).mean(1) if isinstance(square, Tensor) else masked_mean(square)
    return mean.cpu().double().sqrt()


# values that are a state, or several ----------------------------------------------------------------------------------


def _members(y: State | _Members) -> _Members:
    return y if isinstance(y, tuple) else (y,)


def _like(y: Y, members: _Members) -> Y:
    """The members as the kind of value that ``y`` is."""
    return cast(Y, members if isinstance(y, tuple) else members[0])


def _on_members(f: Callable[..., Y], y: Y) -> Callable[[Time, _Members], _Members]:
    return lambda t, members: _members(f(t, _like(y, members)))


def _sum(*terms: tuple[float | Tensor, _Members]) -> _Members:
    """The linear combination of values."""
    count = len(terms[0][1])
    return tuple(combine(*((c, members[i]) for c, members in terms)) for i in range(count))


def _choose(first: Tensor, a: _Members, b: _Members) -> _Members:
    """Samples of ``a`` where ``first`` ``[batch]`` is true, of ``b`` elsewhere."""

    def pick(x: Tensor, y: Tensor) -> Tensor:
        return torch.where(first.to(x.device).reshape(-1, *(1 for _ in x.shape[1:])), x, y)

    return tuple(map_fields(pick, x, y) for x, y in zip(a, b, strict=True))


# errors ---------------------------------------------------------------------------------------------------------------


def _check(rtol: float, atol: float, max_evaluations: int) -> None:
    for name, value in (("rtol", rtol), ("atol", atol), ("max_evaluations", max_evaluations)):
        if not value > 0.0:
            raise RecipeError("must be positive", field=name, expected="> 0", got=value)


def _astray(t: Tensor, t1: float) -> RecipeError:
    behind = float(t[(t - t1).abs().argmax()])
    return RecipeError(
        "no step is small enough for the integrator",
        field="rtol",
        expected="a finite, smooth slope",
        got=f"a slope that is not, at time {behind:.6g}",
        fix="look at what the network returns there, or use a sampler of fixed steps",
    )


def _too_many(max_evaluations: int, t: Tensor, t1: float) -> RecipeError:
    behind = float(t[(t - t1).abs().argmax()])
    return RecipeError(
        "the integrator did not arrive",
        field="max_evaluations",
        expected=f"time {t1:.6g} within {max_evaluations} evaluations",
        got=f"time {behind:.6g}",
        fix="allow more evaluations or a larger rtol, or use a sampler of fixed steps",
    )
