"""Rows that are asked for by cells hang together with these: by trained conditions, and by filling in all else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from suffuse.domain import Splits
from suffuse.recipe import load_recipe
from suffuse.tasks.fit import fit
from suffuse.tasks.generate import generate
from suffuse.tasks.inpaint import inpaint
from suffuse.trained import Trained
from suffuse_tabular.data import TableDataset
from suffuse_tabular.rows import Rows

CENTRES = {"east": -2.0, "west": 2.0, "south": 0.0}


def _table(count: int, seed: int) -> pa.Table:
    """A number about its region's centre, another that follows it, and a category that hangs on the first's sign."""
    rng = np.random.default_rng(seed)
    region = rng.choice(list(CENTRES), count)
    height = np.array([CENTRES[r] for r in region]) + 0.4 * rng.normal(size=count)
    depth = 3.0 * height + 10.0 + 0.5 * rng.normal(size=count)
    return pa.table({"region": region, "height": height, "depth": depth, "sign": np.where(height > 0, "up", "down")})


def _splits(*conditions: str) -> Splits:
    parts = []
    for seed, count in enumerate((600, 60, 60)):
        table = _table(count, seed)
        parts.append(TableDataset(Rows(table), {name: table[name].to_pylist() for name in conditions}))
    return Splits(*parts, "regions")


def _model(*conditions: str) -> Trained:
    small = ["network.width=48", "network.depth=2", "sample.steps=16"]
    training = ["train.steps=1000", "train.patience=null", "optimizer.learning_rate=5e-3"]
    return fit(load_recipe("tabular/tabular", [*small, *training]), _splits(*conditions))


@pytest.fixture(scope="module")
def steered() -> Trained:
    return _model("region", "depth")


@pytest.fixture(scope="module")
def plain() -> Trained:
    return _model()


def _numbers(items: list[Any], name: str) -> np.ndarray:
    return np.array([item[name] for item in items])


@pytest.mark.parametrize("region", list(CENTRES))
def test_by_a_category(steered: Trained, region: str) -> None:
    items = generate(steered, 100, conditions={"region": region}).items
    assert np.mean([item["region"] == region for item in items]) > 0.95
    assert _numbers(items, "height").mean() == pytest.approx(CENTRES[region], abs=0.4)
    assert _numbers(items, "depth").mean() == pytest.approx(10.0 + 3.0 * CENTRES[region], abs=1.2)
    if region != "south":
        assert np.mean([item["sign"] == ("up" if region == "west" else "down") for item in items]) > 0.95


def test_by_a_number_and_by_both(steered: Trained) -> None:
    items = generate(steered, 100, conditions={"depth": 16.0}).items
    assert _numbers(items, "height").mean() == pytest.approx(2.0, abs=0.6)
    assert np.mean([item["region"] == "west" for item in items]) > 0.75
    both = generate(steered, 100, conditions={"region": "south", "depth": 11.5}).items
    assert _numbers(both, "height").mean() == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize("region", list(CENTRES))
def test_by_filling_in_beside_a_category(plain: Trained, region: str) -> None:
    asked = {"region": region, "height": None, "depth": None, "sign": None}
    items = inpaint(plain, [asked], count=60).items
    assert all(item["region"] == region for item in items)
    assert _numbers(items, "height").mean() == pytest.approx(CENTRES[region], abs=0.4)
    assert _numbers(items, "height").std() < 1.0


def test_by_filling_in_beside_a_number(plain: Trained) -> None:
    items = inpaint(plain, [{"region": None, "height": None, "depth": 16.0, "sign": None}], count=60).items
    assert all(item["depth"] == 16.0 for item in items)
    assert _numbers(items, "height").mean() == pytest.approx(2.0, abs=0.5)
    assert np.mean([item["region"] == "west" and item["sign"] == "up" for item in items]) > 0.75
