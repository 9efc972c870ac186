"""Sounds to standardized tensors and back."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from suffuse.domain import Codec, Item, Unit
from suffuse.errors import DomainInputError
from suffuse.parts import Parts
from suffuse.rng import Rng
from suffuse.state import State
from suffuse_audio.clip import LENGTH, Clip, require_clip
from suffuse_audio.files import Recording, Sound, kept, mean_power, require_sound, require_whole
from suffuse_audio.gaps import blend, touching
from suffuse_audio.representations import AnyRepresentation, Representation
from suffuse_audio.resampling import mixed, resample
from suffuse_audio.windows import Pieces, Windows, of_length

logger = logging.getLogger(__name__)

SECONDS: Mapping[str, float] = {"s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
"""Units of time."""
Crop = Literal["start", "random", "repeat"]
"""Which part of a clip is learnt from: see :class:`suffuse_audio.fitting.Options`."""
STRETCHES = 8
"""Of a window, by which it is told when a sound is odd."""
SILENT = 1e-5
"""An amplitude below this share of full scale is silence: −100 dB."""
PAUSE = 0.01
"""The seconds from which on silence at the end is not part of a sound."""
FADE = 0.005
"""The seconds over which what was made passes into what was kept, outside of it."""


@dataclass(frozen=True)
class SoundCodec(Codec):
    """States are float32 ``[batch, channels, *axes, places]``, as the representation has them.

    Shorter clips lie in silence; what is silent at the end of a sound is not part of it.

    Arguments:
        representation: what the network sees.
        rate: samples a second.
        channels: of the sound.
        places: of the window, along the last axis.
        mean, std: of what the representation gives, over the training clips.
        level: of the training clips, in decibels of full scale: the median of their root mean squares.
        crop, offset: as in :class:`Options`.
    """

    representation: Representation
    rate: int
    channels: int
    places: int
    mean: float = 0.0
    std: float = 1.0
    level: float = -20.0
    crop: Crop = "start"
    offset: Literal["remove", "keep"] = "remove"

    @property
    def hop(self) -> int:
        """The samples of a place."""
        return self.representation.hop(self.rate)

    @property
    def frames(self) -> int:
        """The samples of the window."""
        return self.places * self.hop

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> Tensor:
        for i, item in enumerate(items):
            require_whole(item, i)
        return self.to_state(torch.from_numpy(self.waves(items, rng)))

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        """What is no sound, or has a gap anywhere, whether the window would hold it or not."""
        found = {}
        for i, item in enumerate(items):
            try:
                require_whole(item, i)
            except DomainInputError as error:
                found[i] = error
        return found

    def encode_gaps(self, items: Sequence[Item]) -> Tensor:
        for i, item in enumerate(items):
            self._require_gaps_heard(require_clip(item, i), i)
        return self.to_state(torch.from_numpy(np.nan_to_num(self.waves(items))))

    def decode(self, state: State) -> list[Item]:
        waves = self.to_waves(self._checked(state).detach().cpu().float())
        return [_trimmed(Clip(wave.T.copy(), self.rate), self.hop) for wave in waves.numpy()]

    def like(self, count: int, rng: Rng | None = None) -> Tensor:
        silence = self.to_state(torch.zeros(1, self.channels, self.frames))
        return torch.zeros(count, *silence.shape[1:])

    def known(self, items: Sequence[Item]) -> Tensor | None:
        """Where no gap is near enough to be heard."""
        gaps = np.isnan(self.waves(items)).any(1)
        if not gaps.any():
            return None
        return ~self._touched(torch.from_numpy(gaps))[:, None].reshape(len(items), *self._axes, self.places)

    def like_under(self, conditions: Mapping[str, Sequence[Any]], count: int, rng: Rng | None = None) -> Tensor:
        """As :meth:`like`; a length that no sound can have is refused."""
        for seconds in conditions.get(LENGTH, ()):
            if isinstance(seconds, int | float) and seconds <= 0.0:
                raise DomainInputError("is no length", field=LENGTH, expected="more than 0", got=seconds)
        return self.like(count, rng)

    def merge(self, original: Item, made: Item, known: State) -> Clip:
        """The original, but for the times of which something was not known: it fades into what was made there.

        Where the end of the window is not known either, the sound may become longer.
        """
        source = require_clip(original, 0)
        filled = mixed(resample(require_clip(made, 0), source.rate), source.channels)
        unknown = self._lacking(source, known)[: max(len(source), len(filled))]
        new, old = (of_length(clip, len(unknown)).samples for clip in (filled, source))
        weight = blend(unknown, round(FADE * source.rate))[:, None]
        made = _no_louder(new + self._mean(source.samples), unknown, np.nan_to_num(old))
        samples = weight * made + (1.0 - weight) * np.nan_to_num(old)
        kept = weight[:, 0] == 0.0
        samples[kept] = old[kept]
        return replace(source, samples=samples.astype(np.float32))

    def emptied(self, item: Item, known: State) -> Clip:
        """The sound with a gap where something is not known."""
        source = require_clip(item, 0)
        lacking = self._lacking(source, known)[: len(source), None]
        return replace(source, samples=np.where(lacking, np.float32(np.nan), source.samples))

    def pieces(self, item: Item) -> Pieces:
        """Windows that lie over each other; as loud as the training sounds are."""
        sound = require_sound(item, 0)
        return Pieces(sound, self.frames / self.rate, self.channels, self._gain(sound))

    def join(self, made: Iterable[Item], item: Item) -> Sound:
        """The windows faded into each other, as long, as loud, at the rate and with the channels of the sound.

        What is made of a sound that stays in its file is kept in a temporary one.
        """
        pieces = self.pieces(item)
        stretches = pieces.joined(require_clip(one, i) for i, one in enumerate(made))
        if isinstance(pieces.sound, Recording):
            return kept(stretches, pieces.sound.rate, pieces.sound.channels, pieces.sound.depth)
        return replace(pieces.sound, samples=np.concatenate(list(stretches)))

    def windows(self, item: Item, step: float = 1.0) -> Windows:
        """See :class:`suffuse_audio.windows.Windows`; what is left at the end is worth one if it is a place long."""
        return Windows(require_sound(item, 0), self.frames / self.rate, step, self.hop / self.rate)

    def _gain(self, sound: Sound) -> float:
        """By what a sound is multiplied to be as loud as those of training."""
        power = mean_power(sound)
        return 10.0 ** (self.level / 20.0) / power**0.5 if power > SILENT**2 else 1.0

    def parts(self) -> Parts:
        """Stretches of time, by when they begin and end: eighths of the window."""
        count = min(STRETCHES, self.places)
        ids = torch.arange(self.places) * count // self.places
        ends = [k * self.frames / count / self.rate for k in range(count + 1)]
        names = tuple(f"{first:.6g}-{last:.6g}s" for first, last in pairwise(ends))
        return Parts(names, ids.reshape(1, *self._axes, self.places))

    def left_off(self, item: Item) -> Sequence[str]:
        """Highs, what comes after the window, and what tells channels apart."""
        clip = require_sound(item, 0)
        window = self.frames / self.rate
        told = {
            f"frequencies above {self.rate / 2000:g} kHz (it hears {self.rate} Hz)": clip.rate > self.rate,
            f"what comes after {window:.4g} s": clip.seconds > window + 1.0 / clip.rate,
            f"more than {self.channels} channel{'s'[: self.channels > 1]}": clip.channels > self.channels,
        }
        return [words for words, lost in told.items() if lost]

    def units(self) -> Mapping[str, Unit]:
        """Seconds, milliseconds, minutes and hours."""
        reach, places = self.representation.reach(self.rate) / self.hop, self.rate / self.hop
        time = len(self._axes) - 1
        return {name: Unit(time, seconds * places, reach) for name, seconds in SECONDS.items()}

    def extent(self, item: Item) -> Mapping[str, float]:
        return {"s": require_sound(item, 0).seconds}

    def to_json(self) -> dict[str, Any]:
        told = {
            name: getattr(self, name)
            for name in ("rate", "channels", "places", "mean", "std", "level", "crop", "offset")
        }
        return {"representation": self.representation.model_dump(), **told}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SoundCodec:
        """The inverse of :meth:`to_json`."""
        representation: Representation = _REPRESENTATION.validate_python(data["representation"])
        return cls(**{**data, "representation": representation})

    def waves(self, items: Sequence[Item], rng: Rng | None = None) -> NDArray[np.float32]:
        """The waveforms of items at the codec's rate and window: ``[batch, channels, frames]``, NaN in their gaps.

        Arguments:
            items: at least one.
            rng: streams that place the windows of longer clips, one for each item; ``None``: they begin at the start.
        """
        if not items:
            raise DomainInputError("is empty", field="items", expected="at least one sound")
        clips = [self._heard(require_clip(item, i)) for i, item in enumerate(items)]
        if rng is None or self.crop == "start":
            return np.stack([_window(clip, 0, self.frames) for clip in clips])
        starts, pauses = (rng.at(name).uniform(shape=()).tolist() for name in ("crop", "pause"))
        if self.crop == "repeat":
            clips = [_repeated(*each, self.frames) for each in zip(clips, pauses, strict=True)]
        firsts = [round(start * max(0, len(clip) - self.frames)) for start, clip in zip(starts, clips, strict=True)]
        return np.stack([_window(*each, self.frames) for each in zip(clips, firsts, strict=True)])

    def to_state(self, waves: Tensor) -> Tensor:
        """States of waveforms ``[batch, channels, samples]``, of whole hops."""
        return (self.representation.forward(waves, self.rate) - self.mean) / self.std

    def to_waves(self, state: Tensor) -> Tensor:
        """Waveforms of states; the inverse of :meth:`to_state`, where the representation has one."""
        return self.representation.inverse(state * self.std + self.mean, self.rate, self.channels)

    def _heard(self, clip: Clip) -> NDArray[np.float32]:
        """What the model hears of a clip, of any length: ``[samples, channels]``."""
        fitting = mixed(resample(clip, self.rate), self.channels)
        samples = fitting.samples - self._mean(fitting.samples)
        samples[_end(fitting.samples) :] = 0.0
        return samples

    def _mean(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the codec takes away of samples ``[frames, channels]``, by channel: their mean up to silence at the end.

        Zeros if it keeps offsets.
        """
        heard = samples[: _end(samples)]
        if self.offset == "keep" or np.isnan(heard).any(1).all():
            return np.zeros(samples.shape[1], np.float32)
        return np.asarray(np.nanmean(heard, axis=0, dtype=np.float64), np.float32)

    def _require_gaps_heard(self, clip: Clip, index: int) -> None:
        gaps = np.flatnonzero(np.isnan(clip.samples).any(axis=1)) / clip.rate
        window = self.frames / self.rate
        if len(gaps) and gaps[-1] >= window:
            raise DomainInputError(
                "has a gap beyond the window of the model", field=f"items[{index}]",
                expected=f"gaps in the first {window:.4g} s", got=f"one at {gaps[gaps >= window][0]:.4g} s",
                fix="cut the sound before it, or train with a longer codec.seconds",
            )  # fmt: skip

    @property
    def _axes(self) -> tuple[int, ...]:
        """Ones for the channels and all axes but the last."""
        return (1,) * (self.like(1).ndim - 2)

    def _touched(self, gaps: Tensor) -> Tensor:
        """Which places ``[batch, places]`` know of samples that are gaps, bool ``[batch, frames]``."""
        reach = self.representation.reach(self.rate)
        spans = torch.nn.functional.pad(gaps, (reach, reach)).unfold(-1, self.hop + 2 * reach, self.hop)
        return spans.any(-1)

    def _lacking(self, source: Clip, known: State) -> NDArray[np.bool_]:
        """What is not known of a source: its gaps, and what was told besides; of all of a window if its end is not."""
        assert isinstance(known, Tensor)
        gaps = np.isnan(source.samples).any(axis=1)
        lacking = self._unheard(known, source)
        if gaps.any():
            given = self.known([source])
            assert given is not None
            nobody = self._unheard(given, source)  # the gaps, and what lies so near that no place hears it alone
            told = lacking & ~nobody
            nobody[: len(source)] &= ~gaps
            lacking = told | touching(nobody, told)
            lacking[: len(source)] |= gaps
        return lacking if not known[..., -1].all() else lacking[: len(source)]

    def _unheard(self, known: Tensor, source: Clip) -> NDArray[np.bool_]:
        """Which samples of a source, or of the silence after it, lie in its window and no place that is known hears."""
        reach, hop = self.representation.reach(self.rate), self.hop
        places = np.flatnonzero(known.flatten(1, -2).expand(-1, -1, self.places).all(1)[0].cpu().numpy())
        heard = np.zeros(self.frames + 2 * reach, bool)
        for place in places:
            heard[place * hop : (place + 1) * hop + 2 * reach] = True
        count = max(len(source), math.ceil(self.frames * source.rate / self.rate))
        at = (np.arange(count) * (self.rate / source.rate)).astype(np.int64)
        return np.where(at < self.frames, ~heard[reach + np.minimum(at, self.frames - 1)], False)

    def _checked(self, state: State) -> Tensor:
        wanted = self.like(1).shape[1:]
        if isinstance(state, Tensor) and state.shape[1:-1] == wanted[:-1]:
            return state
        raise DomainInputError(
            "has another shape", field="state", expected=f"[batch, {', '.join(map(str, wanted))}]",
            got="named fields" if isinstance(state, dict) else list(state.shape),
        )  # fmt: skip


def _no_louder(made: NDArray[np.float32], where: NDArray[np.bool_], source: NDArray[np.float32]) -> NDArray[np.float32]:
    """What was made somewhere, within full scale if the source is: else the file would be scaled down as a whole."""
    peak, limit = np.abs(made[where]).max(initial=0.0), max(1.0, np.abs(source).max(initial=0.0))
    return made if peak <= limit else np.asarray(made * (limit / peak), np.float32)


_REPRESENTATION: TypeAdapter[Any] = TypeAdapter(AnyRepresentation)


def _window(samples: NDArray[np.float32], first: int, frames: int) -> NDArray[np.float32]:
    """So many of some samples ``[samples, channels]``, then silence: ``[channels, frames]``."""
    wave = np.zeros((samples.shape[1], frames), np.float32)
    part = samples[first : first + frames]
    wave[:, : len(part)] = part.T
    return wave


def _repeated(samples: NDArray[np.float32], pause: float, frames: int) -> NDArray[np.float32]:
    """A short clip again and again, so often that every window of it is full; a long one as it is.

    Arguments:
        samples: ``[samples, channels]``.
        pause: between, as a share of a quarter of a window.
        frames: of a window.
    """
    if len(samples) >= frames:
        return samples
    silence = np.zeros((round(0.25 * pause * frames), samples.shape[1]), np.float32)
    once = np.concatenate([samples[: max(1, _end(samples))], silence])
    return np.tile(once, (2 + 2 * frames // len(once), 1))


def _trimmed(clip: Clip, least: int) -> Clip:
    """The clip without a silence at its end that is long enough to be heard as one.

    Arguments:
        clip: of a whole window.
        least: the samples that remain of one that is silent.
    """
    end = _end(clip.samples)
    return clip if len(clip) - end < PAUSE * clip.rate else clip[: max(least, end)]


def _end(samples: NDArray[np.float32]) -> int:
    """The frames before the silence at the end; a gap is no silence."""
    loud = np.flatnonzero(~(np.abs(samples) <= SILENT).all(1))
    return int(loud[-1]) + 1 if len(loud) else 0
