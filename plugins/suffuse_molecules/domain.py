"""The domain of molecules: items are ``rdkit.Chem.Mol``, see :mod:`suffuse_molecules.chemistry`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from suffuse.conditions import ConditionKind, ConditionSpace, Label, Number
from suffuse.domain import Codec, Dataset, Domain, Item, Section, Splits, examples_at
from suffuse.errors import DataError, DomainInputError, unknown_name
from suffuse.registry import all_specs, make
from suffuse_molecules import files, losses, render, store
from suffuse_molecules.chemistry import smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data, MoleculeDataset
from suffuse_molecules.files import Piece
from suffuse_molecules.fitting import representative

SMILES, NAME = "smiles", "name"
"""The columns of tables of molecules."""


class Options(Section):
    """The ``codec`` section of a recipe: a graph of atoms and bonds has no options."""


class Molecules(Domain):
    """Molecules of any elements and charges, as graphs of atoms and bonds."""

    name = "molecules"
    data_section = Data
    codec_section = Options
    writes = (*files.WRITERS, *render.WRITERS)

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        known = [spec.name for spec in all_specs("dataset") if spec.domain == self.name]
        if data.name not in known:
            raise unknown_name("set of molecules", data.name, known, DataError, field="data.name")
        opened: Splits = make("dataset", f"{self.name}/{data.name}", data)
        return opened

    def conditions(self, splits: Splits) -> ConditionSpace:
        """A condition for each that the ``data`` section names: a number, or one of several words."""
        told = splits.train.conditions if isinstance(splits.train, MoleculeDataset) else {}
        space: dict[str, ConditionKind] = {}
        for name, values in told.items():
            known = [value for value in values if value is not None]
            if known:
                space[name] = (Number if isinstance(known[0], float) else Label).fit(known)
        return space

    def fit_codec(self, options: Section, train: Dataset) -> GraphCodec:
        """The codec of training molecules; what these lose as graphs is told in the log."""
        molecules = molecules_of(train)
        codec = GraphCodec.fit(representative(molecules))
        losses.tell(codec, molecules)
        return codec

    def load_codec(self, data: Mapping[str, Any]) -> GraphCodec:
        return GraphCodec.from_json(data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        """Write SMILES, a table, structures in space, or a picture, as the suffix says."""
        picture = render.WRITERS.get(Path(path).suffix.lower())
        (files.write if picture is None else picture)(items, Path(path))

    def read(self, path: Path) -> list[Item]:
        return list(files.read(path))

    def batches(self, path: Path, size: int) -> Iterator[list[Piece]]:
        """The molecules of one file, at most ``size`` at a time, and why a record is none in its place."""
        return files.stream(path, size)

    def parse(self, lines: Iterable[str], size: int) -> Iterator[list[Piece]]:
        """Molecules of JSON lines, as ``{"smiles": "CCO"}`` or ``"CCO"``."""
        return files.parse(lines, size)

    def from_table(self, table: Any) -> list[Piece]:
        """Molecules of the column ``smiles``; other columns are their properties."""
        if SMILES not in table.column_names:
            raise DomainInputError(
                "lacks a column", field=SMILES, expected="SMILES in each row", got=table.column_names
            )
        return [_of_row(row, f"row {i}") for i, row in enumerate(table.to_pylist())]

    def key(self, item: Item) -> str:
        """Canonical SMILES without stereo, of which graphs know nothing."""
        return smiles(item, stereo=False)

    def columns(self, items: Sequence[Item]) -> Mapping[str, Any]:
        """``smiles``, and the ``name``, empty where there is none."""
        names = [files.name_of(mol) or None for mol in items]
        return {SMILES: pa.array([smiles(mol) for mol in items], pa.string()), NAME: pa.array(names, pa.string())}

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return render.sheet(items, columns)

    def beside(self, made: Sequence[Item], real: Dataset, codec: Codec) -> Image.Image:
        """Distributions of descriptors, atoms and rings; see :func:`suffuse_molecules.beside.beside`."""
        from suffuse_molecules.beside import beside  # draws, which few need

        return beside(made, molecules_of(real))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """See :func:`suffuse_molecules.metrics.evaluate`, of graphs, which know no stereo; and what was asked for."""
        from suffuse_molecules import metrics  # the learners are heavy, and nobody who scores needs them

        test, train = (molecules_of(part) for part in (splits.test, splits.train))
        return {**metrics.evaluate(items, test, train, stereo=False), **metrics.asked(items, conditions, test)}


def _of_row(row: Mapping[str, Any], place: str) -> Piece:
    told = {key: str(value) for key, value in row.items() if key not in (SMILES, NAME) and value is not None}
    return files.molecule(str(row[SMILES] or ""), place, str(row.get(NAME) or ""), told)


def molecules_of(dataset: Dataset) -> store.Molecules:
    """All molecules of a data set."""
    if isinstance(dataset, MoleculeDataset):
        return dataset.molecules
    table, _ = store.packed(examples_at(dataset, range(len(dataset))).items)
    return store.Molecules.all_of(table)
