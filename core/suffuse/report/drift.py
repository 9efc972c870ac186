"""What moved, as a page that needs no other file."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from numpy.typing import NDArray

from suffuse.errors import DomainInputError
from suffuse.files import write_json, write_text
from suffuse.jsonable import finite
from suffuse.portrait import Slot, Tally, slots
from suffuse.report.curves import svg
from suffuse.tasks.drift import Drifts
from suffuse.tasks.movement import PartDrift, shares, starts
from suffuse.trained import Trained

BARS, PANELS, CLASSES = 30, 6, 12
"""Parts that have a bar, parts that have a panel, and classes that a panel shows: those that moved furthest."""

MOVED, OTHER = "#c0392b", "#b8c4ce"
UNLIKELY = 0.01
"""The chance below which scores count as moved."""


def write_drift(model: Trained, found: Drifts, path: str | Path, name: str = "model") -> Path:
    """Write what moved.

    Arguments:
        model: whose items were compared.
        path: ends in ``.html``, a page, or ``.json``, all figures.
        name: what the model is called.

    Raises:
        DomainInputError: it ends in something else.
    """
    path = Path(path)
    if path.suffix == ".json":
        write_json(path, finite(found.to_json()))
    elif path.suffix == ".html":
        write_text(path, _page(model, found, name))
    else:
        raise _no_page(path)
    return path


def require_page(path: Path) -> None:
    """Raise DomainInputError where :func:`write_drift` would."""
    if path.suffix not in (".json", ".html"):
        raise _no_page(path)


def _no_page(path: Path) -> DomainInputError:
    return DomainInputError(
        "is no page", field=str(path), expected="a file ending in .html or .json", fix=str(path.with_suffix(".html"))
    )


def sentences(found: Drifts) -> list[str]:
    """What can be said in words."""
    told = [
        f"{len(found.moved)} of {len(found.parts)} parts moved, as far as {found.furthest:.3f}, "
        f"at a false discovery rate of {found.rate:.0%}."
    ]
    if found.scores is not None:
        scores = found.scores
        if scores.p >= UNLIKELY:
            told.append(f"The scores have not moved more than chance explains (p = {scores.p:.2g}).")
        else:
            way = "odder" if scores.low else "less odd"
            told.append(
                f"The scores moved by {scores.distance:.3f} (p = {scores.p:.2g}): items are {way} than those that the "
                "model was calibrated on, so that p-values and thresholds no longer mean what they did."
            )
    return told


def _page(model: Trained, found: Drifts, name: str) -> str:
    pages = Environment(loader=PackageLoader("suffuse.report", "."), autoescape=True)
    summary = {"items": f"{found.items:,}", "compared with": f"{found.reference:,}", "moved": len(found.moved)}
    return pages.get_template("drift.html.jinja").render(
        name=name,
        summary=summary | ({"could not be read": found.faults} if found.faults else {}),
        sentences=sentences(found),
        bars=_bars(found.parts[:BARS]),
        panels=[_panel(model, found, part) for part in found.moved[:PANELS]],
        parts=found.parts,
        version=metadata.version("suffuse"),
    )


def _bars(parts: tuple[PartDrift, ...]) -> str:
    figure = Figure(figsize=(6.4, 0.9 + 0.24 * len(parts)), layout="constrained")
    axes = figure.subplots()
    axes.barh([p.name for p in parts], [p.distance for p in parts], color=[MOVED if p.moved else OTHER for p in parts])
    axes.invert_yaxis()
    axes.set(xlabel="distance; red: more than chance explains", xlim=(0.0, None))
    axes.spines[["top", "right"]].set_visible(False)
    return svg(figure)


def _panel(model: Trained, found: Drifts, part: PartDrift) -> str:
    """The distributions of one part, then and now."""
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    asked, names = slots(model.codec), model.codec.parts()
    assert names is not None
    own = [i for i, slot in enumerate(asked) if names.names[slot.part] == part.name]
    for tally, label, colour in ((found.portrait.tally, "then", OTHER), (found.tally, "now", MOVED)):
        if asked[own[0]].classes:
            labels, heights = _classes(names.classes.get(part.name), asked, own[0], found, tally)
            width = -0.4 if label == "then" else 0.4
            axes.bar(range(len(labels)), heights, width, align="edge", label=label, color=colour)
            axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize="small")
        else:
            knots = found.portrait.knots[own[0]].numpy()
            axes.step(knots, (tally.at_most[own[0]] / tally.present[own[0]].clamp_min(1)).numpy(), where="post",
                      label=label, color=colour)  # fmt: skip
            axes.set(xlabel="value, in deviations of the training data", ylabel="items at most that")
    axes.set_title(f"{part.name}: {part.then} → {part.now}", fontsize="medium")
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize="small")
    return svg(figure)


def _classes(
    known: tuple[str | None, ...] | None, asked: tuple[Slot, ...], place: int, found: Drifts, tally: Tally
) -> tuple[list[str], NDArray[np.float64]]:
    """The classes whose shares changed most, and their shares."""
    count, start = asked[place].classes, starts(asked)[place]
    moved = np.abs(shares(found.tally, start, count) - shares(found.portrait.tally, start, count))
    chosen = np.sort(np.argsort(-moved, kind="stable")[:CLASSES])
    names = known or tuple(map(str, range(count)))
    return [names[i] or "others" for i in chosen], shares(tally, start, count)[chosen]
