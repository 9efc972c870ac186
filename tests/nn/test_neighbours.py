"""The exact belief against the same sums in float64, and against scikit-learn's neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from suffuse.denoise import precondition
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.nn.memory import AtLevels, Growing, Memory
from suffuse.nn.nearest import AT_ONCE
from suffuse.nn.neighbours import Neighbours, build
from suffuse.process import Categorical, Gaussian, RectifiedFlow, Uniform, time_of_ratio
from suffuse.rng import Rng

WIDTH = 5


def rows(seed: int, count: int, width: int = WIDTH) -> Tensor:
    return Rng.of(seed, count).normal(shape=(width,)).float()


def remembering(states: Tensor | dict[str, Tensor], **options: object) -> Neighbours:
    like = states[:1] if isinstance(states, Tensor) else {name: x[:1] for name, x in states.items()}
    made = build(like, {}, **options)
    made.remember(states)
    return made


def exact(u: Tensor, x: Tensor, r: float) -> Tensor:
    squares = (u.double()[:, None] - x.double()).square().sum(2)
    return (-squares / (2.0 * r * r)).softmax(1) @ x.double()


@pytest.mark.parametrize("r", [0.01, 0.1, 0.5, 3.0, 100.0])
def test_the_belief_is_the_posterior_mean_of_the_noised_rows(r):
    x, clean = rows(0, 300), rows(1000, 40)
    u = clean + r * rows(2000, 40)
    process = Gaussian(RectifiedFlow())
    denoiser = precondition(remembering(x), process, "x0")
    t = time_of_ratio(process.schedule, r)
    found = denoiser(process.schedule.alpha(t) * u, t).mean
    torch.testing.assert_close(found.double(), exact(u, x, r), atol=2e-4, rtol=0.0)


def test_every_sample_has_its_own_noise_level():
    x, u = rows(0, 50), rows(1000, 6)
    levels = torch.tensor([0.1, 0.3, 0.5, 1.0, 2.0, 5.0])
    net = remembering(x)
    found = net(u / (1.0 + levels.square()).sqrt()[:, None], 0.25 * levels.log(), {})
    want = torch.cat([exact(u[i : i + 1], x, float(r)) for i, r in enumerate(levels)])
    torch.testing.assert_close(found.double(), want, atol=1e-4, rtol=0.0)


def test_several_levels_at_once_are_each_by_itself_in_any_number_of_chunks():
    x = rows(0, 400)
    u = rows(1000, 2 * AT_ONCE // 400 + 3)
    net = remembering(x)
    assert isinstance(net, AtLevels)
    for found, r in zip(net.at_levels(u, [0.2, 1.0], {}), [0.2, 1.0], strict=True):
        assert found.shape == u.shape
        torch.testing.assert_close(found[-50:].double(), exact(u[-50:], x, r), atol=1e-4, rtol=0.0)


def test_a_row_far_from_all_is_pulled_to_the_nearest():
    x = rows(0, 200)
    far = x[:3] + 1000.0
    (found,) = remembering(x).at_levels(far, [0.3], {})
    torch.testing.assert_close(found.double(), exact(far, x, 0.3), atol=1e-3, rtol=0.0)


def test_a_remembered_row_is_itself_unless_it_is_left_out():
    x = rows(0, 100)
    (kept,) = remembering(x).at_levels(x, [0.05], {})
    torch.testing.assert_close(kept, x, atol=1e-4, rtol=0.0)
    (left,) = remembering(x, leave_out=True).at_levels(x, [0.05], {})
    want = torch.cat([exact(x[i : i + 1], torch.cat([x[:i], x[i + 1 :]]), 0.05) for i in range(100)])
    torch.testing.assert_close(left.double(), want, atol=1e-4, rtol=0.0)


def test_of_equal_rows_one_is_left_out():
    x = torch.cat([rows(0, 50), rows(0, 1)])  # the first row twice
    (found,) = remembering(x, leave_out=True).at_levels(x[:2], [0.01], {})
    assert torch.equal(found[0], x[0])  # its twin is still there
    assert not torch.allclose(found[1], x[1], atol=0.05)


def test_a_row_that_is_not_remembered_loses_nothing_by_leaving_out():
    x, u = rows(0, 100), rows(1000, 20)
    (a,), (b,) = (remembering(x, leave_out=leave).at_levels(u, [0.3], {}) for leave in (False, True))
    assert torch.equal(a, b)


def surface(seed: int, count: int) -> Tensor:
    """Two dimensions bent into five, and a little noise."""
    across = Rng.of(seed, count).at("across").normal(shape=(2,)).float()
    axes = Rng.of(0, 2).at("axes").normal(shape=(WIDTH,)).float()
    return torch.tanh(across @ axes) + 0.05 * rows(seed, count)


@pytest.mark.parametrize("leave", [False, True])
def test_the_nearest_of_many_rows_stand_for_all_where_the_noise_is_small(leave):
    x = surface(0, 4000)
    u = torch.cat([x[:100], surface(10**6, 400), rows(2 * 10**6, 100)])  # remembered, usual and odd ones
    net = remembering(x, leave_out=leave)
    r = 0.3 * net.spacing
    (found,) = net.at_levels(u, [r], {})
    squares = (u.double()[:, None] - x.double()).square().sum(2)
    if leave:
        squares[torch.arange(100), torch.arange(100)] = torch.inf
    want = (-squares / (2.0 * r * r)).softmax(1) @ x.double()
    gaps = (found.double() - want).norm(dim=1) / net.spacing
    assert float(gaps.quantile(0.99)) < 0.02
    assert float(gaps[500:].max()) < 0.01
    assert len(net.nearest.lists) > 0


def test_where_the_noise_is_not_small_all_rows_are_looked_at():
    x, u = surface(0, 4000), surface(10**6, 200)
    net = remembering(x)
    for r in (0.1 * net.spacing, net.spacing):
        found = net.at_levels(u, [r, 2.0 * net.spacing], {})
        torch.testing.assert_close(found[0].double(), exact(u, x, r), atol=2e-3, rtol=0.0)


@pytest.mark.parametrize("most", [50, 1000])
def test_what_is_added_in_parts_is_what_is_shown_at_once(most):
    x = rows(0, 300)
    whole, parts = remembering(x, most=most), remembering(x[:100], most=most)
    assert isinstance(parts, Growing)
    for first in (100, 101, 180):
        parts.add(x[first : {100: 101, 101: 180, 180: 300}[first]])
    assert parts.state_dict().keys() == whole.state_dict().keys()
    for name, value in whole.state_dict().items():
        assert torch.equal(parts.state_dict()[name], value), name
    assert (int(parts.seen), parts.count) == (300, min(most, 300))


def test_rows_that_lack_entries_can_be_added_and_to_an_empty_memory_too():
    states = gappy(0, 60)
    first, rest = ({name: x[part] for name, x in states.items()} for part in (slice(40), slice(40, None)))
    net, whole = build(first, {}), remembering(states)
    net.add(first)
    net.add(rest)
    assert torch.equal(net.rows, whole.rows)
    assert torch.equal(net.there, whole.there)
    with pytest.raises(DomainInputError, match="too few"):
        build(first, {}).add({name: x[:1] for name, x in first.items()})
    with pytest.raises(DomainInputError, match="other sizes"):
        net.add({name: x[:, :3] for name, x in rest.items()})


def test_a_memory_that_was_loaded_takes_in_more():
    x = rows(0, 90)
    fresh = build(x[:1], {}, most=40)
    fresh.load_state_dict(remembering(x[:70], most=40).state_dict())
    fresh.add(x[70:])
    assert torch.equal(fresh.rows, remembering(x, most=40).rows)


def test_the_derivative_is_the_covariance_of_the_belief():
    x = rows(0, 60).double().float()
    u = rows(1000, 1).requires_grad_()
    net, r = remembering(x), 0.7
    level = torch.full((1,), 0.25 * math.log(r))
    jacobian = torch.autograd.functional.jacobian(lambda v: net(v / math.sqrt(1 + r * r), level, {})[0], u)[:, 0]
    weights = (-(u.detach().double() - x.double()).square().sum(1) / (2 * r * r)).softmax(0)
    centred = x.double() - weights @ x.double()
    covariance = (weights[:, None] * centred).T @ centred
    torch.testing.assert_close(jacobian.double(), covariance / r**2, atol=1e-4, rtol=1e-3)


def test_the_spacing_is_the_median_distance_to_the_fifth_neighbour():
    x = rows(0, 500)
    distances, _ = NearestNeighbors(n_neighbors=6).fit(x.numpy()).kneighbors(x.numpy())
    net = remembering(x)
    assert isinstance(net, Memory)
    assert net.spacing == pytest.approx(float(np.median(distances[:, 5])), rel=2e-3)  # torch's median is a lower one


def test_rows_that_are_mostly_equal_have_a_spacing_too():
    assert remembering(torch.cat([torch.zeros(90, 2), rows(0, 10, 2)])).spacing > 0.0
    assert remembering(torch.zeros(10, 2)).spacing == 1.0


def gappy(seed: int, count: int, share: float = 0.3) -> dict[str, Tensor]:
    mask = Rng.of(seed, count).at("gaps").uniform(shape=(WIDTH,)) >= share
    return {"values": torch.where(mask, rows(seed, count), 0.0), "values.mask": mask}


def test_missing_entries_are_left_out_of_distances_and_of_means():
    states, asked, r = gappy(0, 80), gappy(1000, 7), 0.8
    (found,) = remembering(states).at_levels(asked, [r], {})
    for i in range(7):
        shared = asked["values.mask"][i] & states["values.mask"]
        gap = (asked["values"][i] - states["values"]).double() * shared
        squares = gap.square().sum(1) * WIDTH / shared.sum(1)
        squares[shared.sum(1) == 0] = torch.inf
        weights = (-squares / (2 * r * r)).softmax(0)[:, None] * states["values.mask"]
        want = (weights * states["values"]).sum(0) / weights.sum(0)
        torch.testing.assert_close(found["values"][i].double(), want, atol=1e-4, rtol=0.0)
    assert torch.equal(found["values.mask"], asked["values.mask"])


def test_what_padding_holds_changes_nothing():
    states, asked = gappy(0, 80), gappy(1000, 7)
    spoilt = {**asked, "values": torch.where(asked["values.mask"], asked["values"], 99.0)}
    net = remembering(states)
    (a,), (b,) = (net.at_levels(x, [0.8], {}) for x in (asked, spoilt))
    assert torch.equal(a["values"], b["values"])


def test_an_entry_that_no_row_has_is_believed_to_be_the_mean():
    states = gappy(0, 30)
    states["values.mask"][:, 2] = False
    (found,) = remembering(states).at_levels(gappy(1000, 3), [0.5], {})
    assert torch.equal(found["values"][:, 2], torch.zeros(3))


def test_a_fresh_network_loads_what_another_remembers():
    x, u = rows(0, 70), rows(1000, 5)
    net = remembering(x)
    fresh = build(x[:1], {})
    fresh.load_state_dict(net.state_dict())
    assert (fresh.count, fresh.spacing) == (70, net.spacing)
    assert torch.equal(fresh.at_levels(u, [0.4], {})[0], net.at_levels(u, [0.4], {})[0])
    with pytest.raises(RuntimeError, match="size mismatch"):
        build(rows(0, 1, 3), {}).load_state_dict(net.state_dict())


def test_of_too_many_rows_some_are_drawn_and_always_the_same():
    x = rows(0, 300)
    a, b = remembering(x, most=100), remembering(x, most=100)
    assert a.count == 100
    assert torch.equal(a.rows, b.rows)
    assert not torch.equal(a.rows, remembering(x, most=100, seed=1).rows)
    assert len({tuple(row) for row in a.rows.tolist()} & {tuple(row) for row in x.tolist()}) == 100


def test_what_is_wrong_is_named():
    x = rows(0, 20)
    with pytest.raises(UnsupportedError, match="remembers nothing"):
        build(x[:1], {}).at_levels(x, [0.5], {})
    with pytest.raises(DomainInputError, match="too few"):
        build(x[:1], {}).remember(x[:1])
    with pytest.raises(DomainInputError, match="other sizes"):
        remembering(x).at_levels(rows(0, 2, 3), [0.5], {})
    with pytest.raises(RecipeError, match="most"):
        build(x[:1], {}, most=1)
    with pytest.raises(RecipeError, match="option"):
        build(x[:1], {}, width=3)
    with pytest.raises(UnsupportedError, match="predict"):
        precondition(remembering(x), Gaussian(RectifiedFlow()), "flow")
    with pytest.raises(UnsupportedError, match="process"):
        precondition(remembering(x), Categorical(Uniform(WIDTH), RectifiedFlow()), "x0")
