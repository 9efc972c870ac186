"""Many molecules in little memory: RDKit's binary form in Arrow arrays, read from the disk as they are asked for.

What large files hold is kept in the cache folder, by the files' contents, so that they are parsed once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rdkit import Chem, rdBase

from suffuse.domain import Unreadable
from suffuse.errors import StorageError
from suffuse.files import write_with
from suffuse.folders import cache_folder
from suffuse_molecules import files
from suffuse_molecules.chemistry import Mol, atoms_of, is_hydrogen, pieces
from suffuse_molecules.codec import LARGEST
from suffuse_molecules.files import Piece

logger = logging.getLogger(__name__)

VERSION = 3
"""Of the tables in the cache."""

KEPT = 10_000
"""Molecules from which on a file is worth keeping parsed."""

LONG = 500_000
"""Bytes from which on a file takes so long to read that it is told."""

TOLD = 5
"""Broken records that are named; of the others it is told how many there are."""

CHUNK = 8192

STRANGE = Chem.MolFromSmarts("*~;!-;!=;!#;!:*")
"""A bond that is neither single, double, triple nor aromatic."""

SCHEMA = pa.schema(
    [
        ("molecule", pa.large_binary()),
        ("size", pa.int32()),
        ("pieces", pa.int32()),
        ("kinds", pa.string()),
        ("unfit", pa.string()),
        ("told", pa.map_(pa.string(), pa.string())),
    ]
)
"""A molecule, its heavy atoms, its fragments, the kinds of its atoms (``C+0 N+1``), why no graph can hold it, and what
the file tells of it."""


@dataclass(frozen=True, eq=False)
class Molecules(Sequence[Mol]):
    """Molecules, made when they are asked for.

    Arguments:
        table: of :data:`SCHEMA`.
        rows: which of its rows, int64 ``[n]``.
    """

    table: pa.Table
    rows: np.ndarray

    @classmethod
    def all_of(cls, table: pa.Table) -> Molecules:
        """Every row."""
        return cls(table, np.arange(table.num_rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Molecules(self.table, self.rows[index])
        return Chem.Mol(self.binary(index))

    def binary(self, index: int) -> Any:
        """RDKit's form of one, as bytes, which its stubs do not know."""
        packed: bytes = self.table["molecule"][int(self.rows[index])].as_py()
        return packed

    def column(self, name: str) -> pa.ChunkedArray:
        """Their cells of a column of the table."""
        cells = self.table[name]
        return cells if len(self) == self.table.num_rows and self._in_order else cells.take(pa.array(self.rows))

    def take(self, indices: Sequence[int] | np.ndarray) -> Molecules:
        """Some of them, by their places."""
        return Molecules(self.table, self.rows[np.asarray(indices, dtype=np.int64)])

    @property
    def _in_order(self) -> bool:
        return bool((np.diff(self.rows) == 1).all())


@dataclass(frozen=True, eq=False)
class Faults:
    """The records of files that are no molecules.

    Arguments:
        count: how many.
        first: the first few, told.
    """

    count: int = 0
    first: tuple[str, ...] = ()

    def __add__(self, other: Faults) -> Faults:
        return Faults(self.count + other.count, (*self.first, *other.first)[:TOLD])


def parsed(path: Path, column: str | None = None) -> tuple[pa.Table, Faults]:
    """What a file holds, a row a molecule (:data:`SCHEMA`), and what of it is none.

    Raises:
        DataError: as :func:`suffuse_molecules.files.pieces`.
    """
    kept = _cache(path, column)
    found = _opened(kept)
    if found is None:
        if path.is_file() and path.stat().st_size > LONG:
            logger.info("%s: reading its molecules, some 200,000 a minute; what is read is kept", path.name)
        table, faults = packed(files.pieces(path, column))
        if table.num_rows < KEPT:
            return table, faults
        found = _stored(table, faults, kept)
    return found


def packed(pieces: Iterable[Piece]) -> tuple[pa.Table, Faults]:
    """Molecules as a table of :data:`SCHEMA`; what is none is counted, and the first few are told."""
    batches, faults = [], Faults()
    rest = iter(pieces)
    with rdBase.BlockLogs():
        while part := list(islice(rest, CHUNK)):
            wrong = [piece.error for piece in part if isinstance(piece, Unreadable)]
            faults += Faults(len(wrong), tuple(f"{e.field}: {e.message}, {e.got}" for e in wrong[:TOLD]))
            rows = [row(piece) for piece in part if not isinstance(piece, Unreadable)]
            batches.append(pa.RecordBatch.from_pylist(rows, SCHEMA))
    return pa.Table.from_batches(batches, SCHEMA), faults


def row(mol: Mol) -> Mapping[str, Any]:
    """A molecule as a row of :data:`SCHEMA`."""
    return {
        "molecule": mol.ToBinary(int(Chem.PropertyPickleOptions.NoProps)), "size": mol.GetNumHeavyAtoms(),
        "pieces": pieces(mol), "kinds": _kinds(mol), "unfit": unfit(mol), "told": list(files.properties(mol).items()),
    }  # fmt: skip


def _kinds(mol: Mol) -> str:
    found = {(atom.GetSymbol(), atom.GetFormalCharge()) for atom in atoms_of(mol) if not is_hydrogen(atom)}
    return " ".join(sorted(f"{symbol}{charge:+d}" for symbol, charge in found))


def unfit(mol: Mol) -> str | None:
    """Why no graph of atoms and kekulised bonds can hold a molecule; ``None`` if one can."""
    if mol.GetNumAtoms() > LARGEST:
        return f"more than {LARGEST} atoms"
    found = mol.GetSubstructMatch(STRANGE)
    if found:
        return f"{str(mol.GetBondBetweenAtoms(*found).GetBondType()).lower()} bonds"
    return None


def key_of(parts: Iterable[bytes]) -> str:
    """A name for what was made of some bytes by this version of suffuse and of RDKit."""
    digest = hashlib.blake2b(f"{VERSION} {rdBase.rdkitVersion}".encode(), digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _cache(path: Path, column: str | None) -> Path:
    """Where the table of a file is kept."""
    if not path.is_file():  # told where it is read
        return path
    with path.open("rb") as file:
        content = iter(lambda: file.read(2**20), b"")
        key = key_of([f"{''.join(path.suffixes[-2:]).lower()} {column}\n".encode(), *content])
    return cache_folder() / "molecules" / f"{key}.arrow"


def _opened(kept: Path) -> tuple[pa.Table, Faults] | None:
    """A table of the cache, left on the disk until it is used; ``None`` if there is none, or it is broken."""
    if kept.suffix != ".arrow" or not kept.is_file():
        return None
    try:
        table = pa.ipc.open_file(pa.memory_map(str(kept))).read_all()
        told = json.loads(table.schema.metadata[b"faults"])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        logger.warning("%s is broken and made anew: %s", kept, error)
        return None
    return table, Faults(told["count"], tuple(told["first"]))


def _stored(table: pa.Table, faults: Faults, kept: Path) -> tuple[pa.Table, Faults]:
    """A table as the cache has it; as it is where the cache cannot be written."""
    noted = table.replace_schema_metadata({"faults": json.dumps({"count": faults.count, "first": faults.first})})

    def save(path: Path) -> None:
        with pa.ipc.new_file(str(path), noted.schema) as writer:
            writer.write_table(noted)

    try:
        write_with(kept, save)
    except StorageError as error:
        logger.warning("the molecules are not kept: %s", error)
        return table, faults
    return _opened(kept) or (table, faults)
