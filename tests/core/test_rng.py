from __future__ import annotations

import math

import pytest
import torch

from suffuse.rng import TOGETHER, Rng, digest, mix64, numbered, permutation

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
PINNED = [0.38107422, -0.52115297, -0.92256057, -2.17853212, 1.63229394]


def test_stream_is_splitmix64() -> None:
    """The known first outputs of SplitMix64 seeded with 1234567 (Vigna's reference implementation)."""
    outputs = mix64(1234567 + GOLDEN * torch.arange(1, 6, dtype=torch.int64))
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [x % 2**64 for x in outputs.tolist()] == expected


def test_sample_has_its_noise_alone_and_in_the_batch() -> None:
    like = torch.zeros(64, 3, 5)
    batch = Rng.of(0, 64).at("prior", 3)
    alone = Rng.of(5).at("prior", 3)
    assert torch.equal(batch.normal(like)[5], alone.normal(like[:1])[0])
    assert torch.equal(batch.uniform(like)[5], alone.uniform(like[:1])[0])
    assert torch.equal(batch[5:6].normal(like[:1])[0], alone.normal(like[:1])[0])


def test_noise_of_a_position_does_not_depend_on_how_many_follow() -> None:
    short, long = (Rng.of(1).normal(shape=(n,))[0] for n in (6, 50))
    assert torch.equal(short, long[:6])


def formula(seeds: list[int], path: tuple[str | int, ...], count: int, dtype: torch.dtype) -> torch.Tensor:
    """Box and Muller's numbers as the module's docstring has them, in torch, a stream at a time."""
    rows = []
    for seed in seeds:
        start, gamma = (mix64(torch.tensor(seed) * GOLDEN + digest(name, *path)) for name in ("start", "increment"))
        bits = mix64(start + (gamma | 1) * torch.arange(1, count // 2 + 1))
        high, low = ((bits >> 32) & 0xFFFFFFFF).to(dtype), (bits & 0xFFFFFFFF).to(dtype)
        radius = high.add(0.5).mul(2.0**-32).log().mul(-2.0).sqrt()
        angle = low.mul(2.0 * math.pi * 2.0**-32)
        rows.append(torch.stack([angle.cos() * radius, angle.sin() * radius], -1).flatten())
    return torch.stack(rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_on_the_cpu_is_the_formula_to_the_last_bit(dtype: torch.dtype) -> None:
    seeds = [0, 5, -(2**63), 2**63 - 1]
    for count in (2, 64, 1026):
        made = Rng.of(seeds).at("step", 3).normal(torch.zeros(4, count, dtype=dtype))
        assert torch.equal(made, formula(seeds, ("step", 3), count, dtype))


def test_noise_is_pinned() -> None:
    """What was drawn before is drawn today: figures that were told, and items that were made, depend on it."""
    made = Rng.of(7).at("prior").normal(torch.zeros(1, 5))[0]
    assert made.tolist() == pytest.approx(PINNED, abs=1e-6)


def test_steps_that_draw_ahead_draw_the_same() -> None:
    """Whatever is asked for, in which order and how often; what was given away may be overwritten."""
    rng, like = Rng.of([3, 9, 4]), torch.zeros(3, 5)
    steps, plain = rng.steps(40, "step"), rng.at("step")
    for index in (0, 1, 2, 3, 3, 20, 5, 39, 38, 39):
        for path in ((), ("reverse",), ("corrector", 1)):
            made = steps.at(index, *path).normal(like)
            assert torch.equal(made, plain.at(index, *path).normal(like))
            made.zero_()
        state = {"a": like, "b": torch.zeros(3, 4, dtype=torch.float64)}
        made, expected = steps.at(index).normal_like(state), plain.at(index).normal_like(state)
        assert isinstance(made, dict)
        assert isinstance(expected, dict)
        assert all(torch.equal(made[name], expected[name]) for name in state)
    for path in ((40,), (-1,), ("reverse",), ()):
        assert torch.equal(steps.at(*path).normal(like), plain.at(*path).normal(like))
    assert torch.equal(steps.at(1)[1:].normal(like[1:]), plain.at(1)[1:].normal(like[1:]))


def test_drawing_ahead_is_bounded() -> None:
    """What is kept is the same for long loops and short ones, and nothing of states that are large."""
    for width, kept in ((8, 4 * 8 * 999), (1000, 4 * 16000), (TOGETHER, 0)):
        steps = Rng.of(0).steps(1000, "step")
        for index in range(3):
            steps.at(index).normal(torch.zeros(1, width))
        assert steps.series is not None
        assert sum(block.nbytes for _, block in steps.series.made.values()) == kept


def test_purposes_steps_and_seeds_are_independent() -> None:
    like = torch.zeros(1, 20000)
    streams = [Rng.of(0).at("a"), Rng.of(0).at("b"), Rng.of(0).at("a", 1), Rng.of(0).at("a1"), Rng.of(1).at("a")]
    drawn = torch.cat([s.normal(like) for s in streams])
    correlation = torch.corrcoef(drawn) - torch.eye(len(streams))
    assert correlation.abs().max() < 0.03


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal_moments(dtype: torch.dtype) -> None:
    z = Rng.of(0, 100).normal(torch.zeros(100, 10000, dtype=dtype)).double().flatten()
    n = len(z)
    assert abs(z.mean()) < 4 / n**0.5
    assert abs(z.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((z**4).mean() - 3) < 4 * (96 / n) ** 0.5
    assert z.abs().max() > 4.5


def test_normal_follows_its_distribution() -> None:
    """Kolmogorov-Smirnov at the 0.1 % level."""
    z = Rng.of(3).normal(shape=(100000,))[0].sort().values
    theory = torch.special.ndtr(z)
    empirical = (torch.arange(len(z)) + 0.5) / len(z)
    assert (theory - empirical).abs().max() < 1.95 / len(z) ** 0.5


def test_uniform_is_open_and_even() -> None:
    u = Rng.of(0, 10).uniform(shape=(100000,)).flatten()
    assert u.min() > 0.0
    assert u.max() < 1.0
    counts = torch.histc(u.float(), 20, 0.0, 1.0)
    assert ((counts - 50000) ** 2 / 50000).sum() < 43.8  # chi-square, 19 degrees of freedom, 0.1 %


def test_global_random_state_is_untouched() -> None:
    before = torch.get_rng_state()
    Rng.of(0, 4).normal(torch.zeros(4, 9))
    permutation(10, "x")
    assert torch.equal(before, torch.get_rng_state())


def test_permutation_is_one() -> None:
    order = permutation(1000, "order", 0)
    assert order.sort().values.tolist() == list(range(1000))
    assert not torch.equal(order, permutation(1000, "order", 1))


def test_digest_is_stable_and_tells_types_apart() -> None:
    assert digest("a", 1) == digest("a", 1)
    assert digest("a", 1) != digest("a", "1")
    assert digest("ab") != digest("a", "b")


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_positions_are_numbered_without_gaps_whatever_the_size(axes: int) -> None:
    """A cube of n positions an axis has the numbers 0 … nᵈ - 1, and keeps them within a larger grid."""
    for n in (1, 2, 5):
        cube = numbered((n,) * axes)
        assert sorted(cube.flatten().tolist()) == list(range(n**axes))
        larger = numbered(tuple(n + 1 + i for i in range(axes)))
        assert torch.equal(larger[(slice(n),) * axes], cube)
        assert larger.unique().numel() == larger.numel()
    assert numbered(()).item() == 0


def test_uniform_numbers_at_given_places() -> None:
    rng = Rng.of(3, 4)
    whole = rng.uniform(shape=(9,))
    assert torch.equal(rng.uniform_at(torch.tensor([[7, 0], [2, 2]])), whole[:, torch.tensor([[7, 0], [2, 2]])])


@pytest.mark.parametrize("width", [1, 2, 5])
def test_normal_noise_of_pairs_does_not_depend_on_the_padding(width: int) -> None:
    def noise(n: int) -> torch.Tensor:
        real = torch.zeros(2, n, n, dtype=torch.bool)
        real[:, :4, :4] = True
        made = Rng.of(0, 2).normal_like({"x": torch.zeros(2, n, n, width), "x.mask": real})
        assert isinstance(made, dict)
        assert not made["x"][~real].any()
        return made["x"][:, :4, :4]

    assert torch.equal(noise(7), noise(4))


def test_normal_noise_of_pairs_is_normal() -> None:
    mask = torch.ones(8, 60, 60, dtype=torch.bool)
    made = Rng.of(0, 8).normal_like({"x": torch.zeros(8, 60, 60, 3), "x.mask": mask})
    assert isinstance(made, dict)
    x = made["x"]
    assert x.mean().item() == pytest.approx(0.0, abs=0.01)
    assert x.std().item() == pytest.approx(1.0, abs=0.01)
    flat = x.reshape(8, -1, 3)
    neighbours = (flat[:, 1:] * flat[:, :-1]).mean((0, 1))
    within = (flat[..., 1:] * flat[..., :-1]).mean((0, 1))
    assert torch.cat([neighbours, within]).abs().max() < 0.02


def test_noise_of_one_masked_axis_is_that_of_the_field_alone() -> None:
    x = torch.zeros(2, 5, 3)
    made = Rng.of(0, 2).normal_like({"x": x, "mask": torch.ones(2, 5, dtype=torch.bool)})
    assert isinstance(made, dict)
    assert torch.equal(made["x"], Rng.of(0, 2).at("field", "x").normal(x))


def test_split_streams_are_their_own_and_the_first_is_the_samples() -> None:
    streams = Rng.of([3, 4]).split(3)
    assert torch.equal(streams.seeds[::3], torch.tensor([3, 4]))
    assert torch.equal(streams.seeds[3:], Rng.of([4]).split(3).seeds)
    u = Rng.of(range(200)).split(5).at("x").uniform(shape=(40,))
    assert len(u.unique(dim=0)) == 1000
    assert float(torch.corrcoef(u.reshape(200, 5, 40).transpose(0, 1).reshape(5, -1)).triu(1).abs().max()) < 0.05
