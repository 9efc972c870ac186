"""States: what a network sees.

A state is a tensor, or a ``dict`` of named tensors, batch first. Floating entries carry data and are noised; boolean
entries are masks and pass through every operation unchanged. The mask of field ``name`` is the entry ``name.mask``,
else the entry ``mask``; it covers the leading axes of its field (``[batch, n]`` masks ``[batch, n, d]``) and is true
where the field is real. What padding holds changes nothing: every operation here returns zeros there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from suffuse.errors import DomainInputError

State = Tensor | dict[str, Tensor]

MASK = "mask"


def is_mask(name: str) -> bool:
    """Whether a dict entry of this name is a mask rather than data."""
    return name == MASK or name.endswith("." + MASK)


def fields(state: State) -> Iterator[tuple[str, Tensor]]:
    """The noised entries, by name; a bare tensor's name is the empty string."""
    if isinstance(state, Tensor):
        yield "", state
    else:
        for name, value in state.items():
            if not is_mask(name):
                yield name, value


def mask_name(state: State, name: str = "") -> str | None:
    """Which entry is the mask of a field; ``None`` if all is real."""
    return next((mask for mask in (f"{name}.{MASK}", MASK) if mask in state), None) if isinstance(state, dict) else None


def mask_of(state: State, name: str = "") -> Tensor | None:
    """The mask of a field, with trailing axes added so that it broadcasts over the field; ``None`` if all is real."""
    if isinstance(state, Tensor):
        return None
    mask = state.get(f"{name}.{MASK}", state.get(MASK))
    if mask is None:
        return None
    return mask.reshape(mask.shape + (1,) * (state[name].ndim - mask.ndim))


def masked_axes(state: State, name: str = "") -> int:
    """How many axes after the batch's the mask of a field has: those along which samples may be padded."""
    if isinstance(state, Tensor):
        return 0
    mask = state.get(f"{name}.{MASK}", state.get(MASK))
    return 0 if mask is None else mask.ndim - 1


def batch_size(state: State) -> int:
    """The number of samples."""
    if isinstance(state, Tensor):
        return state.shape[0]
    return next(iter(state.values())).shape[0]


def device_of(state: State) -> torch.device:
    """The device that holds the state."""
    return state.device if isinstance(state, Tensor) else next(iter(state.values())).device


def map_fields(fn: Callable[..., Tensor], state: State, *others: State) -> State:
    """Apply ``fn`` to each noised field of ``state`` (and of ``others``), zero the padding, carry the masks.

    Arguments:
        fn: called with one field of each state.
        state: the state that lends its masks.
        others: states of the same fields.
    """
    if isinstance(state, Tensor):
        return fn(state, *others)
    result: dict[str, Tensor] = {}
    for name, value in state.items():
        if is_mask(name):
            result[name] = value
            continue
        out = fn(value, *(_field(other, name) for other in others))
        mask = mask_of(state, name)
        result[name] = (
            out if mask is None else torch.where(mask, out, torch.zeros((), dtype=out.dtype, device=out.device))
        )
    return result


def map_all(fn: Callable[[Tensor], Tensor], state: State) -> State:
    """Apply ``fn`` to every entry, masks too: indexing, moving, repeating."""
    if isinstance(state, Tensor):
        return fn(state)
    return {name: fn(value) for name, value in state.items()}


def _field(state: State, name: str) -> Tensor:
    if isinstance(state, Tensor):
        raise DomainInputError("a bare tensor met a state of named fields", field=name, expected="a dict", got="Tensor")
    return state[name]


def only(state: State, name: str) -> State:
    """One field of a state of named fields, with its mask."""
    if isinstance(state, Tensor):
        raise DomainInputError(
            "is a bare tensor", field="state", expected=f"a dict with the field {name!r}", got="Tensor"
        )
    own = f"{name}.{MASK}"
    mask = own if own in state else MASK
    return {name: state[name], mask: state[mask]} if mask in state else {name: state[name]}


def merge(like: State, parts: Mapping[str, State]) -> State:
    """The state whose fields are those of ``parts``, in the order, and with the masks, of ``like``."""
    assert isinstance(like, dict)
    return {name: value if is_mask(name) else _field(parts[name], name) for name, value in like.items()}


def refill(like: State, values: Mapping[str, Tensor]) -> State:
    """The state whose fields are these tensors, by name, with the masks of ``like``; the inverse of :func:`fields`."""
    return values[""] if isinstance(like, Tensor) else {**like, **values}


def combine(*terms: tuple[float | Tensor, State]) -> State:
    """The linear combination ``Σ cᵢ·xᵢ``.

    Coefficients are Python floats (float64, rounded once, when they meet the tensor) or float64 tensors ``[batch]``.
    Terms with coefficient 0.0 are left out, so that an infinite or undefined state under a zero weight is harmless.
    """
    if isinstance(terms[0][1], Tensor):
        return _combine(terms)
    coefficients = [c for c, _ in terms]
    return map_fields(lambda *values: _combine(tuple(zip(coefficients, values, strict=True))), *(x for _, x in terms))


def _combine(terms: tuple[tuple[float | Tensor, Any], ...]) -> Tensor:
    total: Tensor | None = None
    for c, x in terms:
        if isinstance(c, Tensor):
            scaled = over_batch(c, x) * x
            total = scaled if total is None else total + scaled
        elif c != 0.0:
            total = x * c if total is None else total.add_(x, alpha=c)
    return torch.zeros_like(terms[0][1]) if total is None else total


def over_batch(values: Tensor, like: Tensor) -> Tensor:
    """Reshape ``[batch]`` values so that they broadcast over ``like``; cast last."""
    return values.to(like.device, like.dtype).reshape(values.shape + (1,) * (like.ndim - values.ndim))


def concat(states: Sequence[State]) -> State:
    """Join states along the batch axis."""
    first = states[0]
    if isinstance(first, Tensor):
        return torch.cat([s for s in states if isinstance(s, Tensor)])
    return {name: torch.cat([_field(s, name) for s in states]) for name in first}


def take(state: State, index: Tensor | slice) -> State:
    """Some samples of the batch."""
    return map_all(lambda x: x[index], state)


def to(state: State, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> State:
    """Move a state; ``dtype`` applies to floating entries only."""
    return map_all(lambda x: x.to(device=device, dtype=dtype if x.is_floating_point() else None), state)


def masked_mean(state: State) -> Tensor:
    """The mean of all real entries of each sample, over all fields: ``[batch]``, 0 for a sample without any."""
    total: Tensor | float = 0.0
    count: Tensor | float = 0.0
    for name, value in fields(state):
        mask = mask_of(state, name)
        flat = value.flatten(1)
        if mask is None:
            total, count = total + flat.sum(1), count + float(flat.shape[1])
        else:
            real = mask.expand_as(value).flatten(1)
            total = total + torch.where(real, flat, flat.new_zeros(())).sum(1)
            count = count + real.sum(1).to(flat.dtype)
    if isinstance(count, Tensor):
        count = count.clamp_min(1.0)
    assert isinstance(total, Tensor)
    return total / count


def masked_sum(state: State) -> Tensor:
    """The sum of all real entries of each sample, over all fields: ``[batch]``."""
    total: Tensor | float = 0.0
    for name, value in fields(state):
        mask = mask_of(state, name)
        kept = value if mask is None else torch.where(mask, value, value.new_zeros(()))
        total = total + kept.flatten(1).sum(1)
    assert isinstance(total, Tensor)
    return total
