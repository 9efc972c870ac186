"""``suffuse search``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Item
    from suffuse.index import Hit
    from suffuse.model import Model

Queries = Annotated[
    list[Path], typer.Argument(metavar="QUERY...", help="Files or folders of items.", show_default=False)
]
Where = Annotated[
    list[Path], typer.Option("--in", metavar="FOLDER", help="Where to look: files or folders.", show_default=False)
]
Neighbours = Annotated[int, typer.Option("--neighbours", "-k", min=1, help="How many neighbours of each query.")]
IndexFile = Annotated[
    Path | None, typer.Option("--index", metavar="FILE", help="Keep the index there instead of in the cache.")
]
Layer = Annotated[
    str | None, typer.Option("--layer", metavar="NAME", help="Of the network; a little past the middle by default.")
]
Level = Annotated[
    float | None, typer.Option("--level", help="The noise level σ/α at which the network looks; 0.4 by default.")
]

PERCENT = 100


@verb
def search(
    model: opt.ModelSource,
    queries: Queries,
    where: Where,
    k: Neighbours = 8,
    index: IndexFile = None,
    layer: Layer = None,
    level: Level = None,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """The items most like others, by what the model's own network thinks of them."""
    from suffuse.tasks.index import index_files
    from suffuse.tasks.items import called, find_files, read_items
    from suffuse.tasks.samples import check_apart
    from suffuse.tasks.search import search as find_neighbours

    loaded = opt.load_model(model, device)
    folder = out or opt.fresh_folder(Path("found") / opt.title(model))
    sheet, table = folder / "sheet.png", folder / "found.csv"
    for place in (sheet, table):
        check_apart(place, find_files(loaded, [*queries, *where]))
    asked, names = read_items(loaded, [path.resolve() for path in queries])
    told: dict[str, Any] = {"path": index, "layer": layer, "batch": batch}
    told |= {} if level is None else {"level": level}
    begun = time.perf_counter()
    with item_bar("look", PERCENT) as on_step:
        made = index_files(loaded, where, on_step=on_step, **told)
    with called(names):
        hits = find_neighbours(loaded, asked, made, k, names=names, batch=batch)
    seconds = time.perf_counter() - begun
    _draw(loaded, asked, names, hits, sheet)
    _write(names, hits, table)
    if as_json:
        rows = [
            {"query": name, "neighbours": [_told(hit) for hit in found]}
            for name, found in zip(names, hits, strict=True)
        ]
        files = {"sheet": sheet, "table": table}
        print_json({"results": rows, "searched": len(made.entries), **files, "seconds": round(seconds, 3)})
        return
    console = results()
    for name, found in zip(names, hits, strict=True):
        console.print(_table(name, found))
    console.print(f"searched {len(made.entries)} in {seconds:.1f} s")
    console.print(f"  {sheet}")
    console.print(f"  {table}")


def _told(hit: Hit) -> dict[str, Any]:
    """A neighbour, how alike it is to the model, and how alike by the domain's own measure."""
    return {"item": hit.entry.name, "similarity": hit.similarity, **hit.own}


def _table(name: str, hits: list[Hit]) -> Table:
    table = Table(title=f"most like {name}", title_justify="left")
    table.add_column("item", overflow="fold")
    figures = dict.fromkeys(key for hit in hits for key in _told(hit) if key != "item")
    for figure in figures:
        table.add_column(figure, justify="right")
    for hit in hits:
        told = _told(hit)
        table.add_row(hit.entry.name, *(f"{told[figure]:.3f}" if figure in told else "" for figure in figures))
    return table


def _write(names: list[str], hits: list[list[Hit]], path: Path) -> None:
    """All neighbours as a table, a row each."""
    from suffuse.files import write_rows

    write_rows(path, [{"query": name, **_told(hit)} for name, found in zip(names, hits, strict=True) for hit in found])


def _draw(model: Model, queries: list[Item], names: list[str], hits: list[list[Hit]], path: Path) -> None:
    """A row for each query: itself, then its neighbours."""
    from suffuse.files import write_with

    rows = [
        [(query, name), *((hit.item, hit.entry.name) for hit in found)]
        for query, name, found in zip(queries, names, hits, strict=True)
    ]
    columns = min(len(row) for row in rows)
    cells = [cell for row in rows for cell in row[:columns]]
    captions = [Path(name).name for _, name in cells]
    write_with(path, model.domain.captioned([item for item, _ in cells], captions, columns).save)
