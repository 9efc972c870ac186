"""The groups that growth puts onto a molecule, and where each of them may go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rdkit import Chem

from suffuse_molecules.chemistry import ORDERS, Mol


@dataclass(frozen=True)
class Group:
    """Some atoms that take the place of hydrogens.

    Arguments:
        smiles: of the group; its first atom is bound.
        site: SMARTS of the atom that it is bound to.
        share: how readily it is taken, against the other groups.
        order: of the new bond.
        charge: what the atom of the site gets; with one, the bond takes a lone pair's place, not a hydrogen's.
    """

    smiles: str
    site: str
    share: float
    order: int = 1
    charge: int = 0

    @cached_property
    def mol(self) -> Mol:
        return Chem.MolFromSmiles(self.smiles, sanitize=False)

    @cached_property
    def size(self) -> int:
        """Heavy atoms."""
        return int(self.mol.GetNumAtoms())

    @cached_property
    def pattern(self) -> Mol:
        return Chem.MolFromSmarts(self.site)

    def sites(self, mol: Mol) -> list[int]:
        """The atoms of a molecule that the group may be bound to."""
        return [match[0] for match in mol.GetSubstructMatches(self.pattern)]

    def onto(self, mol: Mol, site: int) -> Mol:
        """The molecule with the group bound to an atom of :meth:`sites`."""
        made = Chem.RWMol(mol)
        made.InsertMol(self.mol)
        made.AddBond(site, mol.GetNumAtoms(), ORDERS[self.order])
        atom = made.GetAtomWithIdx(site)
        atom.SetFormalCharge(atom.GetFormalCharge() + self.charge)
        if atom.GetNumExplicitHs():  # [nH], whose hydrogen is counted, not implied
            atom.SetNumExplicitHs(atom.GetNumExplicitHs() - self.order)
        Chem.SanitizeMol(made)
        return made.GetMol()


PLAIN = "[CX4;!H0;!$(C[N,O,S,F,Cl])]"  # saturated, and beside no other heteroatom
SIX = "[cH;r6;!$(c:[n,o]);!$(c:c=O)]"
FIVE = "[cH;r5;$(c:[nX2])]"  # amines of pyrrole and furan themselves do not last
CHAINED = "[CX4;H2,H3;!$(C[N,O,S,F,Cl])]"
AMINE = "[NX3;!$(N[C,S]=[O,N,S]);!$(Na);!$(N-C=C)]"

GROUPS: tuple[Group, ...] = (
    Group("C", "[C,c,O,S;!H0;+0;!$([OH]c1ncccc1)]", 1.0),
    Group("C", "[N,n;!H0;+0]", 0.7),
    Group("O", PLAIN, 0.4), Group("O", SIX, 0.8), Group("O", "[CX3H1]=O", 0.4),
    Group("N", PLAIN, 0.35), Group("N", SIX, 0.6), Group("N", FIVE, 0.4), Group("N", "[cH;r6;$(c:n)]", 0.5),
    Group("N", "[CX3H1]=[O,N]", 0.8), Group("N", "[CX4;H2;$(CC=O)]", 0.3),
    Group("OC", "[CX4;!H0;!$(C[N,O,S,F,Cl]);!$(CC=O)]", 0.15), Group("OC", "[cH]", 0.4),
    Group("OC", "[CX4H2;$(COC);!$(C(O)[N,O,S,F,Cl])]", 0.03),
    Group("N(C)C", PLAIN, 0.1), Group("NC(C)=O", PLAIN, 0.1), Group("NC(C)=O", SIX, 0.1),
    Group("F", "[CX4;!H0;!$(C[N,O,S,Cl])]", 0.1), Group("F", "[cH;r6]", 0.4), Group("F", "[cH;r5]", 0.04),
    Group("C(F)(F)F", "[cH,CX4;!H0]", 0.06),
    Group("Cl", "[cH;r6]", 0.3), Group("Cl", "[cH;r5]", 0.1), Group("Cl", "[CX4H3;!$(C[N,O,S])]", 0.02),
    Group("S", "[CX4;H2,H3;!$(C[N,O,S,F,Cl])]", 0.02), Group("SC", "[cH]", 0.05), Group("SC", CHAINED, 0.05),
    Group("S(C)(=O)=O", "[cH,CX4;!H0]", 0.03), Group("S(N)(=O)=O", "[cH,CX4;!H0]", 0.03),
    Group("O", "[CX4;H2;!r3;!$(C[O,S,F,Cl]);!$(C(N)[N,C]=O)]", 0.5, order=2),
    Group("O", "[CX4H3;$(C[#6,N])]", 0.15, order=2),
    Group("C", CHAINED.replace("H2,H3", "H2,H3;!r3"), 0.12, order=2),
    Group("NO", "[CX4;H2,H3;$(C[#6]);!r3;!$(C[N,O,S,F,Cl])]", 0.05, order=2),
    Group("N", "[CX4;H2,H3;$(C[NX3;!$(NC=[O,N])])]", 0.05, order=2),
    Group("C#N", "[cH]", 0.4), Group("C#N", PLAIN, 0.15), Group("C#C", "[cH]", 0.1), Group("C#C", "[CX4;!H0]", 0.06),
    Group("C(N)=O", "[cH,CX4;!H0]", 0.15), Group("C(=O)O", "[cH,CX4;!H0]", 0.15),
    Group("C(=O)O", "[CX4;H2,H3;$(C[NX3;!$(NC=O)])]", 0.6),
    Group("C(C)=O", "[cH,CX4;!H0]", 0.1), Group("C(=O)OC", "[cH,CX4;!H0]", 0.1), Group("C1CC1", "[C,c,N;!H0;+0]", 0.05),
    Group("[N+](=O)[O-]", "[cH]", 1.0), Group("[N+](=O)[O-]", PLAIN, 0.1),
    Group("[O-]", "[n;X2;r6;!$(n:[n,o,s])]", 0.3, charge=1), Group("[O-]", AMINE + "(C)(C)C", 0.03, charge=1),
    Group("C", AMINE.replace("X3", "X3;+0") + "([CX4])([CX4])[CX4]", 1.5, charge=1),
)  # fmt: skip
"""Substituents, from a methyl to a quaternary nitrogen's fourth."""
