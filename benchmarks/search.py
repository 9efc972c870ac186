"""How often the neighbours that `suffuse search` finds are of the query's class, against neighbours by pixels.

The starter `fashion` has been trained with classes, but is not told any here. The figure is precision at k: the share
of each picture's k nearest among the others that are of its class.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from benchmarks.report import parser, save, show
from suffuse.features import LEVEL
from suffuse.index import unit
from suffuse.model import load
from suffuse.registry import load_domain
from suffuse.rng import permutation


def main(arguments: Sequence[str] | None = None) -> None:
    about = parser(__doc__)
    about.add_argument("--model", default="fashion", help="a starter, a run or a file")
    about.add_argument("--data", default="fashion-mnist", help="data set of pictures with classes")
    about.add_argument("--count", type=int, default=1000, help="test pictures, each of which is a query in turn")
    about.add_argument("--neighbours", type=int, default=5)
    about.add_argument("--levels", type=float, nargs="*", default=[LEVEL], help="noise levels σ/α to look at")
    about.add_argument("--layers", nargs="*", default=[""], help="layers to read; nothing: the default one")
    about.add_argument("--threads", type=int, default=1)
    given = about.parse_args(arguments)
    torch.set_num_threads(given.threads)
    model, domain = load(given.model), load_domain("images")
    part = domain.splits(domain.data_section.model_validate({"name": given.data})).test
    examples = [part[i] for i in permutation(len(part), "benchmarks", "search")[: given.count].tolist()]
    items, classes = [e.item for e in examples], [e.conditions["label"] for e in examples]
    pixels = model.codec.encode(items)
    assert isinstance(pixels, Tensor)
    rows = [row("pixels, cosine", pixels.flatten(1), classes, given.neighbours, 0.0)]
    for layer in given.layers:
        for level in given.levels:
            begun = time.perf_counter()
            found = model.features(items, layer=layer or None, level=level)
            seconds = 1000.0 * (time.perf_counter() - begun) / len(items)
            rows.append(
                row(f"features, {layer or 'default layer'}, σ/α={level:g}", found, classes, given.neighbours, seconds)
            )
    show(f"{len(items)} test pictures of {given.data}", rows)
    save(given.json, search=rows)


def row(name: str, features: Tensor, classes: Sequence[str], k: int, milliseconds: float) -> dict[str, object]:
    return {
        "neighbours by": name,
        "numbers an item": features.shape[1],
        f"precision@{k}": precision(features, classes, k),
        "ms an item": milliseconds,
    }


def precision(features: Tensor, classes: Sequence[str], k: int) -> float:
    """The share of the ``k`` nearest by cosine, itself left out, that are of the same class."""
    similarity = unit(features.double()) @ unit(features.double()).T
    near = similarity.fill_diagonal_(-2.0).topk(k, dim=1).indices
    index = {name: i for i, name in enumerate(dict.fromkeys(classes))}
    own = torch.tensor([index[name] for name in classes])
    return float((own[near] == own[:, None]).double().mean())


if __name__ == "__main__":
    main()
