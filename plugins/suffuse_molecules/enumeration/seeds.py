"""What growth starts from: a chain's first atoms, and ring systems with atoms of nitrogen, oxygen and sulphur.

Ring systems come from frames of carbon, whose letters are replaced in every way: ``C1CCCC1`` gives pyrrolidine,
oxolane, dioxolane and so on. What then has no valence model, or is not stable, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from suffuse.errors import DomainInputError
from suffuse_molecules.chemistry import Mol, parse

Frame = tuple[str, str, int]
"""SMILES of carbon, the letters that may take a carbon's place, and how many of them at most."""

CHAIN: tuple[Frame, ...] = (
    ("C", "NO", 1), ("CC", "NO", 1), ("CF", "", 0), ("CC=C", "", 0), ("CC#C", "", 0), ("CC#N", "", 0), ("CC=O", "N", 1),
    ("CC(=O)O", "", 0), ("CC(N)=O", "N", 1), ("CCC", "NO", 1),
)  # fmt: skip
"""The first atoms of chains, with what is common in them."""

SMALL: tuple[Frame, ...] = (("C1CC1", "NO", 1), ("C1CCC1", "NO", 1), ("O=C1CCC1", "N", 1))
"""Rings of three and four."""

FIVE: tuple[Frame, ...] = (
    ("C1CCCC1", "NO", 2), ("S1CCCC1", "N", 1), ("C1C=CCC1", "NO", 1), ("O=C1CCCC1", "NO", 2), ("O=C1C=CCC1", "NO", 1),
    ("O=C1CCC(=O)C1", "N", 1), ("C1CN=CC1", "NO", 1), ("O=S1(=O)CCCC1", "", 0),
)  # fmt: skip
"""Rings of five that are not aromatic."""

SIX: tuple[Frame, ...] = (
    ("C1CCCCC1", "NO", 2), ("S1CCCCC1", "N", 1), ("C1C=CCCC1", "NO", 1), ("O=C1CCCCC1", "NO", 2),
    ("O=C1C=CCCC1", "NO", 1), ("O=C1CCC(=O)CC1", "N", 1), ("C1CCCCCC1", "NO", 1),
)  # fmt: skip
"""Rings of six, and a few of seven, that are not aromatic."""

CAGES: tuple[Frame, ...] = (
    ("C1CC2CC12", "", 0), ("C1CC2CC2C1", "NO", 1), ("C1CCC2CC2C1", "NO", 1), ("C1CC2CCC2C1", "NO", 1),
    ("C1CC2CCCC2C1", "NO", 2), ("C1CCC2CCCC2C1", "NO", 1), ("C1CC2CCC1C2", "NO", 1), ("C1CC2CC1C=C2", "", 0),
    ("C1CC2CCC1CC2", "NO", 2), ("C1CC2CCC(C1)C2", "NO", 1), ("C1CC2CCC(C1)CC2", "N", 1), ("C1CC12CCC2", "N", 1),
    ("C1CC12CCCC2", "NO", 1), ("C1CC12CCCCC2", "NO", 1), ("C1CC2(C1)CCC2", "NO", 2), ("C1CC2(C1)CCCC2", "NO", 1),
    ("C1CCC2(C1)CCCC2", "NO", 1), ("C1C2CC1C2", "", 0), ("C1CC2CC1CO2", "", 0),
)  # fmt: skip
"""Fused, bridged and spiro rings that are not aromatic."""

AZOLES: tuple[Frame, ...] = (("[nH]1cccc1", "n", 3), ("o1cccc1", "n", 2), ("s1cccc1", "n", 1))
"""Aromatic rings of five."""

BENZENE: tuple[Frame, ...] = (("c1ccccc1", "", 0),)
"""The aromatic ring that is met most."""

AZINES: tuple[Frame, ...] = (
    ("c1ccncc1", "n", 2), ("O=c1cccc[nH]1", "n", 1), ("O=c1cc[nH]cc1", "", 0), ("O=c1cc[nH]c(=O)[nH]1", "", 0),
)  # fmt: skip
"""Other aromatic rings of six."""

FUSED: tuple[Frame, ...] = (
    ("c1ccc2[nH]ccc2c1", "n", 2), ("c1ccc2occc2c1", "n", 1), ("c1ccc2sccc2c1", "n", 1), ("c1ccn2cccc2c1", "n", 2),
    ("c1ccc2CCCc2c1", "NOn", 2), ("c1ccc2CCc2c1", "", 0), ("c1cn2CCCc2c1", "n", 1), ("c1cn2CCCc2n1", "", 0),
    ("s1ccc2CCCc12", "n", 1), ("o1ccc2CCCc12", "", 0), ("[nH]1ccc2CCCc12", "n", 1), ("s1ccc2sccc12", "n", 1),
    ("[nH]1ccc2sccc12", "n", 1), ("[nH]1ccc2occc12", "n", 1), ("[nH]1ccc2[nH]ccc12", "n", 1),
)  # fmt: skip
"""Two fused rings of which one or both are aromatic."""


def seeds(frames: tuple[Frame, ...]) -> Iterator[Mol]:
    """The molecules of frames, those of no valence model left out; one may come several times."""
    for frame, letters, most in frames:
        for text in replaced(frame, letters, most):
            try:
                yield parse(text)
            except DomainInputError:  # a carbon of four neighbours became oxygen, an aromatic ring lost its electrons
                continue


def replaced(frame: str, letters: str, most: int) -> Iterator[str]:
    """A frame with up to ``most`` of its carbons replaced, an aromatic one by a small letter only."""
    places = [i for i, letter in enumerate(frame) if letter in "Cc"]
    for count in range(most + 1):
        for chosen in combinations(places, count):
            texts = [frame]
            for place in chosen:
                fitting = [letter for letter in letters if letter.islower() == frame[place].islower()]
                texts = [text[:place] + letter + text[place + 1 :] for text in texts for letter in fitting]
            yield from texts
