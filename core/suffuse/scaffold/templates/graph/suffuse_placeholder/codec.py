"""Graphs to states and back.

States have the fields "node", one-hot [batch, n, kinds], and "bond", one-hot [batch, n, n, 1 + kinds], whose first
class is that of no bond. "mask" [batch, n] tells nodes, "bond.mask" [batch, n, n] pairs of two.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from suffuse.domain import Categories, Codec
from suffuse.errors import DomainInputError

from .data import Graph


@dataclass(frozen=True)
class GraphCodec(Codec):
    """Turns kinds into their places among the known ones."""

    nodes: Mapping[str, float]  # the kinds of nodes, and how often each is in the training data
    bonds: Mapping[str, float]  # the kinds of bonds, the first, "", being none
    sizes: list[int]  # of the training graphs, sorted

    @classmethod
    def fit(cls, graphs):
        """The codec of some training graphs."""
        sizes = sorted(len(graph.nodes) for graph in graphs)
        bonds = Counter(kind for graph in graphs for *_, kind in graph.bonds)
        bonds[""] = sum(math.comb(n, 2) for n in sizes) - bonds.total()
        return cls(shares(Counter(kind for graph in graphs for kind in graph.nodes)), shares(bonds), sizes)

    def encode(self, items, rng=None):
        for i, item in enumerate(items):
            self.check(item, f"items[{i}]")
        state = self.empty([len(item.nodes) for item in items])
        state["bond"][..., 0] = state["bond.mask"].float()
        nodes, bonds = list(self.nodes), list(self.bonds)
        for item, node, bond in zip(items, state["node"], state["bond"], strict=True):
            node[range(len(item.nodes)), [nodes.index(kind) for kind in item.nodes]] = 1.0
            for i, j, kind in item.bonds:
                bond[i, j] = bond[j, i] = torch.eye(len(bonds))[bonds.index(kind)]
        return state

    def check(self, item, field):
        if not isinstance(item, Graph) or not item.nodes:
            raise DomainInputError("is no graph", field=field, expected="a Graph with nodes", got=type(item).__name__)
        pairs, places = {(i, j) for i, j, _ in item.bonds}, range(len(item.nodes))
        if len(pairs) < len(item.bonds) or not all(i in places and j in places and i < j for i, j in pairs):
            expected = f"(i, j, kind) with 0 <= i < j < {len(places)}, each pair once"
            raise DomainInputError("has wrong bonds", field=f"{field}.bonds", expected=expected, got=item.bonds)
        for name, known, found in (
            ("nodes", self.nodes, item.nodes),
            ("bonds", self.bonds, [x[2] for x in item.bonds]),
        ):
            if not set(found) <= {*known} - {""}:
                expected = f"kinds among {', '.join(filter(None, known))}"
                raise DomainInputError("is of a new kind", field=f"{field}.{name}", expected=expected, got=found)

    def empty(self, sizes):
        """Zero states of graphs of these numbers of nodes."""
        if not sizes:
            raise DomainInputError("is empty", field="items", expected="at least one graph")
        mask = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
        pairs = mask[:, :, None] & mask[:, None, :] & ~torch.eye(max(sizes), dtype=torch.bool)
        node, bond = torch.zeros(*mask.shape, len(self.nodes)), torch.zeros(*pairs.shape, len(self.bonds))
        return {"node": node, "bond": bond, "mask": mask, "bond.mask": pairs}

    def decode(self, state):
        node, bond, sizes = state["node"].argmax(2), state["bond"].argmax(3), state["mask"].sum(1)
        return [self.graph(*row) for row in zip(node.tolist(), bond.tolist(), sizes.tolist(), strict=True)]

    def graph(self, node, bond, size):
        """The graph of the classes of its nodes and of all pairs."""
        nodes, bonds = list(self.nodes), list(self.bonds)
        pairs = [(i, j) for i in range(size) for j in range(i + 1, size) if bond[i][j]]
        return Graph(tuple(nodes[k] for k in node[:size]), tuple((i, j, bonds[bond[i][j]]) for i, j in pairs))

    def like(self, count, rng=None):
        """Where sizes are drawn, they are those of the training data."""
        shares = torch.ones(count) if rng is None else rng.uniform(shape=())
        return self.empty([self.sizes[i] for i in (shares * (len(self.sizes) - 1)).round().long().tolist()])

    def categorical(self):
        return {
            "node": Categories((*self.nodes.values(),)),
            "bond": Categories((*self.bonds.values(),), symmetric=True),
        }

    def to_json(self):
        return asdict(self)


def shares(count):
    """The share of each kind, by name."""
    return {kind: count[kind] / count.total() for kind in sorted(count)}
