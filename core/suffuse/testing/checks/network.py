"""The network: every sample by itself, everything used, nothing on a device of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions, drop, move_conditions, take_conditions
from suffuse.denoise import Preconditioned
from suffuse.state import State, fields, map_all, take, to
from suffuse.testing.case import COUNT, Case
from suffuse.testing.compare import SAME, finite, largest_difference, one, scale_of
from suffuse.testing.failure import CheckFailure, NotApplicable, require

LEAST = 1e-6
"""A difference below this share of the output's size is none."""


def belief(case: Case, denoiser: Preconditioned | None = None) -> State:
    """What the perturbed denoiser believes of the noisy batch."""
    noisy = case.noisy
    with torch.no_grad():
        mean: State = (denoiser or case.perturbed)(noisy.x, noisy.t, noisy.conditions).mean
    return mean


def output(case: Case, level: Tensor, conditions: Conditions) -> State:
    """What the perturbed network gives for the noisy batch, told a noise level and conditions."""
    network, x = case.perturbed.network, case.perturbed.head.enter(case.noisy.x, case.noisy.t)
    with torch.no_grad():
        out: State = network(x, level, conditions)
    return out


def levels() -> Tensor:
    """Noise levels, one for each sample."""
    return torch.linspace(-0.5, 0.5, COUNT)


def samples_apart(case: Case) -> None:
    """In evaluation, what is believed of a sample depends neither on the others of its batch nor on its place."""
    whole, noisy, size = belief(case), case.noisy, 1.0
    size = scale_of(whole)
    for i in range(COUNT):
        with torch.no_grad():
            alone = case.perturbed(
                one(noisy.x, i), noisy.t[i : i + 1], take_conditions(noisy.conditions, slice(i, i + 1))
            ).mean
        _same(one(whole, i), alone, size, f"sample {i} alone")
    order = torch.arange(COUNT).flip(0)
    with torch.no_grad():
        turned = case.perturbed(take(noisy.x, order), noisy.t[order], take_conditions(noisy.conditions, order)).mean
    _same(take(whole, order), turned, size, "the batch in reverse order")


def _same(expected: State, got: State, size: float, where: str) -> None:
    difference = largest_difference(expected, got)
    require(
        difference <= SAME * size, "lets samples see each other", field="network",
        expected="the same belief in any batch", got=f"{where}: a difference of {difference:.3g}",
        fix="normalize over a sample's own axes; attend within a sample",
    )  # fmt: skip


def network_untouched(case: Case) -> None:
    """The network leaves what it is given as it was."""
    noisy = case.noisy
    x, level = map_all(torch.clone, noisy.x), levels()
    given = {name: c.map(torch.clone) for name, c in noisy.conditions.items()}
    with torch.no_grad():
        case.perturbed.network(x, level, given)
    changed = [name for name, c in given.items() if not torch.equal(c.value, noisy.conditions[name].value)]
    changed += [] if largest_difference(x, noisy.x) == 0.0 else ["state"]
    changed += [] if torch.equal(level, levels()) else ["noise_level"]
    require(
        not changed, "changes what it is given", field="network", expected="inputs as they were",
        got=", ".join(changed), fix="work on copies, not in place",
    )  # fmt: skip


def noise_level_used(case: Case) -> None:
    """What the network gives depends on the noise level, for every field."""
    a, b = output(case, levels(), case.conditions), output(case, levels() + 0.7, case.conditions)
    for name, difference, size in _differences(a, b):
        require(
            difference > LEAST * size, "does not depend on the noise level", field=_field("network", name),
            expected="another output at another level", got="the same",
            fix="embed noise_level, and let every block see it",
        )  # fmt: skip


def conditions_used(case: Case) -> None:
    """What the network gives depends on each condition and on whether it is given, not on what an absent one holds."""
    if not case.space:
        raise NotApplicable("the model has no conditions")
    present = {name: replace(c, present=torch.ones(COUNT, dtype=torch.bool)) for name, c in case.conditions.items()}
    plain = output(case, levels(), present)
    for name, condition in present.items():
        other = _another(case, name, condition)
        if other is not None:
            _differs(plain, output(case, levels(), {**present, name: other}), name, "its value")
        absent = {**present, **drop({name: condition})}
        without = output(case, levels(), absent)
        _differs(plain, without, name, "whether it is given")
        if other is not None:
            hidden = output(case, levels(), {**present, **drop({name: other})})
            difference = largest_difference(without, hidden)
            require(
                difference == 0.0, "is seen though it is absent", field=f"condition {name!r}",
                expected="the same output whatever an absent condition holds", got=f"a difference of {difference:.3g}",
                fix="look at Condition.present before you look at Condition.value",
            )  # fmt: skip


def _another(case: Case, name: str, condition: Condition) -> Condition | None:
    """The condition with other values; ``None`` where there are no others."""
    value = condition.value
    kind = case.space[name].kind
    if kind == "label":
        classes = len(getattr(case.space[name], "classes", ()))
        return replace(condition, value=(value + 1) % classes) if classes > 1 else None
    if kind == "text":
        rolled, mask = value.roll(1, 0), None if condition.mask is None else condition.mask.roll(1, 0)
        return None if torch.equal(value, rolled) else replace(condition, value=rolled, mask=mask)
    return replace(condition, value=value + 1.0)


def _differs(a: State, b: State, name: str, what: str) -> None:
    found = [(difference, size) for _, difference, size in _differences(a, b)]
    require(
        any(difference > LEAST * size for difference, size in found), f"changes nothing: {what} is not used",
        field=f"condition {name!r}", expected="another output", got="the same",
        fix="add suffuse.nn.conditioning.ConditionEmbedding's vector to what every block sees",
    )  # fmt: skip


def _differences(a: State, b: State) -> Iterator[tuple[str, float, float]]:
    """For each field: its name, the largest difference, the output's size."""
    other = dict(fields(b))
    for name, value in fields(a):
        yield name, float((value - other[name]).abs().max()), max(1.0, float(value.abs().max()))


def _field(owner: str, name: str) -> str:
    return f"{owner}, field {name!r}" if name else owner


def evaluation(case: Case) -> None:
    """In evaluation nothing is random, and nothing is kept for gradients that nobody asks for."""
    first, again = belief(case), belief(case)
    require(
        largest_difference(first, again) == 0.0, "is random in evaluation", field="network",
        expected="the same belief each time", got="another", fix="F.dropout(x, p, self.training); use nn.Dropout",
    )  # fmt: skip
    noisy = case.noisy
    kept = [name for name, x in fields(case.perturbed(noisy.x, noisy.t, noisy.conditions).mean) if x.requires_grad]
    require(
        not kept, "asks for gradients though no weight does", field="network", expected="requires_grad = False",
        got=", ".join(kept) or "the state", fix="make no leaf tensors that require gradients in forward",
    )  # fmt: skip
    with torch.inference_mode():
        inner = case.perturbed(noisy.x, noisy.t, noisy.conditions).mean
        case.codec.decode(inner)


def gradients(case: Case) -> None:
    """Within two steps every weight that can be trained has had a gradient, and all were finite."""
    denoiser = copy.deepcopy(case.perturbed).requires_grad_(True).train()
    reached: set[str] = set()
    optimizer = torch.optim.SGD(denoiser.parameters(), lr=1e-3)
    for step, dropout in enumerate((0.5, 0.0)):  # some conditions are rare even before any is dropped
        objective = case.objective(denoiser, condition_dropout=dropout)
        optimizer.zero_grad(set_to_none=True)
        objective(case.x0, case.conditions, case.rng("gradients", step)).backward()
        for name, parameter in denoiser.network.named_parameters():
            gradient = parameter.grad
            if gradient is None:
                continue
            require(
                bool(gradient.isfinite().all()), "has a gradient that is not finite", field=f"network, {name}",
                expected="finite numbers", got="nan or inf", fix="divide by nothing that may be 0; clamp before a root",
            )  # fmt: skip
            if bool((gradient != 0).any()):
                reached.add(name)
        optimizer.step()
    dead = [name for name, parameter in denoiser.network.named_parameters() if name not in reached]
    require(
        not dead, "has weights that never get a gradient", field="network", expected="a gradient for every weight",
        got=", ".join(dead[:8]), fix="use them in forward, without detach; or register them as buffers",
    )  # fmt: skip


def device(case: Case) -> None:
    """Everything follows the state's device: to ``meta``, where nothing is computed, and to an accelerator."""
    places = ["meta"]
    if torch.accelerator.is_available():
        places.append(str(torch.accelerator.current_accelerator()))
    noisy = case.noisy
    for place in places:
        there = copy.deepcopy(case.perturbed).to(place)
        conditions = move_conditions(noisy.conditions, place)
        try:
            with torch.no_grad():
                mean = there(to(noisy.x, place), noisy.t.to(place), conditions).mean
        except (RuntimeError, NotImplementedError) as error:
            raise CheckFailure(
                f"does not follow the state to the device {place}", field="network", expected="tensors of one device",
                got=str(error).splitlines()[0],
                fix="make constants on x.device, or register them as buffers; no .cpu() or .item() in forward",
            ) from error  # fmt: skip
        wrong = {str(value.device) for _, value in fields(mean)} - {place, f"{place}:0"}
        require(
            not wrong, "gives tensors of another device", field="network", expected=place, got=", ".join(wrong),
            fix="make constants on x.device",
        )  # fmt: skip
        if place != "meta":
            case.codec.decode(mean)


def bfloat16(case: Case) -> None:
    """Under automatic mixed precision the belief is float32, finite, and near to that of full precision."""
    plain = belief(case)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = belief(case)
    wrong = {str(value.dtype) for _, value in fields(mixed)} - {str(value.dtype) for _, value in fields(plain)}
    require(
        not wrong and finite(mixed), "is not computed right under bfloat16", field="network",
        expected="a finite belief in float32", got=", ".join(wrong) or "nan or inf",
        fix="keep constants in the dtype of what they meet",
    )  # fmt: skip
    difference = largest_difference(plain, mixed)
    require(
        difference <= 0.1 * scale_of(plain), "is another one under bfloat16", field="network",
        expected="the belief of float32, to a tenth of its size", got=f"a difference of {difference:.3g}",
        fix="compute what loses precision (sums of many terms, sines of large numbers) in float32",
    )  # fmt: skip
