"""How alike the columns of two tables are, one by one and in pairs.

All complements run from 0 to 1, where 1 is alike. They are those of SDMetrics' quality report, but for pairs of a
number and a category, of which it tells the contingency of bins.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import stats

from suffuse_tabular.cells import Floats
from suffuse_tabular.metrics.view import Codes, View

MOST_COLUMNS = 60
"""Columns whose pairs are compared: the first ones, so that two tables are compared by the same."""


def ks_complement(real: Floats, made: Floats) -> float:
    """One less the Kolmogorov–Smirnov statistic of two columns of numbers; empty cells (NaN) are left out."""
    real, made = _present(real), _present(made)
    if not len(real) or not len(made):
        return float(len(real) == len(made))
    return 1.0 - float(stats.ks_2samp(real, made, method="asymp").statistic)


def total_variation_complement(real: Codes, made: Codes) -> float:
    """One less the total variation distance of two columns of categories; empty cells (−1) are left out."""
    return _shared(real[real >= 0], made[made >= 0])


def missing_complement(real: View, made: View) -> float:
    """One less the difference of the shares of empty cells, the mean over columns."""
    shares = zip(real.empty.values(), made.empty.values(), strict=True)
    return float(np.mean([1.0 - abs(float(a.mean()) - float(b.mean())) for a, b in shares]))


def wasserstein(real: Floats, made: Floats, scale: float) -> float:
    """The 1-Wasserstein distance of two columns of numbers, in units of ``scale``; NaN where one is empty."""
    real, made = _present(real), _present(made)
    return float(stats.wasserstein_distance(real, made)) / scale if len(real) and len(made) else float("nan")


def column_shapes(real: View, made: View) -> dict[str, float]:
    """The complement of each column, by name."""
    numbers = {name: ks_complement(x, made.numbers[name]) for name, x in real.numbers.items()}
    return numbers | {n: total_variation_complement(x, made.categories[n]) for n, x in real.categories.items()}


def pair_trends(real: View, made: View) -> dict[tuple[str, str], float]:
    """The complement of each pair of columns, by both names.

    - Two numbers: one less half the difference of Spearman's ρ.
    - Number and category: one less the difference of the correlation ratio η.
    - Two categories: one less the total variation distance of their joint frequencies.

    An association that is not defined, as of a column that never changes, counts as none.
    """
    numbers, categories = list(real.numbers)[:MOST_COLUMNS], list(real.categories)[:MOST_COLUMNS]
    found: dict[tuple[str, str], float] = {}
    if len(numbers) > 1:
        before, after = (_spearman([view.numbers[name] for name in numbers]) for view in (real, made))
        for i, j in combinations(range(len(numbers)), 2):
            found[numbers[i], numbers[j]] = 1.0 - abs(float(before[i, j] - after[i, j])) / 2.0
    for name in numbers:
        for other in categories:
            ratios = [correlation_ratio(view.numbers[name], view.categories[other]) for view in (real, made)]
            found[name, other] = 1.0 - abs(ratios[0] - ratios[1])
    for one, other in combinations(categories, 2):
        found[one, other] = contingency_complement(
            (real.categories[one], real.categories[other]), (made.categories[one], made.categories[other])
        )
    return found


def associations(view: View) -> Floats:
    """How much all columns hang together, from 0 to 1, ``[columns, columns]``: numbers first, then categories.

    Of two numbers the size of Spearman's ρ, of a number and a category the correlation ratio η, of two categories
    Cramér's V.
    """
    numbers, codes = list(view.numbers.values()), list(view.categories.values())
    found = np.eye(len(numbers) + len(codes))
    if len(numbers) > 1:
        found[: len(numbers), : len(numbers)] = np.abs(_spearman(numbers))
    for j, classes in enumerate(codes, start=len(numbers)):
        for i, x in enumerate(numbers):
            found[i, j] = found[j, i] = correlation_ratio(x, classes)
        for i, other in enumerate(codes[: j - len(numbers)], start=len(numbers)):
            found[i, j] = found[j, i] = cramers_v(classes, other)
    return found


def cramers_v(one: Codes, other: Codes) -> float:
    """Cramér's V of two columns of categories; 0 where one never changes."""
    both = (one >= 0) & (other >= 0)
    counts = stats.contingency.crosstab(one[both], other[both]).count
    return float(stats.contingency.association(counts, method="cramer")) if min(counts.shape) > 1 else 0.0


def contingency_complement(real: tuple[Codes, Codes], made: tuple[Codes, Codes]) -> float:
    """One less the total variation distance of the joint frequencies of two columns of categories."""
    base = 1 + max(int(x.max(initial=0)) for x in (*real, *made))
    joint = [base * a[(a >= 0) & (b >= 0)] + b[(a >= 0) & (b >= 0)] for a, b in (real, made)]
    return _shared(*joint)


def correlation_ratio(numbers: Floats, codes: Codes) -> float:
    """η: the deviation of the categories' means over the deviation of the numbers, from 0 to 1."""
    there = ~np.isnan(numbers) & (codes >= 0)
    x, classes = numbers[there], codes[there]
    if not len(x) or np.ptp(x) == 0.0:
        return 0.0
    _, places, counts = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.bincount(places, weights=x) / counts
    between = float((counts * (means - x.mean()) ** 2).sum())
    return float(np.sqrt(min(1.0, between / float(((x - x.mean()) ** 2).sum()))))


def _shared(real: Codes, made: Codes) -> float:
    """What the frequencies of two columns have in common: Σ min(p, q), which is one less their total variation."""
    if not len(real) or not len(made):
        return float(len(real) == len(made))
    known, places = np.unique(np.concatenate([real, made]), return_inverse=True)
    p, q = (np.bincount(part, minlength=len(known)) for part in (places[: len(real)], places[len(real) :]))
    return float(np.minimum(p / len(real), q / len(made)).sum())


def _spearman(columns: list[Floats]) -> Floats:
    """Spearman's ρ of all pairs, each over the rows that have both; 0 where it is not defined."""
    stacked = np.stack(columns, axis=1)
    if not np.isnan(stacked).any():
        return _correlations(stacked)
    found = np.eye(len(columns))
    for i, j in combinations(range(len(columns)), 2):
        both = stacked[:, [i, j]]
        found[i, j] = found[j, i] = _correlations(both[~np.isnan(both).any(1)])[0, 1]
    return found


def _correlations(columns: Floats) -> Floats:
    """Of ranks, ``[columns, columns]``."""
    if len(columns) < 2:
        return np.zeros((columns.shape[1],) * 2)
    with np.errstate(invalid="ignore", divide="ignore"):  # a column that never changes
        found: Floats = np.atleast_2d(np.corrcoef(stats.rankdata(columns, axis=0), rowvar=False))
    return np.nan_to_num(found)


def _present(values: Floats) -> Floats:
    return values[~np.isnan(values)]
