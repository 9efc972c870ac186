"""Which columns of a table moved, in either layout: shares of categories, those never seen, empty cells, own units."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency

from suffuse.portrait import Portrait, count
from suffuse.tasks.drift import Watch
from suffuse.trained import Trained, build_denoiser
from suffuse_tabular.engines import DENOISER
from suffuse_tabular.fit import Options, fit_codec
from suffuse_tabular.rows import Rows

COLOURS = ["red", "green", "blue"]


def rows(count: int, seed: int, shares=(0.6, 0.3, 0.1), later: int = 0, empty: float = 0.1) -> Rows:
    rng = np.random.default_rng(seed)
    start = datetime(2024, 1, 1)
    cells = rng.normal(50.0, 5.0, count)
    return Rows.of(
        pa.table(
            {
                "size": [None if gone else x for gone, x in zip(rng.random(count) < empty, cells, strict=True)],
                "colour": rng.choice([*COLOURS], count, p=shares),
                "made": [start + timedelta(days=later + int(d)) for d in rng.integers(0, 100, count)],
                "sold": rng.random(count) < 0.4,
            }
        )
    )


def compared(then: Rows, now: Rows, layout: str):
    codec = fit_codec(Options(layout=layout, category=("colour",)), then)
    asked = DENOISER.make_recipe({"layout": layout}, {"network": {"width": 8, "depth": 1}}, 0)
    model = Trained(asked, codec, {}, build_denoiser(asked, codec, {}))
    portrait = Portrait.of(codec, then)
    assert portrait is not None
    watch = Watch(model, portrait)
    return {part.name: part for part in watch.judge(watch.see(now)).parts}


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_categories_are_compared_as_such(layout) -> None:
    then, now = rows(300, 0), rows(500, 1, shares=(0.3, 0.3, 0.4))
    part = compared(then, now, layout)["colour"]
    table = np.array([[list(r.columns()["colour"].to_pylist()).count(c) for c in COLOURS] for r in (then, now)])
    shares = table / table.sum(1, keepdims=True)
    assert part.distance == pytest.approx(0.5 * np.abs(shares[0] - shares[1]).sum())
    assert part.p == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert part.then.startswith(("red", "blue")) and part.unseen == (0.0, 0.0) and part.moved


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_categories_never_seen_and_empty_cells_are_told(layout) -> None:
    then, now = rows(300, 0), rows(400, 1, empty=0.6)
    table = now.table.set_column(1, "colour", pa.array(["pink"] * 100 + now.columns()["colour"].to_pylist()[100:]))
    found = compared(then, Rows.of(table), layout)
    assert found["colour"].unseen == (0.0, 0.25) and found["colour"].now == "others 25.0%"
    assert found["size"].moved and found["size"].absent == pytest.approx((0.1, 0.6), abs=0.06)


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_means_are_in_the_columns_own_units(layout) -> None:
    found = compared(rows(300, 0), rows(300, 1, later=30), layout)
    assert found["made"].moved and found["made"].now.startswith("2024-03") and found["made"].then.startswith("2024-02")
    assert float(found["size"].then) == pytest.approx(50.0, abs=1.0)


def test_a_batch_of_empty_cells_alone_is_counted() -> None:
    codec = fit_codec(Options(layout="vector"), rows(50, 0))
    portrait = Portrait.of(codec, rows(50, 0))
    assert portrait is not None
    empty = rows(5, 0).table.set_column(0, "size", pa.array([None] * 5, pa.float64()))
    tally = count(codec, codec.encode(Rows.of(empty)), portrait.knots)
    assert tally.present[0] == 0 and tally.absent[0] == 5 and tally.at_most[0].sum() == 0
