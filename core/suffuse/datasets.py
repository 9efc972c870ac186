"""What data sets of many domains share: opened by name, their files, items with conditions beside them."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suffuse.conditions import ConditionKind, ConditionSpace, Label, Number
from suffuse.domain import Dataset, Example, Examples, Item, Section, Splits, items_at
from suffuse.errors import DataError, unknown_name
from suffuse.files import is_hidden
from suffuse.registry import all_specs, make


def open_named(domain: str, name: str, data: Section, kind: str = "data set") -> Splits:
    """A registered data set of a domain.

    Arguments:
        domain: its name.
        name: of the data set.
        data: the ``data`` section of a recipe, which its factory gets.
        kind: what such data sets are called, for the error.

    Raises:
        DataError: there is none of this name.
    """
    known = [spec.name for spec in all_specs("dataset") if spec.domain == domain]
    if name not in known:
        raise unknown_name(kind, name, known, DataError, field="data.name")
    opened: Splits = make("dataset", f"{domain}/{name}", data)
    return opened


@dataclass(frozen=True, eq=False)
class Listed:
    """Items and, for each condition by name, a value for each, ``None`` where there is none."""

    items: Sequence[Item]
    conditions: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Example:
        return Example(self.items[index], {name: values[index] for name, values in self.conditions.items()})

    def examples_at(self, indices: Sequence[int]) -> Examples:
        """Some of the examples, in columns."""
        values = {name: [told[i] for i in indices] for name, told in self.conditions.items()}
        return Examples(items_at(self.items, indices), values)


def condition_space(dataset: Dataset) -> ConditionSpace:
    """A condition for each column of values that a data set has: a number where they are such, else one of several.

    Arguments:
        dataset: the training part; one that is not :class:`Listed` has no such columns.
    """
    told = dataset.conditions if isinstance(dataset, Listed) else {}
    space: dict[str, ConditionKind] = {}
    for name, values in told.items():
        known = [value for value in values if value is not None]
        if known:
            space[name] = (Number if isinstance(known[0], float) else Label).fit(known)
    return space


def files_among(
    paths: str | Path | Sequence[str | Path], reads: Callable[[Path], bool], what: str, expected: str
) -> list[Path]:
    """The files among files, folders and patterns, those of a folder or a pattern in the order of their names.

    What is hidden in a folder is left out.

    Arguments:
        paths: one, or several.
        reads: which files of a folder are meant; one that is named is taken whatever it is.
        what: they hold, in the plural, for the error.
        expected: which files there should be.

    Raises:
        DataError: there is nothing.
    """
    found: list[Path] = []
    for told in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(told).expanduser()
        if path.is_dir():
            here = [p for p in sorted(path.rglob("*")) if reads(p) and p.is_file() and not is_hidden(p, path)]
        elif path.exists():
            here = [path]
        else:  # Path.glob takes no pattern that begins at the root
            here = [Path(p) for p in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not here:
            raise DataError(
                f"holds no {what}" if path.is_dir() else "there is no such file", field=str(told), expected=expected,
                fix="check the path",
            )  # fmt: skip
        found += here
    return found
