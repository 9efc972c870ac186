"""What a person sees: progress on stderr, results on stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

OnStep = Callable[[int, int], None]


def results() -> Console:
    """Where results are printed; long paths are not broken, so that they can be copied."""
    return Console(soft_wrap=True, highlight=False)


def progress() -> Console:
    """Where progress is drawn."""
    return Console(stderr=True)


@contextmanager
def step_bar(title: str) -> Iterator[OnStep]:
    """A bar that is told (steps done, steps in all)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def metrics_table(title: str, metrics: Mapping[str, Any]) -> Table:
    """Figures by name."""
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    return table
