"""REPLACE THIS: where the graphs come from. Your own need no code: `suffuse train placeholder data.path=FILE`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError
from suffuse.files import write_json


class Data(Section):
    """What a recipe's `data` section may hold."""

    path: Path | None = None  # your own: a .json file, see `read_graphs`
    count: int = 4096  # how many are made up, if there is no path


@dataclass(frozen=True)
class Graph:
    """Nodes, each of a kind, and bonds (i, j, kind) with i < j, sorted."""

    nodes: tuple[str, ...]
    bonds: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Part:
    """A part of the data: the same index, the same example."""

    graphs: Sequence[Graph]

    def __len__(self):
        return len(self.graphs)

    def __getitem__(self, index):
        return Example(self.graphs[index])


def made_up(number):
    """A star with its planets, and moons, each of one planet."""
    rng = np.random.default_rng(number)
    planets, moons = int(rng.integers(1, 4)), int(rng.integers(5))
    far = [(0, 1 + i, "far") for i in range(planets)]
    near = [(int(rng.integers(1, 1 + planets)), 1 + planets + i, "near") for i in range(moons)]
    return Graph(("star", *["planet"] * planets, *["moon"] * moons), tuple(sorted(far + near)))


def open_splits(data):
    """A tenth each for validation and test, without graphs that hold a kind which the training part has not shown."""
    graphs = [made_up(i) for i in range(data.count)] if data.path is None else read_graphs(data.path)
    if len(graphs) < 20:
        raise DataError("holds too few graphs", field="data.path", expected="at least 20", got=len(graphs))
    train = [graph for i, graph in enumerate(graphs) if i % 10 > 1]
    seen = set().union(*map(kinds, train))
    validation, test = ([graph for graph in part if kinds(graph) <= seen] for part in (graphs[1::10], graphs[::10]))
    name = "planets" if data.path is None else data.path.stem
    return Splits(Part(train), Part(validation), Part(test), name=name)


def kinds(graph):
    """The kinds of nodes and of bonds that a graph holds."""
    return {("node", kind) for kind in graph.nodes} | {("bond", kind) for *_, kind in graph.bonds}


def read_graphs(path):
    """The graphs of a file: [{"nodes": ["C", "O"], "bonds": [[0, 1, "double"]]}, ...], nodes being counted from 0."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [Graph(tuple(graph["nodes"]), tuple(sorted(bond(*x) for x in graph["bonds"]))) for graph in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot be read: {error}", field=str(path), expected="graphs of nodes and bonds") from error


def bond(i, j, kind):
    """A bond as `Graph` has it."""
    return min(i, j), max(i, j), kind


def write_graphs(graphs, path):
    """The inverse of `read_graphs`."""
    write_json(path, [asdict(graph) for graph in graphs])
