"""Graphs: an item has nodes and bonds between them, each of a kind. The order of the nodes means nothing.

What every method owes is told in `suffuse.domain`.
"""

import math
from collections import Counter

from PIL import Image, ImageDraw
from suffuse.domain import Domain, Section

from .codec import GraphCodec
from .data import Data, open_splits, read_graphs, write_graphs


class Graphs(Domain):
    """Graphs of nodes and bonds."""

    name, writes = "placeholder", (".json",)  # what `write` makes
    data_section, codec_section = Data, Section  # Section: no options

    def splits(self, data):
        return open_splits(data)

    def conditions(self, splits):
        return {}  # {"mass": Number.fit(values)} and Example(item, {"mass": 3.2}): see suffuse.conditions

    def fit_codec(self, options, train):
        return GraphCodec.fit([train[i].item for i in range(len(train))])

    def load_codec(self, data):
        return GraphCodec(**data)

    def read(self, path):
        return read_graphs(path)

    def write(self, items, path):
        write_graphs(items, path)

    def picture(self, items, columns=None):
        """The nodes of each in a circle; lines are the thicker, the later their kind comes in the alphabet."""
        kinds = sorted({kind for item in items for *_, kind in item.bonds})
        columns = columns or min(len(items), 8)
        sheet = Image.new("L", (100 * columns, 100 * -(-len(items) // columns)), "white")
        draw = ImageDraw.Draw(sheet)
        for index, item in enumerate(items):
            x, y = 100 * (index % columns) + 50, 100 * (index // columns) + 50
            turns = [2 * math.pi * i / len(item.nodes) for i in range(len(item.nodes))]
            places = [(x + 36 * math.sin(turn), y - 36 * math.cos(turn)) for turn in turns]
            for i, j, kind in item.bonds:
                draw.line((places[i], places[j]), fill="black", width=1 + 2 * kinds.index(kind))
            for kind, (x, y) in zip(item.nodes, places, strict=True):
                draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill="white", outline="black")
                draw.text((x, y), kind[:2], fill="black", anchor="mm")
        return sheet

    def evaluate(self, items, conditions, splits, codec):
        """How far the nodes' neighbourhoods are from the test part's in total variation, and training graphs' are.

        `unseen_neighbourhoods`: the share of them that training lacks (0 is best). `connected`: the share of graphs in
        one piece.
        """
        train, test = ([part[i].item for i in range(len(part))] for part in (splits.train, splits.test))
        made, known, real = (neighbourhoods(part) for part in (items, train, test))
        return {
            "neighbourhood_distance": distance(made, real),
            "neighbourhood_floor": distance(neighbourhoods(train[: len(items)]), real),
            "unseen_neighbourhoods": sum(made[x] for x in made if x not in known) / made.total(),
            "connected": sum(connected(item) for item in items) / len(items),
        }


def neighbourhoods(graphs):
    """How often there is a node of some kind with bonds of some kinds to nodes of some kinds."""
    count = Counter()
    for graph in graphs:
        around = [[] for _ in graph.nodes]
        for i, j, kind in graph.bonds:
            around[i].append((kind, graph.nodes[j]))
            around[j].append((kind, graph.nodes[i]))
        count.update((kind, *sorted(near)) for kind, near in zip(graph.nodes, around, strict=True))
    return count


def distance(a, b):
    """The total variation between two counts' distributions: 0 to 1."""
    return sum(abs(a[x] / a.total() - b[x] / b.total()) for x in a | b) / 2


def connected(graph):
    """Whether every node can be reached from the first."""
    reached = {0}
    for _ in graph.nodes:
        reached |= {k for i, j, _ in graph.bonds if {i, j} & reached for k in (i, j)}
    return len(reached) == len(graph.nodes)
