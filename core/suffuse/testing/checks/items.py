"""Items that the domain cannot take, and files."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from suffuse.errors import DomainInputError
from suffuse.registry import all_specs, full_name, resolve
from suffuse.registry.resolve import missing_requirements
from suffuse.registry.specs import MetricSpec, RendererSpec
from suffuse.state import State, fields, take
from suffuse.testing.case import Case
from suffuse.testing.checks.codec import decoded
from suffuse.testing.compare import finite
from suffuse.testing.failure import CheckFailure, NotApplicable, require

S = TypeVar("S", MetricSpec, RendererSpec)

NOWHERE = "no such category ☂"


class Stranger:
    """Of no domain an item."""


def bad_items(case: Case) -> None:
    """What is no item is told as such: no items at all, another type, another rank, another dtype."""
    _refused(case, [], "no items at all")
    item = case.items[0]
    for label, wrong in _strangers(item):
        _refused(case, [item, wrong], label)


def _strangers(item: Any) -> Iterator[tuple[str, Any]]:
    """Things that are no items, if this is one."""
    yield "None among the items", None
    yield "an object of a foreign class among the items", Stranger()
    if isinstance(item, np.ndarray):
        yield "an array with one more axis", item[None]
        yield "an array of texts", np.full(item.shape, "text")
    elif isinstance(item, torch.Tensor):
        yield "a tensor with one more axis", item[None]
    elif isinstance(item, list) and item and isinstance(item[0], float):
        yield "a list in a list", [item]
        yield "a list of texts", ["text"] * len(item)


def not_a_number(case: Case) -> None:
    """An item that holds NaN is refused; where items may have gaps, NaN is one."""
    wrong = _with_leaf(case.items[0], float, math.nan)
    if wrong is None:
        raise NotApplicable("items have no places that could hold NaN")
    if not case.features.gaps:
        _refused(case, [case.items[1], wrong], "an item that holds NaN")
        return
    try:
        state = case.codec.encode([wrong])
    except DomainInputError:
        return
    known = case.codec.known([wrong])
    entries = [] if known is None else [known] if isinstance(known, torch.Tensor) else list(known.values())
    require(
        finite(state) and any(not bool(entry.all()) for entry in entries),
        "takes NaN for a number", field="Codec.encode", expected="a gap (Codec.known), or a DomainInputError",
        got="a state without a gap", fix="tell it in Codec.known, and encode it as 0",
    )  # fmt: skip


def unseen_category(case: Case) -> None:
    """A category that the training data lack is told as such, or gets a class that they lack, too."""
    if not case.codec.categorical():
        raise NotApplicable("states have no categorical fields")
    wrong = _with_leaf(case.items[0], str, NOWHERE)
    if wrong is None:
        raise NotApplicable("items hold no texts, so no unknown category can be written")
    try:
        state = case.codec.encode([case.items[1], wrong])
    except DomainInputError:
        state = None
    if state is None or not _has_rare_class(case, take(state, slice(1, 2))):
        _refused(case, [case.items[1], wrong], "an item with an unknown category")


def _has_rare_class(case: Case, state: State) -> bool:
    """Whether a class of a state is rarer than once in the training data."""
    rarest = 1.0 / len(case.splits.train)
    return any(
        bool((value[..., torch.tensor(case.codec.categorical()[name].frequencies) < rarest] == 1.0).any())
        for name, value in fields(state)
        if name in case.codec.categorical()
    )


def _refused(case: Case, items: list[Any], label: str) -> None:
    expected = "a DomainInputError with its field, as items[3]"
    try:
        case.codec.encode(items)
    except DomainInputError as error:
        require(
            bool(error.field), f"names no field when it is given {label}", field="Codec.encode", expected=expected,
            got=error, fix="DomainInputError(…, field=f'items[{index}]')",
        )  # fmt: skip
        return
    except Exception as error:
        raise CheckFailure(
            f"raises something else when it is given {label}", field="Codec.encode", expected=expected,
            got=f"{type(error).__name__}: {error}", fix="look at each item before you use it",
        ) from error  # fmt: skip
    raise CheckFailure(
        f"takes {label}", field="Codec.encode", expected=expected, got="a state",
        fix="look at each item before you use it",
    )  # fmt: skip


def _with_leaf(item: Any, kind: type, value: Any) -> Any | None:
    """The item with its first leaf of a kind replaced; ``None`` where it has none.

    Looked for in arrays, mappings, lists, tuples and dataclasses.
    """
    if isinstance(item, np.ndarray | torch.Tensor):
        floating = item.dtype.is_floating_point if isinstance(item, torch.Tensor) else item.dtype.kind == "f"
        if not (kind is float and floating and item.ndim and len(item)):
            return None
        wrong: Any = item.clone() if isinstance(item, torch.Tensor) else item.copy()
        wrong[(0,) * wrong.ndim] = value
        return wrong
    if isinstance(item, Mapping):
        return _replaced(dict(item), list(item), kind, value)
    if isinstance(item, list | tuple):
        made = _replaced(list(item), range(len(item)), kind, value)
        return made if made is None or isinstance(item, list) else tuple(made)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        names = [f.name for f in dataclasses.fields(item) if f.init]
        made = _replaced({name: getattr(item, name) for name in names}, names, kind, value)
        return None if made is None else dataclasses.replace(item, **made)
    return value if type(item) is kind else None


def _replaced(container: Any, keys: Any, kind: type, value: Any) -> Any | None:
    for key in keys:
        wrong = _with_leaf(container[key], kind, value)
        if wrong is not None:
            container[key] = wrong
            return container
    return None


def files(case: Case) -> None:
    """What is written is a file of its own, and what is written and can be read is an item again."""
    for suffix in case.domain.writes:
        _write_each(case, case.domain.write, suffix, "Domain.write")
    for spec in _brought(case, RendererSpec):
        for suffix in spec.suffixes:
            _write_each(case, partial(_called, spec), suffix, _field(spec))


def _write_each(case: Case, write: Callable[[list[Any], Path], object], suffix: str, field: str) -> None:
    """One item, and several, each into a file of its own."""
    for count in (1, 3):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"items-{count}{suffix}")
            write(case.items[:count], path)
            left = sorted(p.name for p in Path(folder).iterdir())
            require(
                left == [path.name] and path.stat().st_size > 0, f"does not write one file {suffix}", field=field,
                expected=path.name, got=", ".join(left) or "nothing", fix="write through suffuse.files.write_with",
            )  # fmt: skip
            if count == 1 and suffix in case.spec.suffixes:
                _read_back(case, path)


def _brought(case: Case, kind: type[S]) -> list[S]:
    """What plugins bring of a kind for the domain, where the modules that it needs are there."""
    specs = (spec for spec in all_specs(kind.kind) if isinstance(spec, kind))
    return [spec for spec in specs if spec.domain == case.name and not missing_requirements(spec)]


def _called(spec: MetricSpec | RendererSpec, *inputs: Any) -> Any:
    """What a metric or a renderer gives; what it raises fails the check in its name."""
    try:
        return resolve(spec)(*inputs)
    except Exception as error:
        raise CheckFailure(
            "fails", field=_field(spec), expected="no error", got=f"{type(error).__name__}: {error}",
            fix=f"mend {spec.factory}",
        ) from error  # fmt: skip


def _field(spec: MetricSpec | RendererSpec) -> str:
    return f"{spec.kind} {full_name(spec)!r}"


def _read_back(case: Case, path: Path) -> None:
    items = case.domain.read(path)
    require(
        len(items) == 1, f"reads another number of items from a file {path.suffix} of one", field="Domain.read",
        expected=1, got=len(items), fix="a list with one item",
    )  # fmt: skip
    state = case.codec.encode(items)
    require(
        finite(state), f"reads what does not encode from a file {path.suffix}", field="Domain.read",
        expected="an item", got="a state that is not finite", fix="read what write wrote",
    )  # fmt: skip


def evaluate(case: Case) -> None:
    """Items are scored, by the domain and by what plugins bring: figures by name, all finite."""
    examples = case.many[:64]
    values = {name: [example.conditions.get(name) for example in examples] for name in case.space}
    items = decoded(case, case.codec.encode([example.item for example in examples]))
    figures = case.domain.evaluate(items, values, case.splits, case.codec)
    wrong = {k: v for k, v in figures.items() if not (isinstance(v, int | float) and math.isfinite(v))}
    require(
        bool(figures) and not wrong, "gives something else than figures", field="Domain.evaluate",
        expected="finite numbers by name", got=wrong or figures, fix="leave out what cannot be measured",
    )  # fmt: skip
    for spec in _brought(case, MetricSpec):
        require(
            spec.name not in figures, "is one of the domain's own already", field=_field(spec),
            expected="a name that Domain.evaluate does not give", got=spec.name, fix="rename it",
        )  # fmt: skip
        figure = _called(spec, items, values, case.splits, case.codec)
        require(
            _is_figure(figure), "gives no figure", field=_field(spec), expected="a finite number", got=figure,
            fix="divide by nothing that may be 0, and give one number for all items",
        )  # fmt: skip


def _is_figure(value: Any) -> bool:
    """Whether ``suffuse evaluate`` can take it for a finite number."""
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
