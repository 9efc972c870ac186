"""Rows to states and back, in both layouts; what does not fit is named by row and column."""

from __future__ import annotations

import datetime
import json
import logging
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from suffuse.errors import DataError, DomainInputError, RecipeError
from suffuse.state import fields, is_mask, mask_of
from suffuse_tabular import codec as codecs
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.columns import Boolean, Category, Datetime, LogTails, Number, Ordinal, Ranked
from suffuse_tabular.fit import Options, fit_codec
from suffuse_tabular.rows import Rows
from suffuse_tabular.sets import made_up_orders

ORDERS = made_up_orders(600)


def fitted(rows, **options):
    return fit_codec(Options.model_validate(options), Rows.of(rows))


def again(codec):
    return RowsCodec.from_json(json.loads(json.dumps(codec.to_json())))


def test_numbers_are_a_bare_tensor_as_scikit_learn_standardizes_them():
    x = np.random.default_rng(0).gamma(2.0, 1.0, (300, 5))
    codec = fitted(x)
    assert codec.layout == "vector" and not codec.gaps
    np.testing.assert_allclose(codec.encode(Rows.of(x)).numpy(), StandardScaler().fit_transform(x), atol=1e-5)
    assert codec.known(Rows.of(x)) is None


def test_kinds_of_columns_are_found():
    codec = fitted(ORDERS, ordinal={"size": ["S", "M", "L", "XL"]}, category=["days"], layout="vector")
    kinds = {column.name: type(column) for column in codec.columns}
    assert kinds == {
        "ordered": Datetime, "product": Category, "size": Ordinal, "amount": Number, "total": Number,
        "country": Category, "carrier": Category, "days": Category, "gift": Boolean,
    }  # fmt: skip
    assert type(fitted(ORDERS, quantile=["total"]).columns[4]) is Ranked
    assert {type(c) for c in fitted(ORDERS, numbers="quantile").columns[3:5]} == {Ranked}
    assert {type(c) for c in fitted(ORDERS, numbers="logtails").columns[3:5]} == {LogTails}


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_mixed_rows_come_back(layout):
    codec = fitted(ORDERS, layout=layout)
    back = codec.decode(codec.encode(ORDERS))
    assert isinstance(back, list)
    for before, after in zip(ORDERS, back, strict=True):
        assert after == {**before, "total": pytest.approx(before["total"], abs=0.01)}


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_states_have_the_layout_that_is_told(layout):
    codec = again(fitted(ORDERS, layout=layout))
    state = codec.encode(ORDERS)
    like = codec.like(len(ORDERS))
    assert {name: (x.shape, x.dtype) for name, x in state.items()} == {n: (x.shape, x.dtype) for n, x in like.items()}
    if layout == "vector":
        assert list(state) == ["values", "mask"] and not codec.categorical()
    else:
        names = ["numbers", "product", "size", "country", "carrier", "gift"]
        assert [name for name in state if not is_mask(name)] == names
        assert list(codec.categorical()) == names[1:]
        for name, told in codec.categorical().items():
            there = state[f"{name}.mask"][:, 0]
            assert torch.equal(state[name].sum(1) == 1, there)
            counted = state[name].double().sum(0) / there.sum()
            np.testing.assert_allclose(counted, told.frequencies, atol=1 / len(ORDERS))
    for name, x in fields(state):
        assert not x[~mask_of(state, name).expand_as(x)].any()


def test_auto_is_fields_where_there_are_categories():
    assert fitted(ORDERS).layout == "fields" and fitted(np.eye(4)).layout == "vector"


def test_the_order_of_columns_does_not_matter():
    codec = fitted(ORDERS, layout="vector")
    turned = Rows(ORDERS.table.select(ORDERS.names[::-1]))
    for name, x in codec.encode(ORDERS).items():
        assert torch.equal(x, codec.encode(turned)[name])


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_a_row_alone_is_the_same_as_among_others(layout):
    codec = fitted(ORDERS, layout=layout)
    whole = codec.encode(ORDERS)
    for i in (0, 17, 599):
        for name, x in codec.encode([ORDERS[i]]).items():
            assert torch.equal(x[0], whole[name][i])


def test_rows_from_frames_and_dicts_encode_alike():
    codec = fitted(ORDERS, layout="fields")
    frame = ORDERS.table.to_pandas()
    for form in (frame, list(ORDERS), ORDERS.table):
        for name, x in codec.encode(Rows.of(form)).items():
            assert torch.equal(x, codec.encode(ORDERS)[name]), name


def test_missing_columns_are_named_and_more_is_passed_over_with_one_warning(caplog):
    codec = fitted(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
    with pytest.raises(DomainInputError, match="lack the column 'b'") as caught:
        codec.encode([{"a": 1.0, "B": 2.0}])
    assert "'B'" in str(caught.value)
    with pytest.raises(DomainInputError, match="lack the column"):
        codec.faults([{"a": 1.0}])
    codecs._tell_extra.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert codec.encode([{"a": 1.5, "b": 3.5, "c": "?"}]).abs().max() < 1e-6
    assert [r.message for r in caplog.records] == ["the model knows nothing of the columns 'c', and passes over them"]


def test_retyped_columns_are_named_and_whole_numbers_do_for_numbers():
    codec = fitted(
        pd.DataFrame({"a": [1.0, 2.0, 3.0], "t": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])})
    )
    when = [datetime.datetime(2024, 1, 1)]
    assert torch.equal(codec.encode(Rows.of({"a": [2], "t": when})), codec.encode(Rows.of({"a": [2.0], "t": when})))
    assert torch.equal(codec.encode([{"a": "2", "t": "2024-01-01"}]), codec.encode(Rows.of({"a": [2], "t": when})))
    with pytest.raises(DomainInputError, match="column 'a'"):
        codec.encode(Rows.of({"a": ["many"], "t": when}))
    with pytest.raises(DomainInputError, match="column 't'"):
        codec.encode(Rows.of({"a": [1], "t": [17]}))


def test_faults_are_told_for_each_row_and_encode_raises_the_first():
    x = np.random.default_rng(0).normal(size=(50, 3))
    codec = fitted(x)
    bad = x.copy()
    bad[7, 2], bad[31, 0], bad[31, 1] = math.inf, -math.inf, math.nan
    found = codec.faults(Rows.of(bad))
    assert list(found) == [7, 31] and codec.faults(Rows.of(x)) == {}
    assert "'x2'" in found[7].message and found[7].got == "inf" and "finite" in found[7].expected
    assert "'x0'" in found[31].message
    with pytest.raises(DomainInputError) as caught:
        codec.encode(Rows.of(bad))
    assert caught.value.field == "items[7]"
    good = [i for i in range(50) if i not in found]
    assert codec.encode(Rows.of(bad).take(good)).shape == (48, 3)


def test_an_empty_cell_is_a_fault_only_where_states_have_no_masks():
    x = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(DomainInputError, match="has nothing in the column 'x1'") as caught:
        fitted(x).encode([{"x0": 1.0, "x1": None}])
    assert "codec.gaps=true" in caught.value.fix
    for codec in (fitted(x, gaps=True), fitted(np.where(x > 2, np.nan, x)), fitted(x, layout="fields")):
        state = codec.encode([{"x0": 1.0, "x1": None}, {"x0": math.nan, "x1": 1.0}])
        (mask,) = (value for name, value in state.items() if is_mask(name))
        assert mask.tolist() == [[True, False], [False, True]]
        assert codec.decode(state)[0]["x1"] is None


def test_a_category_never_seen_is_encoded_as_a_class_of_its_own():
    rows = pd.DataFrame({"c": ["u", "v", "u", "v"], "x": [1.0, 2.0, 3.0, 4.0]})
    odd = [{"c": "new", "x": 2.5}]
    field = fitted(rows, layout="fields").encode(odd)["c"]
    assert field.tolist() == [[0.0, 0.0, 1.0]]
    vector = fitted(rows, layout="vector")
    far = [(vector.encode(odd) - vector.encode([{"c": c, "x": 2.5}])).norm() for c in "uv"]
    near = (vector.encode([{"c": "u", "x": 2.5}]) - vector.encode([{"c": "v", "x": 2.5}])).norm()
    assert far[0] == pytest.approx(float(near)) and far[1] == pytest.approx(float(near))


def test_an_ordinal_level_never_told_is_a_fault():
    codec = fitted(pd.DataFrame({"s": ["S", "M", "L"]}), ordinal={"s": ["S", "M", "L"]})
    assert "one of S, M, L" in codec.faults([{"s": "M"}, {"s": "XXL"}])[1].expected
    with pytest.raises(DomainInputError, match=r"codec\.ordinal\.s"):
        fitted(pd.DataFrame({"s": ["S", "XS"]}), ordinal={"s": ["S", "M", "L"]})


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_what_is_known_of_an_item_is_kept_and_gaps_are_filled(layout):
    codec = fitted(ORDERS, layout=layout)
    row = {**ORDERS[1], "total": None, "country": None, "note": "left as it is"}
    made = dict(ORDERS[2])
    known = codec.known([row])
    whole = codec.merge(row, made, known if not isinstance(known, dict) else {n: x[:1] for n, x in known.items()})
    assert whole == {**row, "total": made["total"], "country": made["country"]}


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_parts_are_the_columns(layout):
    codec = fitted(ORDERS, layout=layout)
    parts, state = codec.parts(), codec.encode(ORDERS)
    assert parts.names == tuple(ORDERS.names)
    for name in parts.names:
        held = parts.held(parts.index(name), state, codec.categorical())
        row = dict(ORDERS[0])
        missing = codec.encode([{**row, name: None}])
        for field, x in fields(codec.encode([row])):
            mask = mask_of(missing, field)
            assert torch.equal(held[field].expand_as(x), ~mask.expand_as(x) | held[field].expand_as(x))
    total = parts.summed(
        {n: x if n in ("numbers", "values") else x[:, :1] for n, x in fields(state)}, codec.categorical()
    )
    assert total.shape == (len(ORDERS), len(parts.names))


def test_columns_that_say_nothing_or_all_are_left_out_and_told(caplog):
    frame = pd.DataFrame(
        {
            "id": [f"a-{i}" for i in range(50)],
            "empty": [None] * 50,
            "nan": [np.nan] * 50,
            "x": range(50),
            "kind": ["u", "v"] * 25,
        }
    )
    with caplog.at_level(logging.WARNING):
        codec = fitted(frame)
    assert codec.names == ("x", "kind") and codec.left_out == ("id", "empty", "nan")
    assert "'id'" in caplog.text and "'empty'" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        codec = fitted(frame, ignore=["id", "empty", "nan"])
        codec.encode(Rows.of(frame))
    assert not caplog.text
    assert fitted(frame, category=["id"], ignore=["empty", "nan"]).names == ("id", "x", "kind")


def test_few_texts_that_are_all_different_are_categories():
    assert type(fitted(pd.DataFrame({"c": list("abcdef")})).columns[0]) is Category


def test_dates_as_texts_are_times():
    codec = fitted(pd.DataFrame({"d": ["2024-01-05", "2024-02-01", None], "x": [1.0, 2.0, 3.0]}), layout="vector")
    assert type(codec.columns[0]) is Datetime
    assert codec.decode(codec.encode([{"d": "2024-01-17", "x": 1.0}]))[0]["d"] == "2024-01-17"
    assert type(fitted(pd.DataFrame({"d": ["2024-01-05", "soon"]})).columns[0]) is Category


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([b"x", b"y"]),
        pa.array([[1], [2]], pa.list_(pa.int64(), 1)),
    ],
    ids=["list", "struct", "binary", "fixed"],
)
def test_columns_that_have_no_place_in_a_row_are_refused_by_name(cells):
    rows = Rows(pa.table({"x": [1.0, 2.0], "nested": cells}))
    with pytest.raises(DomainInputError, match="column 'nested'") as caught:
        fitted(rows)
    assert "codec.ignore=[nested]" in caught.value.fix
    assert fitted(rows, ignore=["nested"]).names == ("x",)


def test_training_cells_must_be_finite():
    with pytest.raises(DomainInputError, match="column 'x1'") as caught:
        fitted(np.array([[1.0, 2.0], [3.0, math.inf]]))
    assert "row 1" in caught.value.got


@pytest.mark.parametrize("option", [{"ignore": ["totl"]}, {"ordinal": {"totl": ["1"]}}, {"category": ["totl"]}])
def test_options_that_name_no_column_are_told(option):
    with pytest.raises(RecipeError, match="'total'"):
        fitted(ORDERS, **option)


def test_a_table_without_columns_to_learn_from_is_told():
    with pytest.raises(DataError, match="no column"):
        fitted(pd.DataFrame({"x": [None, None]}))


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_tables_of_one_row_and_one_column(rows, layout):
    for frame in ({"x": [1.5] * rows}, {"c": ["u"] * rows}, {"b": [True] * rows}, {"t": ["2024-01-01"] * rows}):
        codec = fitted(pd.DataFrame(frame), layout=layout)
        state = codec.encode(Rows.of(pd.DataFrame(frame)))
        assert all(bool(x.isfinite().all()) for _, x in fields(state))
        assert codec.decode(state) == pd.DataFrame(frame).to_dict("records")


def test_names_of_columns_may_be_anything():
    frame = pd.DataFrame(
        {"numbers": ["u", "v"], "mask": ["a", "b"], "x.mask": ["c", "d"], "a b;=:": ["e", "f"], "": [1.0, 2.0]}
    )
    codec = again(fitted(frame, layout="fields"))
    state = codec.encode(Rows.of(frame))
    assert len(list(fields(state))) == 5
    assert codec.decode(state) == frame.to_dict("records")


def test_ten_thousand_columns():
    x = np.random.default_rng(0).normal(size=(20, 10_000))
    codec = again(fitted(x))
    state = codec.encode(Rows.of(x))
    np.testing.assert_allclose(pd.DataFrame(codec.decode(state)).to_numpy(), x, atol=1e-5)
    bad = x.copy()
    bad[3, 9_999] = math.inf
    assert "'x9999'" in codec.faults(Rows.of(bad))[3].message


CELLS = {
    "number": st.floats(-1e5, 1e5, width=32),
    "whole": st.integers(-(10**4), 10**4),
    "truth": st.booleans(),
    "text": st.sampled_from(["u", "v", "w", "Ünï", " "]),
    "date": st.dates(datetime.date(1980, 1, 1), datetime.date(2040, 1, 1)),
}


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=6))
    rows = draw(st.integers(1, 12))
    columns = {}
    for i, kind in enumerate(kinds):
        cells = draw(st.lists(st.none() | CELLS[kind], min_size=rows, max_size=rows))
        cells[draw(st.integers(0, rows - 1))] = draw(CELLS[kind])
        columns[f"{kind}{i}"] = pa.array(cells)
    return Rows(pa.table(columns))


@given(
    rows=tables(),
    layout=st.sampled_from(["vector", "fields"]),
    numbers=st.sampled_from(["standard", "logtails", "quantile"]),
)
@settings(max_examples=80, deadline=None)
def test_rows_of_any_schema_come_back(rows, layout, numbers):
    codec = again(fitted(rows, layout=layout, numbers=numbers))
    state = codec.encode(rows)
    assert all(bool(x.isfinite().all()) for _, x in fields(state))
    back = codec.decode(state)
    for before, after in zip(rows, back, strict=True):
        for name, cell in before.items():
            if isinstance(cell, float) and not isinstance(cell, bool):
                spread = max(1.0, float(np.nanmax(np.abs(rows.columns()[name].to_numpy(zero_copy_only=False)))))
                assert after[name] == pytest.approx(cell, abs=1e-5 * spread)
            else:
                assert after[name] == cell
    assert codec.faults(rows) == {}
