"""Another rate, or another number of channels.

Rates are changed by a windowed sinc (Smith, *Digital Audio Resampling*; torchaudio's kernel, Kaiser's window): flat to
0.9 of the lower Nyquist frequency, and −100 dB beyond it.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly
from torch.nn.functional import conv1d, pad
from torchaudio.transforms import Resample

from suffuse.errors import DomainInputError
from suffuse_audio.clip import Clip

ZEROS, CUTOFF, BETA = 64, 0.9475937167399596, 14.769656459379492
"""The sinc's zeros on either side, where it cuts, of the lower Nyquist frequency, and its window's shape: those of
resampy's ``kaiser_best`` (McFee 2016)."""

PHASES = 64
"""Output samples that are made together, at least: a convolution of few is slow."""

LARGEST = 1 << 25
"""Numbers in a kernel: rates that have no large common factor would need more than this, and go another way."""


def resample(clip: Clip, rate: int) -> Clip:
    """A clip at another rate; itself if that is its own.

    Arguments:
        clip: of n frames. Its gaps (NaN) stay gaps.
        rate: frames a second.

    Returns:
        ⌈n · rate / clip.rate⌉ frames, the first at the same time as the clip's first.

    Raises:
        DomainInputError: the rate is not positive.
    """
    if rate == clip.rate:
        return clip
    if rate < 1:
        raise DomainInputError("is no rate", field="rate", expected="at least 1 Hz", got=rate)
    if not len(clip):
        return Clip(clip.samples, rate)
    common = gcd(clip.rate, rate)
    old, new = clip.rate // common, rate // common
    gap = np.asarray(np.isnan(clip.samples).any(axis=1))
    samples = _resampled(_bridged(clip.samples, gap) if gap.any() else clip.samples, old, new)
    if gap.any():
        samples[_reached(gap, len(samples), old, new)] = np.nan
    return Clip(samples, rate)


def mixed(clip: Clip, channels: int) -> Clip:
    """A clip with so many channels; itself if it has them.

    Many become one as their mean, one becomes many as copies; else the mean of all is in each.
    """
    if channels == clip.channels:
        return clip
    if channels < 1:
        raise DomainInputError("is no number of channels", field="channels", expected="at least 1", got=channels)
    mono = clip.samples if clip.channels == 1 else clip.samples.mean(axis=1, keepdims=True)
    return Clip(np.repeat(mono, channels, axis=1), clip.rate)


def _resampled(samples: NDArray[np.float32], old: int, new: int) -> NDArray[np.float32]:
    """Samples ``[frames, channels]`` at ``new`` for every ``old``, two rates without a common factor."""
    length = ceil(len(samples) * new / old)
    if new * (old + 2 * ZEROS * max(1.0, old / new)) > LARGEST:
        taps = _filter(max(old, new))
        columns = [resample_poly(column, new, old, window=taps)[:length] for column in samples.T]
        return np.stack(columns, axis=1).astype(np.float32)
    kernel, before, stride = _kernel(old, new)
    x = torch.from_numpy(np.ascontiguousarray(samples.T))[:, None]
    rows = conv1d(pad(x, (before, kernel.shape[-1] + stride)), kernel, stride=stride)
    return np.ascontiguousarray(rows.transpose(1, 2).flatten(1)[:, :length].numpy().T)


@lru_cache(maxsize=16)
def _kernel(old: int, new: int) -> tuple[torch.Tensor, int, int]:
    """What makes samples of a stretch: ``[samples, 1, taps]``, the padding before, and how far stretches lie apart.

    torchaudio's kernel makes ``new`` samples of each ``old``; where these are few, several of it stand side by side.
    """
    made = Resample(
        old, new, "sinc_interp_kaiser", lowpass_filter_width=ZEROS, rolloff=CUTOFF, beta=BETA, dtype=torch.float64
    )
    one = made.kernel[:, 0].float()
    times = ceil(PHASES / new)
    kernel = torch.zeros(times, new, one.shape[1] + (times - 1) * old)
    for i in range(times):
        kernel[i, :, i * old : i * old + one.shape[1]] = one
    return kernel.flatten(0, 1)[:, None], made.width, times * old


@lru_cache(maxsize=16)
def _filter(longest: int) -> Any:
    """The same sinc for :func:`scipy.signal.resample_poly`."""
    taps = firwin(2 * ZEROS * longest + 1, CUTOFF / longest, window=("kaiser", BETA))
    return np.asarray(taps, dtype=np.float32)


def _bridged(samples: NDArray[np.float32], gap: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Samples with straight lines over the gaps, so that what is around them rings little; zeros if all is gap."""
    if gap.all():
        return np.zeros_like(samples)
    every, known = np.arange(len(gap)), np.flatnonzero(~gap)
    columns = [np.interp(every, known, column[known]) for column in samples.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _reached(gap: NDArray[np.bool_], length: int, old: int, new: int) -> NDArray[np.bool_]:
    """Which of the new frames lie in a gap, or beside it."""
    at = np.arange(length) * old
    before, after = at // new, -(-at // new)
    last = len(gap) - 1
    return gap[np.minimum(before, last)] | gap[np.minimum(after, last)]
