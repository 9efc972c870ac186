"""Molecules keep every promise that a domain makes, with no expected failure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rdkit")

from suffuse.testing import Case, parametrize_domain_checks
from tests.smiles import few

FOLDER = tempfile.TemporaryDirectory()
FILE = Path(FOLDER.name, "few.smi")
FILE.write_text("\n".join(few()), encoding="utf-8")

NETWORK = "network={name: graph-transformer, width: 32, depth: 2, edges: bonds, weights: [0, 1, 2, 3]}"
CASE = Case.of("molecules", "molecules/molecules", [f"data.path={FILE}", NETWORK])
STRINGS = Case.of(
    "molecules", "molecules/strings",
    [f"data.path={FILE}", "codec.merges=20", "network.width=32", "network.heads=4", "network.depth=2"],
)  # fmt: skip


@parametrize_domain_checks([CASE, STRINGS])
def test_conformance(check: Any) -> None:
    check()
