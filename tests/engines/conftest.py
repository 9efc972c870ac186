"""A model of a table, and rows to score: some odd, one that cannot be scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from suffuse import TableScorer
from suffuse_tabular.detector import DiffusionDetector

BAD = 777
"""The row that holds no number where it should."""


def made_up(count: int, seed: int) -> pa.Table:
    """Four numbers that hang together, and a colour; an id first."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, 2))
    x = hidden @ np.array([[1.0, 0.5, -1.0, 0.3], [0.2, -1.0, 0.5, 1.0]]) + 0.1 * rng.normal(size=(count, 4))
    x[::50] += 9.0 * rng.normal(size=x[::50].shape)
    colour = np.where(hidden[:, 0] > 0, "red", "blue")
    return pa.table({"id": np.arange(count), **{f"x{i}": x[:, i] for i in range(4)}, "colour": colour})


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is calibrated and has a threshold."""
    usual = made_up(200, 0).drop_columns("id")
    folder = tmp_path_factory.mktemp("model")
    return DiffusionDetector("neighbours").fit(usual).save(folder / "model.safetensors")


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """2,000 rows."""
    made = made_up(2000, 1)
    x0 = made.column("x0").to_numpy().copy()
    x0[BAD] = np.inf
    return made.set_column(1, "x0", pa.array(x0))


@pytest.fixture(scope="session")
def expected(model_file: Path, table: pa.Table) -> pa.Table:
    """The table as this process scores it."""
    scored = TableScorer(model_file)(table)
    assert isinstance(scored, pa.Table)
    return scored
