"""What edges say, against numpy's and scipy's words on the same graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components

from suffuse.errors import RecipeError
from suffuse.nn import graph
from suffuse.nn.structure import DEGREES, Structure

WEIGHTS = (0.0, 1.0, 2.0, 3.0)


def edges(n: int, seed: int = 0, rate: float = 0.3) -> torch.Tensor:
    """A graph of edges of three classes: one-hot ``[n, n, 4]``; the diagonal is padding."""
    rng = np.random.default_rng(seed)
    kinds = np.triu(np.where(rng.random((n, n)) < rate, rng.integers(1, 4, (n, n)), 0), 1)
    made = torch.eye(4)[torch.from_numpy(kinds + kinds.T)]
    made[range(n), range(n)] = 0.0
    return made


@pytest.mark.parametrize("seed", range(4))
def test_walks_degrees_and_pieces_are_those_of_the_graph(seed: int) -> None:
    x = edges(7, seed)
    adjacency = (x.double().numpy() @ np.array(WEIGHTS)).astype(float)
    total = adjacency.sum(1)
    step = adjacency / np.where(total > 0.0, total, 1.0)[:, None]
    elements, pairs = Structure(WEIGHTS, 5)(x[None])
    for k in range(5):
        walk = np.linalg.matrix_power(step, k + 1)
        assert elements[0, :, k].numpy() == pytest.approx(np.diag(walk), abs=1e-6)
        root = np.sqrt(np.where(total > 0.0, total, 1.0))
        assert pairs[0, ..., k].numpy() == pytest.approx(walk * root[:, None] / root, abs=1e-6)
    assert elements[0, :, 5].numpy() == pytest.approx(DEGREES * (adjacency > 0.0).sum(1))
    assert elements[0, :, 6].numpy() == pytest.approx(DEGREES * total)
    _, piece = connected_components(adjacency > 0.0)
    together = piece[:, None] == piece
    assert pairs[0, ..., 5].bool().numpy().tolist() == together.tolist()
    assert elements[0, :, 7].numpy() == pytest.approx(np.log(together.sum(1)))


def test_rings_are_told_apart() -> None:
    """Two triangles and a hexagon, whose elements all have two neighbours."""

    def ring(*around: int) -> list[tuple[int, int]]:
        return list(zip(around, (*around[1:], around[0]), strict=True))

    told = []
    for bonds in (ring(0, 1, 2) + ring(3, 4, 5), ring(0, 1, 2, 3, 4, 5)):
        x = torch.zeros(1, 6, 6, 2)
        x[..., 0] = 1.0
        for i, j in bonds:
            x[0, [i, j], [j, i]] = torch.tensor([0.0, 1.0])
        told.append(Structure((0.0, 1.0), 3)(x)[0][0, 0])
    assert told[0].tolist() == pytest.approx([0.0, 0.5, 0.25, 0.5, 0.5, np.log(3.0)])
    assert told[1].tolist() == pytest.approx([0.0, 0.5, 0.0, 0.5, 0.5, np.log(6.0)])


def _network(**options: Any) -> graph.GraphTransformer:
    template = {
        "atoms": torch.zeros(1, 3, 2), "bonds": torch.zeros(1, 3, 3, 4),
        "mask": torch.ones(1, 3, dtype=torch.bool), "bonds.mask": torch.ones(1, 3, 3, dtype=torch.bool),
    }  # fmt: skip
    torch.manual_seed(0)
    made = graph.build(template, {}, width=16, depth=2, heads=2, **options)
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return made


def _state(n: int, padding: int = 0, seed: int = 0) -> dict[str, torch.Tensor]:
    most = n + padding
    atoms, bonds = torch.zeros(1, most, 2), torch.zeros(1, most, most, 4)
    atoms[0, :n] = torch.eye(2)[torch.arange(n) % 2]
    bonds[0, :n, :n] = edges(n, seed)
    mask = (torch.arange(most) < n)[None]
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(most, dtype=torch.bool)
    return {"atoms": atoms, "bonds": bonds, "mask": mask, "bonds.mask": pairs}


def test_the_network_sees_them_in_any_order_and_padding() -> None:
    network, level = _network(edges="bonds", weights=WEIGHTS, walks=4), torch.zeros(1)
    plain, padded = network(_state(6), level, {}), network(_state(6, padding=3), level, {})
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    turned = _state(6)
    turned = turned | {"atoms": turned["atoms"][:, order], "bonds": turned["bonds"][:, order][:, :, order]}
    moved = network(turned, level, {})
    torch.testing.assert_close(padded["bonds"][:, :6, :6], plain["bonds"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved["atoms"], plain["atoms"][:, order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved["bonds"], plain["bonds"][:, order][:, :, order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(plain["bonds"], plain["bonds"].transpose(1, 2), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(plain["atoms"], _network()(_state(6), level, {})["atoms"], atol=1e-3)


def test_one_element_has_no_walks() -> None:
    made = _network(edges="bonds")(_state(1), torch.zeros(1), {})
    assert all(value.isfinite().all() for value in made.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"edges": "rings"}, "did you mean|no field of pairs"),
        ({"edges": "bonds", "walks": 0}, "walks"),
        ({"edges": "bonds", "weights": (1.0, 2.0, 3.0, 4.0)}, "weights"),
        ({"edges": "bonds", "weights": (0.0, 1.0)}, "weights"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        _network(**options)


@pytest.mark.parametrize("padding", [0, 2])
def test_half_of_the_pairs_says_what_all_of_them_say(padding: int) -> None:
    options = {"edges": "bonds", "weights": WEIGHTS}
    whole, half, level = _network(**options), _network(**options, halved=True), torch.zeros(1)
    half.load_state_dict(whole.state_dict())
    x = _state(6, padding)
    expected, found = whole(x, level, {}), half(x, level, {})
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)
    with pytest.raises(RecipeError, match="halved"):
        _network(symmetric=False, halved=True)
