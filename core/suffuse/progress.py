"""Progress of long work, drawn with rich or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SHOWN = ("loss", "validation_loss")
"""Figures for which a narrow terminal has room; the others are in the log."""

Advance = Callable[[int, Mapping[str, float]], None]
"""Called with the steps done and the figures to show."""


@contextmanager
def progress_bar(console: Console | None, title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """A bar for ``total`` steps of which ``done`` were made before.

    Arguments:
        console: where to draw; ``None``: nowhere.
    """
    if console is None:
        yield lambda step, figures: None
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[figures]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, completed=done, figures="")

        def advance(step: int, figures: Mapping[str, float]) -> None:
            shown = "  ".join(f"{name.replace('_', ' ')} {figures[name]:.4g}" for name in SHOWN if name in figures)
            bar.update(task, completed=step, figures=shown)

        yield advance
