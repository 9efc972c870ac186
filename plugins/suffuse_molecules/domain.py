"""The domain of molecules: items are ``rdkit.Chem.Mol``, see :mod:`suffuse_molecules.chemistry`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import pyarrow as pa
from PIL import Image
from pydantic import Field, model_validator

from suffuse.conditions import ConditionSpace
from suffuse.datasets import condition_space, open_named
from suffuse.domain import Codec, Dataset, Domain, Item, Section, Splits, Taken, examples_at
from suffuse.errors import DomainInputError
from suffuse.similarity import Similarity
from suffuse_molecules import files, losses, render, store, taking
from suffuse_molecules.alike import tanimoto
from suffuse_molecules.chemistry import smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data, MoleculeDataset
from suffuse_molecules.files import Piece
from suffuse_molecules.fitting import representative
from suffuse_molecules.strings.codec import ENGINE as STRINGS
from suffuse_molecules.strings.codec import StringCodec

SMILES, NAME = "smiles", "name"
"""The columns of tables of molecules."""


class Options(Section):
    """The ``codec`` section of a recipe.

    Arguments:
        engine: what molecules are to a network: ``graphs`` of atoms and bonds, or ``strings``, SMILES as tokens.
        merges: of strings, how many runs of atoms become tokens of their own at most; 300 by default.
    """

    engine: Literal["graphs", "strings"] = "graphs"
    merges: int | None = Field(default=None, ge=0, le=10_000)

    @model_validator(mode="after")
    def _merges_are_of_strings(self) -> Self:
        if self.merges is not None and self.engine != STRINGS:
            raise ValueError("no merges, which are of engine: strings")
        return self


MERGES = 300
"""Of strings, where nothing is asked for."""


class Molecules(Domain):
    """Molecules of any elements and charges, as graphs of atoms and bonds."""

    name = "molecules"
    data_section = Data
    codec_section = Options
    writes = (*files.WRITERS, *render.WRITERS)
    writing_section = files.Writing

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        return open_named(self.name, data.name, data, "set of molecules")

    def conditions(self, splits: Splits) -> ConditionSpace:
        """A condition for each that the ``data`` section names: a number, or one of several words."""
        return condition_space(splits.train)

    def fit_codec(self, options: Section, train: Dataset) -> GraphCodec | StringCodec:
        """The codec of training molecules; what these lose by it is told in the log."""
        assert isinstance(options, Options)
        molecules = molecules_of(train)
        some = representative(molecules)
        codec: GraphCodec | StringCodec = (
            StringCodec.fit(some, MERGES if options.merges is None else options.merges)
            if options.engine == STRINGS else GraphCodec.fit(some)
        )  # fmt: skip
        losses.tell(codec, molecules, options.engine)
        return codec

    def load_codec(self, data: Mapping[str, Any]) -> GraphCodec | StringCodec:
        return StringCodec.from_json(data) if data.get("engine") == STRINGS else GraphCodec.from_json(data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        """Write SMILES, a table, structures in space, or a picture, as the suffix says."""
        picture = render.WRITERS.get(Path(path).suffix.lower())
        (files.write if picture is None else picture)(items, Path(path))

    def to_write(self, items: Sequence[Item], options: Section, told: Mapping[str, Sequence[Any]]) -> list[Item]:
        """Molecules with what is told of each as properties, or their stereoisomers: see :class:`files.Writing`."""
        assert isinstance(options, files.Writing)
        return files.prepared(items, options, told)

    def taken(self, items: Sequence[Item], data: Section, codec: Codec) -> Taken:
        """See :func:`suffuse_molecules.taking.taken`."""
        assert isinstance(data, Data)
        return taking.taken(items, data.fragments, graphs=isinstance(codec, GraphCodec))

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
        """Canonical SMILES without stereo, of which graphs know nothing; strings have a key of their own."""
        return smiles(item, stereo=False)

    def similarity(self) -> Similarity:
        """Tanimoto's coefficient: see :func:`suffuse_molecules.alike.tanimoto`."""
        return Similarity("tanimoto", tanimoto)

    def columns(self, items: Sequence[Item]) -> Mapping[str, Any]:
        """``smiles``, as they were read, the ``name``, and whatever else the file told, empty where it told nothing."""
        told = [files.properties(mol) for mol in items]
        names = dict.fromkeys(name for one in told for name in one if name not in (SMILES, NAME))
        cells = {
            SMILES: [taking.as_read(mol) for mol in items], NAME: [files.name_of(mol) or None for mol in items],
            **{name: [one.get(name) for one in told] for name in names},
        }  # fmt: skip
        return {name: pa.array(texts, pa.string()) for name, texts in cells.items()}

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return render.sheet(items, columns)

    def beside(self, made: Sequence[Item], real: Dataset, codec: Codec) -> Image.Image:
        """Distributions of descriptors, atoms and rings; see :func:`suffuse_molecules.beside.beside`."""
        from suffuse_molecules.beside import beside  # draws, which few need

        return beside(made, molecules_of(real))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """See :func:`suffuse_molecules.metrics.evaluate`; stereo counts where the codec keeps it."""
        from suffuse_molecules import metrics  # the learners are heavy, and nobody who scores needs them

        test, train = (molecules_of(part) for part in (splits.test, splits.train))
        stereo = isinstance(codec, StringCodec)
        return {**metrics.evaluate(items, test, train, stereo=stereo), **metrics.asked(items, conditions, test)}


def _of_row(row: Mapping[str, Any], place: str) -> Piece:
    told = {key: str(value) for key, value in row.items() if key not in (SMILES, NAME) and value is not None}
    return files.molecule(str(row[SMILES] or ""), place, str(row.get(NAME) or ""), told)


def molecules_of(dataset: Dataset) -> store.Molecules:
    """All molecules of a data set."""
    if isinstance(dataset, MoleculeDataset):
        return dataset.molecules
    table, _ = store.packed(examples_at(dataset, range(len(dataset))).items)
    return store.Molecules.all_of(table)
