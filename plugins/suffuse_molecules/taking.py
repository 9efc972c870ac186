"""What a model takes of the molecules that are read for it: what it learnt from molecules like these, and no more.

What is left off, as counter-ions and isotopes, is told of each molecule by its property ``left_off``.
"""

from __future__ import annotations

from collections.abc import Sequence

from suffuse.domain import Item, Taken, Unreadable
from suffuse.errors import DomainInputError
from suffuse_molecules.chemistry import Mol, fault, flat, largest, pieces, smiles
from suffuse_molecules.codec import LARGEST
from suffuse_molecules.files import name_of, properties
from suffuse_molecules.files.records import labelled
from suffuse_molecules.growing import is_open, numbered
from suffuse_molecules.losses import lost

LEFT_OFF = "left_off"
"""The property of a molecule that says what of it is left off."""

READ = "_suffuse_read"
"""The property of a molecule of which something is left off: the SMILES that were read."""

PIECES = "smaller pieces"


def taken(items: Sequence[Item], fragments: str, graphs: bool) -> Taken:
    """Molecules as a model takes them.

    Those that tell by ``*`` where they go on, broken ones, and what is no molecule stay as they are.

    Arguments:
        items: that were read.
        fragments: what of one in several pieces is taken: ``largest``, ``keep`` or ``drop``, as the model's data say.
        graphs: whether the model knows graphs alone, which tell no stereo, isotopes or radicals.
    """
    found, left = list(items), {}
    for i, item in enumerate(items):
        if not isinstance(item, Mol) or fault(item) is not None or is_open(item):
            continue
        if fragments == "drop" and pieces(item) > 1:
            found[i] = Unreadable(_dropped(item))
            continue
        one, lacks = _held(item, fragments, graphs)
        if lacks:
            if one.GetNumAtoms() < item.GetNumAtoms():
                one, _ = _held(numbered(item), fragments, graphs)
            left[i] = ", ".join(lacks)
            found[i] = _labelled(one, item, left[i])
    return Taken(found, left)


def _held(item: Mol, fragments: str, graphs: bool) -> tuple[Mol, tuple[str, ...]]:
    """What is taken of a molecule, and what is left off."""
    one = largest(item) if fragments == "largest" else item
    lacks: tuple[str, ...] = (PIECES,) if one is not item else ()
    if not graphs or one.GetNumAtoms() > LARGEST:  # that is refused by its size
        return one, lacks
    plain = flat(one)
    return plain, lacks + lost(one, plain)


def as_read(mol: Mol) -> str:
    """The canonical SMILES that a molecule was read as; its own, if nothing is left off."""
    return str(mol.GetProp(READ)) if mol.HasProp(READ) else smiles(mol)


def _labelled(one: Mol, item: Mol, left: str) -> Mol:
    """What is taken of a molecule, with all that is told of this, and what is left off."""
    one.SetProp(READ, smiles(item))
    return labelled(one, name_of(item), {**properties(item), LEFT_OFF: left})


def _dropped(item: Mol) -> DomainInputError:
    return DomainInputError(
        "is in pieces, which the model's data leave out (data.fragments=drop)", field="molecule",
        expected="a molecule of one piece", got=smiles(item)[:80],
    )  # fmt: skip
