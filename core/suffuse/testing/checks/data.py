"""The data: the same example for the same index, in every thread and process."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import Image

from suffuse.domain import Dataset, Example
from suffuse.testing.case import COUNT, Case
from suffuse.testing.compare import Opaque, largest_difference, mismatch
from suffuse.testing.elsewhere import found_elsewhere
from suffuse.testing.failure import CheckFailure, require

THREADS = 4


def splits(case: Case) -> None:
    """Three parts, none empty, of examples whose conditions the model can be steered by."""
    for part in ("train", "validation", "test"):
        dataset: Dataset = getattr(case.splits, part)
        require(
            len(dataset) > 0, "is empty", field=f"Splits.{part}", expected="at least one example", got=0,
            fix="the validation part may serve for the test part",
        )  # fmt: skip
        for index in sorted({0, len(dataset) - 1}):
            example = dataset[index]
            require(
                isinstance(example, Example), "gives no example", field=f"Splits.{part}[{index}]",
                expected="a suffuse.domain.Example", got=type(example).__name__, fix="wrap the item in an Example",
            )  # fmt: skip
            case.encoded_conditions([example])
            case.codec.encode([example.item])


def same_examples(case: Case) -> None:
    """An index gives the same example every time, from several threads at once, in any order."""
    train = case.splits.train
    indices = [i % len(train) for i in range(2 * COUNT)]
    first = [train[i] for i in indices]
    with ThreadPoolExecutor(THREADS) as pool:
        again = list(pool.map(train.__getitem__, reversed(indices)))[::-1]
    for index, a, b in zip(indices, first, again, strict=True):
        found = _difference(case, a, b)
        require(
            found is None, "gives another example the second time", field=f"Splits.train[{index}]",
            expected="the same example for the same index, from any thread", got=found,
            fix="key what is random by the index; open files in __getitem__, or lock them",
        )  # fmt: skip


def _difference(case: Case, a: Example, b: Example) -> str | None:
    conditions = mismatch(dict(a.conditions), dict(b.conditions), 0.0, "conditions")
    try:
        return conditions or mismatch(a.item, b.item, 0.0)
    except Opaque:
        difference = largest_difference(case.codec.encode([a.item]), case.codec.encode([b.item]))
        return conditions or (f"the states differ by {difference:.3g}" if difference > 0.0 else None)


def pickles(case: Case) -> None:
    """The spec, the domain, the codec and the data set can be sent to another process."""
    things: Sequence[tuple[str, Any]] = (
        ("DomainSpec", case.spec),
        ("Domain", case.domain),
        ("Codec", case.codec),
        ("Splits", case.splits),
    )
    for name, thing in things:
        try:
            pickle.loads(pickle.dumps(thing))
        except Exception as error:
            raise CheckFailure(
                "cannot be pickled", field=name, expected="something that spawned workers can be sent",
                got=f"{type(error).__name__}: {error}",
                fix="hold paths and names, not open files, lambdas or classes made in functions",
            ) from error  # fmt: skip


def workers(case: Case) -> None:
    """Two fresh processes that were sent the data set find the same examples in it."""
    found = found_elsewhere(case).examples
    require(
        not isinstance(found, str), "cannot be used in another process", field="Splits.train", expected="examples",
        got=found, fix="hold nothing that only this process has",
    )  # fmt: skip
    train = case.splits.train
    for index, state in enumerate(found):
        assert not isinstance(state, str)
        difference = largest_difference(state, case.codec.encode([train[index % len(train)].item]))
        require(
            difference == 0.0, "is another one in another process", field=f"Splits.train[{index % len(train)}]",
            expected="the same example", got=f"states that differ by {difference:.3g}",
            fix="key what is random by the index; do not use hash(), ids, or the process's own state",
        )  # fmt: skip


def picture(case: Case) -> None:
    """One item or several are shown on a sheet."""
    for count in (1, 3):
        sheet = case.domain.picture(case.items[:count])
        require(
            isinstance(sheet, Image.Image) and min(sheet.size) > 0, "is no picture", field="Domain.picture",
            expected="a PIL.Image.Image", got=sheet, fix="draw the items, or plot them",
        )  # fmt: skip
