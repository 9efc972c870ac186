"""Figures of generated molecules, against small sets that can be counted by hand, and against other computations."""

import csv
import gzip
import logging
import os
import pickle
import warnings
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("rdkit", reason="rdkit is not installed: pip install rdkit")

from rdkit import Chem, DataStructs
from rdkit.Chem import QED, Crippen, rdFingerprintGenerator
from scipy.stats import wasserstein_distance

from suffuse.errors import DataError, DomainInputError
from suffuse_molecules import metrics
from suffuse_molecules.chemistry import assemble, fault, graph, parse, pieces, smiles
from suffuse_molecules.metrics import asked, chemnet, evaluate, repair
from suffuse_molecules.metrics.alerts import alerts
from suffuse_molecules.metrics.counts import cosine, total_variation
from suffuse_molecules.metrics.facts import facts_of, view
from suffuse_molecules.metrics.fingerprints import diversity, fingerprints, nearest

TRAIN = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "C1CC1", "CCCl", "OCC1CC1", "c1ccc2ccccc2c1"]
TEST = ["CCCO", "CCCN", "c1ccccc1N", "CC(=O)N", "C1CCC1", "CCBr", "C[N+](C)(C)C", "c1ccc2[nH]ccc2c1"]


def molecules(texts):
    return [parse(text) for text in texts]


def star(symbol, count, order=1):
    """An atom with so many carbons on bonds of an order."""
    return assemble([(symbol, 0)] + [("C", 0)] * count, [(0, i + 1, order) for i in range(count)])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path_factory.getbasetemp() / "molecules"))


@pytest.fixture
def no_fcd(monkeypatch):
    """What does not look at ChemNet goes without."""
    monkeypatch.setattr(metrics, "installed", lambda: False)


@pytest.fixture
def figures(no_fcd):
    made = [*molecules(["CCO", "OCC", "CCCC", "CC.O", "CCCN"]), star("C", 5), star("O", 3)]
    return evaluate(made, molecules(TEST), molecules(TRAIN))


def test_what_is_valid_unique_and_new_by_hand(figures):
    assert figures["n"] == 7
    assert figures["valid"] == pytest.approx(5 / 7)
    assert figures["connected"] == pytest.approx(4 / 7)
    assert figures["repaired"] == 1.0
    assert figures["unique"] == pytest.approx(4 / 5)  # CCO and OCC are one
    assert figures["novel"] == pytest.approx(3 / 4)  # CCO is in the training part
    assert figures["vun"] == pytest.approx(3 / 7)
    assert "unique_at_1000" not in figures


def test_unique_at_1000_looks_at_the_first_thousand(no_fcd):
    made = molecules(["C" * (1 + i % 20) for i in range(1001)] + ["CCBr"])
    assert evaluate(made, molecules(TEST), molecules(TRAIN))["unique_at_1000"] == pytest.approx(20 / 1000)


def test_distributions_by_hand(figures):
    # heavy atoms 3, 3, 4, 3, 4 against 4, 4, 7, 4, 4, 3, 5, 9
    assert figures["tv_sizes"] == pytest.approx(0.5 * ((3 / 5 - 1 / 8) + abs(2 / 5 - 4 / 8) + 3 / 8))
    # ten single bonds of carbon's and no ring
    assert figures["tv_rings"] == pytest.approx(3 / 8)
    assert figures["charged"] == 0.0
    assert figures["charged_real"] == pytest.approx(1 / 8)
    assert figures["scaffolds"] == 0.0
    assert figures["scaffolds_floor"] == 0.0  # naphthalene is not indole
    valid = molecules(["CCO", "OCC", "CCCC", "CC.O", "CCCN"])
    for name, function in (("logp", Crippen.MolLogP), ("qed", QED.qed)):
        by_scipy = wasserstein_distance([function(m) for m in valid], [function(m) for m in molecules(TEST)])
        assert figures[f"wasserstein_{name}"] == pytest.approx(by_scipy)


def test_the_test_part_itself_is_at_no_distance(no_fcd):
    found = evaluate(molecules(TEST), molecules(TEST), molecules(TRAIN))
    assert all(found[name] == pytest.approx(1.0) for name in ("snn", "scaffolds", "fragments", "valid", "novel"))
    assert all(value == pytest.approx(0.0) for name, value in found.items()
               if name.startswith(("tv_", "wasserstein_")) and not name.endswith("_floor"))  # fmt: skip
    assert all(
        found[f"{name}_real"] == pytest.approx(found[name])
        for name in ("charged", "filters", "brenk", "internal_diversity")
    )


def test_floors_are_the_figures_of_training_molecules(no_fcd):
    made = molecules(["CCCCCC"] * len(TRAIN))
    floors = evaluate(made, molecules(TEST), molecules(TRAIN))
    direct = evaluate(molecules(TRAIN), molecules(TEST), molecules(TRAIN))
    for name in ("snn", "fragments", "scaffolds", "wasserstein_logp", "wasserstein_sa", "tv_atoms", "tv_bonds"):
        assert floors[f"{name}_floor"] == pytest.approx(direct[name])
        assert direct[f"{name}_floor"] == pytest.approx(direct[name])


def test_stereo_counts_or_does_not(no_fcd):
    made, train = molecules(["C[C@H](O)Cl", "C[C@@H](O)Cl"]), molecules(["CC(O)Cl", "CCO"])
    with_it, without = (evaluate(made, molecules(TEST), train, stereo=stereo) for stereo in (True, False))
    assert (with_it["unique"], with_it["novel"]) == (1.0, 1.0)
    assert (without["unique"], without["novel"]) == (0.5, 0.0)


def test_where_nothing_is_valid_only_that_is_told(no_fcd):
    found = evaluate([star("C", 5)] * 3, molecules(TEST), molecules(TRAIN))
    assert found == {"n": 3.0, "valid": 0.0, "connected": 0.0, "repaired": 1.0, "vun": 0.0}


def test_an_item_without_atoms_is_no_molecule(no_fcd):
    found = evaluate([Chem.Mol(), parse("CC"), parse("CO")], molecules(TEST), molecules(TRAIN))
    assert (found["valid"], found["repaired"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_too_few_are_refused():
    with pytest.raises(DomainInputError, match="too few"):
        evaluate(molecules(["C"]), molecules(TEST), molecules(TRAIN))
    for test, train in ((["C"], TRAIN), (TEST, ["C"])):
        with pytest.raises(DataError, match="too few molecules"):
            evaluate(molecules(TEST), molecules(test), molecules(train))


def test_similarities_are_those_of_rdkit():
    ours, theirs = molecules(TEST), molecules(TRAIN)
    made = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    bits, others = ([made.GetFingerprint(mol) for mol in part] for part in (ours, theirs))
    alike = np.array([DataStructs.BulkTanimotoSimilarity(bit, others) for bit in bits])
    within = np.array([DataStructs.BulkTanimotoSimilarity(bit, bits) for bit in bits])
    np.testing.assert_allclose(nearest(fingerprints(ours), fingerprints(theirs)), alike.max(1), atol=1e-6)
    assert diversity(fingerprints(ours)) == pytest.approx(1 - within.mean(), abs=1e-6)


def test_counts_apart_in_closed_form():
    assert total_variation({"a": 3, "b": 1}, {"a": 1, "c": 1}) == pytest.approx(0.5 * (0.25 + 0.25 + 0.5))
    assert total_variation({}, {"a": 1}) == 0.5
    assert cosine({"a": 3, "b": 4}, {"a": 4, "b": 3}) == pytest.approx(24 / 25)
    assert cosine({}, {"a": 1}) == 0.0


def test_facts_of_a_molecule():
    facts = facts_of(parse("C[N+](C)(C)Cc1ccc2c(c1)CC2"))
    assert facts.counts["atoms"] == {"C": 12, "N": 1}
    assert facts.counts["rings"] == {2: 1}
    assert facts.counts["ring_sizes"] == {6: 1, 4: 1}
    assert facts.charged
    assert facts.scaffold == smiles(parse("c1ccc2c(c1)CC2"))
    assert facts_of(parse("c1ccccc1CC")).scaffold is None
    assert facts_of(parse("C1CCCCCCCCCC1")).counts["ring_sizes"] == {9: 1}
    assert "PAINS" in facts_of(parse("O=C1C=CC(=O)C=C1")).alerts  # a quinone
    assert facts_of(parse("CCO")).alerts == ()


def test_a_view_keeps_order_and_repetitions():
    seen = view(["CC", "CCO", "CC"])
    assert [facts.counts["sizes"] for facts in seen.facts] == [{2: 1}, {3: 1}, {2: 1}]
    assert seen.properties["weight"][0] == seen.properties["weight"][2] == pytest.approx(30.07)
    assert seen.bits.shape == (3, 1024)
    assert seen.passing("PAINS") == 1.0


def test_repair_leaves_whole_molecules_alone():
    mol = parse("CC(=O)Oc1ccccc1")
    assert smiles(repair(mol)) == smiles(mol)
    assert smiles(repair(parse("CCO.O"))) == "CCO"


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        (star("C", 5), "CC(C)(C)C"),  # one carbon falls off
        (star("O", 3), "COC"),
        (star("C", 3, order=2), "C=C(C)C"),  # higher orders are lowered first
        (star("F", 2), "CF"),
        (assemble([("N", 0), ("C", 0), ("C", 0)], [(0, 1, 3), (0, 2, 1)]), "C=NC"),
    ],
)
def test_repair_loosens_bonds(broken, whole):
    assert fault(broken) is not None
    assert smiles(repair(broken)) == whole


def test_whatever_is_drawn_is_repaired_or_none():
    rng = np.random.default_rng(0)
    for _ in range(100):
        atoms = [(str(rng.choice(["C", "N", "O", "F"])), int(rng.choice([-1, 0, 0, 1]))) for _ in range(7)]
        bonds = [(i, j, int(rng.integers(1, 4))) for i in range(7) for j in range(i) if rng.random() < 0.5]
        made = repair(assemble(atoms, bonds))
        assert made is None or (fault(made) is None and pieces(made) == 1 and Chem.MolFromSmiles(smiles(made)))


def test_repaired_graphs_only_lose_bonds():
    broken = star("C", 4, order=2)
    (atoms, bonds), (_, before) = graph(repair(broken)), graph(broken)
    assert sum(order for *_, order in bonds) == 4 < sum(order for *_, order in before)
    assert len(atoms) == 5


def test_what_was_asked_by_hand():
    made = [*molecules(["CCO", "CCCCCC", "CC"]), star("C", 5)]
    wanted = [parse("CCO"), parse("CCCC")]
    target = [Crippen.MolLogP(wanted[0]), Crippen.MolLogP(wanted[1]), None, 99.0]
    test = molecules(TEST)
    found = asked(made, {"logp": target, "colour": ["red"] * 4}, test)
    error = abs(Crippen.MolLogP(parse("CCCCCC")) - target[1]) / 2
    spread = np.mean([[abs(t - Crippen.MolLogP(mol)) for mol in test] for t in target[:2]])
    assert found == pytest.approx({"error_logp": error, "spread_logp": spread, "steered_logp": error / spread})


def test_what_is_asked_of_broken_molecules_alone_is_not_told():
    assert asked([star("C", 5)], {"qed": [0.5]}, molecules(TEST)) == {}


def test_molecules_that_were_not_steered_are_at_the_spread():
    test = molecules(TEST)
    target = [QED.qed(mol) for mol in test]
    every = asked([mol for mol in test for _ in test], {"qed": target * len(test)}, test)
    assert every["steered_qed"] == pytest.approx(1.0)
    assert asked(test, {"qed": target}, test)["steered_qed"] == pytest.approx(0.0)


def test_without_fcd_the_log_says_how_to_get_it(monkeypatch, caplog):
    monkeypatch.setattr(chemnet, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        found = evaluate(molecules(TEST), molecules(TEST), molecules(TRAIN))
    assert not any(name.startswith("fcd") for name in found)
    assert "pip install fcd" in caplog.text


class TestChemNet:
    """What needs the package ``fcd``."""

    @pytest.fixture(autouse=True)
    def _there(self):
        pytest.importorskip("fcd", reason="fcd is not installed: pip install fcd")

    def test_features_and_distance_are_the_package_s(self):
        import fcd

        texts = [smiles(mol) for mol in molecules(TEST + TRAIN)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own
            theirs = fcd.get_predictions(fcd.load_ref_model(), texts, n_jobs=0, device="cpu")
        ours = chemnet.features(texts).numpy()
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
        assert ours.std() > 0.05

    def test_repetitions_and_order(self):
        a, b = chemnet.features(["CCO", "c1ccccc1"])
        assert chemnet.features(["c1ccccc1", "CCO", "CCO"]).equal(torch.stack([b, a, a]))

    def test_longer_than_what_is_padded_to(self):
        assert chemnet.features(["C" * 400]).isfinite().all()

    def test_the_reference_is_kept(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path))
        first = distance(TRAIN, TEST)
        (kept,) = (tmp_path / "chemnet").iterdir()
        monkeypatch.setattr(chemnet, "features", _only(TRAIN, chemnet.features))
        assert distance(TRAIN, TEST) == first
        kept.write_bytes(b"broken")
        with pytest.raises(AssertionError):  # it is made anew
            distance(TRAIN, TEST)

    def test_distance_is_nothing_to_itself_and_much_to_others(self):
        same, other = distance(TEST, TEST), distance(["CBr", "CCl", "CI"], TEST)
        assert same == pytest.approx(0.0, abs=1e-3)
        assert other > 10 * max(same, 0.1)

    def test_nothing_is_unpickled(self, monkeypatch, tmp_path):
        def refuse(*args, **options):
            raise AssertionError("unpickled")

        monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path))
        monkeypatch.setattr(pickle, "load", refuse)
        monkeypatch.setattr(pickle, "loads", refuse)
        monkeypatch.setattr(pickle, "Unpickler", refuse)
        chemnet._network.cache_clear()
        assert distance(TRAIN, TEST) > 0.0


def distance(made, real):
    return chemnet.chemnet_distance(chemnet.fresh_moments(made), chemnet.kept_moments(real))


def _only(texts, features):
    def of(smiles):
        assert set(smiles) <= set(texts)
        return features(smiles)

    return of


# filters of MOSES -----------------------------------------------------------------------------------------------------


def test_filters_are_those_of_moses(no_fcd):
    """The molecules and the figure of the metrics' own test in MOSES, whose invalid ones are left out."""
    made = molecules(["CNC", "Oc1ccccc1-c1cccc2cnccc12", "CCCP", "Cc1noc(C)c1CN(C)C(=O)Nc1cc(F)cc(F)c1"])
    found = evaluate(made, molecules(TEST), molecules(TRAIN))
    assert found["filters"] == 0.75
    assert found["pains"] == found["mcf"] == 1.0
    assert "filters_real" in found and "mcf_real" in found


@pytest.mark.parametrize(
    ("molecule", "dropped_by"),
    [
        ("CCO", ()),
        ("C1CCCCCC1", ()),
        ("C1CCCCCCC1", ("MOSES",)),
        ("C[NH3+]", ("MOSES",)),
        ("CCI", ("MCF", "BRENK", "MOSES")),
        ("O=C1C=CC(=O)C=C1", ("PAINS", "BRENK", "MOSES")),
        ("CC=O", ("MCF", "BRENK", "MOSES")),
    ],
)
def test_alerts_of_one_molecule(molecule, dropped_by):
    assert alerts(parse(molecule)) == dropped_by


def test_molecules_of_moses_pass_its_filters():
    """The official figure of its test part is 1."""
    data = os.environ.get("SUFFUSE_DATA")
    file = Path(data or "", "molecules/moses/test.csv.gz")
    if data is None or not file.exists():
        pytest.skip("the molecules of MOSES are not here: set SUFFUSE_DATA")
    with gzip.open(file, "rt") as lines:
        rows = [row["SMILES"] for row in islice(csv.DictReader(lines), 0, 20_000, 100)]
    assert all("MOSES" not in alerts(parse(row)) for row in rows) and len(rows) == 200


def test_patterns_of_moses_carry_their_licence():
    text = (files("suffuse_molecules") / "patterns" / "mcf.smarts").read_text()
    assert "Copyright 2018 Insilico Medicine" in text and "shall be included in all copies" in text
