"""Measurements against other implementations, their adjoints, and what they promise of items already degraded."""

from __future__ import annotations

import pytest
import scipy.ndimage
import scipy.signal
import torch
from torch import Tensor
from torch.nn import functional

from suffuse.errors import DomainInputError, RecipeError, SuffuseError, UnsupportedError
from suffuse.inverse.tangent import tangent
from suffuse.operators import BandLimit, Blur, Clip, Downsample, Grey, Identity, Mask, Operator, StftMagnitude
from suffuse.operators.base import pull_back
from suffuse.registry import make, names
from suffuse.rng import Rng
from suffuse.state import fields

SHAPES = [(3, 16), (3, 8, 12), (2, 4, 8, 12)]
LINEAR: list[Operator] = [
    Identity(),
    Mask(Rng.of(9).uniform(shape=()).reshape(1, 1, 1) < 2.0),
    Blur(sigma=1.3),
    Blur(sigma=0.8, edge="circular"),
    Blur(width=3),
    Downsample(2),
    Downsample(4),
    Grey(),
    BandLimit(0.5),
    BandLimit(0.3, axes="all"),
]
NONLINEAR: list[Operator] = [Clip(0.5), StftMagnitude(8), StftMagnitude(6, hop=3)]
linear = pytest.mark.parametrize("operator", LINEAR, ids=lambda o: repr(o)[:40])
every = pytest.mark.parametrize("operator", [*LINEAR, *NONLINEAR], ids=lambda o: repr(o)[:40])
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{len(s) - 1}d")


def random(shape: tuple[int, ...], seed: int = 0, batch: int = 2) -> Tensor:
    return Rng.of(seed, batch).normal(torch.zeros(batch, *shape, dtype=torch.float64))


def masked(shape: tuple[int, ...]) -> Mask:
    return Mask(Rng.of(4, 2).uniform(torch.zeros(2, *shape, dtype=torch.float64)) < 0.5)


@linear
@shapes
def test_adjoint_and_linearity(operator: Operator, shape: tuple[int, ...]) -> None:
    operator = masked(shape) if isinstance(operator, Mask) else operator
    x, z = random(shape), random(shape, 5)
    y = random(tuple(operator(x).shape[1:]), 7)  # type: ignore[union-attr]
    for adjoint in (operator.adjoint(y, x), pull_back(operator, x, y)[1]):
        assert adjoint.shape == x.shape  # type: ignore[union-attr]
        assert torch.allclose((operator(x) * y).sum(), (x * adjoint).sum(), rtol=1e-12)  # type: ignore[operator, call-overload]
    assert torch.allclose(operator(2.0 * x - 3.0 * z), 2.0 * operator(x) - 3.0 * operator(z), atol=1e-12)  # type: ignore[operator, arg-type]
    assert operator.linear


@pytest.mark.parametrize("operator", NONLINEAR, ids=repr)
@shapes
def test_tangents_are_derivatives(operator: Operator, shape: tuple[int, ...]) -> None:
    """Forward against finite differences, and the transpose against forward; within inference mode too."""
    x, v = random(shape), random(shape, 5)
    assert not operator.linear
    with torch.inference_mode():
        local = tangent(operator, x * 1.0)
        y = random(tuple(local.value.shape[1:]), 7)  # type: ignore[union-attr]
        pushed, pulled = local.push(v * 1.0), local.pull(y)
    step = 1e-6
    slope = (operator(x + step * v) - operator(x - step * v)) / (2.0 * step)  # type: ignore[operator]
    assert torch.allclose(pushed, slope, atol=1e-5)  # type: ignore[arg-type]
    assert torch.allclose((pushed * y).sum(), (v * pulled).sum(), rtol=1e-10)  # type: ignore[operator, call-overload]


@every
@shapes
def test_samples_are_measured_by_themselves(operator: Operator, shape: tuple[int, ...]) -> None:
    x = random(shape, batch=3)
    assert torch.allclose(operator(x)[1:2], operator(x[1:2]), atol=1e-14)  # type: ignore[index, arg-type]


@shapes
def test_gaussian_blur_is_scipy_s(shape: tuple[int, ...]) -> None:
    x = random(shape)
    axes = tuple(range(2, x.ndim))
    for edge, mode in (("reflect", "mirror"), ("circular", "wrap")):
        for sigma in (0.7, 2.5):
            expected = scipy.ndimage.gaussian_filter(x.numpy(), sigma, mode=mode, axes=axes)
            assert torch.allclose(Blur(sigma, edge=edge)(x), torch.from_numpy(expected), atol=1e-12)  # type: ignore[arg-type]


@shapes
def test_box_blur_is_scipy_s(shape: tuple[int, ...]) -> None:
    x = random(shape)
    expected = scipy.ndimage.uniform_filter(x.numpy(), 5, mode="mirror", axes=tuple(range(2, x.ndim)))
    assert torch.allclose(Blur(width=5)(x), torch.from_numpy(expected), atol=1e-12)  # type: ignore[arg-type]


@shapes
def test_downsampling_is_torch_s_pooling(shape: tuple[int, ...]) -> None:
    x = random(shape)
    pool = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[len(shape) - 2]
    assert torch.allclose(Downsample(4)(x), pool(x, 4))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [16, 15])
def test_band_limit_keeps_low_frequencies_alone(size: int) -> None:
    time = torch.arange(size, dtype=torch.float64)
    waves = [torch.cos(2.0 * torch.pi * k * time / size + 0.3) for k in range(size // 2 + 1)]
    for k, wave in enumerate(waves):
        kept = BandLimit(0.5)(wave[None, None])
        expected = wave if k <= 0.25 * size else torch.zeros(size, dtype=torch.float64)
        assert torch.allclose(kept[0, 0], expected, atol=1e-12)  # type: ignore[index]
    x = random((2, size))
    assert torch.allclose(BandLimit(1.0)(x), x, atol=1e-12)  # type: ignore[arg-type]


def test_stft_is_scipy_s() -> None:
    x = random((2, 40))
    hann = torch.hann_window(8, dtype=torch.float64).numpy()
    transform = scipy.signal.ShortTimeFFT(hann, hop=2, fs=1.0)
    padded = functional.pad(x, (4, 4), mode="reflect").numpy()
    frames = transform.stft(padded, p0=2, p1=23)  # centred on 4, 6, …, 44 of the padded signal
    expected = torch.from_numpy(frames).abs() / 8.0**0.5
    assert torch.allclose(StftMagnitude(8)(x), expected, atol=1e-5)  # type: ignore[arg-type]


def test_grey_by_weights() -> None:
    x = random((3, 4, 4))
    assert torch.allclose(Grey()(x), x.mean(1, keepdim=True))  # type: ignore[arg-type]
    luma = Grey((0.299, 0.587, 0.114))(x)
    assert torch.allclose(luma, 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:])  # type: ignore[arg-type]


@pytest.mark.parametrize("operator", [Downsample(2), Grey(), BandLimit(0.5), Clip(0.5), Identity()], ids=repr)
def test_a_degraded_item_is_its_own_measurement(operator: Operator) -> None:
    """What the operator gives, shown as a state and encoded again, stands for the same measurement."""
    x = random((3, 8, 8))
    y = operator(x)
    shown = operator.show(y, x)
    assert shown.shape == x.shape  # type: ignore[union-attr]
    assert torch.allclose(operator.observe(shown), y, atol=1e-12)  # type: ignore[arg-type]


def test_clipping_is_undone_from_the_right_side() -> None:
    """What came out at a level may lie anywhere beyond it; what did not is known, and told so by a derivative of 1."""
    y = torch.tensor([[[0.5, -0.5, 0.2, 0.499]]], dtype=torch.float64)
    x = torch.tensor([[[2.0, 2.0, 2.0, -2.0]]], dtype=torch.float64)
    one_sided = Clip(0.5).given(y, 0.0)
    assert torch.equal(one_sided(x), torch.tensor([[[0.5, 2.0, 2.0, -2.0]]], dtype=torch.float64))  # type: ignore[arg-type]
    local = tangent(one_sided, x)
    assert torch.equal(local.pull(torch.ones_like(y)), torch.tensor([[[0.0, 1.0, 1.0, 1.0]]], dtype=torch.float64))  # type: ignore[arg-type]
    assert torch.allclose(Clip(0.5).given(y - 0.04, 0.02)(x)[..., 0], torch.tensor(0.5, dtype=torch.float64))  # type: ignore[index, call-overload]
    assert torch.equal(Clip(0.5).given(Clip(0.5)(x), 0.0)(x), Clip(0.5)(x))  # type: ignore[arg-type]


def test_magnitudes_are_shown_as_a_signal() -> None:
    x = random((2, 32))
    assert StftMagnitude(8).show(StftMagnitude(8)(x), x).shape == x.shape  # type: ignore[union-attr]


def test_named_fields_with_padding() -> None:
    state = {"a": random((2, 6)), "b": random((2, 6), 1), "mask": torch.arange(6)[None, None] < torch.tensor([[[4]]])}
    state["mask"] = state["mask"].expand(2, 2, 6)
    known = {"a": torch.arange(6) < 3}
    for operator in (Identity(), Blur(1.0), BandLimit(0.5), Clip(0.5), Mask(known)):
        y = operator(state)
        assert isinstance(y, dict)
        if not isinstance(operator, Identity):
            assert not any(v[..., 4:].any() for _, v in fields(y))
    masked_state = Mask(known)(state)
    assert torch.equal(masked_state["a"], state["a"] * (torch.arange(6) < 3))  # type: ignore[index, call-overload]
    assert not masked_state["b"].any()  # type: ignore[index, call-overload, union-attr]


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("blur", {}, RecipeError, "either sigma or width"),
        ("blur", {"sigma": 1.0, "width": 3}, RecipeError, "either sigma or width"),
        ("blur", {"sigma": -1.0}, RecipeError, "blur.sigma"),
        ("blur", {"width": 4}, RecipeError, "odd"),
        ("blur", {"sigma": 1.0, "edge": "zero"}, RecipeError, "blur.edge"),
        ("downsample", {"factor": 0}, RecipeError, "downsample.factor"),
        ("downsample", {}, RecipeError, "cannot do without"),
        ("grey", {"weights": [0.5, 0.1]}, RecipeError, "sum to 1"),
        ("band-limit", {"cutoff": 1.5}, RecipeError, "band-limit.cutoff"),
        ("clip", {"level": 0.0}, RecipeError, "clip.level"),
        ("stft-magnitude", {"window": 8, "hop": 9}, RecipeError, "stft-magnitude.hop"),
        ("downsampling", {}, SuffuseError, "did you mean 'downsample'"),
    ],
)
def test_wrong_options_are_told(name: str, options: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make("operator", name, **options)


def test_states_that_do_not_fit_are_told() -> None:
    with pytest.raises(DomainInputError, match="a divisor of 8"):
        Downsample(3)(random((2, 8)))
    with pytest.raises(UnsupportedError, match="over axes"):
        Blur(1.0)(random((4,)))
    with pytest.raises(UnsupportedError, match="named fields"):
        Downsample(2)({"a": random((2, 8))})
    elements = {"points": random((5, 2)), "mask": torch.ones(2, 5, dtype=torch.bool)}
    for operator in (Blur(1.0), BandLimit(0.5)):
        with pytest.raises(UnsupportedError, match="lie on no grid"):
            operator(elements)
    with pytest.raises(DomainInputError, match="3 numbers"):
        Grey((0.5, 0.5))(random((3, 8)))
    with pytest.raises(DomainInputError, match=r"stft-magnitude\.window"):
        StftMagnitude(64)(random((1, 16)))


def test_all_are_registered() -> None:
    core = {"band-limit", "blur", "clip", "downsample", "grey", "identity", "one-of", "stft-magnitude"}
    assert core <= set(names("operator"))
