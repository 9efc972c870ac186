"""Data sets of molecules: what of files can be learnt from, its parts, and its conditions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from suffuse.datasets import Listed
from suffuse.domain import Section, Splits
from suffuse.errors import DataError
from suffuse.rng import permutation
from suffuse_molecules import files, store
from suffuse_molecules.chemistry import largest
from suffuse_molecules.codec import SIZE
from suffuse_molecules.store import Faults, Molecules
from suffuse_molecules.targets import values_of

logger = logging.getLogger(__name__)


class Data(Section):
    """The ``data`` section of a recipe.

    Arguments:
        name: a registered data set, or ``file``.
        path: of your own: files, folders, patterns as ``part-*.smi.gz``.
        column: of a table: that of the SMILES; left out, the first that is called as such.
        conditions: what steers generation: columns of the file, ``size``, or descriptors
            (:mod:`suffuse_molecules.descriptors`).
        fragments: what of a molecule in several pieces, as a salt, is learnt from: its largest piece, all, or nothing.
        validation, test: the shares that are held out, where the data set has no parts of its own.
        limit: use only so many molecules of the training part, drawn by the seed.
        seed: draws the parts.
    """

    name: str = "file"
    path: Path | tuple[Path, ...] | None = None
    column: str | None = None
    conditions: tuple[str, ...] = (SIZE,)
    fragments: Literal["largest", "keep", "drop"] = "largest"
    validation: float = Field(default=0.1, gt=0.0, lt=1.0)
    test: float = Field(default=0.1, ge=0.0, lt=1.0)
    limit: int | None = Field(default=None, ge=1)
    seed: int = 0

    @field_validator("conditions", mode="before")
    @classmethod
    def _one_is_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, eq=False)
class MoleculeDataset(Listed):
    """Molecules, and the values of conditions beside them."""

    items: Molecules

    @property
    def molecules(self) -> Molecules:
        """All of them."""
        return self.items


def from_files(data: Data) -> Splits:
    """The molecules of files."""
    if data.path is None:
        raise DataError(
            "is not told", field="data.path", expected="a file, a folder or a pattern",
            fix="suffuse train molecules data.path=molecules.smi",
        )  # fmt: skip
    name = files.stem(data.path) if isinstance(data.path, Path) else f"{len(data.path)} files"
    return split(data, name, read(data, files.find(data.path)))


def split(data: Data, name: str, molecules: Molecules) -> Splits:
    """The parts of a data set that has none of its own, drawn by the seed.

    Raises:
        DataError: it has too few molecules.
    """
    order = drawn(data, len(molecules))
    held = max(1, round(len(order) * data.validation))
    tested = round(len(order) * data.test)
    if len(order) < held + tested + 1:
        raise DataError("holds too few molecules", field=name, expected="one for each part", got=len(order))
    parts = (order[held + tested :], order[:held], order[held : held + tested] if tested else order[:held])
    return parts_of(data, name, *(molecules.take(part) for part in parts))


def drawn(data: Data, count: int) -> np.ndarray:
    """Of so many molecules those that are used, mixed: int64 ``[n]``."""
    order: np.ndarray = permutation(count, "molecules", "split", data.seed).numpy()[: data.limit]
    return order


def parts_of(data: Data, name: str, train: Molecules, validation: Molecules, test: Molecules) -> Splits:
    """A data set, each part in the order of its file.

    Molecules with atoms of a kind that the training part lacks are left out of the others.

    Raises:
        RecipeError: a condition is neither a column nor a descriptor.
        DataError: a part has no molecule.
    """
    known = kinds(train)
    parts = {"train": train, "validation": _of_kinds(known, validation, f"{name}, validation"),
             "test": _of_kinds(known, test, f"{name}, test")}  # fmt: skip
    for part, molecules in parts.items():
        if not len(molecules):
            raise DataError("has no molecule", field=f"{name}, {part} part", fix="give more data, or change data.limit")
    opened = {part: _dataset(data, molecules) for part, molecules in parts.items()}
    return Splits(opened["train"], opened["validation"], opened["test"], name)


def kinds(molecules: Molecules) -> set[str]:
    """The kinds of atoms that molecules have, as ``N+1``."""
    return {kind for kinds in molecules.column("kinds").unique().to_pylist() for kind in kinds.split()}


def _of_kinds(known: set[str], molecules: Molecules, name: str) -> Molecules:
    """Those molecules all of whose atoms are of known kinds."""
    cells = molecules.column("kinds")
    fine = [told for told in cells.unique().to_pylist() if known.issuperset(told.split())]
    places = np.flatnonzero(pc.is_in(cells, pa.array(fine, pa.string())))
    if len(places) < len(molecules):
        strange = ", ".join(sorted(kinds(molecules) - known))
        logger.warning(
            "%s: %d of %d molecules are left out, having atoms that no training molecule has: %s",
            name, len(molecules) - len(places), len(molecules), strange,
        )  # fmt: skip
    return molecules.take(places)


def _dataset(data: Data, molecules: Molecules) -> MoleculeDataset:
    placed = Molecules(molecules.table, np.sort(molecules.rows))
    return MoleculeDataset(placed, {name: values_of(name, placed) for name in data.conditions})


def of_smiles(data: Data, name: str, smiles: Iterable[str]) -> Molecules:
    """The molecules of SMILES that can be learnt from; what is left out is told.

    Raises:
        DataError: there are none.
    """
    told = (files.molecule(text, f"{name}, number {i}") for i, text in enumerate(smiles))
    return _learnable(data, name, *store.packed(told))


def read(data: Data, paths: Sequence[Path]) -> Molecules:
    """The molecules of files that can be learnt from; what is left out is told.

    Raises:
        DataError: a file cannot be read, or there are no molecules.
    """
    found = [store.parsed(path, data.column) for path in paths]
    name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
    faults = sum((faults for _, faults in found), Faults())
    return _learnable(data, name, pa.concat_tables([table.replace_schema_metadata() for table, _ in found]), faults)


def _learnable(data: Data, name: str, table: pa.Table, faults: Faults) -> Molecules:
    """The rows that a graph can hold, of salts what the section says; what is left out is told."""
    total = table.num_rows + faults.count
    if faults.count:
        more = f"; and {faults.count - len(faults.first)} more" if faults.count > len(faults.first) else ""
        logger.warning(
            "%s: %d of %d records are no molecules and are left out: %s%s",
            name, faults.count, total, "; ".join(faults.first), more,
        )  # fmt: skip
    table = _whole(data, name, table)
    reasons = Counter(table["unfit"].drop_null().to_pylist())
    if reasons:
        told = ", ".join(f"{count} with {reason}" for reason, count in reasons.most_common())
        logger.warning("%s: molecules that no graph can hold are left out: %s", name, told)
        table = table.filter(pc.is_null(table["unfit"]))
    if not table.num_rows:
        raise DataError("holds no molecule that can be learnt from", field=name, got=f"{total} records, none of use")
    return Molecules.all_of(table)


USES = {"largest": "of these the largest piece is used", "keep": "these are used as they are",
        "drop": "these are left out"}  # fmt: skip


def _whole(data: Data, name: str, table: pa.Table) -> pa.Table:
    """A table without molecules in pieces, unless the section wants them."""
    several = pc.greater(table["pieces"], 1)
    count = pc.sum(several).as_py() or 0
    if not count:
        return table
    use = USES[data.fragments]
    logger.info("%s: %d of %d molecules are in pieces; %s (data.fragments)", name, count, table.num_rows, use)
    if data.fragments == "keep":
        return table
    one = table.filter(pc.invert(several))
    return one if data.fragments == "drop" else pa.concat_tables([one, _largest(table.filter(several))])


def _largest(table: pa.Table) -> pa.Table:
    """The largest pieces of molecules, with what is told of these."""
    cells = zip(Molecules.all_of(table), table["told"].to_pylist(), strict=True)
    rows = [{**store.row(largest(mol)), "told": told} for mol, told in cells]
    return pa.Table.from_pylist(rows, store.SCHEMA)
