"""What a score finds, as the report shows it: figures, curves, and what false discoveries come of it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from suffuse.conformal import benjamini_hochberg, drift
from suffuse.report.curves import svg
from suffuse.tasks.detection import Detection

RATE = 0.1
"""Of false discoveries, in the sentence on them."""
UNLIKELY = 0.01
"""The chance below which p-values of usual items count as not uniform."""
BINS, WIDE = 40, 10.0
"""Of the scores' distribution; where the largest is as many times the median, the axis becomes logarithmic."""
USUAL, ODD = "C0", "C3"


def drawings(found: Detection) -> list[str]:
    """The section's figures: ROC, precision and recall, the scores, and the p-values if there are any."""
    scores, odd = np.asarray(found.scores), np.asarray(found.odd)
    made = [_roc(scores, odd), _precision(scores, odd), _distribution(scores, odd, found)]
    return [*made, _calibration(np.asarray(found.p), odd)] if found.p else made


def sentences(found: Detection) -> list[str]:
    """What can be said in words."""
    odd = np.asarray(found.odd)
    by = f", scored by {found.statistic} ({found.units})" if found.statistic else ""
    drawn = f" of {found.of:,}" if found.of > len(odd) else ""
    told = [f"{len(odd):,} items{drawn} of {found.data}, {int(odd.sum()):,} of them known to be odd{by}."]
    if not found.p:
        return told
    p = np.asarray(found.p)
    called = benjamini_hochberg(p, RATE)
    told.append(
        f"At a false discovery rate of {RATE:.0%} on average (Benjamini and Hochberg), {int(called.sum()):,} items are "
        f"called odd; {_share(~odd[called])} of these are usual. {_share(called[odd])} of the odd items are found."
    )
    moved = drift(p[~odd], found.reference) if found.reference else None
    if moved is not None and moved.p < UNLIKELY:
        way = "smaller" if moved.low else "larger"
        told.append(
            f"The p-values of usual items are {way} than they should be, more than chance explains "
            f"(p = {moved.p:.2g}): the reference is not like the test part."
        )
    return told


def _share(flags: NDArray[np.bool_]) -> str:
    return f"{flags.mean():.1%}" if len(flags) else "none"


def _panel(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.title.set_fontsize("medium")
    axes.grid(alpha=0.3)
    return figure, axes


def _done(figure: Figure, axes: Axes) -> str:
    axes.legend(frameon=False, fontsize="small")
    return svg(figure)


def _roc(scores: NDArray[np.float64], odd: NDArray[np.bool_]) -> str:
    figure, axes = _panel("Receiver operating characteristic", "usual items above a threshold", "odd items above it")
    alarms, found, _ = roc_curve(odd, scores)
    axes.plot(alarms, found, color=ODD, label=f"area {auc(alarms, found):.3f}")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--", label="chance, 0.5")
    return _done(figure, axes)


def _precision(scores: NDArray[np.float64], odd: NDArray[np.bool_]) -> str:
    figure, axes = _panel("Precision and recall", "odd items found (recall)", "odd among those called odd (precision)")
    precision, recall, _ = precision_recall_curve(odd, scores, drop_intermediate=True)
    mean = float(-(np.diff(recall) * precision[:-1]).sum())
    axes.step(recall, precision, where="post", color=ODD, label=f"mean precision {mean:.3f}")
    axes.axhline(odd.mean(), color="0.6", linewidth=0.8, linestyle="--", label=f"chance, {odd.mean():.3f}")
    axes.set_ylim(0.0, 1.02)
    return _done(figure, axes)


def _distribution(scores: NDArray[np.float64], odd: NDArray[np.bool_], found: Detection) -> str:
    figure, axes = _panel("Scores", found.units or "score", "share of its kind")
    finite = scores[np.isfinite(scores)]
    low, high = float(finite.min()), float(finite.max())
    edges = np.linspace(low, high, BINS + 1)
    middle = float(np.median(np.abs(finite)))
    if middle > 0.0 and max(-low, high) > WIDE * middle:  # linear about 0, logarithmic beyond the middle
        axes.set_xscale("asinh", linear_width=middle)
        edges = middle * np.sinh(np.linspace(np.arcsinh(low / middle), np.arcsinh(high / middle), BINS + 1))
        edges[[0, -1]] = low, high
    for rows, name, colour in ((scores[~odd], "test part", USUAL), (scores[odd], "known anomalies", ODD)):
        heights, _ = np.histogram(rows, edges)
        axes.stairs(heights / len(rows), edges, fill=True, alpha=0.45, color=colour, label=name)
    if found.threshold is not None:
        axes.axvline(found.threshold, color="0.2", linewidth=1.0, label=f"threshold {found.threshold:.3g}")
    return _done(figure, axes)


def _calibration(p: NDArray[np.float64], odd: NDArray[np.bool_]) -> str:
    figure, axes = _panel("p-values", "level", "items with a p-value at most that")
    levels = np.linspace(0.0, 1.0, 201)
    for rows, name, colour in ((p[~odd], "test part: should follow the line", USUAL), (p[odd], "known anomalies", ODD)):
        axes.plot(levels, np.searchsorted(np.sort(rows), levels, side="right") / len(rows), color=colour, label=name)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--")
    return _done(figure, axes)
