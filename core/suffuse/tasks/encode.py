r"""``encode``: from items to the noise that they come from, along the probability flow, and back.

The flow is followed with Runge and Kutta's rule of order 4, the same points there and back. Of the rules that were
measured it loses least on a round trip at equal cost (docs/edit.md): DDIM's inversion, the usual choice, loses 25 times
as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.domain import Item
from suffuse.errors import DomainInputError, ModelFileError
from suffuse.likelihood.flow import Flow, gaussian
from suffuse.sampling.integrate import runge_kutta4
from suffuse.state import State, batch_size, combine, concat, map_fields, masked_mean, take, to
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.items import encode_items
from suffuse.tasks.plan import OnStep, deal, encode_part, parts
from suffuse.tensorfile import read_tensors, write_tensors
from suffuse.trained import Trained

STEPS = 20

FORMAT, VERSION = "suffuse-noise", 1
_BARE = "state"
"""What a bare tensor is called in a file."""


@dataclass(frozen=True)
class Encoded:
    """Items as noise.

    Arguments:
        states: at t = 1; to whoever knows no item, pure noise.
        error: what a round trip loses: the root mean square, over an item's real entries, of the difference between its
            state and the state that comes back, where data have deviation 1. float64 ``[batch]``; ``None``: not looked
            at.
        conditions: under which the items were encoded, a value for each, by the condition's name.
        steps: of the solver.
    """

    states: State
    error: Tensor | None
    conditions: Mapping[str, list[Any]]
    steps: int


def encode(
    model: Trained,
    items: Sequence[Item],
    *,
    steps: int = STEPS,
    conditions: Mapping[str, Any] | None = None,
    check: bool = True,
    batch: int = 64,
    on_step: OnStep | None = None,
) -> Encoded:
    """Carry items to noise, deterministically.

    Arguments:
        model: a trained model of Gaussian noise.
        items: of its domain; where sizes vary, all are padded to the largest.
        steps: of the solver, four evaluations each.
        conditions: what holds for the items: a value for all, or a list that is dealt out in turn.
        check: decode again, to tell what a round trip loses; as much work once more.
        batch: items at a time; changes the speed, not the states.
        on_step: called with (batches done, batches in all).

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
        UnsupportedError: the model's noise is not Gaussian.
    """
    if batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    asked = deal(conditions or {}, len(items))
    clean = encode_items(model, items)
    states: list[State] = []
    errors: list[Tensor] = []
    batches = parts(len(items), batch)
    for done, part in enumerate(batches, start=1):
        x = take(clean, part)
        flow = flow_of(model, encode_part(model, asked, part, part.stop - part.start))
        code = to_noise(flow, x, steps)
        states.append(code)
        if check:
            errors.append(round_trip_error(x, to_data(flow, code, steps)))
        if on_step is not None:
            on_step(done, len(batches))
    return Encoded(concat(states), torch.cat(errors).cpu() if check else None, asked, steps)


def decode(model: Trained, encoded: Encoded, *, batch: int = 64, on_step: OnStep | None = None) -> list[Item]:
    """Items from noise, along the same flow: :func:`encode` backwards.

    Arguments:
        model: the model that encoded.
        encoded: the noise, or other noise put in its place.
        batch, on_step: as for :func:`encode`.
    """
    if batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    items: list[Item] = []
    batches = parts(batch_size(encoded.states), batch)
    for done, part in enumerate(batches, start=1):
        flow = flow_of(model, encode_part(model, encoded.conditions, part, part.stop - part.start))
        items += model.codec.decode(to_data(flow, take(encoded.states, part), encoded.steps))
        if on_step is not None:
            on_step(done, len(batches))
    return items


def save(model: Trained, encoded: Encoded, path: Path) -> None:
    """Write noise to a ``.safetensors`` file, with what is needed to decode it."""
    tensors = {name or _BARE: value for name, value in _entries(encoded.states)}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model": fingerprint(model),
        "conditions": dict(encoded.conditions),
        "steps": encoded.steps,
        "error": None if encoded.error is None else encoded.error.tolist(),
    }
    write_tensors(path, tensors, header)


def read(model: Trained, path: Path) -> Encoded:
    """The inverse of :func:`save`.

    Raises:
        ModelFileError: it is missing, of another kind, or another model's.
    """
    tensors, header = read_tensors(path, FORMAT, VERSION)
    if header["model"] != fingerprint(model):
        raise ModelFileError(
            "was encoded by another model", field=str(path), fix="decode it with the model that made it"
        )
    states = to(tensors[_BARE] if set(tensors) == {_BARE} else tensors, model.device)
    error = None if header["error"] is None else torch.tensor(header["error"], dtype=torch.float64)
    return Encoded(states, error, header["conditions"], header["steps"])


def _entries(state: State) -> list[tuple[str, Tensor]]:
    return [("", state)] if isinstance(state, Tensor) else list(state.items())


def flow_of(model: Trained, given: Conditions) -> Flow:
    """The probability flow of a model under conditions.

    Raises:
        UnsupportedError: the model's noise is not Gaussian.
    """
    return Flow(model.denoiser, gaussian(model.process, "encoding").schedule, given)


@torch.no_grad()
def to_noise(flow: Flow, x: State, steps: int) -> State:
    """From clean states to t = 1."""
    y = runge_kutta4(lambda u, y: flow.velocity(y, u), flow.depart(x), flow.chebyshev(steps))
    return combine((flow.path.scale(1.0), y))


@torch.no_grad()
def to_data(flow: Flow, code: State, steps: int) -> State:
    """From t = 1 to clean states."""
    y = combine((1.0 / flow.path.scale(1.0), code))
    return flow.arrive(runge_kutta4(lambda u, y: flow.velocity(y, u), y, flow.chebyshev(steps)[::-1]))


def round_trip_error(x: State, back: State) -> Tensor:
    """The root mean square of the difference over each sample's real entries: float64 ``[batch]``."""
    return masked_mean(map_fields(lambda a, b: (a.double() - b.double()).square(), x, back)).sqrt()
