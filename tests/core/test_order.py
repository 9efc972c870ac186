"""Elements without an order are put into one that no listing changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.denoise import precondition
from suffuse.features import Features as Reader
from suffuse.nn import graph
from suffuse.order import canonical, listed
from suffuse.process import Gaussian, Product
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import DomainSpec, Features
from suffuse.state import State


def graphs() -> dict[str, Tensor]:
    """Three graphs of 5, 3 and no nodes, with symmetric pairs and a whole."""
    torch.manual_seed(0)
    mask = torch.arange(5) < torch.tensor([5, 3, 0])[:, None]
    both = mask[:, :, None] & mask[:, None, :]
    edges = torch.randn(3, 5, 5, 2)
    edges = (edges + edges.transpose(1, 2)) * both[..., None]
    nodes = torch.randn(3, 5, 2) * mask[..., None]
    whole = {"cell": torch.randn(3, 4), "cell.mask": torch.ones(3, dtype=torch.bool)}
    return {"nodes": nodes, "edges": edges, "mask": mask, "edges.mask": both, **whole}


def turned(x: dict[str, Tensor], order: list[int]) -> dict[str, Tensor]:
    pairs = {name: x[name][:, order][:, :, order] for name in ("edges", "edges.mask")}
    return {**x, **pairs, "nodes": x["nodes"][:, order], "mask": x["mask"][:, order]}


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [1, 4, 0, 3, 2]])
def test_however_elements_are_listed_the_order_is_one(order: list[int]) -> None:
    x = graphs()
    here, there = canonical(x), canonical(turned(x, order))
    assert isinstance(here, dict) and isinstance(there, dict)
    for name in x:
        assert torch.equal(here[name], there[name]), name
    assert torch.equal(here["mask"], x["mask"]), "padding comes last"
    assert not torch.equal(here["nodes"], x["nodes"])
    assert torch.equal(here["cell"], x["cell"])
    torch.testing.assert_close(here["nodes"].sum(1), x["nodes"].sum(1))


def test_pairs_alone_and_a_tensor_have_an_order_too() -> None:
    x, order = graphs(), [4, 3, 2, 1, 0]
    edges: State = {name: x[name] for name in ("edges", "edges.mask")}
    assert isinstance(edges, dict)
    there = {name: v[:, order][:, :, order] for name, v in edges.items()}
    a, b = canonical(edges), canonical(there)
    assert isinstance(a, dict) and isinstance(b, dict)
    assert torch.equal(a["edges"], b["edges"]) and torch.equal(a["edges.mask"], b["edges.mask"])
    points = torch.randn(2, 5, 3)
    assert torch.equal(canonical(points), canonical(points[:, order]))  # type: ignore[arg-type]


def test_features_of_a_set_do_not_depend_on_its_order() -> None:
    """They do without, as noise is keyed by position."""
    x = {name: v for name, v in graphs().items() if name in ("nodes", "mask")}
    network = graph.build(x, {}, width=16, depth=1, heads=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    process = Product({"nodes": Gaussian()})
    read = Reader(network, precondition(network, process, "flow"), process, "blocks.0")
    other = {name: v[:, [1, 0, 2, 4, 3]] for name, v in x.items()}
    torch.testing.assert_close(read(canonical(x), {}), read(canonical(other), {}))
    assert (read(x, {}) - read(other, {})).abs().max() > 1e-2


class Plugin:
    @hookimpl
    def register_domains(self, register: Any) -> None:
        for name, unordered in (("sets", True), ("chains", False)):
            promised = Features(unordered=unordered)
            register(DomainSpec(name=name, factory="tests.mixed:Beads", features=promised))


def test_only_a_domain_that_says_so_has_no_order_unless_the_codec_has_one() -> None:
    x = graphs()

    def of(domain: str, ordered: bool = False) -> Any:
        model = SimpleNamespace(recipe=SimpleNamespace(domain=domain), codec=SimpleNamespace(ordered=ordered))
        return listed(model, x)  # type: ignore[arg-type]

    with isolated(Plugin()):
        chains, sets, strings = of("chains"), of("sets"), of("sets", ordered=True)
    assert chains is x and strings is x
    assert not torch.equal(sets["nodes"], x["nodes"])
