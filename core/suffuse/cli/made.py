"""How verbs go that make items out of others: read, made, written, and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suffuse.cli import filtering
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.samples import Samples


def make_from(
    verb: str, model: Model, files: list[Path], count: int, place: Path, as_json: bool, make: Callable[..., Samples]
) -> None:
    """Read items, make others of them, write these, and print where they lie.

    Arguments:
        verb: what the bar is called.
        model: whose items they are.
        files: of the items, or folders.
        count: how many are made of each.
        place: where what was made goes.
        as_json: print JSON.
        make: called with the items, and ``names`` and ``on_step`` by name.
    """
    from suffuse.tasks.items import read_items

    items, names = read_items(model, files)
    begun = time.perf_counter()
    with item_bar(verb, len(items) * count) as on_step:
        samples = make(items, names=names, on_step=on_step)
    tell(model, samples, place, time.perf_counter() - begun, as_json)


def tell(model: Model, samples: Samples, place: Path, seconds: float, as_json: bool) -> None:
    """Write what was made, and print where it lies."""
    from suffuse.tasks.samples import save

    files = save(model, samples, place)
    if as_json:
        told = {"files": files, "sources": samples.sources, "seeds": samples.seeds, "conditions": samples.conditions}
        print_json({**told, **filtering.told(samples), "seconds": round(seconds, 3)})
    else:
        print_made(samples, files, seconds)
    filtering.leave_if_fewer(samples)


def print_made(samples: Samples, files: Sequence[Path], seconds: float, *others: Path) -> None:
    """Print what was made, and where it lies."""
    console = results()
    told = str(samples.account) if samples.drops else f"made {len(samples.items)}"
    console.print(f"{told} in {seconds:.1f} s")
    for path in (*files[:2], *others):
        console.print(f"  {path}")
    if len(files) > 2:
        console.print(f"  and {len(files) - 2} more in {files[-1].parent}")
