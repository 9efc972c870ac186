"""Filters of molecules, against hand-picked ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rdkit")

from rdkit import Chem
from rdkit.Chem import Descriptors

import suffuse_molecules.plugin
from suffuse.errors import RecipeError
from suffuse.registry import isolated, make, names
from suffuse.tasks.filtering import find_filter
from suffuse_molecules.chemistry import Mol, assemble, parse, smiles


@pytest.fixture(autouse=True)
def plugin() -> Iterator[None]:
    with isolated(suffuse_molecules.plugin):
        yield


BROKEN = assemble([("N", 0), *[("C", 0)] * 5], [(0, i, 1) for i in range(1, 6)])
"""Nitrogen with five bonds."""


def said(name: str, *molecules: str | Mol, **options: Any) -> list[str | None]:
    """Why a filter drops molecules."""
    items = [parse(one) if isinstance(one, str) else one for one in molecules]
    return list(make("filter", f"molecules/{name}", None, **options).judge(items)[1])


def test_every_filter_is_found_by_its_name_alone() -> None:
    ours = {"valid", "connected", "pains", "mcf", "alerts", "rings", "bredt", "smarts", "property"}
    assert ours | {"unique", "novel", "usual"} == set(names("filter"))
    assert all(find_filter("molecules", name).domain == "molecules" for name in ours)


def test_valid_says_which_element_has_too_many_bonds_and_not_which_atom() -> None:
    elsewhere = assemble([*[("C", 0)] * 5, ("N", 0)], [(5, i, 1) for i in range(5)])
    charged = assemble([("N", 1), *[("C", 0)] * 5], [(0, i, 1) for i in range(1, 6)])
    assert said("valid", "CCO", "C.C", BROKEN, elsewhere) == [None, None, *["has too many bonds at N"] * 2]
    assert said("valid", charged) == ["has too many bonds at N"]


def test_connected_is_in_one_piece() -> None:
    assert said("connected", "CCO", "C.C", "[Na+].[Cl-]", BROKEN) == [None, "is in pieces", "is in pieces", None]


def test_pains_and_other_catalogues_name_the_alert() -> None:
    quinone, aldehyde = "O=C1C=CC(=O)C=C1", "CCC=O"
    assert said("pains", quinone, "CCO", BROKEN) == ["is PAINS: quinone_A(370)", None, "is no whole molecule"]
    assert said("pains", aldehyde) == [None]
    assert said("alerts", aldehyde, "c1ccccc1C", catalog="brenk") == ["is BRENK: aldehyde", None]
    with pytest.raises(RecipeError, match="did you mean 'PAINS'"):
        said("alerts", catalog="PAIN")


def test_mcf_names_the_pattern() -> None:
    """One molecule of each kind; hydrogens are made explicit, as MCF4 needs them."""
    told = said("mcf", "CCO", "CCCl", "C1CO1", "CC=O", "CC(Cl)C", "CN=C=O", "CSSC", BROKEN)
    assert told == [
        None, "is MCF: MCF4", "is MCF: MCF5", "is MCF: MCF7", None, "is MCF: MCF6", "is MCF: MCF16",
        "is no whole molecule",
    ]  # fmt: skip


NAMED = {
    "norbornane": ("C1CC2CCC1C2", False),
    "norborn-2-ene": ("C1=CC2CCC1C2", False),
    "norborn-1-ene": ("C1=C2CCC(C1)C2", True),
    "norborn-1(7)-ene": ("C1CC2=CC1CC2", True),
    "norbornadiene": ("C1=CC2C=CC1C2", False),
    "bicyclo[2.2.2]oct-2-ene": ("C1=CC2CCC1CC2", False),
    "bicyclo[2.2.2]oct-1-ene": ("C1=C2CCC(C1)CC2", True),
    "bicyclo[3.2.2]non-1-ene": ("C1=C2CCC(CC1)CC2", True),  # trans in a ring of seven
    "bicyclo[3.3.1]non-1-ene": ("C1CC=C2CCCC1C2", False),  # trans in a ring of eight: Wiseman made it
    "bicyclo[3.3.1]non-1(9)-ene": ("C1CC2=CC(C1)CCC2", True),
    "adamantene": ("C1C2CC3CC1C=C(C2)C3", True),
    "an iminium ion": ("C1C[N+]2=CC1CC2", True),
    "a bridged amide": ("O=C1CC2CCN1CC2", False),
    "a bridged phosphine oxide": ("O=P12CCC(CC1)CC2", False),
    "alpha-pinene": ("CC1=CCC2CC1C2(C)C", False),
    "camphor": ("CC1(C)C2CCC1(C)C(=O)C2", False),
    "triptycene": ("c1ccc2c(c1)C1c3ccccc3C2c2ccccc12", False),
    "[2.2]paracyclophane": ("c1cc2ccc1CCc1ccc(cc1)CC2", False),
    "[2]paracyclophane": ("C1Cc2ccc1cc2", True),
    "octalin, fused": ("C1CCC2=C(C1)CCCC2", False),
    "pyrene, fused": ("c1cc2ccc3cccc4ccc(c1)c2c34", False),
    "porphine": ("C1=CC2=CC3=CC=C(N3)C=C4C=CC(=N4)C=C5C=CC(=N5)C=C1N2", False),
    "morphine": ("CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5", False),
    "baccatin, of taxol": ("CC1=C2C(=O)C(=O)C3(C)C(O)CC4OCC4C3CC(CC1O)C2(C)C", False),
}


@pytest.mark.parametrize("name", NAMED)
def test_bridgeheads_without_double_bonds(name: str) -> None:
    molecule, forbidden = NAMED[name]
    reason = "has a double bond at a bridgehead" if forbidden else None
    assert said("bredt", molecule) == [reason]
    assert said("rings", molecule, largest=20) == [reason]


def test_bridgeheads_do_not_depend_on_the_order_of_atoms() -> None:
    for molecule, forbidden in NAMED.values():
        mol = parse(molecule)
        order = list(range(mol.GetNumAtoms()))[::-1]
        assert (said("bredt", Chem.RenumberAtoms(mol, order)) == [None]) != forbidden


def test_larger_bridged_rings_on_demand() -> None:
    isolated_by_wiseman = "C1CC=C2CCCC1C2"
    assert said("bredt", isolated_by_wiseman, smallest=9) == ["has a double bond at a bridgehead"]
    assert said("bredt", "C1=C2CCC(CC1)CC2", smallest=7) == [None]
    assert said("bredt", BROKEN) == ["is no whole molecule"]
    with pytest.raises(RecipeError, match=r"bredt\.smallest"):
        said("bredt", smallest=3)


@pytest.mark.parametrize(
    ("molecule", "reason"),
    [
        ("C1CC1", None),
        ("C1CCCCCCC1", None),
        ("C1CCCCCCCC1", "has a ring of 9"),
        ("c1ccccc1", None),
        ("C=C=C", None),  # an allene, but in no ring
        ("C#CC1CC1", None),
        ("C1=C=CCCC1", "has an allene in a ring of 6"),
        ("C1CCC#CC1", "has a triple bond in a ring of 6"),
        ("O=S1(=O)CCCC1", None),
        ("CC", None),
    ],
)
def test_odd_rings(molecule: str, reason: str | None) -> None:
    assert said("rings", molecule) == [reason]


def test_rings_of_other_sizes_on_demand() -> None:
    assert said("rings", "C1CC1", "C1CCCC1", smallest=5, largest=6) == ["has a ring of 3", None]
    assert said("rings", "C1CCCCCCCCC#C1", largest=12) == [None]  # a large ring can hold a triple bond
    assert said("rings", BROKEN) == ["is no whole molecule"]
    with pytest.raises(RecipeError, match=r"rings\.smallest"):
        said("rings", smallest=7, largest=6)


def test_smarts_must_match_or_must_not() -> None:
    ethanol, salt = "CCO", "C[N+](C)(C)C"
    assert said("smarts", ethanol, salt, pattern="[N+]") == ["has no [N+]", None]
    assert said("smarts", ethanol, salt, pattern="[N+]", match=False) == [None, "has [N+]"]
    assert said("smarts", "CO", "OCCO", pattern="[OX2H]", least=2) == ["has no [OX2H]", None]
    assert said("smarts", "CO", "OCCO", pattern="[OX2H]", match=False, least=2) == [None, "has [OX2H]"]
    assert said("smarts", BROKEN, pattern="N") == ["is no whole molecule"]
    for wrong in ("C((", "", "not smarts"):
        with pytest.raises(RecipeError, match=r"smarts\.pattern"):
            said("smarts", pattern=wrong)
    with pytest.raises(RecipeError, match=r"smarts\.least"):
        said("smarts", pattern="C", least=0)


def test_property_is_within_bounds() -> None:
    weights = [Descriptors.MolWt(Chem.MolFromSmiles(one)) for one in ("C", "CCO", "CCCCCCCC")]
    assert weights == sorted(weights)
    low, high = (weights[0] + weights[1]) / 2, (weights[1] + weights[2]) / 2
    told = said("property", "C", "CCO", "CCCCCCCC", BROKEN, descriptor="weight", low=low, high=high)
    assert told == [f"has a weight below {low:g}", None, f"has a weight above {high:g}", "is no whole molecule"]
    assert said("property", "CCO", descriptor="weight", low=weights[1], high=weights[1]) == [None]
    with pytest.raises(RecipeError, match=r"property\.descriptor"):
        said("property", descriptor="colour")
    with pytest.raises(RecipeError, match=r"property\.low"):
        said("property", descriptor="logp", low=2.0, high=1.0)


def test_the_command_line_takes_smarts_as_they_are() -> None:
    from suffuse.cli.filtering import parse_filters

    class Recipe:
        domain = "molecules"

    class Model:
        recipe = Recipe

    written = [
        "smarts:pattern=[N+](=O)[O-],match=false",
        "smarts:pattern=[$(C),$(N[O,S])],least=2",
        "property:descriptor=qed,low=0.5",
    ]
    assert parse_filters(Model, written) == [  # type: ignore[arg-type]
        {"name": "smarts", "pattern": "[N+](=O)[O-]", "match": False},
        {"name": "smarts", "pattern": "[$(C),$(N[O,S])]", "least": 2},
        {"name": "property", "descriptor": "qed", "low": 0.5},
    ]


def test_molecules_are_the_same_by_their_canonical_name(tmp_path: Path) -> None:
    from suffuse_molecules.domain import Molecules

    domain = Molecules()
    assert domain.key(parse("OCC")) == domain.key(parse("C(C)O")) == "CCO"
    assert domain.key(parse("C[C@H](O)F")) == domain.key(parse("C[C@@H](O)F"))
    assert domain.key(BROKEN) != domain.key(parse("CCO")) and smiles(BROKEN)
