"""The domain of tables: an item is a row, a mapping of columns to cells, ``None`` where one is empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from suffuse.conditions import ConditionSpace
from suffuse.datasets import condition_space, open_named
from suffuse.domain import Codec, Dataset, Domain, Item, Section, Splits, Unreadable, examples_at
from suffuse_tabular import files, render
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.data import Data, TableDataset
from suffuse_tabular.fit import Options, fit_codec
from suffuse_tabular.rows import Rows


class Tabular(Domain):
    """Rows of numbers, categories, ordinals, dates and truths, some cells empty."""

    name = "tabular"
    data_section = Data
    codec_section = Options
    writes = tuple(files.WRITERS)[:-1]

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        return open_named(self.name, data.name, data, "table")

    def conditions(self, splits: Splits) -> ConditionSpace:
        """A ``label``, and a condition for each column that the ``data`` section names: numbers, or one of several."""
        return condition_space(splits.train)

    def fit_codec(self, options: Section, train: Dataset) -> RowsCodec:
        assert isinstance(options, Options)
        return fit_codec(options, rows_of(train))

    def load_codec(self, data: Mapping[str, Any]) -> RowsCodec:
        return RowsCodec.from_json(data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        files.write(Rows.of(items), Path(path))

    def read(self, path: Path) -> list[Item]:
        return list(files.read(path))

    def batches(self, path: Path, size: int) -> Iterator[Rows | list[Unreadable]]:
        """The rows of one file, at most ``size`` at a time, in columns."""
        return files.stream(path, size)

    def count(self, path: Path) -> int | None:
        return files.count(path)

    def parse(self, lines: Iterable[str], size: int) -> Iterator[Rows | list[Unreadable]]:
        """Rows from JSON lines."""
        return files.parse(lines, size)

    def from_table(self, table: Any) -> Rows:
        return Rows.of(table)

    def columns(self, items: Sequence[Item]) -> Mapping[str, Any]:
        """All cells, by column."""
        return Rows.of(items).columns()

    def reason(self, item: Item, usual: Item, part: str, share: float) -> str:
        """What the cell is, and what it would be: ``age is 212, not 43 (61% of the score)``.

        Where nothing was found that is more usual, that alone is told.
        """
        is_now, would_be = (render.text(row[part]) or "empty" for row in (item, usual))
        if is_now == would_be:
            return f"{part} is {is_now}, and nothing better was found ({share:.0%} of the score)"
        return f"{part} is {is_now}, not {would_be} ({share:.0%} of the score)"

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return render.sheet(Rows.of(items))

    def beside(self, made: Sequence[Item], real: Dataset, codec: Codec) -> Image.Image:
        """Each column's distribution, and which columns hang together; see :func:`suffuse_tabular.beside.beside`."""
        from suffuse_tabular.beside import beside  # draws, which few need
        from suffuse_tabular.metrics import KINDS

        assert isinstance(codec, RowsCodec)
        kinds = {column.name: KINDS[column.kind] for column in codec.columns}
        return beside(Rows.of(made).table, rows_of(real).table, kinds)

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """See :func:`suffuse_tabular.metrics.evaluate`; its target is the first condition, if there is one."""
        from suffuse_tabular import metrics  # the learners are heavy, and nobody who scores needs them

        assert isinstance(codec, RowsCodec)
        target = next(iter(conditions), None)
        made = Rows.of(items)
        if target is None:
            return metrics.evaluate(made, rows_of(splits.test), rows_of(splits.train), codec)
        test, train = (_with(rows_of(part), target, _asked(part, target)) for part in (splits.test, splits.train))
        return metrics.evaluate(_with(made, target, conditions[target]), test, train, codec, target)


def _with(rows: Rows, name: str, values: Sequence[Any]) -> Rows:
    """Rows with one column more, if they lack it."""
    return rows if name in rows.names else Rows(rows.table.append_column(name, pa.array(values)))


def _asked(dataset: Dataset, name: str) -> Sequence[Any]:
    """The values of a condition."""
    return examples_at(dataset, range(len(dataset))).conditions[name]


def rows_of(dataset: Dataset) -> Rows:
    """All rows of a data set."""
    if isinstance(dataset, TableDataset):
        return dataset.rows
    return Rows.of(examples_at(dataset, range(len(dataset))).items)
