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
    ours = {"valid", "connected", "pains", "alerts", "rings", "smarts", "property"}
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
