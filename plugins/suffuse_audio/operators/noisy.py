"""Noise upon a sound: white, or of recordings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from suffuse.datasets import files_among
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.rng import Rng
from suffuse_audio.files import SUFFIXES, read_clip
from suffuse_audio.operators.heard import Heard
from suffuse_audio.resampling import mixed, resample

_LEAST = 1e-10


@dataclass(frozen=True, kw_only=True)
class NoisySound(Heard):
    """Noise is added, of a loudness that is drawn for each sound.

    Arguments:
        snr: the ratio of the sound's mean power to the noise's, in dB: from, to.
        noises: a folder of recordings, cut at random; left out, the noise is white.
        white: of recordings, the share of sounds that get white noise instead.
    """

    snr: tuple[float, float]
    noises: Path | None = None
    white: float = 0.0
    drawn_noise: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        low, high = self.snr
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise RecipeError("is no range", field="noisy-sound.snr", expected="two numbers, rising", got=self.snr)
        if not 0.0 <= self.white <= 1.0:
            raise RecipeError("is out of range", field="noisy-sound.white", expected="from 0 to 1", got=self.white)

    def drawn(self, rng: Rng) -> Self:
        """With a noise for each sound, of unit power over the sound's at the ratio that is drawn for it."""
        codec = self._codec()
        like = torch.zeros(len(rng), codec.channels, codec.frames)
        fresh = rng.at("white").normal(like)
        if self.noises is not None:
            recorded = self._recorded(rng.at("recorded"), like)
            chosen = rng.at("kind").uniform(shape=()) < self.white
            fresh = torch.where(chosen[:, None, None], fresh, recorded)
        low, high = self.snr
        ratio = low + (high - low) * rng.at("snr").uniform(shape=())
        power = fresh.square().mean((1, 2), keepdim=True).clamp_min(_LEAST)
        return replace(self, drawn_noise=fresh / power.sqrt() * (10.0 ** (-ratio / 20.0)).float()[:, None, None])

    def measured(self, waves: Tensor) -> Tensor:
        if self.drawn_noise is None:
            raise UnsupportedError(
                "is of noise that nobody knows", field="operator", expected="a model of a bridge from noisy sounds",
                got="noisy-sound", fix="use suffuse bridge; or restore with --noise, of white noise in the states",
            )  # fmt: skip
        power = waves.square().mean((1, 2), keepdim=True)
        return waves + power.sqrt() * self.drawn_noise.to(waves)

    def _recorded(self, rng: Rng, like: Tensor) -> Tensor:
        """A stretch of a recording for each sound, begun anywhere and gone round where it is too short."""
        codec = self._codec()
        assert self.noises is not None
        bank = _recordings(self.noises, codec.rate, codec.channels)
        which, where = rng.uniform(shape=(2,)).T.tolist()
        rows = []
        for number, place in zip(which, where, strict=True):
            recording = bank[int(number * len(bank))]
            first = int(place * recording.shape[1])
            rows.append(np.take(recording, np.arange(first, first + like.shape[-1]), axis=1, mode="wrap"))
        return torch.from_numpy(np.stack(rows))


def noisy_sound(snr: tuple[float, float] = (0.0, 15.0), noises: Path | None = None, white: float = 0.0) -> NoisySound:
    """The options of :class:`NoisySound`."""
    return NoisySound(snr=snr, noises=noises, white=white)


@lru_cache(maxsize=2)
def _recordings(folder: Path, rate: int, channels: int) -> list[np.ndarray]:
    """The recordings of a folder: float32 ``[channels, samples]``, without their means."""
    files = files_among(folder, lambda path: path.suffix.lower() in SUFFIXES, "sounds", ", ".join(SUFFIXES))
    clips = [mixed(resample(read_clip(path), rate), channels).samples.T for path in files]
    return [samples - samples.mean(1, keepdims=True) for samples in clips]
