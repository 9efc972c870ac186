"""Filters of molecules: what is let through of those that a model makes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial

from rdkit import Chem, rdBase

from suffuse.errors import RecipeError, unknown_name
from suffuse.filters import Each, Filter
from suffuse.trained import Trained
from suffuse_molecules.alerts import MCF, PAINS, alert, catalogues
from suffuse_molecules.bredt import SMALLEST as SMALLEST_TRANS
from suffuse_molecules.bredt import twisted
from suffuse_molecules.chemistry import FRAGMENTS, Mol, fault, pieces
from suffuse_molecules.descriptors import compute, find

BROKEN = "is no whole molecule"
"""Why a broken molecule fails what only whole ones can be asked."""

SMALLEST, LARGEST = 3, 8
"""Atoms in a ring, as drugs have them."""

STRAINED = 8
"""Rings of so many atoms or fewer hold no linear part: neither a triple bond nor an allene."""


def valid(model: Trained) -> Filter:
    """Whole molecules: no atom has too many bonds, and aromatic rings can be kekulised."""
    return Each(why_broken)


def connected(model: Trained) -> Filter:
    """Molecules in one piece, valid or not."""
    return Each(lambda mol: FRAGMENTS if pieces(mol) > 1 else None)


def pains(model: Trained) -> Filter:
    """No pan-assay interference compounds (Baell & Holloway 2010), by the 480 patterns that RDKit has."""
    return _alerts(PAINS)


def mcf(model: Trained) -> Filter:
    """None of the 22 patterns that MOSES leaves out of medicines (Polykovskiy et al. 2020)."""
    return _alerts(MCF)


def alerts(model: Trained, catalog: str) -> Filter:
    """No molecule of a catalogue of structural alerts.

    Arguments:
        model: unused.
        catalog: one of RDKit's: PAINS, BRENK, NIH, ZINC, CHEMBL and others.

    Raises:
        RecipeError: RDKit has no such catalogue.
    """
    known = catalogues()
    if catalog.upper() not in known:
        raise unknown_name("catalogue of alerts", catalog, known, RecipeError, field="alerts.catalog")
    return _alerts(catalog.upper())


def rings(model: Trained, smallest: int = SMALLEST, largest: int = LARGEST) -> Filter:
    """No odd rings: none of other sizes; in small ones no triple bond, and no two double bonds at one carbon; and what
    :func:`bredt` drops.

    Arguments:
        model: unused.
        smallest, largest: the numbers of atoms that a ring may have.

    Raises:
        RecipeError: no ring could pass.
    """
    if not 3 <= smallest <= largest:
        raise RecipeError("lets no ring through", field="rings.smallest", expected="3 to largest", got=smallest)
    return _whole(lambda mol: _odd_ring(smallest, largest, mol) or _twisted(SMALLEST_TRANS, mol))


def bredt(model: Trained, smallest: int = SMALLEST_TRANS) -> Filter:
    """No double bond at a bridgehead that Bredt's rule forbids; see :mod:`suffuse_molecules.bredt`.

    Arguments:
        model: unused.
        smallest: atoms of the smallest ring that can hold a trans double bond.

    Raises:
        RecipeError: there is no such ring.
    """
    if smallest < 4:
        raise RecipeError(
            "is no size of a ring with a trans bond", field="bredt.smallest", expected="4 or more", got=smallest
        )
    return _whole(partial(_twisted, smallest))


def smarts(model: Trained, pattern: str, match: bool = True, least: int = 1) -> Filter:
    """Molecules that have a part.

    Arguments:
        model: unused.
        pattern: the part, as SMARTS.
        match: whether they must have it; else they must not.
        least: how often, at different places.

    Raises:
        RecipeError: the pattern is no SMARTS, or ``least`` is not positive.
    """
    with rdBase.BlockLogs():
        query = Chem.MolFromSmarts(pattern)
    if query is None or not query.GetNumAtoms():
        raise RecipeError(
            "is no SMARTS", field="smarts.pattern", expected="a pattern, as [N+] or c1ccccc1", got=pattern
        )
    if least < 1:
        raise RecipeError("must be at least 1", field="smarts.least", got=least)

    def reason(mol: Mol) -> str | None:
        found = len(mol.GetSubstructMatches(query, maxMatches=least)) >= least
        if found == match:
            return None
        return f"has no {pattern}" if match else f"has {pattern}"

    return _whole(reason)


def property_within(model: Trained, descriptor: str, low: float = -math.inf, high: float = math.inf) -> Filter:
    """Molecules of a computed property.

    Arguments:
        model: unused.
        descriptor: as logp, qed, or any that RDKit computes; see :func:`suffuse_molecules.descriptors.find`.
        low, high: the least and the greatest value that pass.

    Raises:
        RecipeError: there is no such descriptor, or no value could pass.
    """
    find(descriptor, field="property.descriptor")
    if not low <= high:
        raise RecipeError("lets no value through", field="property.low", expected=f"at most {high:g}", got=low)

    def reason(mol: Mol) -> str | None:
        (value,) = compute([descriptor], [mol])[descriptor]
        if value is None:
            return f"has no {descriptor}"
        if value < low:
            return f"has a {descriptor} below {low:g}"
        return f"has a {descriptor} above {high:g}" if value > high else None

    return _whole(reason)


def why_broken(mol: Mol) -> str | None:
    """Why a molecule is broken, in words that do not depend on which of its atoms is to blame."""
    told = fault(mol)
    if told is None:
        return None
    with rdBase.BlockLogs():
        problems = Chem.DetectChemistryProblems(mol)
    for problem in problems:
        kind = problem.GetType()
        if kind == "AtomValenceException":
            return f"has too many bonds at {mol.GetAtomWithIdx(problem.GetAtomIdx()).GetSymbol()}"
        if kind in ("KekulizeException", "AtomKekulizeException"):
            return "cannot be kekulised"
    return BROKEN


def _whole(reason: Callable[[Mol], str | None]) -> Filter:
    """Judges whole molecules, and drops broken ones."""
    return Each(lambda mol: BROKEN if fault(mol) is not None else reason(mol))


def _odd_ring(smallest: int, largest: int, mol: Mol) -> str | None:
    """What is odd about the rings of a whole molecule."""
    for bonds in mol.GetRingInfo().BondRings():
        size = len(bonds)
        if not smallest <= size <= largest:
            return f"has a ring of {size}"
        if size <= STRAINED:
            ring = [mol.GetBondWithIdx(i) for i in bonds]
            if any(bond.GetBondType() == Chem.BondType.TRIPLE for bond in ring):
                return f"has a triple bond in a ring of {size}"
            double = [bond for bond in ring if bond.GetBondType() == Chem.BondType.DOUBLE]
            ends = Counter(end.GetIdx() for bond in double for end in (bond.GetBeginAtom(), bond.GetEndAtom()))
            if any(count > 1 and mol.GetAtomWithIdx(i).GetSymbol() == "C" for i, count in ends.items()):
                return f"has an allene in a ring of {size}"
    return None


def _twisted(smallest: int, mol: Mol) -> str | None:
    return "has a double bond at a bridgehead" if twisted(mol, smallest) else None


def _alerts(name: str) -> Filter:
    """None of a catalogue of alerts."""

    def reason(mol: Mol) -> str | None:
        found = alert(mol, name)
        return None if found is None else f"is {name}: {found}"

    return _whole(reason)
