"""Pictures of sounds for measuring: mel spectrograms as grey levels, and what can be told of them without a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from suffuse_audio.clip import Clip
from suffuse_audio.representations import LogMel
from suffuse_audio.resampling import mixed, resample

DEPTH = 60.0
"""The decibels below a sound's own loudest band that are seen."""
SILENT = 100.0
"""The decibels below full scale at which nothing is seen of a sound."""
BANDS = 48
PLACES = 96
"""Frames of a picture at most; longer sounds are averaged."""
POOLED = (24, 16)
"""Bands and frames at which distances to training sounds are measured."""


def spectrograms(clips: Sequence[Clip], rate: int, frames: int) -> NDArray[np.uint8]:
    """Mel spectrograms in decibels, 255 where a sound is loudest and 0 from 60 below: ``[n, 48, places, 1]``.

    They do not depend on how loud a sound is, nor on its mean.

    Arguments:
        clips: at least one.
        rate: at which they are heard, as one channel.
        frames: to which they are cut, or padded by silence.
    """
    mel = LogMel(bands=BANDS, lowest=40.0, overlap=2, range=SILENT + DEPTH)
    hop = mel.hop(rate)
    length = hop * -(-frames // hop)
    pieces = []
    for start in range(0, len(clips), 256):
        waves = torch.from_numpy(np.stack([_wave(clip, rate, length) for clip in clips[start : start + 256]]))
        told = mel.forward(waves, rate)[:, 0]
        shown = (told - told.amax((1, 2), keepdim=True)).clamp_min(-DEPTH) / DEPTH + 1.0
        silent = told.amax((1, 2), keepdim=True) <= -SILENT
        pieces.append((255.0 * shown.masked_fill(silent, 0.0)).round().to(torch.uint8))
    pictures = torch.cat(pieces)
    if pictures.shape[2] > PLACES:
        small = F.adaptive_avg_pool2d(pictures[:, None].float(), (BANDS, PLACES))[:, 0]
        pictures = small.round().to(torch.uint8)
    return pictures[..., None].numpy()


def profiles(pictures: NDArray[np.uint8]) -> Tensor:
    """The mean and deviation in time of each band, 0 to 1: ``[n, 96]``. They need no network."""
    x = torch.from_numpy(pictures)[..., 0].double() / 255.0
    return torch.cat([x.mean(2), x.std(2)], 1)


def pooled(pictures: NDArray[np.uint8]) -> Tensor:
    """Small pictures as vectors, 0 to 1: ``[n, 384]``."""
    x = torch.from_numpy(pictures)[..., 0].float()[:, None] / 255.0
    return F.adaptive_avg_pool2d(x, POOLED).flatten(1)


def _wave(clip: Clip, rate: int, length: int) -> NDArray[np.float32]:
    """``[1, length]``, without its mean."""
    samples = np.nan_to_num(mixed(resample(clip, rate), 1).samples[:length, 0])
    wave = np.zeros((1, length), np.float32)
    wave[0, : len(samples)] = samples - samples.mean()
    return wave
