"""Curves of a run's log, as SVG that can stand in a page."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

PANELS = (("loss", "validation_loss"), ("gradient_norm",), ("learning_rate",))
"""What is drawn together; anything else that was logged gets a panel of its own."""

_AXES = ("step", "seconds")


def panels(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The panels for which there is something to draw."""
    logged = {name for row in rows for name in row} - {*_AXES}
    known = [tuple(n for n in panel if n in logged) for panel in PANELS]
    others = sorted(logged - {n for panel in PANELS for n in panel})
    return [p for p in known if p] + [(n,) for n in others]


def curve(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """One panel: figures over steps."""
    figure = Figure(figsize=(4.6, 2.9), layout="constrained")
    axes = figure.subplots()
    lowest = math.inf
    for name in names:
        points = [(row["step"], row[name]) for row in rows if name in row]
        steps, values = zip(*points, strict=True)
        lowest = min(lowest, *values)
        axes.plot(steps, values, label=name.replace("_", " "), marker="o" if len(points) < 12 else None, markersize=3)
    if lowest > 0.0:
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return svg(figure)


def svg(figure: Figure) -> str:
    """A figure as SVG that can stand in a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
