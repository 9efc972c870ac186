"""Parts of tables: what is odd is never learnt from, what steers is told, and the same seed draws the same parts."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffuse.conditions import Label, Number
from suffuse.domain import examples_at
from suffuse.errors import DataError, RecipeError
from suffuse.recipe import load_recipe, sections
from suffuse.registry import load_domain
from suffuse_tabular.data import Data, split
from suffuse_tabular.domain import rows_of
from suffuse_tabular.rows import Rows
from suffuse_tabular.sets import made_up_orders

PEOPLE = pd.DataFrame(
    {
        "age": np.arange(100.0),
        "town": [f"town {i % 3}" for i in range(100)],
        "kind": ["odd" if i % 10 == 0 else f"usual {i % 2}" for i in range(100)],
    }
)


def parts(**data):
    return split(Data(**data), "people", Rows.of(PEOPLE))


def ages(dataset):
    return sorted(row["age"] for row in rows_of(dataset))


def opened(recipe, *overrides):
    return load_domain("tabular").splits(sections(load_recipe(recipe, overrides))[0])


def test_odd_rows_are_a_part_of_their_own_and_labels_no_part_of_rows():
    made = parts(label="kind", anomaly="odd")
    assert ages(made.anomalies) == list(range(0, 100, 10))
    rest = [a for part in (made.train, made.validation, made.test) for a in ages(part)]
    assert sorted(rest) == [a for a in range(100) if a % 10]
    assert [len(p) for p in (made.train, made.validation, made.test)] == [63, 9, 18]
    assert made.train[0].item.keys() == {"age", "town"} and dict(made.train[0].conditions) == {}


def test_labels_steer_where_nothing_is_odd():
    made = parts(label="kind")
    space = load_domain("tabular").conditions(made)
    assert made.anomalies is None and space == {"label": Label(("odd", "usual 0", "usual 1"))}
    example = made.train[3]
    assert example.conditions["label"] == PEOPLE["kind"][int(example.item["age"])]


def test_columns_that_steer_stay_in_rows():
    made = parts(conditions=["town", "age"])
    space = load_domain("tabular").conditions(made)
    assert isinstance(space["town"], Label) and isinstance(space["age"], Number)
    some = examples_at(made.train, [5, 0])
    assert [row["town"] for row in some.items] == some.conditions["town"]
    assert [row["age"] for row in some.items] == some.conditions["age"] and isinstance(some.items, Rows)


def test_a_label_that_no_training_row_has_is_none():
    frame = pd.DataFrame({"x": np.arange(30.0), "label": ["rare" if i == 7 else "usual" for i in range(30)]})
    for seed in range(20):
        made = split(Data(label="label", seed=seed), "t", Rows.of(frame))
        if not any(made.train[i].item["x"] == 7.0 for i in range(len(made.train))):
            held = [p[i] for p in (made.validation, made.test) for i in range(len(p)) if p[i].item["x"] == 7.0]
            assert [dict(e.conditions) for e in held] == [{"label": None}]
            return
    pytest.fail("the rare row was trained on under every seed")


def test_the_seed_draws_the_parts():
    assert ages(parts(seed=1).train) == ages(parts(seed=1).train) != ages(parts(seed=2).train)
    assert len(parts(limit=20).train) == 14 and ages(parts(limit=20).train) != list(range(14))
    assert ages(parts(test=0.0).test) == ages(parts(test=0.0).validation)


def test_parts_can_be_sent_to_another_process():
    made = parts(label="kind", anomaly=["odd"])
    again = pickle.loads(pickle.dumps(made))
    assert ages(again.train) == ages(made.train) and ages(again.anomalies) == ages(made.anomalies)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"label": "kid"}, "'kind'"),
        ({"conditions": ["twn"]}, "'town'"),
        ({"label": "kind", "anomaly": "od"}, "'odd'"),
        ({"anomaly": "odd"}, "data.label"),
    ],
)
def test_names_that_the_table_lacks_are_told(data, told):
    with pytest.raises(RecipeError, match=told):
        parts(**data)


def test_a_table_of_a_row_or_two_is_told():
    with pytest.raises(DataError, match="too few"):
        split(Data(), "t", Rows.of({"x": [1.0]}))


@pytest.mark.parametrize("value", [1, 1.0, "1"])
@pytest.mark.parametrize("cells", [[0, 1], [0.0, 1.0], ["0", "1"]])
def test_labels_are_numbers_or_texts_alike(value, cells):
    frame = pd.DataFrame({"x": np.arange(20.0), "y": cells * 10})
    assert len(split(Data(label="y", anomaly=value), "t", Rows.of(frame)).anomalies) == 10


def test_files_are_opened_by_path_pattern_and_folder(tmp_path):
    for i in range(3):
        PEOPLE[i * 30 : i * 30 + 30].to_csv(tmp_path / f"{i}.csv", index=False)
    for path in (tmp_path, tmp_path / "*.csv"):
        made = opened("tabular/tabular", f"data.path={path}", "data.label=kind", "data.anomaly=odd")
        assert len(made.train) + len(made.validation) + len(made.test) + len(made.anomalies) == 90
    with pytest.raises(DataError, match=r"data\.path=rows\.csv"):
        opened("tabular/tabular")
    with pytest.raises(DataError, match="no such file"):
        opened("tabular/tabular", "data.path=nowhere.csv")


def test_scikit_learns_sets_have_their_anomalies():
    made = opened("tabular/breast-cancer")
    assert [len(p) for p in (made.train, made.validation, made.test, made.anomalies)] == [250, 36, 71, 212]
    assert len(made.train[0].item) == 30 and "class" not in made.train[0].item
    wine = opened("tabular/wine")
    assert len(wine.anomalies) == 48
    labelled = opened("tabular/wine", "data.label=class")
    assert labelled.anomalies is None and len(load_domain("tabular").conditions(labelled)["label"].classes) == 3


def test_made_up_orders_hang_together():
    rows = list(made_up_orders(3000))
    whole = [row for row in rows if None not in row.values()]
    assert 0.8 < len(whole) / len(rows) < 0.87
    assert all(row["carrier"] == "van" for row in whole if row["country"] == "DE")
    assert all(row["carrier"] != "van" for row in whole if row["country"] != "DE")
    pieces = {p: np.mean([r["total"] / r["amount"] for r in whole if r["product"] == p]) for p in ("socks", "coat")}
    assert 4 < pieces["socks"] < 8 and 110 < pieces["coat"] < 170
    assert list(made_up_orders(50)) == list(made_up_orders(50))


def test_adbench_sets_are_opened_by_name(tmp_path):
    np.savez(
        tmp_path / "6_cardio.npz",
        X=np.random.default_rng(0).normal(size=(40, 3)),
        y=(np.arange(40) % 8 == 0).astype(int),
    )
    for name in ("cardio", "6_cardio"):
        made = opened("tabular/neighbours", "data.name=adbench", f"data.path={tmp_path}", f"data.table={name}")
        assert len(made.anomalies) == 5 and made.train[0].item.keys() == {"x0", "x1", "x2"} and made.name == "6_cardio"
    with pytest.raises(DataError, match="cardio"):
        opened("tabular/neighbours", "data.name=adbench", f"data.path={tmp_path}", "data.table=cardo")
    with pytest.raises(DataError, match="SUFFUSE_DATA"):
        opened("tabular/neighbours", "data.name=adbench", "data.path=nowhere", "data.table=cardio")


def test_real_adbench_sets_are_read():
    folder = Path(os.environ.get("SUFFUSE_DATA", "nowhere")) / "tabular"
    if not (folder / "6_cardio.npz").exists():
        pytest.skip(f"no ADBench in {folder}")
    made = opened("tabular/neighbours", "data.name=adbench", "data.table=cardio")
    assert len(made.anomalies) == 176 and len(made.train[0].item) == 21
