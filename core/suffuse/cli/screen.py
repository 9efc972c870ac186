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
    return Console(soft_wrap=True, highlight=False, markup=False)


def progress() -> Console:
    """Where progress is drawn."""
    return Console(stderr=True)


@contextmanager
def item_bar(title: str, count: int) -> Iterator[OnStep]:
    """A bar over items, told (steps done, steps in all)."""
    from suffuse.progress import progress_bar

    with progress_bar(progress(), title, count) as advance:
        yield lambda done, total: advance(count * done // total, {})


def metrics_table(title: str, metrics: Mapping[str, Any]) -> Table:
    """Figures by name."""
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    return table
