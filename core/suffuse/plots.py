"""Plots of items that cannot be seen, for :meth:`suffuse.domain.Domain.picture`, and of made items beside real ones."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Patch
from numpy.typing import ArrayLike
from PIL import Image

from suffuse.errors import DomainInputError

_PANEL = (2.6, 1.0)
"""A panel's width, and the height of one of its lanes, in inches; shared out where there are many panels."""
_LARGEST = (14.0, 18.0)
_DPI = 100
_FILLED = 0.8
"""The share of its panel's width, and of its lane's height, that a line takes."""

REAL, MADE = "#7a8aa0", "#e07b39"
"""Colours of real items and of made ones."""
_AREA: dict[str, Any] = {"fill": True, "color": REAL, "alpha": 0.5}
_OUTLINE: dict[str, Any] = {"color": MADE, "linewidth": 1.5}


def line_plots(series: Sequence[ArrayLike], names: Sequence[str] = (), columns: int | None = None) -> Image.Image:
    """Lines of several items on one sheet: a panel an item, a lane a line.

    A line's scale is the same in all panels, and its range stands in the legend. What is missing is a gap; a value
    between two gaps is a dot.

    Arguments:
        series: for each item ``[points, lines]``, or ``[points]``; NaN where a value is missing. Lengths may differ.
        names: of the lines, for the legend; without them there is none.
        columns: panels in a row; as square as can be unless told otherwise.

    Raises:
        DomainInputError: there is no item, or they have different numbers of lines.
    """
    tables = [np.asarray(s, dtype=np.float64) for s in series]
    tables = [t[:, None] if t.ndim == 1 else t for t in tables]
    widths = sorted({t.shape[1] if t.ndim == 2 else -1 for t in tables})
    if len(widths) != 1 or widths[0] < 1:
        raise DomainInputError(
            "cannot be drawn", field="series", expected="[points, lines] of each item, with as many lines", got=widths
        )
    lanes, columns = widths[0], min(len(tables), columns or math.ceil(math.sqrt(len(tables))))
    rows = math.ceil(len(tables) / columns)
    size = [min(largest, one * n) for largest, one, n in zip(_LARGEST, _PANEL, (columns, rows * lanes), strict=True)]
    figure = Figure(figsize=(max(4.0, size[0]), max(1.2, size[1]) + 0.4), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    longest = max(len(t) for t in tables)
    for lane in range(lanes):
        lines = [t[:, lane] for t in tables]
        low, high = _range(lines)
        label = f"{names[lane]}, {low:.4g} to {high:.4g}" if names else None
        x, y = _laid_out(lines, columns, longest, low, high)
        y += lanes - 1 - lane + lanes * (rows - 1 - np.repeat(np.arange(len(tables)) // columns, longest + 1))
        (drawn,) = axes.plot(x, y, linewidth=1.0, label=label)
        alone = np.isnan(np.roll(y, 1)) & np.isnan(np.roll(y, -1))
        axes.plot(x[alone], y[alone], ".", markersize=3, color=drawn.get_color())
    for row in range(1, rows):
        axes.axhline(row * lanes - 0.5 * (1.0 - _FILLED), color="0.85", linewidth=0.8)
    axes.set(xlim=(-0.05, columns - 0.05), ylim=(-0.1, rows * lanes), axisbelow=True)
    axes.axis("off")
    if names:
        figure.legend(loc="outside upper center", ncols=min(lanes, 3), frameon=False, fontsize="small")
    return rendered(figure)


def rendered(figure: Figure) -> Image.Image:
    """A figure as a picture."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file).convert("RGB")


def edges_of(real: ArrayLike, bins: int = 30) -> np.ndarray:
    """Edges of bins over the middle 99 % of real values, ``[bins + 1]``; of values that are all the same, around it.

    Arguments:
        real: finite numbers, at least one.
        bins: how many.
    """
    low, high = np.quantile(np.asarray(real, dtype=np.float64), (0.005, 0.995))
    return np.linspace(low, high, bins + 1) if high > low else np.linspace(low - 0.5, low + 0.5, bins + 1)


def histograms(axes: Axes, real: ArrayLike, made: ArrayLike, edges: ArrayLike) -> None:
    """Shares of real values, filled, and of made ones, a line; what lies beyond the edges is in the outermost bins.

    Arguments:
        axes: to draw on.
        real, made: finite numbers; of none nothing is drawn.
        edges: of the bins, rising.
    """
    edges = np.asarray(edges, dtype=np.float64)
    for values, style in ((real, _AREA), (made, _OUTLINE)):
        x = np.clip(np.asarray(values, dtype=np.float64), edges[0], edges[-1])
        if len(x):
            axes.stairs(np.histogram(x, edges)[0] / len(x), edges, **style)


def bars(axes: Axes, names: Sequence[str], real: Sequence[float], made: Sequence[float]) -> None:
    """A bar for each name, as high as what is real of it, and the outline of one as high as what was made."""
    places = range(len(names))
    axes.bar(places, real, width=0.8, color=REAL, alpha=_AREA["alpha"])
    axes.bar(places, made, width=0.8, fill=False, edgecolor=MADE, linewidth=_OUTLINE["linewidth"])
    axes.set_xticks(places, names)


def legend(figure: FigureBase, real: str = "real", made: str = "made") -> None:
    """Tell at the top right of a figure what its two colours are."""
    colours = [Patch(color=REAL, alpha=_AREA["alpha"], label=real), Patch(color=MADE, label=made)]
    figure.legend(handles=colours, loc="outside upper right", ncols=2, frameon=False, fontsize=9)


def _range(lines: Sequence[np.ndarray]) -> tuple[float, float]:
    """The least and the largest of all values; 0 and 1 where there are none."""
    values = np.concatenate(lines)
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _laid_out(
    lines: Sequence[np.ndarray], columns: int, longest: int, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """One line through all panels, with NaN between them: places, and heights from 0 to ``_FILLED``."""
    heights = np.full((len(lines), longest + 1), np.nan)
    for row, line in zip(heights, lines, strict=True):
        row[: len(line)] = line
    places = np.arange(longest + 1) / max(1, longest - 1) * (1.0 - 0.5 * (1.0 - _FILLED))
    lefts = np.arange(len(lines)) % columns
    flat = heights.ravel()
    scaled = (flat - low) / (high - low) * _FILLED if high > low else np.where(np.isnan(flat), np.nan, 0.5 * _FILLED)
    return (lefts[:, None] + places).ravel(), scaled
