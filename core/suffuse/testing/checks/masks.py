"""Masks: what padding holds changes nothing, how much there is of it neither."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from suffuse.conditions import take_conditions
from suffuse.errors import SuffuseError
from suffuse.sampling import DDPM, UniformTime, sample
from suffuse.state import State, batch_size, fields, is_mask, mask_name, mask_of, masked_axes, take
from suffuse.testing.case import COUNT, Case
from suffuse.testing.checks.codec import decoded
from suffuse.testing.checks.network import belief
from suffuse.testing.compare import SAME, finite, largest_difference, scale_of
from suffuse.testing.failure import NotApplicable, require

MORE = 3
"""Positions of padding that are added."""


def _masked(case: Case) -> dict[str, Tensor]:
    x = case.noisy.x
    if isinstance(x, Tensor) or not any(is_mask(name) for name in x):
        raise NotApplicable("states have no mask")
    return x


def padding(case: Case) -> None:
    """What padding holds changes neither the loss nor what is believed of the rest."""
    x, noisy = _masked(case), case.noisy
    if all(bool(value.all()) for name, value in x.items() if is_mask(name)):
        raise NotApplicable("no item that was looked at is padded")
    filled, x0 = _with_junk(x), case.x0
    plain = belief(case)
    with torch.no_grad():
        mean = case.perturbed(filled, noisy.t, noisy.conditions).mean
        losses = [case.process.loss(case.perturbed(a, noisy.t, noisy.conditions), b, a, noisy.t)
                  for a, b in ((x, x0), (filled, _with_junk(x0)))]  # fmt: skip
    difference = largest_difference(plain, mean)
    require(
        difference <= SAME * scale_of(plain), "sees what padding holds", field="network",
        expected="the same belief of what is real", got=f"a difference of {difference:.3g}",
        fix="attend, sum and normalize over real elements only: look at the mask",
    )  # fmt: skip
    gap = float((losses[0] - losses[1]).abs().max())
    require(
        gap <= SAME * max(1.0, float(losses[0].abs().max())), "depends on what padding holds", field="the loss",
        expected="the same loss", got=f"a difference of {gap:.3g}", fix="let masks cover each field's leading axes",
    )  # fmt: skip


def _with_junk(state: State) -> State:
    """The state with large numbers in its padding."""
    assert isinstance(state, dict)
    result = dict(state)
    for name, value in fields(state):
        mask = mask_of(state, name)
        if mask is not None:
            result[name] = torch.where(mask, value, torch.tensor(37.0))
    return result


def longer_padding(case: Case) -> None:
    """However much padding there is, what is believed of the rest is the same."""
    x, noisy = _masked(case), case.noisy
    if not case.features.sizes:
        raise NotApplicable("the domain does not declare Features.sizes: its masks are no padding")
    longer = _lengthened(x)
    try:
        with torch.no_grad():
            mean = case.perturbed(longer, noisy.t, noisy.conditions).mean
    except SuffuseError as error:
        raise NotApplicable("the network is made for one size, and says so") from error
    plain = belief(case)
    difference = largest_difference(plain, mean)
    require(
        difference <= SAME * scale_of(plain), f"believes something else with {MORE} more positions of padding",
        field="network", expected="the same belief of what is real", got=f"a difference of {difference:.3g}",
        fix="attend, sum and average over real elements only: look at the mask",
    )  # fmt: skip


def _lengthened(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state with more padding along the masked axes."""
    axes = _axes(state)
    return {
        name: F.pad(value, [0, 0] * (value.ndim - 1 - axes[name]) + [0, MORE] * axes[name])
        for name, value in state.items()
    }


def _axes(state: dict[str, Tensor]) -> dict[str, int]:
    """Along how many axes each entry may be padded; a last axis that is masked too is of channels."""
    counts = {name: min(masked_axes(state, name), max(1, value.ndim - 2)) for name, value in fields(state)}
    masks = {mask: max(n for f, n in counts.items() if mask_name(state, f) == mask) for mask in state if is_mask(mask)}
    return counts | masks


def extents(case: Case) -> None:
    """Items of one element, of two, and of twice as many as any that was looked at are sampled and decoded."""
    x = _masked(case)
    most = max(value.shape[1] for name, value in x.items() if is_mask(name))
    like = _of_extents(x, (1, 2, 2 * most))
    rng = case.rng("extents", count=batch_size(like))
    try:
        made = sample(DDPM(), case.perturbed, case.process, UniformTime(2), rng=rng, like=like)
    except SuffuseError as error:
        raise NotApplicable("the network is made for one size, and says so") from error
    require(
        finite(made), "is not finite for items of one or two elements, or of more than any that was seen",
        field="network", expected="finite states", got="nan or inf", fix="divide by nothing that vanishes for one",
    )  # fmt: skip
    decoded(case, made)


def _of_extents(state: dict[str, Tensor], extents: Sequence[int]) -> dict[str, Tensor]:
    """Empty samples of so many elements; pairs of an element with itself are real where those of the state are."""
    axes, longest = _axes(state), max(extents)
    real = torch.arange(longest) < torch.tensor(extents)[:, None]
    result = {}
    for name, value in state.items():
        count = axes[name]
        result[name] = value.new_zeros(len(extents), *[longest] * count, *value.shape[1 + count :])
        if is_mask(name):
            shown = real if count == 1 else real[:, :, None] & real[:, None, :]
            if count == 2 and not torch.diagonal(value, dim1=1, dim2=2).any():
                shown = shown & ~torch.eye(longest, dtype=torch.bool)
            result[name] |= shown.reshape(shown.shape + (1,) * (value.ndim - 1 - count))
    return result


def all_masked(case: Case) -> None:
    """A sample that is padding altogether gives no NaN: in belief, loss and gradients, its own and the others'."""
    x, noisy = _masked(case), case.noisy
    emptied, x0 = _emptied(x), _emptied(case.x0)
    denoiser = copy.deepcopy(case.perturbed).requires_grad_(True)
    posterior = denoiser(emptied, noisy.t, noisy.conditions)
    loss = case.process.loss(posterior, x0, emptied, noisy.t)
    loss.sum().backward()  # type: ignore[no-untyped-call]
    values = [value for _, value in fields(posterior.mean)]
    slopes = [p.grad for p in denoiser.parameters() if p.grad is not None]
    for what, tensors in (("the belief", values), ("the loss", [loss]), ("a gradient", slopes)):
        require(
            all(bool(value.isfinite().all()) for value in tensors), "is not finite for a sample without real elements",
            field=f"network, {what}", expected="finite numbers", got="nan or inf",
            fix="give softmax one entry that is not -inf; divide by count.clamp_min(1)",
        )  # fmt: skip
    rest = slice(1, COUNT)
    alone = denoiser(take(x, rest), noisy.t[rest], take_conditions(noisy.conditions, rest)).mean
    difference = largest_difference(take(_detached(posterior.mean), rest), _detached(alone))
    require(
        difference <= SAME * scale_of(_detached(alone)), "changes the other samples by an empty one", field="network",
        expected="the same belief of the others", got=f"a difference of {difference:.3g}",
        fix="attend and normalize within a sample",
    )  # fmt: skip


def _emptied(state: State) -> dict[str, Tensor]:
    """The state with nothing real in its first sample."""
    assert isinstance(state, dict)
    result = {name: value.clone() for name, value in state.items()}
    for value in result.values():
        value[0] = 0
    return result


def _detached(state: State) -> State:
    return state.detach() if isinstance(state, Tensor) else {name: value.detach() for name, value in state.items()}
