"""The short-time Fourier transform against torch's own, its inverse against least squares."""

from __future__ import annotations

import math

import pytest
import torch

from suffuse.errors import RecipeError
from suffuse_audio.stft import Stft

SIZES = [(256, 64), (512, 256), (30, 10), (34, 6), (6, 2), (4, 2)]


def signals(frames: int, *batch: int) -> torch.Tensor:
    return torch.randn(*batch, frames, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("window", "hop"), SIZES)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_frames_are_those_of_torch(window, hop, count):
    x = signals(count * hop, 2, 3)
    made = Stft(window, hop)(x)
    margin = (window - hop) // 2
    padded = torch.nn.functional.pad(x, (margin, margin)).flatten(0, 1)
    hann = torch.hann_window(window, dtype=torch.float64)
    expected = torch.stft(padded, window, hop, window=hann, center=False, normalized=True, return_complex=True)
    assert made.shape == (2, 3, window // 2 + 1, count)
    assert torch.allclose(made.flatten(0, 1), expected, atol=1e-13)


@pytest.mark.parametrize(("window", "hop"), SIZES)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_inverse_is_exact(window, hop, count):
    stft, x = Stft(window, hop), signals(count * hop, 2, 3)
    back = stft.inverse(stft(x))
    assert back.shape == x.shape
    assert (back - x).abs().max() < 1e-12


def test_the_inverse_is_exact_in_single_precision_and_of_one_signal():
    stft, x = Stft(256, 64), signals(64 * 40).float()
    assert (stft.inverse(stft(x)) - x).abs().max() < 2e-6


@pytest.mark.parametrize(("window", "hop"), [(8, 4), (12, 4), (8, 2)])
def test_the_inverse_is_of_the_nearest_consistent_spectrogram(window, hop):
    """Against ``lstsq`` over all signals; frequencies other than the first and the last stand for two."""
    stft, count = Stft(window, hop), 5
    columns = torch.view_as_real(stft(torch.eye(count * hop, dtype=torch.float64)))  # of each unit signal
    weight = torch.full((stft.frequencies, 1, 1), math.sqrt(2.0), dtype=torch.float64)
    weight[[0, -1]] = 1.0
    matrix = (weight * columns).flatten(1).T
    generator = torch.Generator().manual_seed(1)
    wanted = torch.randn(stft.frequencies, count, dtype=torch.complex128, generator=generator)
    found = torch.linalg.lstsq(matrix, (weight * torch.view_as_real(wanted)).flatten()[:, None]).solution[:, 0]
    assert torch.allclose(stft.inverse(wanted), found, atol=1e-12)
    assert (stft(found) - wanted).abs().max() > 0.1  # it belongs to no signal


def test_energy_is_kept_where_windows_add_up():
    """The squares of Hann windows at a quarter add up to 3/2 in the middle: an orthonormal transform keeps energy."""
    stft = Stft(64, 16)
    x = torch.zeros(16 * 20, dtype=torch.float64)
    x[100:220] = signals(120)
    spectrum = stft(x).abs().square()
    energy = 2.0 * spectrum.sum() - spectrum[0].sum() - spectrum[-1].sum()
    assert float(energy) == pytest.approx(1.5 * float(x.square().sum()), rel=1e-12)


@pytest.mark.parametrize(("window", "hop"), [(3, 2), (2, 2), (64, 0), (64, 15), (64, 34), (64, 64)])
def test_windows_and_hops_that_there_are_not(window, hop):
    with pytest.raises(RecipeError):
        Stft(window, hop)
