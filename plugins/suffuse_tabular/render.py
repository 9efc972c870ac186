"""Rows as a picture."""

from __future__ import annotations

from typing import Any

from PIL import Image

from suffuse_tabular.rows import Rows

MOST_ROWS, MOST_COLUMNS = 40, 14
"""What is shown; of the rest it is told how much there is."""


def sheet(rows: Rows) -> Image.Image:
    """The first rows and columns, under the columns' names; empty cells are blank."""
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    from suffuse.plots import rendered

    names = rows.names[:MOST_COLUMNS]
    cells = [[text(row[name]) for name in names] for row in rows[:MOST_ROWS]]
    widths = [max(len(name), *(len(line[i]) for line in cells)) + 2 for i, name in enumerate(names)]
    lines = len(cells) + 2
    figure = Figure(figsize=(0.085 * sum(widths) + 0.2, 0.2 * lines), dpi=110)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    shares = [width / sum(widths) for width in widths]
    place = Bbox.from_bounds(0.0, 1.0 / lines, 1.0, 1.0 - 1.0 / lines)
    drawn = axes.table(cells, colLabels=names, colWidths=shares, bbox=place, cellLoc="right")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for (line, _), cell in drawn.get_celld().items():
        cell.set_linewidth(0.0)
        cell.set_facecolor("#dde4ee" if line == 0 else "#f6f7f9" if line % 2 else "white")
    more = [f"{count} more {what}" for count, what in _more(rows) if count > 0]
    axes.text(0.005, 0.3 / lines, ", ".join(more), fontsize=8, color="grey", transform=axes.transAxes)
    return rendered(figure)


def text(cell: Any) -> str:
    """A cell as it is shown: numbers with four digits, or all those before the point; nothing for an empty one."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float):
        return f"{cell:.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
    told = str(cell)
    return told if len(told) <= 24 else told[:23] + "…"


def _more(rows: Rows) -> tuple[tuple[int, str], ...]:
    return (len(rows) - MOST_ROWS, "rows"), (len(rows.names) - MOST_COLUMNS, "columns")
