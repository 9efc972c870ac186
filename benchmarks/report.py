"""What every benchmark prints and writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from suffuse.training.run import environment

Row = Mapping[str, Any]


def parser(about: str | None) -> argparse.ArgumentParser:
    """Arguments that all benchmarks take; ``about`` is the module's docstring."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def name_of(rule: Any) -> str:
    """A frozen rule, such as a sampler, with those options that are not the default; rules within it likewise."""
    values = {f.name: getattr(rule, f.name) for f in fields(rule) if getattr(rule, f.name) != f.default}
    told = [f"{name}={name_of(v) if is_dataclass(v) else repr(v)}" for name, v in values.items()]
    return f"{type(rule).__name__}({', '.join(told)})"


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table; the columns are those of the first row."""
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    Console(width=None if Console().is_terminal else 160).print(table)


def tell(message: str) -> None:
    """Print a line."""
    Console(highlight=False, markup=False, soft_wrap=True).print(message)


def save(path: Path | None, **tables: Sequence[Row]) -> None:
    """Write the tables, and what they were measured on, if a file was asked for."""
    if path is not None:
        path.write_text(json.dumps({"environment": environment(), **tables}, indent=1) + "\n", encoding="utf-8")


def markdown(rows: Sequence[Row]) -> str:
    """A table in markdown."""
    names = list(rows[0])
    right = [not isinstance(rows[0][name], str) for name in names]
    lines = [names, ["---:" if r else "---" for r in right], *([cell(v) for v in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: Any) -> str:
    """A figure with three digits; nothing for ``None``."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    plain = value == 0.0 or 1e-2 <= abs(value) < 1e5
    return f"{value:#.3g}".rstrip(".") if plain and abs(value) < 1e3 else f"{value:.0f}" if plain else f"{value:.2e}"
