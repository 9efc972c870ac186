"""How explanations are written down: a table, all that is known of them, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from suffuse.files import write_json, write_rows, write_with
from suffuse.state import State, fields
from suffuse.tasks.explain import Explanation, Explanations
from suffuse.trained import Trained

BARS = 8
"""Parts that a panel shows, those that add most."""
LINE = 60
"""Characters of a reason that stand in a line."""

GUILTY, OTHER = "#c0392b", "#b8c4ce"


def save(model: Trained, found: Explanations, folder: str | Path) -> list[Path]:
    """Write ``explanations.csv``, ``explanations.json`` and ``explanations.png``, and the counterfactual items.

    Returns:
        the files.
    """
    table, whole, picture, usual = written(model, folder)
    rows = list(found.rows())
    shown = [{**row, "parts": "; ".join(row["parts"])} for row in rows]
    write_rows(table, shown, [name for name in rows[0] if name != "shares"])
    write_json(whole, {"statistic": found.statistic, "units": found.units, "explanations": rows})
    write_with(picture, draw(model, found).savefig)
    model.domain.write([one.usual for one in found], usual)
    return [table, whole, picture, usual]


def written(model: Trained, folder: str | Path) -> list[Path]:
    """The files that :func:`save` writes: the table, the whole, the picture, and the usual items."""
    names = [*(f"explanations.{suffix}" for suffix in ("csv", "json", "png")), f"usual{model.domain.writes[0]}"]
    return [Path(folder) / name for name in names]


def draw(model: Trained, found: Sequence[Explanation]) -> Figure:
    """A panel an item: what its parts add; where they have no names, the item, where it is odd, and the usual one."""
    return _bars(found) if found[0].shares else _maps(model, found)


def _bars(found: Sequence[Explanation]) -> Figure:
    count = min(BARS, len(found[0].shares))
    figure = Figure(figsize=(9.0, len(found) * (0.32 * count + 0.7)), dpi=100, layout="constrained")
    for axes, one in zip(np.atleast_1d(figure.subplots(len(found))), found, strict=True):
        names = list(one.shares)[:count]
        why = dict(zip(one.guilty, one.reasons, strict=True))
        axes.barh(names, [one.shares[n] for n in names], color=[GUILTY if n in why else OTHER for n in names])
        for place, name in enumerate(names):
            axes.text(one.shares[name] + 0.01, place, fill(why.get(name, ""), LINE), va="center", fontsize="small")
        axes.set(xlim=(0.0, 1.8), xticks=[0.0, 0.5, 1.0], xticklabels=["0", "half of the score", "all"])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(_title(one), loc="left", fontsize="medium")
    return figure


def _maps(model: Trained, found: Sequence[Explanation]) -> Figure:
    figure = Figure(figsize=(7.5, 2.6 * len(found)), dpi=100, layout="constrained")
    for row, one in zip(figure.subplots(len(found), 3, squeeze=False), found, strict=True):
        row[0].imshow(np.asarray(model.domain.picture([one.item]).convert("RGB")))
        _heat(row[1], heat(one.entries))
        row[2].imshow(np.asarray(model.domain.picture([one.usual]).convert("RGB")))
        for axes, title in zip(row, (_title(one), one.reason, f"made usual: {one.usual_score:.3g}"), strict=True):
            axes.set_title(title, loc="left", fontsize="small", wrap=True)
            axes.set_axis_off()
    return figure


def _heat(axes: Axes, values: NDArray[np.float64]) -> None:
    axes.imshow(
        values, cmap="inferno", vmin=0.0, interpolation="nearest", aspect=1.0 if min(values.shape) > 1 else "auto"
    )


def heat(entries: State) -> NDArray[np.float64]:
    """What the entries of one item add, as a picture.

    A grid's channels are added up; of a grid of three axes the first is added up too. All else lies in one row.

    Arguments:
        entries: a batch of one.
    """
    (_, first), *more = fields(entries)
    grid = first[0].double().cpu()
    if more or grid.ndim < 2:
        return np.concatenate([value.double().cpu().numpy().reshape(1, -1) for _, value in fields(entries)], axis=1)
    grid = grid.sum(0)
    if grid.ndim == 1:
        return np.asarray(grid.numpy()[None])
    return np.asarray(grid.numpy().reshape(-1, *grid.shape[-2:]).sum(0))


def _title(one: Explanation) -> str:
    p = "" if one.p is None else f", p {one.p:.3g}"
    return f"{Path(one.name).name}: {one.score:.3g}{p}"
