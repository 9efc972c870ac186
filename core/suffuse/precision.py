"""In which numbers a network computes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.state import State, device_of


@dataclass(frozen=True)
class InBfloat16:
    """A belief whose products are computed in bfloat16; states and weights stay as they are.

    Arguments:
        denoiser: the belief.
    """

    denoiser: Denoiser

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        with torch.autocast(device_of(x_t).type, dtype=torch.bfloat16):
            return self.denoiser(x_t, t, conditions)


def resolve_precision(precision: str, field: str) -> str:
    """``auto`` as what the hardware does fast: bfloat16 on GPUs and CPUs that compute in it, else float32.

    Arguments:
        precision: ``auto``, ``no``, ``bf16`` or ``fp16``.
        field: where it was asked for.
    """
    if precision == "fp16" and not torch.cuda.is_available():
        raise RecipeError("needs a GPU", field=field, expected="auto, no or bf16", got="fp16")
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    return "bf16" if "avx512_bf16" in _cpu_capabilities() else "no"


def _cpu_capabilities() -> set[str]:
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # absent before torch 2.9
    return {name for name, present in known.items() if present is True}
