"""How well each statistic of `suffuse score` tells pictures of clothing from handwritten digits.

The starter `fashion` has seen clothing only. Scored are test pictures of Fashion-MNIST, which are usual, and of MNIST,
which are odd; the figure is the area under the receiver's operating characteristic: 1 is perfect, 0.5 is chance, and
below 0.5 the odd ones count as less odd. `p < 0.05` is the share of pictures whose p-value is below 0.05; of the usual
ones it should be 0.05.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.report import parser, save, show
from suffuse.domain import Dataset, Item
from suffuse.metrics import auroc
from suffuse.model import Model, load
from suffuse.registry import load_domain
from suffuse.rng import permutation
from suffuse.tasks.score import Scores, calibrate, score
from suffuse.tasks.statistics import STATISTICS, make_statistic


def main(arguments: Sequence[str] | None = None) -> None:
    about = parser(__doc__)
    about.add_argument("--model", default="fashion", help="a starter, a run or a file")
    about.add_argument("--usual", default="fashion-mnist", help="data set of pictures that the model knows")
    about.add_argument("--odd", default="mnist", help="data set of pictures that it does not know")
    about.add_argument("--count", type=int, default=200, help="test pictures of each")
    about.add_argument("--reference", type=int, default=500, help="validation pictures that calibrate")
    about.add_argument("--statistics", nargs="*", default=list(STATISTICS), help="which")
    about.add_argument("--threads", type=int, default=1)
    given = about.parse_args(arguments)
    torch.set_num_threads(given.threads)
    model = load(given.model)
    usual, odd = (pictures(name) for name in (given.usual, given.odd))
    held, test, other = (some(part, n) for part, n in (
        (usual.validation, given.reference), (usual.test, given.count), (odd.test, given.count),
    ))  # fmt: skip
    rows = [measure(model, name, held, test, other) for name in given.statistics]
    show(f"{given.count} of {given.usual} against {given.count} of {given.odd}", rows)
    save(given.json, scores=rows)


def pictures(name: str) -> Any:
    domain = load_domain("images")
    return domain.splits(domain.data_section.model_validate({"name": name}))


def some(part: Dataset, count: int) -> list[Item]:
    """Pictures of a data set, the same on every call."""
    return [part[i].item for i in permutation(len(part), "benchmarks", "score")[:count].tolist()]


def measure(model: Model, name: str, held: list[Item], test: list[Item], other: list[Item]) -> dict[str, Any]:
    """The figures of a statistic, alone where it can do so, and with a reference."""
    statistic = make_statistic(name)
    calibration = calibrate(model, held, statistic=statistic)
    begun = time.perf_counter()
    usual, odd = (score(model, items, statistic=statistic, reference=calibration) for items in (test, other))
    seconds = 100.0 * (time.perf_counter() - begun) / (len(test) + len(other))
    alone = [statistic.combine(torch.tensor(s.figures), None) for s in (usual, odd) if not statistic.needs_reference]
    with_reference = {
        "AUROC with reference": auroc(torch.tensor(usual.values), torch.tensor(odd.values)),
        "usual, p < 0.05": share(usual),
        "odd, p < 0.05": share(odd),
    }
    return {
        "statistic": name,
        "AUROC": auroc(*alone) if alone else None,
        **with_reference,
        "seconds per 100": seconds,
    }


def share(scores: Scores) -> float:
    p_values = scores.p_values or []
    return sum(p < 0.05 for p in p_values) / len(p_values)


if __name__ == "__main__":
    main()
