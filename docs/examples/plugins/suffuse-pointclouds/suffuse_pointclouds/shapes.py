"""A data set that is made on the spot: points on the outlines of shapes, of any size and any way up."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from suffuse.domain import Example


def polygon(*corners):
    return list(zip(corners, (*corners[1:], corners[0]), strict=True))


def turns(count, start=0.0, stop=1.0, radii=(1.0, 1.0)):
    """Points around the origin, from one share of a turn to another."""
    angle, radius = 2 * np.pi * np.linspace(start, stop, count), np.linspace(*radii, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


STAR = turns(11)[:10] * np.tile([[1.0], [0.4]], (5, 1))

SEGMENTS = {
    "circle": polygon(*turns(65)[:64]),
    "square": polygon((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    "triangle": polygon(*turns(4)[:3]),
    "cross": [((-1, 0), (1, 0)), ((0, -1), (0, 1))],
    "star": polygon(*STAR),
    "spiral": list(zip((arm := turns(65, stop=1.75, radii=(0.1, 1.0)))[:-1], arm[1:], strict=True)),
}
"""By the shape's name, the ends of the lines that it consists of; all lie within the unit circle, or nearly."""


@dataclass(frozen=True)
class Shapes:
    """Cloud i: 24 to 48 points on the outline of a shape, a little beside it, each a little further along."""

    first: int
    count: int

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return cloud(self.first + index)


@lru_cache(maxsize=8192)
def cloud(number):
    rng = np.random.default_rng(number)
    name = list(SEGMENTS)[rng.integers(len(SEGMENTS))]
    count = int(rng.integers(24, 49))
    points = along(np.asarray(SEGMENTS[name], dtype=float), (np.arange(count) + rng.random(count)) / count)
    angle, size = 2 * np.pi * rng.random(), 0.6 + 0.4 * rng.random()
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = size * points @ rotation.T + 0.01 * rng.standard_normal((count, 2))
    return Example(rng.permutation(points).astype(np.float32), {"shape": name})


def along(segments, shares):
    """The points at given shares of the whole length of some segments ``[m, 2 ends, 2]``."""
    ends = np.cumsum(np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1))
    at = np.searchsorted(ends, shares * ends[-1], side="right").clip(max=len(ends) - 1)
    starts = np.concatenate([[0.0], ends])[at]
    part = (shares * ends[-1] - starts) / (ends[at] - starts)
    return segments[at, 0] + part[:, None] * (segments[at, 1] - segments[at, 0])
