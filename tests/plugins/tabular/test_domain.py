"""The verbs on tables: what learns finds what is odd, and gaps are filled by what hangs together with the rest."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.domain import Unreadable
from suffuse.model import load
from suffuse.recipe import load_recipe
from suffuse.registry import load_domain
from suffuse.tasks.train import train
from suffuse_tabular import render
from suffuse_tabular.domain import Tabular, rows_of
from suffuse_tabular.rows import Rows


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(folder, recipe, *overrides):
    quiet = ("train.sample_every=100000", "train.checkpoint_every=100000", "train.validate_every=100000")
    return load(train(load_recipe(recipe, (*quiet, *overrides)), out=folder).folder)


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """A model of rows whose columns tell one another: y = 2x and a word for the sign of x; some cells empty."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    frame = pd.DataFrame({"x": x, "y": 2 * x + 0.05 * rng.normal(size=1500), "sign": np.where(x > 0, "plus", "minus")})
    frame.loc[rng.random(1500) < 0.05, "y"] = np.nan
    folder = tmp_path_factory.mktemp("linked")
    frame.to_csv(folder / "rows.csv", index=False)
    small = ("network.width=64", "network.depth=3", "train.steps=700", "codec.numbers=standard")
    return trained(folder / "run", "tabular/tabular", f"data.path={folder / 'rows.csv'}", *small)


def test_gaps_are_filled_by_what_hangs_together(linked):
    rows = [{"x": v, "y": None, "sign": None} for v in np.linspace(-1.5, 1.5, 16)]
    filled = linked.inpaint(rows, steps=24)
    assert all(new["x"] == old["x"] for new, old in zip(filled, rows, strict=True))
    off = np.array([new["y"] - 2 * new["x"] for new in filled])
    assert np.sqrt(np.mean(off**2)) < 0.6  # guessing y from its own distribution is off by 2.6
    right = [new["sign"] == ("plus" if new["x"] > 0 else "minus") for new in filled]
    assert sum(right) >= 14


def test_rows_that_break_what_hangs_together_score_high(linked):
    x = np.linspace(-1.5, 1.5, 20)
    usual = [{"x": v, "y": 2 * v, "sign": "plus" if v > 0 else "minus"} for v in x]
    odd = [{**row, "y": -row["y"]} for row in usual if abs(row["x"]) > 0.5]
    scores = linked.score([*usual, *odd], reference="data").values
    assert roc_auc_score([0] * len(usual) + [1] * len(odd), scores) > 0.9


def test_generated_rows_are_like_the_data(linked):
    made = pd.DataFrame(linked.generate(300, steps=24)).dropna()
    assert len(made) > 250  # some cells are empty, as they are in the data
    assert np.corrcoef(made["x"], made["y"])[0, 1] > 0.9
    assert ((made["sign"] == "plus") == (made["x"] > 0)).mean() > 0.85


def test_a_model_scores_alike_after_it_was_kept_and_whatever_form_rows_have(linked, tmp_path):
    rows = list(linked.codec.decode(linked.codec.like(3)))
    again = load(linked.save(tmp_path / "model.safetensors"))
    assert again.score(rows).values == linked.score(Rows.of(pd.DataFrame(rows))).values


def test_neighbours_remember_and_score_as_distances_do(tmp_path):
    model = trained(tmp_path / "run", "tabular/neighbours")
    splits = load_domain("tabular").splits(Tabular.data_section(**model.recipe.data))
    usual, odd = rows_of(splits.test), rows_of(splits.anomalies)
    labels = [0] * len(usual) + [1] * len(odd)
    ours = roc_auc_score(labels, model.score([*usual, *odd], statistic="residual").values)
    states = [model.codec.encode(rows).numpy() for rows in (rows_of(splits.train), usual, odd)]
    near = NearestNeighbors(n_neighbors=1).fit(states[0]).kneighbors(np.concatenate(states[1:]))[0][:, 0]
    assert ours > roc_auc_score(labels, near) - 0.02 > 0.85


def test_items_are_read_in_columns_and_written(tmp_path):
    domain = load_domain("tabular")
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    domain.write(frame.to_dict("records"), tmp_path / "t.parquet")
    assert domain.read(tmp_path / "t.parquet") == [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 3, "b": "z"}]
    assert domain.count(tmp_path / "t.parquet") == 3
    parts = list(domain.batches(tmp_path / "t.parquet", 2))
    assert [len(part) for part in parts] == [2, 1] and all(isinstance(part, Rows) for part in parts)
    assert {k: v.to_pylist() for k, v in domain.columns(parts[0]).items()} == {"a": [1, 2], "b": ["x", None]}


def test_json_lines_from_a_pipe_are_rows_and_bad_ones_stand_apart():
    lines = io.StringIO('{"a": 1}\nnope\n{"a": 2}\n')
    items = [item for part in load_domain("tabular").parse(lines, 10) for item in part]
    assert [i for i in items if not isinstance(i, Unreadable)] == [{"a": 1}, {"a": 2}] and len(items) == 3


def test_every_row_of_a_bad_file_is_scored_or_told_of(linked, tmp_path):
    linked.save(tmp_path / "model.safetensors")
    (tmp_path / "rows.csv").write_text(
        "sign,x,y\nplus,1.0,2.0\nplus,1\nwhat,0.5,1.0\nplus,much,1.0\nminus,-1.0,inf\nplus,0.5,\n"
    )
    told = [str(tmp_path / name) for name in ("model.safetensors", "rows.csv", "scored.csv")]
    done = CliRunner().invoke(app, ["score", told[0], told[1], "--out", told[2]])
    assert done.exit_code == 0, done.output
    assert pd.read_csv(told[2])["sign"].tolist() == ["plus", "what", "plus"]
    quarantine = [json.loads(line) for line in (tmp_path / "scored.quarantine.jsonl").read_text().splitlines()]
    assert [fault["row"] for fault in quarantine] == [1, 3, 4]
    assert "line 3" in quarantine[0]["reason"] and "'x'" in quarantine[1]["reason"] and "'y'" in quarantine[2]["reason"]


def test_a_picture_of_many_rows_and_of_one():
    rows = Rows.of({f"a long name {i}": np.linspace(0, 1e6, 200) for i in range(30)})
    many, one = render.sheet(rows), render.sheet(Rows.of([{"x": None}]))
    assert many.width > one.width and many.height > one.height


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, ""),
        (float("nan"), ""),
        (1 / 3, "0.3333"),
        (123456.2, "123456"),
        (1.5e17, "1.5e+17"),
        (7, "7"),
        (True, "True"),
        ("w" * 40, "w" * 23 + "…"),
    ],
)
def test_cells_are_shown_short(cell, shown):
    assert render.text(cell) == shown


def test_a_reason_tells_the_cell_and_what_it_would_be():
    told = load_domain("tabular").reason({"age": 212.0}, {"age": 43.0}, "age", 0.61)
    assert told == "age is 212, not 43 (61% of the score)"
