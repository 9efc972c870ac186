"""Made molecules beside real ones as a picture: what is computed of them, and what atoms and rings they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from suffuse.plots import bars, edges_of, histograms, legend, rendered
from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import Mol, fault

NAMES = ("size", "weight", "logp", "tpsa", "qed", "sa")
"""The descriptors that are drawn."""

MOST = 2000
"""Molecules of each kind that are counted, the first ones."""

MOST_CLASSES = 12
BINS = 30


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
    legend(figure, f"real, {len(theirs)}", f"made, {len(ours)}")
    figure.suptitle(f"{broken} broken ones are not counted" if broken else "", x=0.0, ha="left", fontsize=9)
    return rendered(figure)


def _numbers(axes: Axes, real: Sequence[float], made: Sequence[float]) -> None:
    """Two histograms of the same bins; what lies beyond the real ones' range of 99 % is in the outermost."""
    if not real:
        return
    edges = edges_of(real, BINS)
    low, high = edges[0], edges[-1]
    whole = all(x == round(x) for x in real) and high - low <= 2 * BINS
    axes.locator_params(axis="x", nbins=5, integer=whole)
    histograms(axes, real, made, np.arange(np.floor(low) - 0.5, np.ceil(high) + 1.0) if whole else edges)


def _bars(axes: Axes, real: dict[str, float], made: dict[str, float]) -> None:
    """Bars of shares, the most frequent of the real ones first."""
    names = sorted({**real, **made}, key=lambda name: (-real.get(name, 0.0), -made.get(name, 0.0), name))[:MOST_CLASSES]
    bars(axes, names, *([told.get(name, 0.0) for name in names] for told in (real, made)))


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
