"""Made rows beside real ones as a picture: each column's distribution, and which columns hang together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from PIL import Image

from suffuse.plots import bars, edges_of, histograms, legend, rendered
from suffuse_tabular.cells import Floats, texts
from suffuse_tabular.metrics.shapes import associations
from suffuse_tabular.metrics.view import Kind, View, views

MOST_COLUMNS = 20
"""Columns that are drawn, the first ones."""

MOST_CLASSES = 12
"""Categories of a column that are drawn, the most frequent of the real rows."""

MOST_ROWS = 5_000

WIDE = 4
"""Panels in a row."""


def beside(made: pa.Table, real: pa.Table, kinds: Mapping[str, Kind]) -> Image.Image:
    """A panel for each column, and three of associations: in real rows, in made ones, and the difference.

    Arguments:
        made, real: rows of the same columns.
        kinds: what each column is; others are left out.
    """
    shown = dict(list(kinds.items())[:MOST_COLUMNS])
    theirs, ours = (view.drawn(MOST_ROWS, seed=0) for view in views([real, made], shown))
    lines = -(-len(shown) // WIDE)
    figure = Figure(figsize=(3.2 * WIDE, 2.2 * lines + 4.4), dpi=90, layout="constrained")
    above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(2.2 * lines, 4.4)))
    panels = above.subplots(lines, WIDE, squeeze=False).ravel()
    for axes, (name, kind) in zip(panels, shown.items(), strict=False):
        if name in theirs.numbers:
            _numbers(axes, theirs.numbers[name], ours.numbers[name], kind)
        else:
            _categories(axes, real[name].combine_chunks(), made[name].combine_chunks())
        axes.set_title(_short(name, 26) + _empty(theirs.empty[name], ours.empty[name]), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    legend(above)
    if len(shown) < len(kinds):
        above.suptitle(f"the first {len(shown)} of {len(kinds)} columns", x=0.0, ha="left", fontsize=9)
    _associations(below, theirs, ours)
    return rendered(figure)


def _numbers(axes: Axes, real: Floats, made: Floats, kind: Kind) -> None:
    """Two histograms of the same bins; what lies beyond the real rows' range of 99 % is in the outermost ones."""
    real, made = (x[~np.isnan(x)] for x in (real, made))
    if not len(real) or not len(made):
        return
    edges = edges_of(real)
    histograms(axes, real, made, edges)
    if kind == "time":
        ticks = np.linspace(edges[0], edges[-1], 3)
        axes.set_xticks(ticks, [str(np.datetime64(round(tick), "s").astype("datetime64[D]")) for tick in ticks])
    else:
        axes.locator_params(axis="x", nbins=5)
    axes.set_yticks([])


def _categories(axes: Axes, real: pa.Array, made: pa.Array) -> None:
    """Bars of shares, the most frequent categories of the real rows first."""
    shares = [_shares(cells) for cells in (real, made)]
    names = sorted(shares[0], key=lambda name: -shares[0][name])[:MOST_CLASSES]
    bars(axes, [_short(name, 12) for name in names], *([told.get(name, 0.0) for name in names] for told in shares))
    if max(map(len, names), default=0) * len(names) > 26:
        axes.tick_params(axis="x", rotation=30)
    axes.set_yticks([])


def _shares(cells: pa.Array) -> dict[str, float]:
    told = texts(cells, str(cells.type)).drop_null()
    return {pair["values"]: pair["counts"] / max(1, len(told)) for pair in told.value_counts().to_pylist()}


def _associations(figure: SubFigure, real: View, made: View) -> None:
    """Three squares, one under the title of what it shows."""
    names = [_short(name, 14) for name in (*real.numbers, *real.categories)]
    found = [associations(view) for view in (real, made)]
    squares = (("together: real", found[0], "Blues"), ("together: made", found[1], "Blues"),
               ("made less real", found[1] - found[0], "RdBu_r"))  # fmt: skip
    small = 7 if len(names) <= 12 else 6
    for i, (axes, (title, values, colours)) in enumerate(zip(figure.subplots(1, 3), squares, strict=True)):
        lowest = -1.0 if colours == "RdBu_r" else 0.0
        drawn = axes.imshow(values, cmap=colours, vmin=lowest, vmax=1.0)
        axes.set_title(title, fontsize=9)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=small)
        axes.set_yticks(range(len(names)), names if i == 0 else [], fontsize=small)
        figure.colorbar(drawn, ax=axes, shrink=0.7).ax.tick_params(labelsize=7)


def _empty(real: np.ndarray, made: np.ndarray) -> str:
    """The shares of empty cells, where there are any."""
    return f"\nempty: {real.mean():.0%} and {made.mean():.0%}" if real.any() or made.any() else ""


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
