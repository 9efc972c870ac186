"""Linear systems on states, each sample by itself.

Coefficients are float64 ``[batch]`` on the CPU, as everywhere; states keep their own precision and device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from suffuse.state import State, combine, fields, map_fields, masked_sum

Linear = Callable[[State], State]
"""A linear map of states to states, which treats the samples of a batch independently."""


def inner(x: State, y: State) -> Tensor:
    """The inner product of each sample: float64 ``[batch]`` on the CPU."""
    return masked_sum(map_fields(torch.mul, x, y)).cpu().double()


def conjugate_gradients(matrix: Linear, b: State, iterations: int, tolerance: float = 1e-5) -> State:
    """Solve ``matrix(x) = b`` for a symmetric, positive semidefinite matrix (Hestenes & Stiefel 1952).

    Arguments:
        matrix: applied to the whole batch.
        b: the right-hand side.
        iterations: at most; as many applications of the matrix.
        tolerance: a sample is done when its residual's norm has fallen to this share of b's.
    """
    x = map_fields(torch.zeros_like, b)
    residual = direction = b
    square = inner(b, b)
    enough = tolerance**2 * square
    going = square > enough
    for _ in range(iterations):
        if not bool(going.any()):
            break
        bent = matrix(direction)
        curvature = inner(direction, bent)
        going = going & (curvature > 0.0)
        step = _ratio(going, square, curvature)
        x = combine((1.0, x), (step, direction))
        residual = combine((1.0, residual), (-step, bent))
        before, square = square, inner(residual, residual)
        going = going & (square > enough)
        direction = combine((1.0, residual), (_ratio(going, square, before), direction))
    return x


def gmres(matrix: Linear, b: State, iterations: int) -> State:
    r"""Bring ``matrix(x)`` as near to b as the directions b, Mb, M²b, … allow (Saad & Schultz 1986).

    For matrices that ought to be symmetric and positive and are so only nearly, as a network's covariance: where
    conjugate gradients can run away, the residual here never grows.

    Arguments:
        matrix: applied to the whole batch.
        b: the right-hand side.
        iterations: the count of directions, and of applications of the matrix.
    """
    _, first = next(fields(b))
    rounding = 100.0 * torch.finfo(first.dtype).eps
    length = inner(b, b).sqrt()
    basis = [combine((_ratio(length > 0.0, 1.0, length), b))]
    hessenberg = torch.zeros(len(length), iterations + 1, iterations, dtype=torch.float64)
    for k in range(iterations):
        bent = matrix(basis[k])
        scale = inner(bent, bent).sqrt()
        for j, v in enumerate(basis):
            hessenberg[:, j, k] = inner(v, bent)
            bent = combine((1.0, bent), (-hessenberg[:, j, k], v))
        left = inner(bent, bent).sqrt()
        new = left > rounding * scale  # else all directions are found
        hessenberg[:, k + 1, k] = torch.where(new, left, 0.0)
        basis.append(combine((_ratio(new, 1.0, left), bent)))
    least = math.sqrt(torch.finfo(first.dtype).tiny)  # a matrix below this is 0: what it asks for would overflow
    weights = length[:, None] * torch.linalg.pinv(hessenberg, atol=least, rtol=rounding)[:, :, 0]
    return combine(*((weights[:, k], basis[k]) for k in range(iterations)))


def _ratio(where: Tensor, above: Tensor | float, below: Tensor) -> Tensor:
    """The ratio for some samples, 0 for others."""
    return torch.where(where, above / torch.where(where, below, 1.0), 0.0)
