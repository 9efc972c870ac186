"""``suffuse blend``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Item, Section
    from suffuse.model import Model
    from suffuse.tasks.blend import Blend

First = Annotated[Path, typer.Argument(metavar="A", help="A file with one item.", show_default=False)]
Second = Annotated[Path, typer.Argument(metavar="B", help="Another.", show_default=False)]
Between = Annotated[int, typer.Option("--count", "-n", min=2, help="How many, the two themselves included.")]
FlowSteps = Annotated[int, typer.Option("--steps", min=1, help="Steps to noise and back, four evaluations each.")]


@verb
def blend(
    model: opt.ModelSource,
    a: First,
    b: Second,
    count: Between = 7,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    steps: FlowSteps = 20,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    as_json: opt.Json = False,
) -> None:
    """From one item to another, through those between."""
    from suffuse.tasks.blend import blend as go_between
    from suffuse.tasks.items import called
    from suffuse.tasks.samples import check_apart, check_out, check_writing

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("blended") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    check_apart(place, (a, b))
    first, second = (_read(loaded, path) for path in (a, b))
    begun = time.perf_counter()
    with item_bar("blend", count) as on_step, called([str(a), str(b)]):
        found = go_between(loaded, first, second, count, steps=steps, conditions=asked, batch=batch, on_step=on_step)
    files = _write(loaded, found, place, check_writing(loaded, writing), {"from": a, "to": b})
    _tell(files, found, time.perf_counter() - begun, as_json)


def _read(model: Model, path: Path) -> Item:
    from suffuse.errors import DomainInputError
    from suffuse.tasks.items import read_items

    items, _ = read_items(model, [path])
    if len(items) != 1:
        raise DomainInputError("holds several items", field=str(path), expected="one", got=len(items))
    return items[0]


def _write(model: Model, found: Blend, place: Path, how: Section, ends: Mapping[str, Path]) -> list[Path]:
    """The strip and, in a folder, one file for each item, and a list of them."""
    from suffuse.files import write_json, write_with
    from suffuse.tasks.layout import LISTING, STRIP
    from suffuse.tasks.samples import write_items

    strip = place if place.suffix.lower() == ".png" else place / STRIP
    if place.suffix and strip != place:
        write_items(model, found.items, place, how)
        return [place]
    told = [f"{weight:.3g}" for weight in found.weights]
    write_with(strip, model.domain.captioned(found.items, told, columns=len(found.items)).save)
    if strip == place:
        return [place]
    width = len(str(len(found.items) - 1))
    files = [place / f"{i:0{width}}{model.domain.writes[0]}" for i in range(len(found.items))]
    for item, path in zip(found.items, files, strict=True):
        write_items(model, [item], path, how)
    listing, between = place / LISTING, {name: str(path) for name, path in ends.items()}
    weights = zip(files, found.weights, strict=True)
    write_json(listing, [{"file": file.name, "weight": weight, **between} for file, weight in weights])
    return [strip, listing, *files]


def _tell(files: list[Path], found: Blend, seconds: float, as_json: bool) -> None:
    told: dict[str, Any] = {"files": files, "weights": found.weights, "round_trip_error": found.error.tolist()}
    if as_json:
        print_json({**told, "seconds": round(seconds, 3)})
        return
    console = results()
    console.print(f"made {len(found.items)} in {seconds:.1f} s; the two ends lose {found.error.max():.2g} deviations")
    console.print(f"  {files[0]}")
    if len(files) > 1:
        console.print(f"  and {len(files) - 1} more in {files[-1].parent}")
