r"""The divergence of a function of a state, exactly or by Hutchinson's estimate.

.. math:: \mathrm{tr}\, \frac{\partial f}{\partial x} = \sum_i \frac{\partial f_i}{\partial x_i}
          = \mathbb E_v\; v^\top \frac{\partial f}{\partial x} v, \qquad \mathbb E\, v v^\top = I

(Hutchinson 1989; Grathwohl et al. 2019, FFJORD). The samples of a batch are taken to be independent. Padding has no
part in either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from suffuse.rng import Rng
from suffuse.state import State, batch_size, device_of, fields, is_mask, map_all, map_fields, mask_of, masked_sum


def rademacher(like: State, rng: Rng) -> State:
    """Fair signs, +1 or -1, for every real entry of a state; 0 in the padding."""
    return map_fields(lambda x: torch.where(x < 0.0, -1.0, 1.0).to(x.dtype), rng.normal_like(like))


def with_divergence(f: Callable[[State], State], x: State, probes: Sequence[State] | None) -> tuple[State, Tensor]:
    """f(x), and the trace of its Jacobian.

    Arguments:
        f: of a state, to one of the same fields.
        x: where.
        probes: for Hutchinson's estimate, one backward pass for each; ``None``: exactly, one backward pass for each
            entry of a sample.

    Returns:
        the value, and the divergence, float64 ``[batch, probes]``, one column where it is exact.
    """
    with torch.inference_mode(False), torch.enable_grad():
        z = map_all(lambda v: v.detach().clone().requires_grad_(v.is_floating_point()), x)
        value = masked_like(f(z), z)
        columns = [_trace(value, z)] if probes is None else [_estimate(value, z, probe) for probe in probes]
    return map_all(lambda v: v.detach(), value), torch.stack(columns, dim=1)


def masked_like(value: State, x: State) -> State:
    """A value with the masks of ``x``, and zero in its padding."""
    if isinstance(value, Tensor) or isinstance(x, Tensor):
        return value
    return map_fields(lambda v: v, {name: x[name] if is_mask(name) else value[name] for name in x})


def _trace(value: State, z: State) -> Tensor:
    """Σ ∂fᵢ/∂xᵢ, entry by entry."""
    total = torch.zeros(batch_size(z), dtype=torch.float64, device=device_of(z))
    sources = dict(fields(z))
    for name, out in fields(value):
        mask = mask_of(z, name)
        real = None if mask is None else mask.expand_as(out).flatten(1)
        for i, entry in enumerate(out.flatten(1).unbind(1)):
            (gradient,) = _gradients(entry.sum(), [sources[name]])
            own = gradient.flatten(1)[:, i].double()
            total = total + (own if real is None else torch.where(real[:, i], own, 0.0))
    return total


def _estimate(value: State, z: State, probe: State) -> Tensor:
    """vᵀ (∂f/∂x) v."""
    sources = dict(fields(z))
    found = _gradients(masked_sum(map_fields(torch.mul, probe, value)).sum(), list(sources.values()))
    products = {name: g * v for (name, v), g in zip(fields(probe), found, strict=True)}
    return sum((p.flatten(1).sum(1).double() for p in products.values()), torch.zeros((), dtype=torch.float64))


def _gradients(total: Tensor, sources: Sequence[Tensor]) -> Sequence[Tensor]:
    """The gradients of a sum; 0 with respect to what it does not depend on."""
    if not total.requires_grad:
        return [torch.zeros_like(x) for x in sources]
    return torch.autograd.grad(total, sources, retain_graph=True, allow_unused=True, materialize_grads=True)
