"""The named sets of molecules, from the folder ``molecules`` of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from suffuse.domain import Splits
from suffuse.errors import DataError
from suffuse.folders import data_folder
from suffuse.rng import permutation
from suffuse_molecules.data import Data, drawn, parts_of, read

MOST_HELD = 10_000
"""Molecules of a large set that are held out for validation."""


def qm9(data: Data) -> Splits:
    """QM9 (Ramakrishnan et al. 2014) in the parts of DiGress; its test part is kept out, and the validation part serves
    for both by halves.

    Columns that may be conditions: ``mu_D``, ``alpha_bohr3``, ``homo_Ha``, ``lumo_Ha``, ``gap_Ha``, ``r2_bohr2``,
    ``zpve_Ha``, ``cv_cal_molK``.
    """
    return _halved(data, "qm9", "qm9/train.csv.gz", "qm9/valid.csv.gz")


def chembl(data: Data) -> Splits:
    """A part of ChEMBL: charges, sulphur, halogens, stereo."""
    return _halved(data, "chembl", "chembl_small/train.smi.gz", "chembl_small/valid.smi.gz")


def moses(data: Data) -> Splits:
    """MOSES (Polykovskiy et al. 2020): clean leads of ZINC, with its own test part."""
    train, test = (read(data, [path]) for path in _found("moses", "moses/train.csv.gz", "moses/test.csv.gz"))
    order = drawn(data, len(train))
    held = min(MOST_HELD, max(1, round(len(order) * data.validation)))
    return parts_of(data, "moses", train.take(order[held:]), train.take(order[:held]), test)


def moleculenet(data: Data) -> Splits:
    """A set of MoleculeNet (Wu et al. 2018), whose column ``y`` is what was measured, in its own parts."""
    path = f"moleculenet/{data.name}.csv.gz"
    table = read(data, _found(data.name, path))
    parts = pc.map_lookup(table.column("told"), "split", "first")
    train, valid, test = (table.take(np.flatnonzero(pc.equal(parts, part))) for part in ("train", "valid", "test"))
    return parts_of(data, data.name, train.take(drawn(data, len(train))), valid, test)


def _halved(data: Data, name: str, first: str, second: str) -> Splits:
    """Two files: what is trained on, and, by halves, what is validated and what is tested on.

    The halves are drawn, whatever the seed: a file may be in order of size, as QM9 is.
    """
    train, held = (read(data, [path]) for path in _found(name, first, second))
    order, half = permutation(len(held), "molecules", "halves").numpy(), len(held) // 2
    validation, test = held.take(order[:half]), held.take(order[half:])
    return parts_of(data, name, train.take(drawn(data, len(train))), validation, test)


def _found(name: str, *places: str) -> Sequence[Path]:
    """The files of a data set.

    Raises:
        DataError: one is not there.
    """
    paths = [data_folder() / "molecules" / place for place in places]
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"the data set {name} is not on this machine", field="data.name", expected=str(path),
                fix="say where it lies: SUFFUSE_DATA=FOLDER; or learn from a file: data.name=file data.path=FILE",
            )  # fmt: skip
    return paths
