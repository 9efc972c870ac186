"""``restore``: undo a measurement: noise, blur, lost resolution, colour or frequencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.inverse import Measured, Method
from suffuse.inverse.likelihood import require_noise
from suffuse.operators import Identity, Operator
from suffuse.process import Interpolant
from suffuse.rng import Rng
from suffuse.state import State, combine
from suffuse.tasks.inverse import Completing, Completions, Named, Wanted, made, plan_of
from suffuse.tasks.items import encode_items
from suffuse.tasks.making import make
from suffuse.tasks.memory import Memory
from suffuse.tasks.plan import SAMPLING, OnStep, warn_of_unseen
from suffuse.tasks.samples import Samples
from suffuse.tasks.taking import warn_of_left
from suffuse.trained import Trained

DEFAULT_METHOD = "mmps"

OPTIONS = (*SAMPLING, "noise", "degrade", "method", "count", "seed", "names", "memory", "on_step")
"""The keywords of :func:`restore` that are no conditions."""


def restore(
    model: Trained,
    items: Sequence[Item],
    operator: Operator | Named = "identity",
    *,
    noise: float = 0.0,
    method: Method | Named | None = None,
    degrade: bool = False,
    count: int = 1,
    seed: int = 0,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Samples:
    """Make clean items of which the given ones may be measurements, as likely as the model has them.

    Arguments:
        model: a trained model.
        items: of its domain, degraded. One of low resolution is encoded at the model's size as any other.
        operator: what was done to them: an :class:`~suffuse.operators.Operator`, a name, or a mapping of ``name`` and
            options.
        noise: the standard deviation of the noise upon that, in units of the data's own.
        method: ``mmps`` (the default), ``diffpir``, ``pigdm``, ``dps``, a mapping of ``name`` and options, or one of
            your own.
        degrade: the items are clean: measure them first, with noise keyed by the seeds, to see what can be restored.
        count: restorations of each item, one after the other.
        seed: restoration c of item i has the seed ``seed + i·count + c``.
        names: what the items are called; their numbers by default.
        conditions: a value for all items, or a list that is dealt out to them in turn, by the condition's name.
        memory: see :func:`suffuse.tasks.making.remember`.
        on_step: called with (steps done, steps in all) over all batches.
        options: those of :class:`~suffuse.tasks.plan.Sampling`; the sampler is DDPM unless told otherwise.

    Raises:
        DomainInputError: the noise is negative, or the domain cannot take an item.
        RecipeError: an option that the operator or the method does not have.
        UnsupportedError: the operator, the method or the sampler cannot work with the model's states or process.
    """
    if isinstance(model.process, Interpolant):
        raise UnsupportedError(
            "was trained from data to data", field="model", expected="a model that was trained from noise",
            got=type(model.process).__name__, fix="use bridge, which undoes what this model was trained for",
        )  # fmt: skip
    require_noise(noise)
    measuring: Operator = made("operator", operator).bound(model.codec)
    if isinstance(measuring, Identity) and noise == 0.0:
        raise DomainInputError("leaves nothing to undo", field="noise", expected="> 0, or another operator", got=0)
    wanted = Wanted(items=items, count=count, seed=seed, names=names, conditions=conditions or {})
    warn_of_unseen(model, wanted.conditions)
    warn_of_left(model.codec, [[item] for item in items])

    def measure(asked: Completions) -> tuple[State, Measured]:
        states = encode_items(model, asked.items, asked.numbers.tolist())
        if not degrade:
            return states, Measured(measuring, measuring.observe(states), noise)
        drawn, fresh = measuring.drawn(asked.shared.at("operator")), asked.shared.at("measure")
        clean = drawn(states)
        return states, Measured(drawn, combine((1.0, clean), (noise, fresh.normal_like(clean))), noise)

    plan, chosen = plan_of(model, options), made("method", method or DEFAULT_METHOD)
    completing = Completing(model, plan, wanted, measure, chosen)
    before: dict[int, tuple[Item, ...]] = {}

    def finish(places: Sequence[int], rng: Rng, x: State) -> list[Item]:
        given = completing.given(places, rng)
        shown = [measuring.show(given.measured.value, given.states)] if degrade else []
        seen = zip(*(model.codec.decode(state) for state in (given.states, *shown)), strict=True)
        before.update(zip(given.asked.numbers.tolist(), seen, strict=True))
        return model.codec.decode(x)

    kept, account = make(model, plan, wanted.seeds, completing.run, memory=memory, on_step=on_step, finish=finish)
    restored = [one.item for one in kept.made]
    rows = [[*before[i], *restored[i * count : (i + 1) * count]] for i in range(len(items))]
    return Samples(restored, kept.seeds, wanted.asked, sources=wanted.sources, rows=rows, account=account)
