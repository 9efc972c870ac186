"""Scores of one set of feature vectors against another, for any domain.

A domain turns its items into features ``[n, features]``; everything here is about clouds of points.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from suffuse.errors import DomainInputError
from suffuse.rng import permutation

ROWS = 256
"""Rows of a distance matrix that are held at once."""
REFERENCES = 8192
"""Columns of a distance matrix that are held at once."""


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``[d]`` and unbiased covariance ``[d, d]`` of features ``[n, d]``, in float64.

    Raises:
        DomainInputError: fewer than two rows.
    """
    _require(features, 2)
    x = features.double()
    mean = x.mean(0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)


def gaussian_frechet(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""The squared 2-Wasserstein distance of two Gaussians (Dowson & Landau 1982).

    .. math:: |μ_a − μ_b|² + \mathrm{tr}(Σ_a + Σ_b − 2 (Σ_a^{1/2} Σ_b Σ_a^{1/2})^{1/2})

    The symmetric form needs eigenvalues only, and bears singular covariances.
    """
    values, vectors = torch.linalg.eigh(cov_a)
    root = (vectors * values.clamp_min(0.0).sqrt()) @ vectors.T
    middle = torch.linalg.eigvalsh(root @ cov_b @ root).clamp_min(0.0).sqrt().sum()
    return float((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2.0 * middle)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """The Fréchet distance of the Gaussians fitted to two sets of features (Heusel et al. 2017).

    Lower is better. It is biased upwards, the more so the fewer rows there are: compare only equal counts, and call it
    FID only if the features are Inception's.

    Arguments:
        a, b: ``[n, d]`` and ``[m, d]``.
    """
    return gaussian_frechet(*moments(a), *moments(b))


def precision_recall_density_coverage(real: Tensor, made: Tensor, k: int = 5) -> dict[str, float]:
    """How two sets of features cover each other, by balls that reach each point's k-th neighbour in its own set.

    ``precision`` and ``recall`` (Kynkäänniemi et al. 2019) are the shares of made points in some real point's ball and
    of real points in some made point's. ``density`` and ``coverage`` (Naeem et al. 2020) are the mean number of real
    balls over ``k`` that hold a made point, and the share of real balls that hold one.

    Arguments:
        real, made: ``[n, d]`` and ``[m, d]``.
        k: the neighbour, itself not counted; at most the smaller set's size less one.
    """
    _require(real, 2)
    _require(made, 2)
    k = min(k, len(real) - 1, len(made) - 1)
    real, made = real.double(), made.double()
    real_radius, made_radius = _radii(real, k), _radii(made, k)
    held_made = torch.cat([(d < real_radius).sum(1) for d in _distances(made, real)])
    held_real, nearest = [], []
    for d in _distances(real, made):
        held_real.append((d < made_radius).any(1))
        nearest.append(d.amin(1))
    return {
        "precision": _mean(held_made > 0),
        "recall": _mean(torch.cat(held_real)),
        "density": _mean(held_made) / k,
        "coverage": _mean(torch.cat(nearest) < real_radius),
    }


def nearest_distances(points: Tensor, references: Tensor) -> Tensor:
    """The Euclidean distance from each point to the nearest reference, float32 ``[n]``.

    Arguments:
        points: ``[n, d]``, of any dtype.
        references: ``[m, d]``, of any dtype; converted piece by piece, so that large sets may stay in uint8.
    """
    _require(references, 1)
    centre = references[:REFERENCES].float().mean(0)  # distances of nearly equal points lose less to cancellation
    centred = points.float() - centre
    least, index = torch.full((len(points),), torch.inf), torch.zeros(len(points), dtype=torch.int64)
    for start in range(0, len(references), REFERENCES):
        piece = references[start : start + REFERENCES].float() - centre
        found = [d.min(1) for d in _distances(centred, piece)]
        values, places = torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
        nearer = values < least
        least, index = torch.where(nearer, values, least), torch.where(nearer, start + places, index)
    apart = points.float() - references[index].float()  # anew, so that equal points are 0 apart
    return apart.square().sum(1).sqrt()


def copying(made: Tensor, held_out: Tensor, train: Tensor) -> dict[str, float]:
    """Whether made points lie nearer to the training points than held-out points do.

    ``nearest_train_ratio`` is the median distance of made points to their nearest training point over that of held-out
    points: 1 is right, 0 is copying. ``near_copies`` is the share of made points that are as near as the nearest 1 % of
    the held-out ones: 0.01 is right.

    Arguments:
        made, held_out, train: ``[·, d]``.
    """
    _require(made, 1)
    _require(held_out, 1)
    ours, theirs = nearest_distances(made, train).double(), nearest_distances(held_out, train).double()
    tiny = torch.finfo(torch.float64).tiny
    return {
        "nearest_train_ratio": float(ours.quantile(0.5) / theirs.quantile(0.5).clamp_min(tiny)),
        "near_copies": _mean(ours <= theirs.quantile(0.01)),  # where data repeat, that quantile is 0
    }


def compare(made: Tensor, test: Tensor, train: Tensor, most: int = 2000) -> dict[str, float]:
    """What :meth:`suffuse.domain.Domain.evaluate` tells of any kind of data, by features of it.

    - ``frechet_distance`` to the test part, and ``frechet_floor``, that of as many training items, which tells how much
      of it is due to their number; lower is better.
    - ``precision`` and ``density``: how true made items look; ``recall`` and ``coverage``: how much of the variety of
      the test part they have; higher is better.
    - ``nearest_train_ratio`` (1 is right, 0 is copying) and ``near_copies`` (0.01 is right): see :func:`copying`.

    Features are divided by their deviation over the training part, so that their units do not matter. Compare only
    figures of equal numbers of items.

    Arguments:
        made, test, train: ``[·, d]``, of the made items and of both parts of the data set; at least two each.
        most: rows of each that neighbours are sought among.
    """
    for features in (made, test, train):
        _require(features, 2)
    scale = train.double().std(0, correction=0)
    scale = torch.where(scale > 0.0, scale, 1.0)
    made, test, train = (features.double() / scale for features in (made, test, train))
    floor = train[permutation(len(train), "compare", "floor")[: len(made)]]
    few_made, few_test = subsample(made, most, "compare", "made"), subsample(test, most, "compare", "test")
    return {
        "frechet_distance": frechet_distance(made, test),
        "frechet_floor": frechet_distance(floor, test),
        **precision_recall_density_coverage(few_test, few_made),
        **copying(few_made, few_test, train),
    }


def auroc(usual: Tensor, odd: Tensor) -> float:
    """The chance that an odd item's score is above a usual one's, ties counting half: 1 is perfect, 0.5 is chance.

    It is the area under the receiver's operating characteristic (Hanley & McNeil 1982).

    Arguments:
        usual, odd: scores, ``[n]`` and ``[m]``, higher being odder.
    """
    if len(usual) == 0 or len(odd) == 0:
        raise DomainInputError("is empty", field="scores", expected="at least one of each kind")
    rising = usual.double().sort().values
    below = torch.searchsorted(rising, odd.double().contiguous(), right=False)
    not_above = torch.searchsorted(rising, odd.double().contiguous(), right=True)
    return _mean((below + not_above).double() / (2.0 * len(usual)))


def subsample(rows: Tensor, most: int, *key: str | int) -> Tensor:
    """At most so many rows, drawn by a key."""
    if len(rows) <= most:
        return rows
    return rows[permutation(len(rows), *key)[:most]]


def _radii(points: Tensor, k: int) -> Tensor:
    """The distance of each point to its k-th neighbour; the nearest is the point itself."""
    return torch.cat([d.kthvalue(k + 1, dim=1).values for d in _distances(points, points)])


def _distances(points: Tensor, references: Tensor) -> Iterator[Tensor]:
    """Pieces of the matrix of distances, some rows at a time."""
    return (torch.cdist(points[start : start + ROWS], references) for start in range(0, len(points), ROWS))


def _mean(values: Tensor) -> float:
    return float(values.double().mean())


def _require(features: Tensor, rows: int) -> None:
    if features.ndim != 2 or len(features) < rows:
        raise DomainInputError(
            "are too few, or no matrix",
            field="features",
            expected=f"[n, d] with n of at least {rows}",
            got=list(features.shape),
            fix="score more items",
        )
