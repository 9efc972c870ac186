"""Molecules in files: SMILES, tables with a column of them, and SDF, also gzipped, whole or some at a time."""

from suffuse_molecules.files.lines import parse
from suffuse_molecules.files.opening import stem
from suffuse_molecules.files.preparing import Writing, prepared
from suffuse_molecules.files.reading import READERS, find, pieces, read, stream
from suffuse_molecules.files.records import Piece, molecule, name_of, properties
from suffuse_molecules.files.writing import WRITERS, table, write

__all__ = [
    "READERS", "WRITERS", "Piece", "Writing", "find", "molecule", "name_of", "parse", "pieces", "prepared",
    "properties", "read", "stem", "stream", "table", "write",
]  # fmt: skip
