from __future__ import annotations

import pytest
import torch

from suffuse.errors import DomainInputError
from suffuse.posterior import Posterior
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.state import combine, concat, map_fields, mask_of, masked_mean, masked_sum, take


def padded(filler: float, length: int = 5) -> dict[str, torch.Tensor]:
    """Two samples of 3 and 5 nodes with pair features; padding holds ``filler``."""
    sizes = torch.tensor([3, 5])
    mask = torch.arange(length) < sizes[:, None]
    pairs = mask[:, :, None] & mask[:, None, :]
    nodes = torch.arange(2 * 5 * 2, dtype=torch.float32).reshape(2, 5, 2)
    nodes = torch.nn.functional.pad(nodes, (0, 0, 0, length - 5))
    bonds = torch.ones(2, length, length)
    return {
        "nodes": torch.where(mask[..., None], nodes, torch.tensor(filler)),
        "bonds": torch.where(pairs, bonds, torch.tensor(filler)),
        "mask": mask,
        "bonds.mask": pairs,
    }


def test_masks_are_found_and_broadcast() -> None:
    state = padded(0.0)
    nodes, bonds = mask_of(state, "nodes"), mask_of(state, "bonds")
    assert nodes is not None
    assert nodes.shape == (2, 5, 1)
    assert bonds is not None
    assert bonds.shape == (2, 5, 5)


def test_padding_changes_nothing() -> None:
    a, b = padded(0.0), padded(1e9)
    assert torch.equal(masked_mean(a), masked_mean(b))
    assert torch.equal(masked_sum(a), masked_sum(b))
    for x in (a, b):
        combined = combine((2.0, x), (1.0, x))
        assert isinstance(combined, dict)
        assert combined["nodes"][0, 3:].abs().max() == 0.0
        assert torch.equal(combined["mask"], x["mask"])


def test_gaussian_process_respects_masks() -> None:
    """Noise, loss and steps of a small sample are the same in whatever padding it comes."""
    process, rng = Gaussian(), Rng.of(0, 2)
    short, long = padded(7.0), padded(-3.0, length=9)
    x_short, x_long = process.corrupt(short, 0.5, rng), process.corrupt(long, 0.5, rng)
    assert isinstance(x_short, dict)
    assert isinstance(x_long, dict)
    assert torch.equal(x_short["nodes"], x_long["nodes"][:, :5])
    assert x_long["nodes"][0, 3:].abs().max() == 0.0
    guess = map_fields(torch.zeros_like, short)
    spoilt = {**guess, "nodes": torch.where(short["mask"][..., None], guess["nodes"], torch.tensor(1e6))}
    t = torch.tensor([0.5, 0.5], dtype=torch.float64)
    clean = process.loss(Posterior(guess), short, x_short, t)
    assert torch.equal(clean, process.loss(Posterior(spoilt), short, x_short, t))
    reversed_ = process.reverse(x_short, Posterior(spoilt), 0.5, 0.3, rng)
    assert isinstance(reversed_, dict)
    assert reversed_["nodes"][0, 3:].abs().max() == 0.0


def test_all_masked_sample_is_finite() -> None:
    state = {"x": torch.ones(2, 4), "mask": torch.zeros(2, 4, dtype=torch.bool)}
    assert masked_mean(state).tolist() == [0.0, 0.0]


def test_zero_coefficient_drops_its_term() -> None:
    infinite = torch.full((2, 3), float("inf"))
    assert torch.equal(combine((1.0, torch.ones(2, 3)), (0.0, infinite)), torch.ones(2, 3))


def test_combine_does_not_change_its_input() -> None:
    x, y = torch.ones(2, 3), torch.full((2, 3), 2.0)
    combine((1.0, x), (3.0, y))
    assert torch.equal(x, torch.ones(2, 3))


def test_coefficients_may_differ_over_the_batch() -> None:
    result = combine((torch.tensor([1.0, 2.0], dtype=torch.float64), torch.ones(2, 3)))
    assert isinstance(result, torch.Tensor)
    assert result.dtype == torch.float32
    assert result[:, 0].tolist() == [1.0, 2.0]


def test_concat_and_take() -> None:
    state = padded(0.0)
    both = concat([state, state])
    assert isinstance(both, dict)
    back = take(both, slice(2, 4))
    assert isinstance(back, dict)
    assert all(torch.equal(back[k], state[k]) for k in state)


def test_a_bare_tensor_among_fields_is_an_error() -> None:
    with pytest.raises(DomainInputError, match="nodes"):
        combine((1.0, padded(0.0)), (1.0, torch.ones(2)))
