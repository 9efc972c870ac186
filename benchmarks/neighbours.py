"""How many rows a second the exact score of remembered rows takes on one core, beside scikit-learn's peers.

Rows lie on a bent surface of five dimensions, with noise. Timed in turn: the detector from arrays to scores
(`detector`), its network alone with its index (`index`) and comparing with all remembered rows (`all`), the distance to
the fifth neighbour (`KNN`, what PyOD's is made of) and an isolation forest (`IForest`). The share `missed` is of usual
rows whose nearest remembered row the index does not find, and `moved` how far it changes their score, at the 99th
percentile.

    OMP_NUM_THREADS=1 python -m benchmarks.neighbours
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from benchmarks.report import parser, save, show
from benchmarks.timing import Job, interleaved
from suffuse.nn.neighbours import Neighbours
from suffuse.tasks.statistics.residual import LOWEST
from suffuse_tabular.detector import DiffusionDetector

SIZES = ((5_000, 10), (5_000, 32), (20_000, 32))
CAUSES, NOISE = 5, 0.1

Floats = NDArray[np.float64]


def rows(count: int, width: int, seed: int) -> Floats:
    """Usual rows: float64 ``[count, width]``."""
    axes = np.random.default_rng(0).normal(size=(CAUSES, width))
    rng = np.random.default_rng(seed)
    bent: Floats = np.tanh(rng.normal(size=(count, CAUSES)) @ axes) + NOISE * rng.normal(size=(count, width))
    return bent


def measure(count: int, width: int, asked: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each engine: seconds to fit, rows a second, and how many times those of KNN."""
    known, queries = rows(count, width, 1), rows(asked, width, 2)
    detector, fits = DiffusionDetector(method="neighbours"), {}
    _, fits["detector"] = timed(lambda: detector.fit(known))
    network = detector.model_.denoiser.network
    assert isinstance(network, Neighbours)
    remembered, states = network.rows.clone(), detector.model_.codec.encode(detector._rows(queries))
    assert isinstance(states, Tensor)
    _, fits["index"] = timed(lambda: network.remember(remembered))
    knn, fits["KNN"] = timed(lambda: NearestNeighbors(n_neighbors=5).fit(known))
    forest, fits["IForest"] = timed(lambda: IsolationForest(random_state=0).fit(known))
    few = queries[: asked // 4]
    jobs = {
        "detector": Job(lambda: detector.score_samples(queries)),
        "index": Job(lambda: network.at_levels(states, [level(network)], {})),
        "all": Job(lambda: by_all(network, states[: len(few)])),
        "KNN": Job(lambda: knn.kneighbors(few)),
        "IForest": Job(lambda: forest.score_samples(few)),
    }
    times = interleaved(jobs, rounds)
    asked_of = {name: asked if name in ("detector", "index") else len(few) for name in jobs}
    rates = {name: asked_of[name] / times[name].least for name in jobs}
    return [
        {
            "rows": count, "columns": width, "engine": name, "fit, s": fits.get(name),
            "rows/s": round(rates[name]), "times KNN": rates[name] / rates["KNN"],
            "times IForest": rates[name] / rates["IForest"],
            **(agreement(network, states[: len(few)]) if name == "index" else {"missed": None, "moved": None}),
        }
        for name in jobs
    ]  # fmt: skip


def level(network: Neighbours) -> float:
    """The noise level of the statistic `residual`."""
    return LOWEST * network.spacing


def by_all(network: Neighbours, states: Tensor) -> Tensor:
    """The belief that compares each state with all remembered ones."""
    ratio = level(network)
    (mean,) = network.nearest.by_all(states, lambda near, columns, _: (network._mean(near, columns, ratio),))
    return mean


def agreement(network: Neighbours, states: Tensor) -> dict[str, float]:
    """What the index costs in exactness."""
    nearest, _ = network.nearest.near(states, 1)
    squares = torch.cat(
        [torch.cdist(part.double(), network.rows.double()).square() for part in torch.split(states, 500)]
    )
    apart = squares.gather(1, nearest)[:, 0]
    (mean,) = network.at_levels(states, [level(network)], {})
    assert isinstance(mean, Tensor)
    scores, exact = (states - mean).norm(dim=1), (states - by_all(network, states)).norm(dim=1)
    return {
        "missed": float((apart > squares.amin(1) * (1.0 + 1e-6)).double().mean()),
        "moved": float((scores / exact - 1.0).abs().quantile(0.99)),
    }


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """What is made, and the seconds that it took."""
    begun = time.perf_counter()
    made = make()
    return made, time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    about = parser(__doc__)
    about.add_argument("--rows", type=int, default=20_000, help="rows that are scored")
    about.add_argument("--rounds", type=int, default=5)
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    found = [row for count, width in SIZES for row in measure(count, width, given.rows, given.rounds)]
    show("One core", found)
    save(given.json, neighbours=found)


if __name__ == "__main__":
    main()
