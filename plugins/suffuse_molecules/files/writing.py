"""Molecules into files of SMILES, tables and structures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from rdkit import Chem, rdBase

from suffuse.errors import DomainInputError
from suffuse.files import write_with, writer_of
from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import Mol, fault, smiles
from suffuse_molecules.files.records import NAME, name_of, properties
from suffuse_molecules.files.spatial import embedded
from suffuse_molecules.files.structures import END
from suffuse_molecules.stereo import possible

COMPUTED = ("weight", "logp", "tpsa", "qed", "sa")
"""The descriptors that a table tells of each molecule."""


def write(items: Sequence[Mol], path: str | Path) -> None:
    """Write molecules into one file, of the kind that its suffix says; it appears whole or not at all.

    Broken molecules are written too, and told as such.

    Raises:
        DomainInputError: another suffix, or an item is no molecule.
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    writer = writer_of(WRITERS, path)
    for i, item in enumerate(items):
        if not isinstance(item, Mol):
            raise DomainInputError(
                "is no molecule", field=f"items[{i}]", expected="rdkit.Chem.Mol", got=type(item).__name__
            )
    write_with(path, lambda temporary: writer(items, temporary))


def table(items: Sequence[Mol]) -> dict[str, list[str]]:
    """What is told of molecules, by column, as texts: ``smiles``, ``name`` where one has any, whether it is ``valid``,
    the ``reason`` why not, its ``size`` in heavy atoms, how many ``stereoisomers`` it may stand for at most, its own
    properties, and descriptors."""
    names, told = [name_of(mol) for mol in items], [properties(mol) for mol in items]
    reasons = [fault(mol) for mol in items]
    found = {"smiles": [smiles(mol) for mol in items]}
    if any(names):
        found["name"] = names
    found["valid"] = ["true" if reason is None else "false" for reason in reasons]
    found["reason"] = [reason or "" for reason in reasons]
    found["size"] = [str(mol.GetNumHeavyAtoms()) for mol in items]
    counts = [possible(mol) for mol in items]
    found["stereoisomers"] = ["" if count is None else str(count) for count in counts]
    own = dict.fromkeys(key for props in told for key in props if key not in found)
    taken = {key.casefold() for key in own}
    computed = descriptors.compute([name for name in COMPUTED if name not in taken], items)
    return (
        found
        | {key: [props.get(key, "") for props in told] for key in own}
        | {name: ["" if x is None else f"{x:.6g}" for x in values] for name, values in computed.items()}
    )


def _write_smiles(items: Sequence[Mol], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for mol in items:
            reason = fault(mol)
            name = name_of(mol) if reason is None else f"broken: {reason}"
            file.write(f"{smiles(mol)} {name}".rstrip() + "\n")


def _write_table(delimiter: str, items: Sequence[Mol], path: Path) -> None:
    columns = table(items)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))


def _write_structures(items: Sequence[Mol], path: Path) -> None:
    columns = table(items)
    with path.open("w", encoding="utf-8") as file:
        for i, mol in enumerate(items):
            placed, embedding = embedded(mol)
            tags = {name: cells[i] for name, cells in columns.items() if name != "name" and cells[i]}
            file.writelines(_record(placed, name_of(mol), tags | {"embedding": embedding}))


def _record(placed: Mol, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """A structure and its tags; a tag's text is one line."""
    placed.SetProp(NAME, " ".join(name.split()))
    with rdBase.BlockLogs():
        yield Chem.MolToMolBlock(placed, kekulize=fault(placed) is None)
    for key, value in tags.items():
        yield f"> <{' '.join(key.split()).replace('>', '')}>\n{' '.join(value.split())}\n\n"
    yield f"{END}\n"


WRITERS: dict[str, Callable[[Sequence[Mol], Path], None]] = {
    ".smi": _write_smiles,
    ".smiles": _write_smiles,
    ".txt": _write_smiles,
    ".csv": partial(_write_table, ","),
    ".tsv": partial(_write_table, "\t"),
    ".sdf": _write_structures,
}
"""How files are written, by their suffix."""
