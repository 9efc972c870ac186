"""The model that comes along works right after installation."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rdkit")

from typer.testing import CliRunner

import suffuse
import suffuse_molecules
from suffuse.cli import app
from suffuse_molecules.chemistry import fault, pieces

MOST = 16 * 2**20


def test_it_makes_molecules_and_files_of_them(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["generate", "molecules", "--count", "40", "--steps", "24", "--out", str(tmp_path / "made.sdf")]
    )
    assert result.exit_code == 0, result.output
    text = (tmp_path / "made.sdf").read_text()
    assert text.count("$$$$") == 40 and "<embedding>" in text.replace("  ", " ")


def test_nearly_all_are_whole_and_in_one_piece() -> None:
    made = suffuse.load("molecules").generate(100, steps=32, batch=100)
    whole = [mol for mol in made if fault(mol) is None]
    assert len(whole) >= 90 and sum(pieces(mol) == 1 for mol in whole) >= 85
    assert all(mol.GetNumAtoms() <= 9 for mol in made)


def test_it_is_small_and_has_a_card() -> None:
    folder = Path(str(suffuse_molecules.__file__)).parent / "starters"
    assert (folder / "molecules.safetensors").stat().st_size <= MOST
    card = (folder / "molecules.md").read_text()
    assert "licence" in card and "enumerated" in card
