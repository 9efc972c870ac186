"""Where two items differ, whatever items are; and by how much two states do."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from suffuse.domain import Codec, Item
from suffuse.state import State, batch_size, fields, is_mask, mask_of, masked_axes, take

SAME = 1e-4
"""The largest difference between two states that are the same but for rounding."""


class Opaque(Exception):
    """An item of a kind that cannot be looked into."""


def mismatch(a: Any, b: Any, tolerance: float, path: str = "item") -> str | None:
    """The first place where two items differ by more than a tolerance; ``None`` where there is none.

    Numbers are compared within the tolerance (two that are no numbers are equal), everything else exactly. Arrays,
    tensors, pictures, mappings, sequences, dataclasses and plain objects are looked into.

    Raises:
        Opaque: an object that cannot be looked into and that equals nothing but itself.
    """
    if a is b:
        return None
    if _is_array(a) or _is_array(b):
        return _arrays(a, b, tolerance, path)
    if isinstance(a, numbers.Real) and isinstance(b, numbers.Real) and not isinstance(a, bool):
        same = math.isclose(a, b, rel_tol=0.0, abs_tol=tolerance) or (math.isnan(a) and math.isnan(b))
        return None if same else f"{path}: {a!r} became {b!r}"
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            return f"{path}: the keys {sorted(map(str, a))} became {sorted(map(str, b))}"
        return _first(mismatch(a[key], b[key], tolerance, f"{path}[{key!r}]") for key in a)
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            return f"{path}: {len(a)} elements became {len(b)}"
        pairs = enumerate(zip(a, b, strict=True))
        return _first(mismatch(x, y, tolerance, f"{path}[{i}]") for i, (x, y) in pairs)
    if type(a) is not type(b):
        return f"{path}: {type(a).__name__} became {type(b).__name__}"
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        names = [f.name for f in dataclasses.fields(a) if f.compare]
        return _first(mismatch(getattr(a, n), getattr(b, n), tolerance, f"{path}.{n}") for n in names)
    if _has_equality(type(a)):
        return None if bool(a == b) else f"{path}: {a!r} became {b!r}"
    if getattr(a, "__dict__", None):  # an extension's object may have one, and all it holds elsewhere
        return mismatch(vars(a), vars(b), tolerance, path)
    raise Opaque(f"{path}: a {type(a).__name__}")


def items_mismatch(codec: Codec, a: Sequence[Item], b: Sequence[Item], tolerance: float) -> str | None:
    """The first difference between the items of two lists of one length; opaque ones are compared by their states."""
    for number, (x, y) in enumerate(zip(a, b, strict=True)):
        try:
            found = mismatch(x, y, tolerance, f"items[{number}]")
        except Opaque:
            difference = largest_difference(codec.encode([x]), codec.encode([y]))
            found = f"items[{number}]: the states differ by {difference:.3g}" if difference > SAME else None
        if found is not None:
            return found
    return None


def largest_difference(a: State, b: State) -> float:
    """The largest difference between two states over their real entries; infinite where shapes, masks or fields differ.

    Where sizes vary, one may be padded to a greater length than the other.
    """
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
            return math.inf
        return _largest(a - b)
    if set(a) != set(b) or batch_size(a) != batch_size(b):
        return math.inf
    return max(_entry_difference(a, b, name) for name in a)


def _entry_difference(a: Mapping[str, Tensor], b: Mapping[str, Tensor], name: str) -> float:
    x, y = a[name], b[name]
    axes = x.ndim if is_mask(name) else 1 + masked_axes(dict(a), name)
    if x.ndim != y.ndim or x.shape[axes:] != y.shape[axes:]:
        return math.inf
    x, y = _real(a, name), _real(b, name)
    both = [slice(0, min(p, q)) for p, q in zip(x.shape[:axes], y.shape[:axes], strict=True)]
    beyond = _outside(x, both) or _outside(y, both)
    return math.inf if beyond else _largest(x[tuple(both)].double() - y[tuple(both)].double())


def _real(state: Mapping[str, Tensor], name: str) -> Tensor:
    """An entry with nothing in its padding."""
    value = state[name]
    mask = None if is_mask(name) else mask_of(dict(state), name)
    return value if mask is None else torch.where(mask, value, torch.zeros((), dtype=value.dtype))


def _outside(x: Tensor, inner: Sequence[slice]) -> bool:
    """Whether anything but zero lies outside a corner of a tensor."""
    rest = x.clone()
    rest[tuple(inner)] = 0
    return bool((rest != 0).any())


def _largest(x: Tensor) -> float:
    if not x.numel():
        return 0.0
    return math.inf if bool(x.isnan().any()) else float(x.abs().max())


def finite(state: State) -> bool:
    """Whether every real entry of every field is finite."""
    return all(bool(_field(state, name).isfinite().all()) for name, _ in fields(state))


def _field(state: State, name: str) -> Tensor:
    return state if isinstance(state, Tensor) else _real(state, name)


def one(state: State, index: int) -> State:
    """A batch of one of a batch's samples."""
    return take(state, slice(index, index + 1))


def scale_of(state: State) -> float:
    """The largest entry of any field, and at least 1: what differences are measured by."""
    return max(1.0, *(_largest(_field(state, name)) for name, _ in fields(state)))


def _has_equality(kind: type) -> bool:
    """Whether a class says what it equals; others equal nothing but themselves."""
    return any("__eq__" in vars(base) for base in kind.__mro__ if base is not object)


def _is_array(x: Any) -> bool:
    return isinstance(x, Tensor | np.ndarray | np.generic | Image.Image)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str | bytes)


def _arrays(a: Any, b: Any, tolerance: float, path: str) -> str | None:
    if isinstance(a, Image.Image) and isinstance(b, Image.Image) and a.mode != b.mode:
        return f"{path}: the mode {a.mode} became {b.mode}"
    x, y = (value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value) for value in (a, b))
    if x.shape != y.shape:
        return f"{path}: the shape {x.shape} became {y.shape}"
    if not (np.issubdtype(x.dtype, np.number) and np.issubdtype(y.dtype, np.number)):
        return None if bool((x == y).all()) else f"{path}: other values"
    difference = np.abs(x.astype(np.float64) - y.astype(np.float64))
    wrong = (difference > tolerance) | (np.isnan(x.astype(np.float64)) != np.isnan(y.astype(np.float64)))
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{path}{list(place)}: {x[place]} became {y[place]}"


def _first(found: Any) -> str | None:
    return next((text for text in found if text is not None), None)
