"""Keeping a part of a molecule while strings are made around it."""

from __future__ import annotations

import pytest

pytest.importorskip("rdkit")
from rdkit import Chem

from suffuse.errors import DomainInputError
from suffuse.model import Model
from suffuse.recipe import validate
from suffuse.rng import Rng
from suffuse.tasks.fit import fit
from suffuse_molecules.chemistry import fault, parse, smiles
from suffuse_molecules.data import Data, of_smiles, parts_of
from suffuse_molecules.strings.codec import MASK, TOKENS, StringCodec
from suffuse_molecules.strings.templates import LOST, faulty, template
from tests.smiles import few


@pytest.fixture(scope="module")
def codec() -> StringCodec:
    return StringCodec.fit([parse(text) for text in few()], merges=20)


@pytest.mark.parametrize(
    ("text", "keep", "told", "atoms"),
    [
        ("*c1ccncc1", None, "*c1ccncc1", 6),
        ("*c1cc(*)ncc1", None, "*c1ccnc(*)c1", 6),
        ("[1*]CCN[2*]", None, "*CCN*", 3),
        ("*CCO.*c1ccccc1", None, "*(CCO)*c1ccccc1", 9),
        ("*C1CC1.*CN.*CO", None, "*(C1CC1)*(CN)*CO", 7),
        ("*=C1CCCC1", None, "*=C1CCCC1", 5),
        ("Cc1ccncc1CCO", "scaffold", "*c1ccncc1*", 6),
        ("CCC(C)C", "atoms:2", "*C(*)*", 1),
        ("c1ccccc1", "all", "*c1ccccc1", 6),
        ("FC(F)c1ccncc1", "smarts:C(F)F", "*C(F)F", 3),
    ],
)
def test_a_part_is_a_text_with_stars(text: str, keep: str | None, told: str, atoms: int) -> None:
    assert template(parse(text), keep, 0.0) == (told, atoms)


def test_stereo_of_the_part_is_kept() -> None:
    told, _ = template(parse("C[C@H](*)Cl"), None, 0.0)
    made, expected = (parse(text) for text in (told.replace("*", "OCC"), "C[C@H](CCO)Cl"))
    told, _ = template(parse("*/C=C/Cl"), None, 0.0)
    assert smiles(made) == smiles(expected) != smiles(parse("C[C@@H](CCO)Cl"))
    assert smiles(parse(told.replace("*", "CO"))) == smiles(parse("CO/C=C/Cl"))


def test_what_cannot_be_kept_is_named(codec: StringCodec) -> None:
    for text, keep, said in (
        ("Cc1ccccc1", "atoms:0-2", "cuts an aromatic ring"),
        ("FC(F)(F)F", "all", "no place where anything could be added"),
        ("CCO", "smarts:[N+]", "no part"),
    ):
        with pytest.raises(DomainInputError, match=said):
            template(parse(text), keep, 0.0)
    with pytest.raises(DomainInputError, match="leaves nothing to make"):
        codec.grow([parse("*c1ccccc1")], None, {"size": [6]}, Rng.of([0]))
    with pytest.raises(DomainInputError, match="no molecule"):
        codec.grow(["CCO"], "all", {}, Rng.of([0]))
    assert codec.grow([parse("CCO")], None, {}, Rng.of([0])) is None


def test_states_have_the_part_and_room_in_each_run(codec: StringCodec) -> None:
    grown = codec.grow([parse("*CO.*c1ccccc1")] * 60, None, {}, Rng.of(range(60)))
    assert grown is not None and isinstance(grown.states, dict) and isinstance(grown.known, dict)
    known, mask = grown.known[TOKENS], grown.states[MASK]
    assert known[~mask].all() and (grown.states[TOKENS].sum(2) == (known & mask).float()).all()
    rows = ["".join("_" if not k else "x" for k in row[real].tolist()) for row, real in zip(known, mask, strict=True)]
    runs = [[len(run) for run in row.split("x") if run] for row in rows]
    assert all(len(run) == 2 for run in runs), "one before, one between"
    large = codec.grow([parse("*CCCCCCCCCCCCCCCCCCCC")], None, {}, Rng.of([0]))
    assert large is not None, "larger than any that was seen"


@pytest.mark.parametrize(
    ("before", "made", "after", "held"),
    [
        ("", "CC", "c1ccncc1", True),
        ("c1cc(", "C2CC2", ")ncc1", True),
        ("c1cc(", "C1CC1", ")ncc1", False),
        ("CC(", "C)C(", "N)O", False),
        ("", "C1CC", "C1CO", True),
        ("[nH]1cc(", "O", ")cc1", True),
    ],
)
def test_a_part_that_lost_a_bond_is_found(before: str, made: str, after: str, held: bool) -> None:
    text = before + made + after
    known = [True] * len(before) + [False] * len(made) + [True] * len(after)
    assert faulty(text, known) == (None if held else LOST)


@pytest.fixture(scope="module")
def model() -> Model:
    """A network that has seen next to nothing: what it makes is mostly broken."""
    data = Data(conditions=())
    molecules = of_smiles(data, "few", few())
    recipe = validate({
        "domain": "molecules", "data": {"name": "enumerated", "conditions": []},
        "codec": {"engine": "strings", "merges": 10}, "process": {"kernel": "absorbing", "masked_loss": "count"},
        "network": {"name": "graph-transformer", "width": 16, "depth": 1, "positions": "rotary"},
        "optimizer": {"learning_rate": 0.01, "warmup": 5},
        "train": {"steps": 120, "batch": 16, "precision": "no"}, "name": "tiny",
    })  # fmt: skip
    return Model(**vars(fit(recipe, parts_of(data, "few", molecules, molecules, molecules))))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("*CC#N", ["*~CC#N"]),
        ("*CO.*C1CC1", ["*~CO", "*~C1CC1"]),
        ("*c1cc(*)ncc1", ["*~c1cc(~*)ncc1"]),
        ("*[C@H](C#N)F", ["*~C(C#N)F"]),
    ],
)
@pytest.mark.parametrize("sampler", ["ddpm", "remasking"])
def test_the_part_is_in_every_output_that_is_not_told_as_broken(
    model: Model, sampler: str, text: str, parts: list[str]
) -> None:
    made = model.inpaint([parse(text)], count=60, steps=8, sampler=sampler, seed=3)
    whole = [mol for mol in made if fault(mol) is None]
    assert whole and len(whole) < len(made)
    assert all(mol.HasSubstructMatch(Chem.MolFromSmarts(part)) for mol in whole for part in parts)


def test_the_same_seed_makes_the_same_alone_or_among_others(model: Model) -> None:
    parts = [parse("*CC#N"), parse("*CO.*C1CC1")]
    both = model.inpaint(parts, count=2, steps=3, seed=7, batch=3)
    alone = model.inpaint(parts[:1], count=2, steps=3, seed=7, batch=1)
    assert [smiles(mol) for mol in both[:2]] == [smiles(mol) for mol in alone]
