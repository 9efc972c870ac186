"""AdamW, and the learning rate as a pure function of the step."""

from __future__ import annotations

import math

import torch
from torch import nn

from suffuse.recipe import OptimizerSection


def make_optimizer(module: nn.Module, section: OptimizerSection) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) with weight decay on matrices and kernels only, not on gains and biases."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": section.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [g for g in groups if g["params"]] or groups[:1]  # a network that only remembers has no parameters
    return torch.optim.AdamW(groups, lr=section.learning_rate, betas=section.betas, fused=True)


def learning_rate(section: OptimizerSection, step: int, steps: int) -> float:
    """The rate of step ``step`` (from 0) of ``steps``: linear warm-up, then constant or half a cosine."""
    if step < section.warmup:
        return section.learning_rate * (step + 1) / section.warmup
    if section.schedule == "constant":
        return section.learning_rate
    progress = min(1.0, (step - section.warmup) / max(1, steps - section.warmup))
    return section.learning_rate * (section.final + (1.0 - section.final) * 0.5 * (1.0 + math.cos(math.pi * progress)))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
