"""Made molecules beside real ones as a picture: what is computed of them, and what atoms and rings they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import Mol, fault

NAMES = ("size", "weight", "logp", "tpsa", "qed", "sa")
"""The descriptors that are drawn."""

MOST = 2000
"""Molecules of each kind that are counted, the first ones."""

MOST_CLASSES = 12
BINS = 30
REAL, MADE = "#7a8aa0", "#e07b39"
_FILLED: dict[str, Any] = {"fill": True, "color": REAL, "alpha": 0.5}
_LINE: dict[str, Any] = {"color": MADE, "linewidth": 1.5}


def beside(made: Sequence[Mol], real: Sequence[Mol]) -> Image.Image:
    """Six panels of descriptors, one of kinds of atoms, one of sizes of rings; broken molecules are told, not counted.

    Arguments:
        made: what a model made.
        real: molecules that it has not seen.
    """
    ours = [mol for mol in made[:MOST] if fault(mol) is None]
    theirs = list(real[:MOST])
    values = [descriptors.compute(NAMES, mols) for mols in (theirs, ours)]
    figure = Figure(figsize=(12.8, 5.4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 4).ravel()
    for axes, name in zip(panels, NAMES, strict=False):
        _numbers(axes, *([x for x in told[name] if x is not None] for told in values))
        axes.set_title(name, fontsize=9)
    for axes, title, kinds in zip(panels[len(NAMES) :], ("atoms", "sizes of rings"), (_atoms, _rings), strict=True):
        _bars(axes, *(_shares(kinds, mols) for mols in (theirs, ours)))
        axes.set_title(title, fontsize=9)
    for axes in panels:
        axes.tick_params(labelsize=7)
        axes.set_yticks([])
        axes.spines[["top", "right"]].set_visible(False)
    broken = min(len(made), MOST) - len(ours)
    colours = [
        Patch(color=REAL, alpha=0.5, label=f"real, {len(theirs)}"),
        Patch(color=MADE, label=f"made, {len(ours)}"),
    ]
    figure.legend(handles=colours, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(f"{broken} broken ones are not counted" if broken else "", x=0.0, ha="left", fontsize=9)
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())  # type: ignore[attr-defined]


def _numbers(axes: Axes, real: Sequence[float], made: Sequence[float]) -> None:
    """Two histograms of the same bins; what lies beyond the real ones' range of 99 % is in the outermost."""
    if not real:
        return
    low, high = np.quantile(real, (0.005, 0.995))
    if low == high:
        low, high = low - 0.5, high + 0.5
    whole = all(x == round(x) for x in real) and high - low <= 2 * BINS
    edges = np.arange(low - 0.5, high + 1.0) if whole else np.linspace(low, high, BINS + 1)
    axes.locator_params(axis="x", nbins=5, integer=whole)
    for x, style in ((real, _FILLED), (made, _LINE)):
        if len(x):
            axes.stairs(np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0] / len(x), edges, **style)


def _bars(axes: Axes, real: dict[str, float], made: dict[str, float]) -> None:
    """Bars of shares, the most frequent of the real ones first."""
    names = sorted({**real, **made}, key=lambda name: (-real.get(name, 0.0), -made.get(name, 0.0), name))[:MOST_CLASSES]
    places = np.arange(len(names))
    axes.bar(places, [real.get(name, 0.0) for name in names], width=0.8, color=REAL, alpha=0.5)
    drawn = [made.get(name, 0.0) for name in names]
    axes.bar(places, drawn, width=0.8, fill=False, edgecolor=MADE, linewidth=1.5)
    axes.set_xticks(places, names)


def _shares(kinds: Callable[[Mol], list[str]], mols: Sequence[Mol]) -> dict[str, float]:
    counts = Counter(kind for mol in mols for kind in kinds(mol))
    return {kind: count / counts.total() for kind, count in counts.items()}


def _atoms(mol: Mol) -> list[str]:
    """The kinds of a molecule's atoms, as ``N+``."""
    signs = {-1: "-", 0: "", 1: "+"}
    told = ((atom.GetSymbol(), atom.GetFormalCharge()) for atom in mol.GetAtoms())
    return [symbol + signs.get(charge, f"{charge:+d}") for symbol, charge in told]


def _rings(mol: Mol) -> list[str]:
    return [str(len(ring)) for ring in mol.GetRingInfo().AtomRings()]
