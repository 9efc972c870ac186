"""Files of scores: what is in them, what is set apart, and that nothing which ends a run costs what was done."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet
import pytest

from suffuse.conformal import benjamini_hochberg
from suffuse.domain import Unreadable, items_at
from suffuse.errors import DataError, DomainInputError, RecipeError, UnsupportedError
from suffuse.model import Model
from suffuse.registry import isolated
from suffuse.tasks.score import make_scorer, score, slices, stream_batches
from suffuse.tasks.scoring import formats, parts
from suffuse.tasks.scoring.columns import Layout, Scored, score_batch
from suffuse.tasks.scoring.files import (
    Summary,
    in_this_process,
    parts_of,
    quarantine_of,
    score_files,
    score_lines,
)
from suffuse.tasks.scoring.flags import Above, FalseDiscovery, make_flagging
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.tasks.scoring.sources import (
    Batch,
    BrokenSourceError,
    Place,
    Source,
    Span,
    count_items,
    find_sources,
    read_batches,
)
from tests import lines, toy
from tests.lines import SHORT, Lot, wave, write

ROWS = 50


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lines.Lines, "watch", lines.Watch())
    with isolated(lines.Plugin()):
        yield


@pytest.fixture
def model() -> Model:
    return lines.exact()


@pytest.fixture
def scorer(model: Model) -> Scorer:
    return make_scorer(model, levels=2, draws=1, reference=[wave(i) for i in range(100, 160) if i % 10 != 9])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifty items in three files, the second of which is short."""
    for name, first, end in (("a", 0, 23), ("b", 23, 25), ("c", 25, ROWS)):
        write(tmp_path / "in" / f"{name}.jsonl", map(wave, range(first, end)))
    return tmp_path / "in"


def run(scorer: Scorer, told: Any, out: Path, **options: Any) -> Summary:
    return score_files(scorer, find_sources(scorer.model, [told]), out, **{"batch": 8, **options})


def table(path: Path) -> pa.Table:
    """What a file of scores holds, by a reader that is not suffuse's."""
    return {
        ".csv": pyarrow.csv.read_csv, ".parquet": pyarrow.parquet.read_table, ".arrow": pyarrow.feather.read_table,
        ".feather": pyarrow.feather.read_table, ".jsonl": pyarrow.json.read_json,
    }[path.suffix](str(path))  # fmt: skip


def stopped(after: int) -> Callable[[Scored], None]:
    """Interrupts a run when so many batches are scored."""
    left = [after]

    def on_batch(scored: Scored) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    return on_batch


# what is in a file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", formats.FORMATS)
def test_a_file_holds_the_items_and_their_scores(scorer: Scorer, folder: Path, suffix: str) -> None:
    out = folder.parent / f"scored{suffix}"
    summary = run(scorer, folder, out, flagging=Above(2.0), layout=Layout(figures=True))
    found = table(out)
    expected = score(scorer.model, [wave(i) for i in range(ROWS)], levels=2, draws=1, reference=scorer.calibration)
    assert found.column_names == ["id", "first", "source_file", "score", "p", "flag", *expected.labels]
    assert found["id"].to_pylist() == list(range(ROWS))
    assert [float(v) for v in found["first"].to_pylist()] == [wave(i)["wave"][0] for i in range(ROWS)]
    assert found["score"].to_pylist() == pytest.approx(expected.values, rel=1e-6)
    assert found["p"].to_pylist() == pytest.approx(expected.p_values, abs=1e-12)
    assert found["flag"].to_pylist() == [v > 2.0 for v in expected.values]
    assert found[expected.labels[1]].to_pylist() == pytest.approx([row[1] for row in expected.figures], rel=1e-6)
    assert (summary.rows, summary.quarantined, summary.files) == (ROWS, 0, (out,))
    assert summary.flagged == sum(v > 2.0 for v in expected.values) > 0
    assert {path.name for path in folder.parent.iterdir()} == {"in", out.name}


@pytest.mark.parametrize("batch", [1, 3, 7, 64])
def test_scores_do_not_depend_on_the_batch(scorer: Scorer, folder: Path, batch: int) -> None:
    for size in (batch, 16):
        run(scorer, folder, folder.parent / f"{size}.parquet", batch=size)
    one, other = (table(folder.parent / f"{size}.parquet") for size in (batch, 16))
    assert one["id"].equals(other["id"])
    np.testing.assert_allclose(one["score"].to_numpy(), other["score"].to_numpy(), rtol=1e-6, atol=1e-6)


def test_items_that_repeat_nothing_are_named(scorer: Scorer, folder: Path) -> None:
    write(folder / "d.jsonl", [wave(50)])
    run(scorer, folder, folder.parent / "scored.csv", layout=Layout(keep=()))
    with (folder.parent / "scored.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["item", "score", "p"]
    assert [row["item"] for row in rows[22:27]] == [
        f"{folder}/{name}" for name in ("a.jsonl:22", "b.jsonl:0", "b.jsonl:1", "c.jsonl:0", "c.jsonl:1")
    ]
    assert rows[-1]["item"] == f"{folder}/d.jsonl"


def test_of_several_files_each_item_tells_its_own(scorer: Scorer, folder: Path) -> None:
    write(folder / "b.jsonl", [SHORT, wave(23), wave(24)])
    out = folder.parent / "scored.parquet"
    run(scorer, folder, out, flagging=Above(2.0))
    found = table(out)
    assert found.column_names == ["id", "first", "source_file", "score", "p", "flag"]
    assert found["source_file"].to_pylist() == [
        f"{folder}/{name}.jsonl" for name, count in (("a", 23), ("b", 2), ("c", 25)) for _ in range(count)
    ]
    run(scorer, folder / "a.jsonl", out)
    assert "source_file" not in table(out).column_names, "there is one"


def test_columns_are_chosen(scorer: Scorer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder.parent / "scored.parquet"
    run(scorer, folder, out, layout=Layout(keep=("first",)))
    assert table(out).column_names == ["first", "source_file", "score", "p"]
    with pytest.raises(DomainInputError, match="did you mean 'first'"):
        run(scorer, folder, out, layout=Layout(keep=("frist",)))
    monkeypatch.setattr(lines.Lines, "columns", lambda self, items: {"id": [0] * len(items), "p": [0] * len(items)})
    with pytest.raises(DomainInputError, match="--keep id"):
        run(scorer, folder, out)
    assert not parts_of(out).exists(), "nothing was scored, so nothing is left"


def test_columns_of_words_and_of_several_types_become_one(scorer: Scorer, folder: Path, monkeypatch: Any) -> None:
    """A column may be whole numbers in one batch and fractions in another, and have words in a dictionary."""

    def columns(self: Any, items: Lot) -> dict[str, Any]:
        ids = [item["id"] for item in items.held]
        return {
            "x": ids if ids[0] < 20 else [i / 2 for i in ids],
            "word": pa.array([str(i) for i in ids]).dictionary_encode(),
        }

    monkeypatch.setattr(lines.Lines, "columns", columns)
    run(scorer, folder / "a.jsonl", folder.parent / "scored.csv")
    found = table(folder.parent / "scored.csv")
    assert found["x"].to_pylist() == [*range(16), *(i / 2 if i > 23 else i for i in range(16, 23))]
    assert [str(word) for word in found["word"].to_pylist()] == [str(i) for i in range(23)]


def test_what_a_kind_of_file_cannot_hold_is_told(scorer: Scorer, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(lines.Lines, "columns", lambda self, items: {"list": [[1, 2]] * len(items)})
    with pytest.raises(DomainInputError, match=r"write \.parquet"):
        run(scorer, folder, folder.parent / "scored.csv")
    assert not (folder.parent / "scored.csv").exists()
    assert run(scorer, folder, folder.parent / "scored.parquet").rows == ROWS
    with pytest.raises(DomainInputError, match=r"\.arrow"):
        run(scorer, folder, folder.parent / "scored.xlsx")


def test_a_file_does_not_depend_on_how_its_rows_came(tmp_path: Path) -> None:
    whole = pa.table({"x": np.arange(10_000.0)})
    for name, cuts in (("a", [0, 10_000]), ("b", [0, 1, 1025, 4000, 9999, 10_000])):
        pieces = [whole.slice(a, b - a) for a, b in pairwise(cuts)]
        for suffix in formats.FORMATS:
            formats.write_file(tmp_path / f"{name}{suffix}", whole.schema, pieces)
    for suffix in formats.FORMATS:
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# sources --------------------------------------------------------------------------------------------------------------


def test_sources_are_files_folders_and_patterns(model: Model, folder: Path) -> None:
    names = [str(folder / f"{name}.jsonl") for name in "abc"]
    for told in ([folder], [folder / "*.jsonl"], [folder.parent / "**" / "*.jsonl"], names):
        assert [source.name for source in find_sources(model, told)] == names
    (folder / "d[0].jsonl").write_text("{}")
    assert len(find_sources(model, [folder / "d[0].jsonl"])) == 1, "a file that is there is no pattern"
    with pytest.raises(DataError, match="pattern"):
        find_sources(model, [folder / "*.csv"])
    with pytest.raises(DataError, match="stands alone"):
        find_sources(model, ["-", folder])


@pytest.mark.parametrize("size", [1, 4, 7, 64])
def test_batches_give_every_item_once_from_any_place(model: Model, folder: Path, size: int) -> None:
    sources = find_sources(model, [folder])
    whole = list(read_batches(model, sources, size))
    assert all(len(batch) <= size for batch in whole)
    assert [item["id"] for batch in whole for item in batch.items.held] == list(range(ROWS))
    assert {name for batch in whole for name in batch.names()} == {
        f"{folder}/{name}.jsonl:{i}" for name, count in (("a", 23), ("b", 2), ("c", 25)) for i in range(count)
    }
    for i, batch in enumerate(whole):
        assert list(read_batches(model, sources, size, batch.end)) == whole[i + 1 :]


def test_short_files_are_scored_together(model: Model, tmp_path: Path) -> None:
    for i in range(10):
        write(tmp_path / f"{i}.jsonl", [wave(i)])
    assert [len(b) for b in read_batches(model, find_sources(model, [tmp_path]), 4)] == [4, 4, 2]


def test_items_are_held_a_few_at_a_time_and_together(scorer: Scorer, tmp_path: Path) -> None:
    """However many there are: no more are read than two batches beyond those that are scored, and none is unpacked."""
    write(tmp_path / "in.jsonl", map(wave, range(200)))
    ahead = []
    Lot.looked[0] = 0
    run(
        scorer, tmp_path / "in.jsonl", tmp_path / "out.parquet", batch=10,
        on_batch=lambda scored: ahead.append(lines.Lines.watch.read - scored.end.number),
    )  # fmt: skip
    assert len(ahead) == 20
    assert max(ahead) <= 20
    assert Lot.looked[0] == 0


def test_no_items_at_all_are_an_error(scorer: Scorer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.jsonl", [])
    with pytest.raises(DataError, match="holds no items"):
        run(scorer, tmp_path / "in", tmp_path / "out.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    write(tmp_path / "in" / "c.jsonl", [wave(0)])
    assert run(scorer, tmp_path / "in", tmp_path / "out.csv").rows == 1, "one that is empty among others is none"


def test_items_are_counted_where_all_files_tell(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = find_sources(model, [folder])
    assert count_items(model, sources) is None
    monkeypatch.setattr(lines.Lines, "count", lambda self, path: len(path.read_text().splitlines()))
    assert count_items(model, sources) == ROWS
    assert count_items(model, [Source("-")]) is None

    def broken(self: Any, path: Path) -> int:
        raise DataError("is broken", field=str(path))

    monkeypatch.setattr(lines.Lines, "count", broken)
    assert count_items(model, sources) is None


def test_a_domain_reads_whole_files_unless_it_says_otherwise(tmp_path: Path) -> None:
    domain = toy.Toy()
    (tmp_path / "x.json").write_text(json.dumps([[float(i)] for i in range(5)]))
    assert list(domain.batches(tmp_path / "x.json", 2)) == [[[0.0], [1.0]], [[2.0], [3.0]], [[4.0]]]
    assert domain.count(tmp_path / "x.json") is None
    assert domain.columns([[0.0]]) == {}
    with pytest.raises(UnsupportedError, match="reads no text"):
        domain.parse(["[]"], 2)


def test_a_sequence_is_sliced_and_anything_else_listed() -> None:
    assert [type(part) for part in slices(Lot((1, 2, 3)), 2)] == [Lot, Lot]
    assert list(slices(iter([1, 2, 3]), 2)) == [[1, 2], [3]]
    assert items_at(Lot((1, 2, 3)), [2, 0]) == Lot((3, 1))
    assert items_at("abc", [2, 0]) == ["c", "a"]


def test_batches_are_the_larger_the_smaller_the_items(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert items_at_a_time(model) == 8192
    for entries, expected in ((2**8, 1024), (2**20, 64)):
        monkeypatch.setattr(lines.LineCodec, "like", lambda self, count, n=entries: np_zeros(count, n))
        assert items_at_a_time(model) == expected


def np_zeros(count: int, entries: int) -> Any:
    import torch

    return torch.zeros(count, entries)


def test_batches_of_items_are_scored_one_by_one(scorer: Scorer) -> None:
    items = [wave(i) for i in range(7)]
    found = list(stream_batches(scorer, [items[:4], items[4:]]))
    assert [scores.names for scores in found] == [["0", "1", "2", "3"], ["4", "5", "6"]]
    assert found[1].values == pytest.approx(scorer(items).values[4:], rel=1e-6)


# the quarantine -------------------------------------------------------------------------------------------------------


def test_bad_items_are_set_apart_with_reasons(scorer: Scorer, folder: Path) -> None:
    write(folder / "b.jsonl", [SHORT, wave(23), {**SHORT, "id": -2}, wave(24)])
    out = folder.parent / "scored.parquet"
    summary = run(scorer, folder, out, flagging=Above(2.0))
    assert (summary.rows, summary.quarantined) == (ROWS, 2)
    assert table(out)["id"].to_pylist() == list(range(ROWS))
    assert summary.files == (out, quarantine_of(out))
    told = [json.loads(line) for line in quarantine_of(out).read_text().splitlines()]
    assert [(Path(fault["source"]).name, fault["row"]) for fault in told] == [("b.jsonl", 0), ("b.jsonl", 2)]
    assert told[1]["item"] == {"id": -2, "first": "0.5"}
    assert told[0]["reason"] == "is not a wave; expected 8; got 7"
    assert summary.odd_share == (summary.flagged + 2) / (ROWS + 2)
    clean = run(scorer, folder / "a.jsonl", out)
    assert clean.files == (out,) and not quarantine_of(out).exists(), "an older file would tell of another run"


def test_a_bad_item_changes_no_other_s_score(scorer: Scorer) -> None:
    good = [wave(i) for i in range(6)]
    mixed = Lot((good[0], SHORT, *good[1:]))
    found = score_batch(scorer, Batch(mixed, (Span(0, "x", 10, 7),), 0))
    assert found.table["score"].to_pylist() == pytest.approx(scorer(good).values, rel=1e-6)
    assert [(fault.source, fault.row) for fault in found.faults] == [("x", 11)]
    assert found.end == Place(0, 17, 7)


def test_conditions_stay_with_their_items() -> None:
    """They are dealt out by an item's number among all, whatever is set apart before it."""
    asked = []

    class Told(Scorer):
        def __call__(self, items: Any, numbers: Any = None) -> Any:
            asked.append(list(numbers))
            return super().__call__(items, numbers)

    model = lines.exact()
    score_batch(
        Told(**vars(make_scorer(model, levels=1, draws=1))),
        Batch(Lot((wave(0), SHORT, wave(1))), (Span(0, "x", 0, 3),), 40),
    )
    assert asked == [[40, 41, 42], [40, 42]]


def test_a_batch_of_bad_items_alone(scorer: Scorer, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [SHORT] * 8 + [wave(0)])
    summary = run(scorer, tmp_path / "in.jsonl", tmp_path / "out.csv", flagging=FalseDiscovery(0.5))
    assert (summary.rows, summary.quarantined) == (1, 8)
    write(tmp_path / "in.jsonl", [SHORT] * 8)
    none = run(scorer, tmp_path / "in.jsonl", tmp_path / "out.csv", flagging=FalseDiscovery(0.5))
    assert (none.rows, none.quarantined, none.flagged) == (0, 8, 0)


def test_strictly_a_bad_item_is_an_error(scorer: Scorer, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [*map(wave, range(10)), SHORT])
    out = tmp_path / "out.csv"
    with pytest.raises(DomainInputError, match=r"in\.jsonl:10: cannot be scored"):
        run(scorer, tmp_path / "in.jsonl", out, strict=True)
    assert not out.exists()
    assert run(scorer, tmp_path / "in.jsonl", out).resumed == 8, "without it, the run goes on"


def test_faults_are_found_by_halving() -> None:
    calls = []

    class Counted(toy.WaveCodec):
        def encode(self, items: Any, rng: Any = None) -> Any:
            calls.append(len(items))
            return super().encode(items, rng)

    items = [[0.0] * toy.LENGTH for _ in range(1024)]
    items[5], items[700] = [0.0], [1.0, 2.0]
    found = Counted(1.0).faults(items)
    assert {place: error.got for place, error in found.items()} == {5: 1, 700: 2}
    assert len(calls) < 60


def test_an_item_that_cannot_be_read_does_not_stand_in_the_way(scorer: Scorer) -> None:
    items = [wave(0), Unreadable(DataError("is damaged", field="b.png")), wave(1)]
    spans = tuple(Span(i, f"{name}.png", 0, 1, alone=True) for i, name in enumerate("abc"))
    found = score_batch(scorer, Batch(items, spans, 0), Layout(keep=()))
    assert found.table["item"].to_pylist() == ["a.png", "c.png"]
    assert [fault.to_json() for fault in found.faults] == [{"source": "b.png", "row": 0, "reason": "is damaged"}]


def test_a_wrong_request_is_no_fault_of_the_items(model: Model, folder: Path) -> None:
    scorer = replace(make_scorer(model, levels=1, draws=1), asked={"label": ["f1"]})
    with pytest.raises(DomainInputError, match="no condition named 'label'"):
        run(scorer, folder, folder.parent / "out.csv")


# what ends a run ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ROWS", 10)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("after", [1, 3, 6])
def test_a_run_goes_on_where_it_was_interrupted(scorer: Scorer, folder: Path, after: int, suffix: str) -> None:
    write(folder / "c.jsonl", [SHORT, *map(wave, range(25, ROWS))])
    whole, out = folder.parent / f"whole{suffix}", folder.parent / f"out{suffix}"
    run(scorer, folder, whole, flagging=FalseDiscovery(0.5))
    with pytest.raises(KeyboardInterrupt):
        run(scorer, folder, out, flagging=FalseDiscovery(0.5), on_batch=stopped(after))
    assert parts_of(out).exists() and not out.exists()
    again: list[Scored] = []
    summary = run(scorer, folder, out, flagging=FalseDiscovery(0.5), on_batch=again.append)
    assert out.read_bytes() == whole.read_bytes()
    assert quarantine_of(out).read_bytes() == quarantine_of(whole).read_bytes()
    assert summary.resumed + sum(scored.table.num_rows for scored in again) == summary.rows == ROWS
    assert summary.resumed > 0
    assert not parts_of(out).exists()


@pytest.mark.usefixtures("small_parts")
def test_a_part_that_is_missing_ends_those_that_hold(scorer: Scorer, folder: Path) -> None:
    whole, out = folder.parent / "whole.csv", folder.parent / "out.csv"
    run(scorer, folder, whole)
    with pytest.raises(KeyboardInterrupt):
        run(scorer, folder, out, on_batch=stopped(6))
    found = sorted(parts_of(out).glob("*.arrow"))
    assert len(found) > 2
    found[1].unlink()
    assert 0 < run(scorer, folder, out).resumed < 20
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("small_parts")
def test_a_crash_while_the_file_is_made_costs_nothing(scorer: Scorer, folder: Path, monkeypatch: Any) -> None:
    out = folder.parent / "out.csv"
    with monkeypatch.context() as patch:
        patch.setattr("suffuse.tasks.scoring.files.write_file", lambda *rest: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            run(scorer, folder, out)
    scored: list[Scored] = []
    assert run(scorer, folder, out, on_batch=scored.append).resumed == ROWS
    assert scored == []


@pytest.mark.usefixtures("small_parts")
def test_a_broken_source_keeps_what_was_scored(scorer: Scorer, folder: Path) -> None:
    """The file and the place are told; when it is mended, the same call goes on from there."""
    whole, out = folder.parent / "whole.csv", folder.parent / "out.csv"
    run(scorer, folder, whole)
    good = (folder / "c.jsonl").read_text()
    (folder / "c.jsonl").write_text("".join(good.splitlines(keepends=True)[:20]) + '{"id": 45, "wa')
    for _ in range(2):
        with pytest.raises(BrokenSourceError, match=r"c\.jsonl: broke off after 16 items: line 21: is no JSON") as told:
            run(scorer, folder, out)
        assert told.value.exit_code == 1
        assert parts_of(out).exists() and not out.exists()
    (folder / "c.jsonl").write_text(good)
    summary = run(scorer, folder, out)
    assert summary.resumed == 23 + 2 + 16
    assert out.read_bytes() == whole.read_bytes()


def test_a_file_of_another_kind_of_items_is_told(scorer: Scorer, folder: Path) -> None:
    write(folder / "c.jsonl", [{"id": 1}] * 30)
    with pytest.raises(BrokenSourceError, match=r"c\.jsonl: broke off after 0 items: wave: lacks a column"):
        run(scorer, folder, folder.parent / "out.csv", batch=23)
    write(folder / "c.jsonl", [])
    assert run(scorer, folder, folder.parent / "out.csv", batch=23).rows == 25


@pytest.mark.usefixtures("small_parts")
def test_scores_of_another_run_are_refused(scorer: Scorer, folder: Path) -> None:
    out = folder.parent / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        run(scorer, folder, out, on_batch=stopped(5))
    other = make_scorer(scorer.model, levels=2, draws=1, reference=[wave(i) for i in range(90, 120)])
    for options, named in (
        ({"scorer": other}, "its reference is another"),
        ({"scorer": make_scorer(scorer.model, levels=3, draws=1)}, "its statistic is another"),
        ({"layout": Layout(figures=True)}, "its figures is another"),
        ({"layout": Layout(keep=("id",))}, "its keep is another"),
        ({"told": folder / "b.jsonl"}, "its sources is another"),
        ({"told": folder / "[bc].jsonl"}, "other sources"),
    ):
        with pytest.raises(DataError, match=named) as refused:
            run(**{"scorer": scorer, "told": folder, "out": out, **options})
        assert "--no-resume" in str(refused.value)
    next(scorer.model.denoiser.network.parameters()).add_(1.0)
    with pytest.raises(DataError, match="its model is another"):
        run(scorer, folder, out)
    assert run(scorer, folder, out, resume=False).resumed == 0


@pytest.mark.usefixtures("small_parts")
def test_sources_may_come_but_not_change(scorer: Scorer, folder: Path) -> None:
    out = folder.parent / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        run(scorer, folder, out, on_batch=stopped(5))
    write(folder / "d.jsonl", [wave(50)])
    write(folder / "c.jsonl", map(wave, range(25, 30)))
    with pytest.raises(DataError, match=r"c\.jsonl: has changed"):
        run(scorer, folder, out)
    with pytest.raises(KeyboardInterrupt):
        run(scorer, folder, out, resume=False, on_batch=stopped(3))
    write(folder / "e.jsonl", [wave(51)])
    assert run(scorer, folder, out).rows == 23 + 2 + 5 + 1 + 1


def test_a_pipe_cannot_be_gone_on_with(scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, text = tmp_path / "out.csv", [json.dumps(wave(i)) for i in range(20)]
    monkeypatch.setattr("sys.stdin", text)
    with pytest.raises(KeyboardInterrupt):
        run(scorer, "-", out, on_batch=stopped(1))
    with pytest.raises(DataError, match="standard input"):
        run(scorer, "-", out)
    run(scorer, "-", out, resume=False)
    assert table(out)["id"].to_pylist() == list(range(20))


# flags ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_parts")
def test_a_rate_is_controlled_over_the_whole_run(scorer: Scorer, folder: Path) -> None:
    summary = run(scorer, folder, folder.parent / "out.parquet", flagging=make_flagging(scorer, fdr=0.5))
    found = table(folder.parent / "out.parquet")
    expected = benjamini_hochberg(found["p"].to_numpy(), 0.5)
    assert found["flag"].to_pylist() == expected.tolist()
    assert summary.flagged == expected.sum() > 0


def test_a_model_s_own_threshold_is_taken(scorer: Scorer) -> None:
    assert scorer.calibration is not None
    own = replace(scorer, calibration=replace(scorer.calibration, threshold=1.5))
    assert make_flagging(own) == Above(1.5)
    assert make_flagging(own, threshold=2.0) == Above(2.0)
    assert make_flagging(own, fdr=0.1) == FalseDiscovery(0.1)
    assert make_flagging(scorer) is None


def test_wrong_rules_are_refused(scorer: Scorer) -> None:
    for options, said in (
        ({"fdr": 0.1, "threshold": 1.0}, "besides another rule"),
        ({"fdr": 1.0}, "between 0 and 1"),
        ({"fdr": 0.0}, "between 0 and 1"),
    ):
        with pytest.raises(RecipeError, match=said):
            make_flagging(scorer, **options)
    with pytest.raises(RecipeError, match="--reference data"):
        make_flagging(replace(scorer, calibration=None), fdr=0.1)


# a stream -------------------------------------------------------------------------------------------------------------


class Sink(list[str]):
    """What is written, and when."""

    def write(self, text: str) -> None:
        self.append(text)

    def flush(self) -> None:
        self.append("flushed")


def test_lines_go_out_as_they_are_scored(scorer: Scorer, folder: Path) -> None:
    write(folder / "a.jsonl", [*map(wave, range(12)), SHORT])
    out, faults = Sink(), []
    summary = score_lines(
        scorer, find_sources(scorer.model, [folder / "a.jsonl"]), out,  # type: ignore[arg-type]
        batch=5, flagging=Above(2.0), on_fault=faults.append,
    )  # fmt: skip
    assert [i for i, text in enumerate(out) if text == "flushed"] == [5, 11, 14]
    rows = [json.loads(text) for text in out if text != "flushed"]
    assert [row["id"] for row in rows] == list(range(12))
    assert list(rows[0]) == ["id", "first", "score", "p", "flag"]
    assert summary.flagged == sum(row["flag"] for row in rows)
    assert (summary.rows, summary.quarantined, len(faults)) == (12, 1, 1)
    with pytest.raises(RecipeError, match="--threshold"):
        score_lines(scorer, [Source("-")], out, flagging=FalseDiscovery(0.1))  # type: ignore[arg-type]


def test_an_engine_may_score_elsewhere(scorer: Scorer, folder: Path) -> None:
    """It gets all that is needed, and gives scores in order; what it is changes nothing."""
    seen: list[int] = []

    def engine(given: Scorer, layout: Layout, batches: Iterator[Batch]) -> Iterator[Scored]:
        for scored in in_this_process(given, layout, batches):
            seen.append(scored.table.num_rows)
            yield scored

    for name, chosen in (("a", in_this_process), ("b", engine)):
        run(scorer, folder, folder.parent / f"{name}.parquet", engine=chosen)
    assert sum(seen) == ROWS
    assert (folder.parent / "a.parquet").read_bytes() == (folder.parent / "b.parquet").read_bytes()
