"""Line plots, and what is drawn of made items beside real ones."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from suffuse.errors import DomainInputError
from suffuse.plots import MADE, REAL, bars, edges_of, histograms, legend, line_plots, rendered


def waves(count: int, lines: int = 2, points: int = 30) -> list[np.ndarray]:
    time = np.linspace(0, 6.28, points)[:, None]
    return [np.sin(time * np.arange(1, lines + 1) + i) for i in range(count)]


def colours(image: object) -> np.ndarray:
    """Where pixels have a hue, bool ``[height, width]``."""
    pixels = np.asarray(image).astype(int)
    return np.ptp(pixels, axis=2) > 60


def test_every_panel_has_its_lines() -> None:
    drawn = colours(line_plots(waves(4), columns=2))
    height, width = drawn.shape
    quarters = [drawn[a : a + height // 2, b : b + width // 2] for a in (0, height // 2) for b in (0, width // 2)]
    assert all(quarter.sum() > 200 for quarter in quarters)
    assert not colours(line_plots([np.full((30, 2), np.nan)] * 4, columns=2)).any()


def test_a_gap_is_a_gap_and_a_value_alone_a_dot() -> None:
    whole = np.zeros((40, 1))
    gappy = whole.copy()
    gappy[10:20] = gappy[21:30] = np.nan
    columns = colours(line_plots([gappy])).any(0)
    inked = np.flatnonzero(columns)
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
    assert len(runs) == 3 and len(runs[1]) < 8
    full = colours(line_plots([whole])).any(0)
    assert full[inked[0] : inked[-1]].all()


def test_a_line_has_one_scale_in_all_panels() -> None:
    """The second item's line is flat at the first one's largest value, so it lies at the top of its lane."""
    rising, flat = np.linspace(0, 1, 30), np.ones(30)
    drawn = colours(line_plots([rising, flat], columns=2))
    left, right = np.split(drawn, [drawn.shape[1] // 2], axis=1)
    assert abs(np.flatnonzero(left.any(1))[0] - np.flatnonzero(right.any(1))[0]) <= 2
    assert len(np.flatnonzero(right.any(1))) < 6 < len(np.flatnonzero(left.any(1)))


def test_names_make_a_legend() -> None:
    bare, named = line_plots(waves(1)), line_plots(waves(1), ["flow", "pressure"])
    assert (np.asarray(named) < 100).all(2).sum() > (np.asarray(bare) < 100).all(2).sum() + 100


def test_sheets_stay_of_a_size_that_can_be_looked_at() -> None:
    assert all(side <= 2000 for side in line_plots(waves(100, lines=5)).size)
    assert all(side > 50 for side in line_plots([np.zeros(1)]).size)


@pytest.mark.parametrize("series", [[], [np.zeros((4, 2)), np.zeros((4, 3))], [np.zeros((2, 2, 2))]])
def test_what_cannot_be_drawn_is_told(series: list[np.ndarray]) -> None:
    with pytest.raises(DomainInputError, match="cannot be drawn"):
        line_plots(series)


def panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3, 2), layout="constrained")
    return figure, figure.subplots()


def test_bins_hold_all_but_the_outermost_values() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    edges = edges_of(values, bins=20)
    assert len(edges) == 21 and np.allclose(np.diff(edges), edges[1] - edges[0])
    assert np.mean((values >= edges[0]) & (values <= edges[-1])) == pytest.approx(0.99, abs=1e-3)
    assert (edges_of([3.0, 3.0])[0], edges_of([3.0, 3.0])[-1]) == (2.5, 3.5)


def test_histograms_are_shares_with_what_lies_beyond_in_the_outermost_bins() -> None:
    figure, axes = panel()
    histograms(axes, [0.5, 1.5, 1.5, 9.0], [-4.0, 0.5], [0.0, 1.0, 2.0])
    real, made = axes.patches
    assert real.get_data().values.tolist() == [0.25, 0.75] and made.get_data().values.tolist() == [1.0, 0.0]
    assert real.get_fill() and same_color(made.get_edgecolor()[:3], MADE) and not made.get_fill()
    histograms(axes, [], [0.5], [0.0, 1.0])
    assert len(axes.patches) == 3, "of none nothing is drawn"
    assert colours(rendered(figure)).any()


def test_bars_stand_at_their_names() -> None:
    figure, axes = panel()
    bars(axes, ["C", "N"], [0.8, 0.2], [0.7, 0.3])
    legend(figure, made="made, 3")
    assert [bar.get_height() for bar in axes.patches] == [0.8, 0.2, 0.7, 0.3]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["C", "N"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["real", "made, 3"]
    assert same_color(axes.patches[0].get_facecolor()[:3], REAL)
    assert np.asarray(rendered(figure)).shape[2] == 3
