"""The data set that comes with suffuse: small organic molecules, made by rule on the machine where they are wanted.

Real graphs of sound chemistry - chains, rings, cages, aromatic rings, with the groups that they bear in practice - of
carbon, nitrogen, oxygen, fluorine, and a little sulphur and chlorine, up to nine heavy atoms. They are made once, in
some twenty seconds, and read from the cache afterwards. Nobody's data is in them.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from pathlib import Path

from suffuse.domain import Splits
from suffuse.errors import StorageError
from suffuse.files import write_with
from suffuse.folders import cache_folder
from suffuse_molecules.chemistry import smiles
from suffuse_molecules.data import Data, of_smiles, read, split
from suffuse_molecules.enumeration.charges import zwitterion
from suffuse_molecules.enumeration.growth import Molecules, grow
from suffuse_molecules.enumeration.keys import keys
from suffuse_molecules.enumeration.seeds import AZINES, AZOLES, BENZENE, CAGES, CHAIN, FIVE, FUSED, SIX, SMALL, seeds

logger = logging.getLogger(__name__)

NAME = "enumerated"
VERSION = 1
"""Of the molecules; another one for any change of rules."""

FAMILIES = (
    (CHAIN, {1: 3, 2: 10, 3: 40, 4: 100, 5: 250, 6: 600, 7: 1500, 8: 3000, 9: 5000}),
    (SMALL, {3: 5, 4: 20, 5: 40, 6: 100, 7: 250, 8: 600, 9: 1000}),
    (FIVE, {5: 20, 6: 80, 7: 400, 8: 1200, 9: 2300}),
    (SIX, {6: 20, 7: 200, 8: 1500, 9: 3500}),
    (CAGES, {5: 5, 6: 20, 7: 150, 8: 600, 9: 2000}),
    (AZOLES, {5: 12, 6: 60, 7: 250, 8: 1000, 9: 3000}),
    (BENZENE, {6: 1, 7: 12, 8: 150, 9: 2500}),
    (AZINES, {6: 6, 7: 40, 8: 800, 9: 4500}),
    (FUSED, {8: 60, 9: 400}),
)
"""Where growth starts, and how many molecules of each number of heavy atoms it ends with."""


def enumerated(data: Data) -> Splits:
    """Small organic molecules of one to nine heavy atoms, made here; the parts are drawn by the seed."""
    texts, path = molecules(), kept()
    found = read(data, [path]) if path.is_file() else of_smiles(data, NAME, texts)
    return split(data, NAME, found)


def molecules() -> tuple[str, ...]:
    """Canonical SMILES of the data set, mixed by a fixed rule: from the cache, or made now."""
    path = kept()
    return _cached(path) or _stored(path, made())


def kept() -> Path:
    """Where the molecules are kept once they are made."""
    return cache_folder() / "molecules" / f"{NAME}-{VERSION}.smi.gz"


def made() -> tuple[str, ...]:
    """As :func:`molecules`, made anew."""
    found: Molecules = {}
    for frames, counts in FAMILIES:
        for level in grow(seeds(frames), counts).values():
            found.update(level)
    every = [zwitterion(mol) or mol for mol in found.values()]
    names = keys(every)[0].tolist()
    return tuple(text for _, text in sorted(zip(names, map(smiles, every), strict=True)))


def _cached(path: Path) -> tuple[str, ...] | None:
    if not path.exists():
        return None
    try:
        return tuple(gzip.decompress(path.read_bytes()).decode("ascii").splitlines())
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        logger.warning("%s is broken and made anew: %s", path, error)
        return None


def _stored(path: Path, texts: tuple[str, ...]) -> tuple[str, ...]:
    content = gzip.compress("".join(f"{text}\n" for text in texts).encode("ascii"), mtime=0)
    try:
        write_with(path, lambda temporary: temporary.write_bytes(content))
    except StorageError as error:
        logger.warning("the molecules are not kept: %s", error)
    return texts
