"""The values of conditions: what a file tells of molecules, or what RDKit computes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suffuse.errors import StorageError
from suffuse.files import write_with
from suffuse.folders import cache_folder
from suffuse_molecules import descriptors
from suffuse_molecules.codec import SIZE
from suffuse_molecules.store import KEPT, Molecules, key_of

logger = logging.getLogger(__name__)

Value = float | str | None


def values_of(name: str, molecules: Molecules) -> list[Value]:
    """The values of a condition, one for each molecule: of a column of the file, or of a descriptor.

    A column is of numbers where all that it tells are.

    Arguments:
        name: of the condition.
        molecules: they.

    Raises:
        RecipeError: there is neither a column nor a descriptor of that name.
    """
    if name == SIZE:
        return [float(size) for size in molecules.column("size").to_pylist()]
    told = molecules.column("told")
    columns = pa.chunked_array([part.keys for part in told.chunks], pa.string()).unique().to_pylist()
    if name in columns:
        return _column(pc.map_lookup(told, name, "first").to_pylist())
    descriptors.find(name, known=columns, field="data.conditions")
    return _computed(name, molecules)


def _column(cells: Sequence[str | None]) -> list[Value]:
    numbers = [_number(cell) for cell in cells]
    if all(number is not None for number, cell in zip(numbers, cells, strict=True) if cell is not None):
        return [None if number is None or not np.isfinite(number) else number for number in numbers]
    return list(cells)


def _number(cell: str | None) -> float | None:
    try:
        return None if cell is None else float(cell)
    except ValueError:
        return None


def _computed(name: str, molecules: Molecules) -> list[Value]:
    """A descriptor of molecules; of many it is kept in the cache."""
    if len(molecules) < KEPT:
        return list(descriptors.compute([name], molecules)[name])
    key = key_of([name.casefold().encode(), *(molecules.binary(i) for i in range(len(molecules)))])
    kept = cache_folder() / "molecules" / f"{key}.npy"
    if (found := _opened(kept, len(molecules))) is None:
        logger.info("computing %s of %d molecules, once", name, len(molecules))
        found = np.array(descriptors.compute([name], molecules)[name], dtype=np.float64)
        _store(found, kept)
    return [None if np.isnan(x) else float(x) for x in found]


def _opened(kept: Path, count: int) -> np.ndarray | None:
    try:
        found: np.ndarray = np.load(kept, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("%s is broken and made anew: %s", kept, error)
        return None
    return found if found.shape == (count,) else None


def _store(values: np.ndarray, kept: Path) -> None:
    try:
        write_with(kept, lambda path: np.save(path, values, allow_pickle=False))
    except StorageError as error:
        logger.warning("the values are not kept: %s", error)
