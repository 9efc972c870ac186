"""What no bottle would hold: SMARTS of molecules that fall apart, polymerise, or are another tautomer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rdkit import Chem

from suffuse_molecules.chemistry import Mol

HETERO = Chem.MolFromSmarts("[#7,#8,#16,Cl]")


@dataclass(frozen=True)
class Rule:
    """What makes a molecule unstable.

    Arguments:
        reason: in words.
        where: SMARTS that every molecule of the patterns has: without it they need no look.
        patterns: SMARTS of which none may be there. A dot stands between two parts that must not be in one molecule.
    """

    reason: str
    where: str
    patterns: tuple[str, ...]

    def broken(self, mol: Mol) -> bool:
        """Whether a molecule has one of the patterns."""
        where, patterns = self._queries
        return mol.HasSubstructMatch(where) and any(mol.HasSubstructMatch(pattern) for pattern in patterns)

    @cached_property
    def _queries(self) -> tuple[Mol, list[Mol]]:
        return Chem.MolFromSmarts(self.where), [Chem.MolFromSmarts(smarts) for smarts in self.patterns]


UNSTABLE: tuple[Rule, ...] = (
    Rule(
        "heteroatoms in a row", "[!#6]~[!#6]", (
            "[O,S;X2]-[O,S;X2]", "[NX3;+0]-[NX3,OX2,SX2;+0]", "[N,O,S]-[F,Cl]", "[N;X2]-[NX3]", "[N;X2]-[N;X2]",
            "[NX2]-[OX2;R]", "[OX2,SX2]-S(=O)=O", "[NX3]-[O,S;X2]", "[n;+0]-[N,O,S]", "[NX2]-[OX2]-[!C;!H]",
            "[NX2]=[O,N]", "[n;r6]:[n;r6]:[n;r6]",
        ),
    ),
    Rule(
        "hemiacetals, aminals and their like", "[!#6]-[CX4]-[!#6]", (
            "[O,N,S;!H0;+0]-[CX4]-[O,N,S,F,Cl;!+]", "[NX3;!$(N-C=O);!$(N-S)]-[CX4]-[NX3,OX2,SX2;!$(N-C=O)]",
            "[NX3,OX2,SX2;!$(*-[#6]=O)]-[CX4]-[NX3,OX2,SX2;$(*-[#6]=O)]", "[CX4]([N,O,S])([N,O,S])[N,O,S]",
            "[CX4]([N,O,S;+0])[F,Cl;!$(F-C(F)F)]", "[CX4](F)Cl", "n-[CX4]-[O,N,S,F,Cl]",
        ),
    ),
    Rule(
        "enols and the hydroxy tautomers of amides", "[#7,#8,#16]-[#6]=,:*", (
            "[O,S;H1]-[C]=[C]", "[N;!H0;+0;!$(N-C=[O,S]);!$(N-C=C-C=O)]-[C]=[C]",
            "[O,S,N;H1,H2;+0]-C=[NX2;!$(N-O);!$(N=C-N)]", "[O,S;H1]-C=[N;$(N=C-N)]", "[OH]-c:[nX2]", "[OH]-[c;r5]",
            "[OH]-c:c:o", "[C;R]([OH])=[C,N]", "C=C-[O,N,S]-C=C", "[O,N,S]-[C]=[C]-[O,N,S]",
        ),
    ),
    Rule(
        "imines", "C=N", (
            "[NH;!R]=[C;!$(C-[N])]", "[NX2;!$(N-O);!R;!$(N=C-N)]=[C]", "[NX2;R;!$(N=C-[N,O,S]);!$(N=C-C=O)]=[CH]",
            "[NX2]=C-C=[O,N]", "[NH]=C(-[O,S,c])", "[NX2;!R]=C(-N)-[O,S]", "[OX2]-N=C-[N,O,S]", "ON=[CH2]",
            "[NX2]=C-N-C=O",
        ),
    ),
    Rule(
        "carbonyls that react", "[CX3]=O", (
            "C(=O)[F,Cl]", "C(=O)[O,S]C(=O)", "[O,S;H1]C(=O)[N,O,S]", "[CX3H1](=O)-[CX3]=[O,N]",
            "[CX3H1](=O)-[CX4]-[CX3]=O", "[OH]C(=O)[CX4]C(=O)", "[OH]C(=O)C(=O)", "[CX3](=O)-[CX3](=O)-[CX3]=O",
            "O=C[O,N;H0]C(=O)[O,N]", "O=C-C#[N,C]", "[C;R](=O)-[C;R]=O", "O=CSC", "O=C[SH]",
            "[CX3H1](=O)-[NX3]-[CX3]=O", "O=[CH]C#[C,N]", "O=[CH]C=O", "O=C(-[O,N])-[O,S]-[CX3]", "[CX3H1](=O)-O-c",
            "S=O.[CX3H1]=O", "O=C-O-C=C", "O=C1C=CC=C1",
        ),
    ),
    Rule(
        "cumulenes and strained double bonds", "*=,#*", (
            "*=C=*", "[r3]=*", "[r3]-[r3]=*", "[r4]=[r4]", "C#C-C#[C,N]", "C#C-[N,O,S]", "C#C-C=O", "[C;r4]=[CH2]",
            "[C;!R]=[C;!R]-[C;!R]=[C;!R]-[C]=[O,C,N]", "[C;R]1=CC(=C)C=C1", "[C;R]=[C;R]-[C;R]=[C;R]",
            "[CH2]=C-[C;R]=[C;R]", "[CH2]=C-C(=O)-C=[CH2]", "[CH2]=C(C=*)C=*", "[CH2]=[C;R]-[C;R]=*",
            "C#C-[CX4]-C=O",
        ),
    ),
    Rule(
        "nitriles and halides that leave", "[F,Cl,$(C#N)]", (
            "N#C-[N,O,S]", "[N,O,S;!H0]-[CX4]-C#N", "N#C-[CX4]-C#N", "N#C-[CX4]-[CX3H1]=O", "N#C-C=O", "N#C-C=N",
            "Cl-[CX4]-[CX3,CX2]", "Cl-[CX4]-[CX4]-[N,O,S]", "F-[CX4]-[CX4]-[N;!$(N-C=O);+0]", "Cl-[C;r3,r4]",
            "F-[CX4H2]-[CX3,CX2]", "F-C=C", "Cl-C=C", "[CX4](-F)(-[CX3]=O)", "F-[CX4H2]-c", "Cl-[CX4]-c",
            "[F,Cl]-[c;r5].[F,Cl]-[c;r5]",
        ),
    ),
    Rule(
        "charges that do not last", "[+]", (
            "[O-][NX4]C=*", "[N+](=O)[O-].[CX3H1]=O", "[N+](=O)[O-].[SH]", "[N+](=O)[O-].[N+](=O)[O-]",
            "[+].[CX3H1]=O", "[N+](=O)([O-])[CX4]C=O", "[N+](=O)([O-])[CX4][N,O,S,F,Cl,$(C#N)]", "[n+].[OH]C=O",
            "[N+]C[N,O,S,F,Cl]", "[+;!$(*[O-])].[+;!$(*[O-])]", "[N+;R3]", "[N+;r3,r4]",
        ),
    ),
    Rule(
        "rings that open", "[r3,r4]", (
            "[N,O;r3].[N;!H0;!$(N-C=O);!r3]", "[N,O;r3].[O,S;H1]", "[N,O;r3].[CX3H1]=O",
            "[N,O;r3]-*-[N,O,S,F,Cl;!r3]", "[N,O;r3]@[*;r3]-[C]=[O]", "[O;r4]-C=O", "[r3,r4;N,O].[+]",
            "[O;r3]-@[C;r3]-C=*", "[c]@[r4]", "[S;r4]-C=O", "[N,O,S;r4]@*@[N,O,S]", "[*;r3;r4;r5]", "[*;R3;r3]",
            "[N,O;r3].Cl", "[r3]-[OH,NH2,SH,F,Cl]", "[r3;N]-C=O",
        ),
    ),
    Rule(
        "pairs that find each other", "[$([CX3H1]=O),$(Cl),$([CH2]=C)]", (
            "[CX3H1](=O)[#6].[NX3;H2,H1;!$(N-C=[O,N,S]);!$(N-S)]", "Cl[CX4].[NX3;!$(N-C=[O,N,S])]", "Cl[CX4].[SH]",
            "[CX3H1]=O.[SH]", "[CX3H1](=O)[#6].[CX3H1](=O)[#6]", "[CH2]=CC=O.[N,S;!H0;!$(N-C=O)]",
            "C(=O)O.[CX3H1](=O)[#6]", "C=NO.[CX3H1]=O", "[CX3H1](=O)C.[OH]",
        ),
    ),
)  # fmt: skip


def stable(mol: Mol) -> bool:
    """Whether a molecule breaks no rule, and at most half of its atoms, or three, are nitrogen, oxygen and the like."""
    if len(mol.GetSubstructMatches(HETERO)) > max(3, mol.GetNumAtoms() // 2):
        return False
    return not any(rule.broken(mol) for rule in UNSTABLE)
