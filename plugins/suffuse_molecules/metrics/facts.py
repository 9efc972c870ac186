"""What is counted and measured of a molecule, once for all figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import BRICS
from rdkit.Chem.Scaffolds import MurckoScaffold
from torch import Tensor

from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import Mol
from suffuse_molecules.metrics.alerts import alerts
from suffuse_molecules.metrics.fingerprints import fingerprints

Floats = NDArray[np.float64]

PROPERTIES = ("logp", "qed", "sa", "weight", "tpsa")
"""Descriptors whose distributions are compared."""
COUNTED = ("sizes", "atoms", "bonds", "degrees", "ring_sizes", "rings")
"""What is counted in each molecule."""
LARGEST_RING = 9
"""Larger rings count as this."""


_broken: Any = BRICS.BreakBRICSBonds
_framework: Any = MurckoScaffold.GetScaffoldForMol


@dataclass(frozen=True)
class Facts:
    """Of one molecule.

    Arguments:
        counts: how often things occur in it, by what is counted: ``sizes`` and ``rings`` hold one number each, the
            others a number for each atom, bond or ring.
        scaffold: that of Murcko as SMILES, where it has two rings or more.
        fragments: SMILES of the pieces into which BRICS breaks it.
        charged: whether an atom has a formal charge.
        alerts: whose filters would drop it: see :func:`suffuse_molecules.metrics.alerts.alerts`.
    """

    counts: Mapping[str, Counter[Hashable]]
    scaffold: str | None
    fragments: tuple[str, ...]
    charged: bool
    alerts: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """Molecules, all as their canonical SMILES tell them; repetitions are kept.

    Arguments:
        smiles: of each.
        facts: of each.
        properties: float64 ``[n]`` by name, not finite where RDKit has no answer.
        bits: fingerprints, uint8 ``[n, 1024]``.
    """

    smiles: Sequence[str]
    facts: Sequence[Facts]
    properties: Mapping[str, Floats]
    bits: Tensor

    def __len__(self) -> int:
        return len(self.smiles)

    def counted(self, name: str) -> Counter[Hashable]:
        """What all of them have together."""
        found = Counter[Hashable]()
        for facts in self.facts:
            found.update(facts.counts[name])
        return found

    @property
    def scaffolds(self) -> Counter[Hashable]:
        """How many molecules have a scaffold."""
        return Counter(facts.scaffold for facts in self.facts if facts.scaffold is not None)

    @property
    def fragments(self) -> Counter[Hashable]:
        """How often a fragment occurs."""
        return Counter(piece for facts in self.facts for piece in facts.fragments)

    @property
    def charged(self) -> float:
        """The share of molecules in which an atom is charged."""
        return float(np.mean([facts.charged for facts in self.facts]))

    def passing(self, catalogue: str) -> float:
        """The share of distinct molecules that have none of a catalogue's patterns."""
        distinct = dict(zip(self.smiles, self.facts, strict=True)).values()
        return float(np.mean([catalogue not in facts.alerts for facts in distinct]))


def view(smiles: Sequence[str]) -> View:
    """What is to be known of molecules; each is looked at once, however often it is among them.

    Arguments:
        smiles: canonical, of whole molecules.
    """
    known = list(dict.fromkeys(smiles))
    molecules = [Chem.MolFromSmiles(text) for text in known]
    with rdBase.BlockLogs():
        facts = [facts_of(mol) for mol in molecules]
        properties = descriptors.compute(PROPERTIES, molecules)
    place = {text: i for i, text in enumerate(known)}
    order = np.array([place[text] for text in smiles], np.int64)
    return View(
        smiles,
        [facts[i] for i in order],
        {name: np.asarray(values, np.float64)[order] for name, values in properties.items()},
        fingerprints(molecules)[torch.from_numpy(order)],
    )


def facts_of(mol: Mol) -> Facts:
    """Of a whole molecule."""
    rings = mol.GetRingInfo().AtomRings()
    atoms, bonds = list(mol.GetAtoms()), list(mol.GetBonds())
    counts: dict[str, Iterable[Hashable]] = {
        "sizes": [mol.GetNumHeavyAtoms()],
        "atoms": [atom.GetSymbol() for atom in atoms],
        "bonds": [bond.GetBondType() for bond in bonds],
        "degrees": [atom.GetDegree() for atom in atoms],
        "ring_sizes": [min(len(ring), LARGEST_RING) for ring in rings],
        "rings": [len(rings)],
    }
    return Facts(
        {name: Counter(told) for name, told in counts.items()},
        _scaffold(mol) if len(rings) > 1 else None,
        tuple(Chem.MolToSmiles(_broken(mol)).split(".")),
        any(atom.GetFormalCharge() for atom in atoms),
        alerts(mol),
    )


def _scaffold(mol: Mol) -> str | None:
    """Rings and what links them."""
    try:
        made = _framework(mol)
    except (Chem.MolSanitizeException, ValueError):  # a ring that is aromatic by what hangs on it has none
        return None
    return str(Chem.MolToSmiles(made)) or None
