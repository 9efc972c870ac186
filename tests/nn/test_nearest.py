"""What is found in an index against distances of float64 to all vectors."""

from __future__ import annotations

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from suffuse.nn.nearest import INDEXED, LONGEST, Nearest
from suffuse.rng import Rng

WIDTH = 8


def rows(seed: int, count: int, width: int = WIDTH) -> Tensor:
    """A curved surface of two dimensions, and a little noise."""
    across, noise = (
        Rng.of(seed, count).at(name).normal(shape=(size,)).float() for name, size in (("u", 2), ("e", width))
    )
    axes = Rng.of(0, 2).at("axes").normal(shape=(width,)).float()
    return torch.tanh(across @ axes) + 0.05 * noise


def holding(vectors: Tensor, indexed: bool | None = None) -> Nearest:
    made = Nearest(vectors.shape[1])
    made.hold(vectors, indexed)
    return made


def exact(vectors: Tensor, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Numbers and distances by scikit-learn."""
    model = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors.double().numpy())
    distances, numbers = model.kneighbors(queries.double().numpy())
    return torch.from_numpy(numbers), torch.from_numpy(distances)


@pytest.mark.parametrize("indexed", [False, True])
def test_the_nearest_come_first_and_their_distances_are_right(indexed):
    vectors, queries = rows(0, 3000), rows(10**6, 500)
    numbers, squares = holding(vectors, indexed).near(queries, 20)
    apart = (queries.double()[:, None] - vectors.double()[numbers]).square().sum(2)
    torch.testing.assert_close(squares.double(), apart, rtol=1e-4, atol=1e-7)
    assert bool((squares.diff(dim=1) >= 0.0).all())
    want, _ = exact(vectors, queries, 20)
    if not indexed:
        assert torch.equal(numbers, want)
    assert (numbers[:, 0] == want[:, 0]).double().mean() >= 0.99
    assert (numbers[:, :, None] == want[:, None]).any(2).double().mean() >= 0.99


def test_the_index_looks_at_a_part_only():
    vectors, queries = rows(0, 6000), rows(10**6, 500)
    looked = []

    def answer(similarity: Tensor, columns: Tensor, numbers: Tensor | None) -> tuple[Tensor, ...]:
        looked.append(similarity.numel())
        return (similarity.amax(1),)

    holding(vectors).answers(queries, answer)
    assert sum(looked) < 0.3 * len(vectors) * len(queries)


def test_what_lies_far_off_is_exact():
    vectors = rows(0, 4000)
    queries = Rng.of(5, 300).normal(shape=(WIDTH,)).float() * 3.0
    numbers, squares = holding(vectors).near(queries, 5)
    want, distances = exact(vectors, queries, 5)
    assert torch.equal(numbers, want)
    torch.testing.assert_close(squares.double().sqrt(), distances, rtol=1e-5, atol=1e-6)


def test_a_query_finds_the_same_alone_and_in_any_company():
    index = holding(rows(0, 3000))
    queries = torch.cat([rows(10**6, 40), 3.0 * rows(2 * 10**6, 10)])
    together = index.near(queries, 7)
    for i in range(len(queries)):
        alone = index.near(queries[i : i + 1], 7)
        assert torch.equal(alone[0][0], together[0][i])
        torch.testing.assert_close(alone[1][0], together[1][i], rtol=1e-6, atol=1e-7)
    assert torch.equal(index.near(queries.flip(0), 7)[0].flip(0), together[0])


@pytest.mark.parametrize("indexed", [False, True])
def test_a_vector_may_be_left_out(indexed):
    vectors = rows(0, 3000)
    index, numbers = holding(vectors, indexed), torch.arange(100)
    assert torch.equal(index.near(vectors[:100], 1)[0][:, 0], numbers)
    but = torch.where(numbers % 2 == 0, numbers, -1)
    found, squares = index.near(vectors[:100], 1, but)
    assert torch.equal(found[1::2, 0], numbers[1::2])
    want, _ = exact(vectors, vectors[:100], 2)
    assert (found[::2, 0] == want[::2, 1]).double().mean() >= 0.98
    torch.testing.assert_close(squares[1::2, 0], torch.zeros(50))


def test_among_many_equal_vectors_the_others_are_found():
    vectors = torch.cat([rows(0, 1500), rows(0, 1).expand(2 * LONGEST, -1)])
    queries = rows(0, 200) + 1e-3
    _, squares = holding(vectors, indexed=True).near(queries, 1)
    _, distances = exact(vectors, queries, 1)
    torch.testing.assert_close(squares.double().sqrt(), distances, rtol=1e-3, atol=1e-5)


def test_vectors_that_are_all_alike_are_found():
    numbers, squares = holding(torch.ones(INDEXED + 1, 3)).near(torch.ones(2, 3), 4)
    assert squares.max() == 0.0
    assert len(set(numbers[0].tolist())) == 4


def test_few_vectors_have_no_index_unless_they_are_told_to():
    assert len(holding(rows(0, 500)).lists) == 0
    assert len(holding(rows(0, INDEXED + 1)).lists) > 0
    assert holding(rows(0, 40), indexed=True).sizes.tolist() == [40]


def test_more_than_a_list_holds_can_be_asked_for():
    vectors, queries = rows(0, 3000), rows(10**6, 5)
    numbers, _ = holding(vectors).near(queries, LONGEST + 1)
    assert torch.equal(numbers[:, :50], exact(vectors, queries, 50)[0])


def test_nothing_asked_is_nothing_found():
    numbers, squares = holding(rows(0, 3000)).near(torch.zeros(0, WIDTH), 3)
    assert numbers.shape == squares.shape == (0, 3)


def test_the_index_is_the_same_each_time_and_survives_a_file():
    vectors, queries = rows(0, 3000), rows(10**6, 50)
    first, again, fresh = holding(vectors), holding(vectors), Nearest(WIDTH)
    fresh.load_state_dict(first.state_dict())
    for other in (again, fresh):
        assert all(torch.equal(x, y) for x, y in zip(first.buffers(), other.buffers(), strict=True))
        assert torch.equal(first.near(queries, 3)[0], other.near(queries, 3)[0])
    with pytest.raises(RuntimeError, match="size mismatch"):
        Nearest(WIDTH + 1).load_state_dict(first.state_dict())


def test_holding_anew_forgets():
    index = holding(rows(0, 3000))
    index.hold(rows(7, 30))
    assert len(index) == 30
    assert len(index.centres) == len(index.lists) == len(index.sizes) == len(index.reach) == 0
