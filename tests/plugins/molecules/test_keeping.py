"""``inpaint`` of molecules: what is kept stays, in every output of any model, trained or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rdkit")
from rdkit import Chem

from suffuse.errors import DataError, DomainInputError
from suffuse.model import Model
from suffuse.recipe import validate
from suffuse.tasks.fit import fit
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.making import remember
from suffuse_molecules.chemistry import fault, graph, parse
from suffuse_molecules.data import Data, of_smiles, parts_of

SEEN = ("CCO", "c1ccccc1O", "Cc1ccncc1", "CC(=O)Nc1ccccc1", "O=C(O)c1ccccc1F", "C1CC1CC#N", "OCC1CCCO1")


@pytest.fixture(scope="module")
def model() -> Model:
    """A network that has seen next to nothing: what it makes is mostly broken."""
    data = Data(conditions=())
    molecules = of_smiles(data, "few", SEEN * 8)
    recipe = validate({
        "domain": "molecules", "data": {"name": "enumerated", "conditions": []},
        "network": {"name": "graph-transformer", "width": 16, "depth": 2, "edges": "bonds", "halved": True},
        "train": {"steps": 20, "batch": 16, "precision": "no"}, "name": "tiny",
    })  # fmt: skip
    return Model(**vars(fit(recipe, parts_of(data, "few", molecules, molecules, molecules))))


def _holds(mol: Any, atoms: list[tuple[str, int]], bonds: set[tuple[int, int, int]]) -> bool:
    """Whether the first atoms of a molecule and the bonds between them are these."""
    found, edges = graph(mol) if fault(mol) is None else _raw(mol)
    count = len(atoms)
    inner = {(min(i, j), max(i, j), order) for i, j, order in edges if i < count and j < count}
    return found[:count] == atoms and inner == bonds


def _raw(mol: Any) -> tuple[list[tuple[str, int]], list[tuple[int, int, int]]]:
    orders = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
    atoms = [(atom.GetSymbol(), atom.GetFormalCharge()) for atom in mol.GetAtoms()]
    return atoms, [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), orders[b.GetBondType()]) for b in mol.GetBonds()]


@pytest.mark.parametrize(("sampler", "text", "count"), [("ddpm", "*CC#N", 3), ("renoise", "*CO.*C1CC1", 5)])
def test_the_part_and_its_closed_atoms_are_in_every_output(model: Model, sampler: str, text: str, count: int) -> None:
    made = model.inpaint([parse(text)], count=25, steps=4, sampler=sampler, seed=3)
    bare = Chem.DeleteSubstructs(parse(text), Chem.MolFromSmarts("[#0]"))
    atoms, bonds = graph(bare)
    expected = {(min(i, j), max(i, j), order) for i, j, order in bonds}
    assert len(made) == 25 and all(_holds(mol, atoms, expected) for mol in made)
    assert {mol.GetNumAtoms() for mol in made} <= set(model.codec.sizes) | {count + 1, count + 2}
    ends = {n.GetIdx() - 1 for a in parse(text).GetAtoms() if a.GetAtomicNum() == 0 for n in a.GetNeighbors()}
    closed = set(range(count)) - ends if text.count("*") == 1 else set()
    outside = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for mol in made for b in mol.GetBonds()]
    assert all(not ({i, j} & closed and max(i, j) >= count) for i, j in outside)


def test_the_same_seed_makes_the_same_alone_or_among_others(model: Model) -> None:
    parts = [parse("*CC#N"), parse("*C1CC1")]
    both = model.inpaint(parts, count=2, steps=3, seed=7, batch=3)
    alone = model.inpaint(parts[:1], count=2, steps=3, seed=7, batch=1)
    assert [Chem.MolToSmiles(mol) for mol in both[:2]] == [Chem.MolToSmiles(mol) for mol in alone]


def test_a_part_is_told_in_words_or_by_size(model: Model) -> None:
    found = inpaint(model, [parse("Cc1ccncc1")], keep="scaffold", count=3, conditions={}, steps=2)
    assert all(mol.GetNumAtoms() > 6 for mol in found.items)
    assert found.rows is not None and [mol.GetNumAtoms() for mol in found.rows[0][:2]] == [7, 6]


def test_wrong_requests_are_told(model: Model) -> None:
    for texts, whole in ((("*CO", "*CC", "CCO"), 2), (("CCO", "*CO"), 0)):
        for batch in (1, 8):
            with pytest.raises(DomainInputError, match="are whole, others are not") as caught:
                model.inpaint([parse(text) for text in texts], steps=2, batch=batch)
            assert caught.value.got == f"items[{whole}], {whole}"
    with pytest.raises(DomainInputError, match=r"items\[1\]: .*does not know"):
        model.inpaint([parse("*CO"), parse("*CBr")], count=3, steps=2)
    with pytest.raises(DomainInputError, match="nothing to fill"):
        model.inpaint([parse("CCO")], steps=2)
    with pytest.raises(DomainInputError, match="one of both"):
        model.inpaint([parse("CCO")], keep="all", fill="atoms=0:1", steps=2)
    with pytest.raises(DomainInputError, match="no part"):
        model.inpaint([parse("CCO")], keep="smarts:[N+]", steps=2)


def test_completions_are_filtered_and_replaced(model: Model) -> None:
    found = inpaint(
        model, [parse("*CC#N"), parse("*C1CC1")], count=4, steps=3, seed=5, filters=["valid"], tries=400,
        conditions={},
    )  # fmt: skip
    assert found.account is not None and found.account.made > found.account.kept
    assert all(fault(mol) is None for mol in found.items)
    assert sum(found.drops.values()) == found.account.made - found.account.kept
    assert found.sources == ["0"] * 4 + ["1"] * 4 or found.account.lacking
    kept = [(mol, source) for mol, source in zip(found.items, found.sources or [], strict=True)]
    patterns = {"0": Chem.MolFromSmarts("CC#N"), "1": Chem.MolFromSmarts("C1CC1")}
    assert kept and all(mol.HasSubstructMatch(patterns[source]) for mol, source in kept)
    assert found.account.evaluations >= 3.0, "of each, with those that are made again to agree with what is kept"


def test_what_is_grown_goes_on_after_an_interruption(model: Model, tmp_path: Path) -> None:
    items = [parse("*CC#N"), parse("*C1CC1")]
    call: dict[str, Any] = {"count": 3, "steps": 3, "seed": 5, "batch": 2, "filters": ["valid"], "tries": 30}
    whole = inpaint(model, items, conditions={}, **call)

    def stop(done: int, total: int) -> None:
        if 3 * done > total:  # the first of three batches is made
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), remember(tmp_path / "made", model, **call) as memory:
        inpaint(model, items, conditions={}, memory=memory, on_step=stop, **call)
    with remember(tmp_path / "made", model, **call) as memory:
        again = inpaint(model, items, conditions={}, memory=memory, **call)
    assert memory.recalled == 2 and again.account == whole.account
    assert [Chem.MolToMolBlock(mol) for mol in again.items] == [Chem.MolToMolBlock(mol) for mol in whole.items]
    assert (again.seeds, again.sources) == (whole.seeds, whole.sources)
    with pytest.raises(DataError, match="its seed is another"):
        remember(tmp_path / "made", model, **{**call, "seed": 6})
