"""Compilers: the network's path depends on no number of its input."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from suffuse.conditions import Condition
from suffuse.state import State
from suffuse.testing.case import Case
from suffuse.testing.checks.network import levels, output
from suffuse.testing.compare import SAME, largest_difference, scale_of
from suffuse.testing.failure import CheckFailure, require


def compiles(case: Case) -> None:
    """``torch.compile`` takes the network as one graph (traced, not translated)."""
    import torch._dynamo

    torch._dynamo.reset()
    network = torch.compile(case.perturbed.network, backend="eager", fullgraph=True, dynamic=False)
    x = case.perturbed.head.enter(case.noisy.x, case.noisy.t)
    try:
        with torch.no_grad():
            out: State = network(x, levels(), case.conditions)
    except Exception as error:
        raise _broken("torch.compile", error) from error
    finally:
        torch._dynamo.reset()
    _same("torch.compile", output(case, levels(), case.conditions), out)


def vmaps(case: Case) -> None:
    """``torch.vmap`` maps the network over samples."""
    x = case.perturbed.head.enter(case.noisy.x, case.noisy.t)
    given = {
        name: (c.value, c.present, torch.ones_like(c.present) if c.mask is None else c.mask)
        for name, c in case.conditions.items()
    }
    masked = {name for name, c in case.conditions.items() if c.mask is not None}
    network = case.perturbed.network

    def alone(x: State, level: Tensor, given: dict[str, tuple[Tensor, Tensor, Tensor]]) -> State:
        batch = x[None] if isinstance(x, Tensor) else {name: value[None] for name, value in x.items()}
        conditions = {
            name: Condition(value[None], present[None], mask[None] if name in masked else None)
            for name, (value, present, mask) in given.items()
        }
        out: State = network(batch, level[None], conditions)
        return out[0] if isinstance(out, Tensor) else {name: value[0] for name, value in out.items()}

    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an operation is mapped slowly is no fault
            out = torch.vmap(alone)(x, levels(), given)
    except Exception as error:
        raise _broken("torch.vmap", error) from error
    _same("torch.vmap", output(case, levels(), case.conditions), out)


def _broken(tool: str, error: Exception) -> CheckFailure:
    told = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return CheckFailure(
        f"cannot be handed to {tool}", field="network", expected="one graph for all inputs", got=told,
        fix="no .item(), no `if` on a tensor's values, in forward: use torch.where",
    )  # fmt: skip


def _same(tool: str, wanted: State, got: State) -> None:
    difference = largest_difference(wanted, got)
    require(
        difference <= SAME * scale_of(wanted), f"gives something else under {tool}", field="network",
        expected="the same", got=f"a difference of {difference:.3g}", fix="let forward depend on its inputs alone",
    )  # fmt: skip
