"""How verbs go that make items out of others: read, made, written, and told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import filtering
from suffuse.cli.scoring import kept
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.memory import Memory
    from suffuse.tasks.samples import Samples


Resume = Annotated[
    bool,
    typer.Option(
        "--resume/--no-resume", help="Go on with what the same command had made when it was stopped, or begin anew."
    ),
]


@dataclass(frozen=True)
class Output:
    """Where what a verb makes goes.

    Arguments:
        place: a file or a folder.
        named: the same, if the user named it: then the same command can go on if it is stopped.
        resume: whether it goes on, or begins anew.
        writing: how items are written, as :func:`suffuse.tasks.samples.save` takes it.
        as_json: print JSON.
    """

    place: Path
    named: Path | None
    resume: bool
    writing: Mapping[str, Any]
    as_json: bool


def make_from(
    verb: str,
    model: Model,
    files: list[Path],
    output: Output,
    make: Callable[..., Samples],
    call: Mapping[str, Any],
    beside: Sequence[Path] = (),
    gaps: bool = False,
) -> None:
    """Read items, make others of them, write these, and print where they lie.

    Arguments:
        verb: its name.
        model: whose items they are.
        files: of the items, or folders.
        output: where what was made goes.
        make: called with the items, with ``call``, and with ``names``, ``memory`` and ``on_step`` by name.
        call: all that tells what is made of the items, by name; ``count``, how many of each, among it.
        beside: other files that tell it.
        gaps: whether items may have gaps.
    """
    from suffuse.files import digest
    from suffuse.tasks.items import called, find_files, read_items
    from suffuse.tasks.samples import check_apart

    sources = (*find_files(model, files), *beside)
    check_apart(output.place, sources)
    items, names = read_items(model, files, gaps)
    read = [digest(file) for file in sources]
    begun = time.perf_counter()
    with (
        memorized(verb, model, output.named, output.resume, items=read, **call) as memory,
        item_bar(verb, len(items) * call["count"]) as on_step,
        called(names),
    ):
        samples = make(items, **call, names=names, memory=memory, on_step=on_step)
    tell(model, samples, output.place, output.writing, time.perf_counter() - begun, output.as_json, memory)


@contextmanager
def memorized(verb: str, model: Model, out: Path | None, resume: bool, **call: Any) -> Iterator[Memory | None]:
    """What a command remembers beside the output that it names, to go on from if the block ends early."""
    if out is None:
        yield None
        return
    from suffuse.tasks.making import remember
    from suffuse.tasks.memory import memory_of

    with kept(memory_of(out), "made"), remember(memory_of(out), model, resume, verb=verb, **call) as memory:
        yield memory


def tell(
    model: Model,
    samples: Samples,
    place: Path,
    writing: Mapping[str, Any],
    seconds: float,
    as_json: bool,
    memory: Memory | None = None,
    **others: Path | None,
) -> None:
    """Write what was made, which is remembered no longer then, and print where it lies, and where other files do."""
    from suffuse.tasks.samples import save

    files = save(model, samples, place, **writing)
    if memory is not None:
        memory.forget()
    if as_json:
        told = {"files": files, "sources": samples.sources, "seeds": samples.seeds, "conditions": samples.conditions}
        print_json({**told, **samples.each, **filtering.told(samples), "seconds": round(seconds, 3), **others})
    else:
        _print_made(samples, files, seconds, *filter(None, others.values()))
    filtering.leave_if_fewer(samples)


def _print_made(samples: Samples, files: Sequence[Path], seconds: float, *others: Path) -> None:
    """Print what was made, and where it lies."""
    console = results()
    told = str(samples.account) if samples.drops else f"made {len(samples.items)}"
    console.print(f"{told} in {seconds:.1f} s")
    for name, values in samples.each.items():
        known = [value for value in values if math.isfinite(value)]
        if known:
            console.print(f"  {name} {sum(known) / len(known):.3f} on average")
    for path in (*files[:2], *others):
        console.print(f"  {path}")
    if len(files) > 2:
        console.print(f"  and {len(files) - 2} more in {files[-1].parent}")
