"""Growth: molecules of n heavy atoms are those of fewer with a group put on, as many of them as are asked for.

The levels are far too large to be made whole, so that lots are drawn among what could be made: a proposal - a molecule,
an atom of it, a group - has a number u in (0, 1) that is a hash of the three, and those of the smallest u / share are
taken, until enough of them are new and stable. No generator of random numbers has a state here: the same molecules come
out on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import torch

from suffuse.rng import mix64
from suffuse_molecules.chemistry import Mol, smiles
from suffuse_molecules.enumeration.groups import GROUPS, Group
from suffuse_molecules.enumeration.keys import keys
from suffuse_molecules.enumeration.stability import stable

CROWDED = (1.0, 1.0, 1.0, 0.3, 0.12)
"""How readily an atom that is not aromatic takes a further neighbour, by how many there will be: crowded carbons are
rarer than their number among all graphs."""

LAST = 2.5
"""Of u / share: what has more is not made even where a level is small, so that the rare stays rare there too."""

Molecules = dict[str, Mol]
"""By canonical SMILES."""

Proposal = tuple[float, int, int, Mol, int, Group]
"""u / share, the atom's number and the group's, by which it is sorted; the molecule, its atom and the group."""


def grow(seeds: Iterable[Mol], counts: Mapping[int, int]) -> dict[int, Molecules]:
    """Molecules by number of heavy atoms.

    Arguments:
        seeds: what growth starts from; all that are stable are among the result.
        counts: how many there shall be of each number of atoms; fewer where there are no more.
    """
    levels: dict[int, Molecules] = {size: {} for size in counts}
    for seed in seeds:
        if seed.GetNumAtoms() in levels and stable(seed):
            levels[seed.GetNumAtoms()].setdefault(smiles(seed), seed)
    for size, count in counts.items():
        level, met = levels[size], set(levels[size])
        for mol in _proposed(levels, size) if len(level) < count else ():
            text = smiles(mol)
            if text in met:
                continue
            met.add(text)
            if stable(mol):
                level[text] = mol
            if len(level) >= count:
                break
    return levels


def _proposed(levels: Mapping[int, Molecules], size: int) -> Iterable[Mol]:
    """What growth can make of a size, made one after the other, the readiest first."""
    proposals = chain.from_iterable(
        _of_parents(list(levels[less].values()), size - less) for less in levels if less < size
    )
    for *_, parent, site, group in sorted(proposals, key=lambda proposal: proposal[:3]):
        yield group.onto(parent, site)


def _of_parents(parents: list[Mol], extra: int) -> list[Proposal]:
    """Proposals that put groups of ``extra`` atoms onto molecules."""
    if not parents:
        return []
    _, colours = keys(parents)
    found, hashes, shares = [], [], []
    for which, group in enumerate(GROUPS):
        if group.size != extra:
            continue
        for parent, colour in zip(parents, colours.tolist(), strict=True):
            alike = {colour[site]: site for site in reversed(group.sites(parent))}
            for name, site in alike.items():
                found.append((parent, site, group))
                hashes.append((name, which))
                shares.append(group.share * _room(parent.GetAtomWithIdx(site)))
    if not found:
        return []
    names, numbers = torch.tensor(hashes).T
    drawn = mix64(mix64(names.clone()) + numbers + 1) >> 11 & (1 << 53) - 1
    order = drawn.double() * 2.0**-53 / torch.tensor(shares, dtype=torch.float64)
    return [(u, *names, *what) for u, names, what in zip(order.tolist(), hashes, found, strict=True) if u < LAST]


def _room(atom: Any) -> float:
    """How readily an atom takes one more neighbour, against one that has plenty of room."""
    return 1.0 if atom.GetIsAromatic() else CROWDED[atom.GetDegree() + 1]
