"""Scores of windows, drawn over the items that they are of."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from matplotlib.figure import Figure
from PIL import Image

from suffuse.plots import rendered
from suffuse.tasks.scoring.cutting import place_of
from suffuse.tasks.scoring.scores import Scores
from suffuse.windows import Window

MOST = 6
"""Items that are drawn: those with the oddest windows."""
_SIZE = (9.0, 1.6)


def curves(scores: Scores, unit: str) -> Image.Image:
    """A panel for each of the items with the oddest windows, the oddest first, all on one scale.

    Arguments:
        scores: of windows, in the order of their items, with where they begin.
        unit: that this is told in.
    """
    assert scores.at is not None
    ends = (place_of(Window(None, at), unit) for at in scores.at.tolist())
    owners = [name.removesuffix(end) for name, end in zip(scores.names, ends, strict=True)]
    points = zip(owners, scores.at.tolist(), scores.values, strict=True)
    items = [(owner, [(at, value) for _, at, value in own]) for owner, own in groupby(points, key=itemgetter(0))]
    shown = sorted(items, key=lambda item: -max(value for _, value in item[1]))[:MOST]
    figure = Figure(figsize=(_SIZE[0], 0.4 + _SIZE[1] * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (owner, line) in zip(panels, shown, strict=True):
        axes.plot(*zip(*line, strict=True), linewidth=1.0, marker="." if len(line) < 100 else None)
        axes.set_title(owner, loc="left", fontsize="small")
        axes.set_ylabel("score")
    panels[-1].set_xlabel(f"begin of the window, {unit}")
    return rendered(figure)
