"""From files of items to one file of scores: in constant memory, and so that no crash loses what was done."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse.errors import DomainInputError, RecipeError
from suffuse.files import atomic
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.scoring.columns import FLAG, SCORE, Layout, P, Scored, refuse, score_batch
from suffuse.tasks.scoring.flags import Flagging
from suffuse.tasks.scoring.formats import FORMATS, format_of, write_file, write_lines
from suffuse.tasks.scoring.joining import unified
from suffuse.tasks.scoring.parts import Part, Parts, json_line, open_parts
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.tasks.scoring.sources import Batch, BrokenSourceError, Source, read_batches
from suffuse.tasks.statistics import named

Engine = Callable[[Scorer, Layout, Iterator[Batch]], Iterator[Scored]]
"""What has batches scored, here or elsewhere: gives the scores of each, by :func:`score_batch`, in their order."""

OnBatch = Callable[[Scored], None]


@dataclass(frozen=True)
class Summary:
    """What became of a run.

    Arguments:
        rows: items scored.
        quarantined: items that could not be.
        flagged: items called odd; ``None`` where nothing says what is.
        resumed: of the rows, those that an earlier run had scored.
        seconds: that this run took.
        files: what was written.
    """

    rows: int
    quarantined: int
    flagged: int | None
    resumed: int
    seconds: float
    files: tuple[Path, ...]

    @property
    def rate(self) -> float:
        """Rows a second."""
        return (self.rows - self.resumed) / max(self.seconds, 1e-9)

    @property
    def odd_share(self) -> float:
        """The share of items that were flagged, or could not be scored."""
        return ((self.flagged or 0) + self.quarantined) / max(self.rows + self.quarantined, 1)

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {**asdict(self), "rows_per_second": self.rate, "odd_share": self.odd_share}


def in_this_process(scorer: Scorer, layout: Layout, batches: Iterator[Batch]) -> Iterator[Scored]:
    """The engine that needs nothing."""
    return (score_batch(scorer, batch, layout) for batch in batches)


def score_files(
    scorer: Scorer,
    sources: Sequence[Source],
    out: Path,
    *,
    flagging: Flagging | None = None,
    layout: Layout = Layout(),
    batch: int | None = None,
    resume: bool = True,
    strict: bool = False,
    engine: Engine = in_this_process,
    on_batch: OnBatch | None = None,
) -> Summary:
    """Score the items of sources into one file.

    Parts of it, and a journal, lie in a folder beside it until it is done. The same call goes on from the last part,
    whatever ended the run, and its file is the same as if nothing had.

    Arguments:
        scorer: all that the scores depend on.
        sources: what :func:`suffuse.tasks.scoring.sources.find_sources` found.
        out: the file; its suffix tells which kind.
        flagging: which items are called odd.
        layout: which columns it has; of several sources, the file that an item is of is one.
        batch: items scored at a time; changes the speed, not the scores.
        resume: whether to go on from parts that are there; else they are removed first.
        strict: whether an item that cannot be scored is an error; else it is set apart in a file beside the scores.
        engine: what has batches scored.
        on_batch: called with each batch that was scored, and with none that an earlier run had.

    Raises:
        DataError: the parts are another run's, or there are no items.
        BrokenSourceError: a source broke off; what was scored is kept.
        DomainInputError: with ``strict``, an item cannot be scored; or the file cannot hold a column.
        StorageError: a file could not be written.
    """
    if format_of(out) is None:
        raise DomainInputError("is no file of scores", field=str(out), expected=f"a file ending in {_suffixes()}")
    begun = time.perf_counter()
    layout = replace(layout, source=len(sources) > 1)
    parts = open_parts(parts_of(out), _run_of(scorer, layout), sources, resume)
    resumed = parts.rows
    size = batch or items_at_a_time(scorer.model)
    batches = read_batches(scorer.model, sources, size, parts.end, cutting=scorer.cutting)
    try:
        for scored in engine(scorer, layout, batches):
            refuse(scored.faults if strict else ())
            parts.add(scored)
            if on_batch is not None:
                on_batch(scored)
    except BrokenSourceError as error:
        parts.broke(error.source)
        raise
    finally:
        parts.flush()
        if not parts.done:
            parts.remove()
    flagged = _finish(parts.done, out, flagging)
    files = (out, *_quarantine(parts, quarantine_of(out)))
    parts.remove()
    return Summary(parts.rows, parts.faults, flagged, resumed, time.perf_counter() - begun, files)


def score_lines(
    scorer: Scorer,
    sources: Sequence[Source],
    out: TextIO,
    *,
    flagging: Flagging | None = None,
    layout: Layout = Layout(),
    batch: int | None = None,
    strict: bool = False,
    engine: Engine = in_this_process,
    on_batch: OnBatch | None = None,
    on_fault: Callable[[str], None] | None = None,
) -> Summary:
    """Score the items of sources into a stream of JSON lines, each batch as soon as it is scored; nothing is kept.

    Arguments:
        scorer, sources, layout, batch, strict, engine, on_batch: as for :func:`score_files`.
        out: where the lines go.
        flagging: which items are called odd; a rule that needs all of them cannot be used.
        on_fault: called with each item that could not be scored, a JSON value on a line.

    Raises:
        RecipeError: the rule needs all items.
    """
    if flagging is not None and flagging.needs_all:
        raise RecipeError(
            "flags no row before all are scored", field="fdr", got="a stream",
            fix="write to a file, or flag by --threshold or --online",
        )  # fmt: skip
    tell = on_fault or (lambda line: None)
    layout = replace(layout, source=len(sources) > 1)
    begun, rows, faults, flagged = time.perf_counter(), 0, 0, 0
    size = batch or items_at_a_time(scorer.model)
    batches = read_batches(scorer.model, sources, size, cutting=scorer.cutting)
    for scored in engine(scorer, layout, batches):
        refuse(scored.faults if strict else ())
        table = scored.table
        if flagging is not None and table.num_rows:
            flagging, flags = flagging.judge(_numbers(table, flagging.column))
            table = _with_flags(table, flags)
            flagged += int(flags.sum())
        write_lines(table, out)
        out.flush()
        for fault in scored.faults:
            tell(json_line(fault.to_json()))
        rows, faults = rows + table.num_rows, faults + len(scored.faults)
        if on_batch is not None:
            on_batch(scored)
    return Summary(rows, faults, None if flagging is None else flagged, 0, time.perf_counter() - begun, ())


def parts_of(out: Path) -> Path:
    """The folder of a file's parts."""
    return out.with_name(f"{out.name}.parts")


def quarantine_of(out: Path) -> Path:
    """Where the items are told that could not be scored."""
    return out.with_name(f"{out.stem}.quarantine.jsonl")


def _run_of(scorer: Scorer, layout: Layout) -> dict[str, Any]:
    """What makes the scores what they are."""
    usual = scorer.calibration
    return {
        "model": fingerprint(scorer.model),
        "statistic": named(scorer.statistic).model_dump(mode="json"),
        "reference": None if usual is None else hashlib.blake2b(usual.figures.numpy().tobytes()).hexdigest()[:32],
        "conditions": {name: [str(value) for value in values] for name, values in scorer.asked.items()},
        "windows": asdict(scorer.cutting),
        "keep": "all" if layout.keep is None else list(layout.keep),
        "figures": layout.figures,
        "sources": "several" if layout.source else "one",
    }


def _finish(parts: Sequence[Part], out: Path, flagging: Flagging | None) -> int | None:
    """Make one file of parts, a part at a time; how many items are flagged."""
    schema = unified([part.schema() for part in parts])
    scored = [part for part in parts if part.rows]
    if flagging is None or not scored:
        write_file(out, schema, (part.read() for part in scored))
        return None if flagging is None else 0
    flags = list(_flags(scored, flagging))
    tables = (_with_flags(part.read(), found) for part, found in zip(scored, flags, strict=True))
    write_file(out, _flag_added(schema), tables)
    return sum(int(found.sum()) for found in flags)


def _flags(parts: Sequence[Part], flagging: Flagging) -> Iterator[NDArray[np.bool_]]:
    """Which items of each part are odd."""
    values = (_numbers(part.read(flagging.column), flagging.column) for part in parts)
    if flagging.needs_all:
        _, whole = flagging.judge(np.concatenate(list(values)))
        yield from np.split(whole, np.cumsum([part.rows for part in parts])[:-1])
        return
    for found in values:
        flagging, flags = flagging.judge(found)
        yield flags


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = table.column(column).to_numpy()
    return numbers


def _flag_place(names: Sequence[str]) -> int:
    """Flags stand behind the scores, and behind the p-values where there are any."""
    return 1 + list(names).index(P if P in names else SCORE)


def _with_flags(table: pa.Table, flags: NDArray[np.bool_]) -> pa.Table:
    return table.add_column(_flag_place(table.column_names), FLAG, pa.array(flags))


def _flag_added(schema: pa.Schema) -> pa.Schema:
    return schema.insert(_flag_place(schema.names), pa.field(FLAG, pa.bool_()))


def _quarantine(parts: Parts, path: Path) -> Iterable[Path]:
    """Write down what could not be scored; where all could, no older file says otherwise."""
    if not parts.faults:
        path.unlink(missing_ok=True)
        return ()
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(parts.quarantined())
    return (path,)


def _suffixes() -> str:
    return ", ".join(FORMATS)
