"""Pictures of molecules: broken ones are shown, and told in red."""

from __future__ import annotations

from xml.dom import minidom

import numpy as np
import pytest

pytest.importorskip("rdkit")

from PIL import Image
from scipy.spatial.distance import pdist

from suffuse.errors import DomainInputError
from suffuse_molecules import render
from suffuse_molecules.beside import beside
from suffuse_molecules.chemistry import assemble, fault, parse, spelled
from suffuse_molecules.files.spatial import drawn
from tests.smiles import few

BROKEN = assemble([("C", 0)] * 6, [(0, i, 1) for i in range(1, 6)])


def red(picture):
    """How many pixels are of the red that broken ones are told in."""
    pixels = np.asarray(picture).astype(int)
    return int((np.abs(pixels - [round(255 * x) for x in render.BROKEN]).sum(-1) < 30).sum())


def test_a_sheet_has_a_cell_for_each_and_tells_the_broken_in_red():
    whole, odd = parse("CCC"), BROKEN
    assert red(render.sheet([whole] * 3)) == 0
    page = render.sheet([whole, odd, whole], columns=2)
    assert page.size == (2 * render.WIDE, 2 * render.HIGH)
    right = page.crop((render.WIDE, 0, 2 * render.WIDE, render.HIGH))
    assert red(right) == red(page) > 20
    assert (np.asarray(right)[: render.HIGH // 2] < 128).any()  # the graph itself


def test_files(tmp_path):
    mols = [parse("CCO"), BROKEN]
    render.WRITERS[".png"](mols, tmp_path / "a.png")
    render.WRITERS[".svg"](mols, tmp_path / "a.svg")
    assert Image.open(tmp_path / "a.png").size == (2 * render.WIDE, render.HIGH)
    page = minidom.parse(str(tmp_path / "a.svg"))
    groups = [group.getAttribute("transform") for group in page.getElementsByTagName("g")]
    assert groups == ["translate(0 0)", f"translate({render.WIDE} 0)"]


def test_of_very_many_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(render, "MOST", 4)
    mols = [parse("C")] * 6
    assert render.sheet(mols).size == (2 * render.WIDE, 2 * render.HIGH)
    assert [note for _, note in render._laid_out(mols, None)[0]] == ["", "", "", "and 2 more"]


def test_nothing_cannot_be_shown():
    with pytest.raises(DomainInputError, match="is empty"):
        render.sheet([])


def test_beside_shows_what_differs():
    real = [parse(text) for text in few()[:60]]
    same, other = beside(real, real), beside([parse("CCCCCCCC"), BROKEN] * 9, real)
    assert same.size == other.size and not np.array_equal(np.asarray(same), np.asarray(other))


def test_a_tangle_of_bonds_is_drawn() -> None:
    """All of nine atoms bound to all others, by bonds of every order."""
    pairs = [(i, j) for i in range(9) for j in range(i)]
    for order in (1, 2, 3):
        tangle = assemble([("C", 0)] * 9, [(i, j, order) for i, j in pairs])
        assert fault(tangle) is not None
        assert np.asarray(render.sheet([tangle])).std() > 5.0
        places = drawn(tangle).GetConformer().GetPositions()
        assert pdist(places).min() > 0.3


def test_a_text_that_is_no_smiles_is_shown_as_it_was_told(tmp_path):
    page = render.sheet([spelled("C1CC(=O"), parse("CCC")], columns=2)
    left = np.asarray(page.crop((0, 0, render.WIDE, render.HIGH)))
    assert red(page) > 20 and (left[2, 2] == 255).all()
    assert (left[: render.HIGH // 3 + 4].max(-1) < 160).sum() > 20  # the text itself, above the reason
    render.write_svg([spelled("")], tmp_path / "a.svg")
    assert minidom.parse(str(tmp_path / "a.svg")).getElementsByTagName("path")
