"""The domain of sounds: items are :class:`suffuse_audio.clip.Clip`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suffuse.conditions import ConditionSpace
from suffuse.datasets import condition_space, open_named
from suffuse.domain import Codec, Dataset, Domain, Item, Section, Splits, Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.files import write_with
from suffuse_audio import fidelity, files, metrics, render
from suffuse_audio.clip import Clip, require_clip
from suffuse_audio.codec import SoundCodec
from suffuse_audio.data import Data
from suffuse_audio.fitting import Options, fit_codec
from suffuse_audio.resampling import mixed, resample

BETWEEN = 0.25
"""The seconds of silence between sounds that share a file."""


class Audio(Domain):
    """Sounds of any rate, length and number of channels, brought to one rate and window."""

    name = "audio"
    data_section = Data
    codec_section = Options
    writes = (*files.FORMATS, ".png")
    reel = ".mp3"
    writing_section = files.Writing

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        return open_named(self.name, data.name, data, "data set of sounds")

    def conditions(self, splits: Splits) -> ConditionSpace:
        """Every column of the training part: numbers where they are such, else classes."""
        return condition_space(splits.train)

    def fit_codec(self, options: Section, train: Dataset) -> SoundCodec:
        assert isinstance(options, Options)
        return fit_codec(options, train)

    def load_codec(self, data: Mapping[str, Any]) -> SoundCodec:
        return SoundCodec.from_json(data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        """One sound, or several one after the other; their picture if the suffix is ``.png``."""
        path = Path(path)
        if path.suffix.lower() == ".png":
            write_with(path, self.picture(items).save)
        else:
            sounds = [files.require_sound(item, i) for i, item in enumerate(items)]
            files.write_clip(sounds[0] if len(sounds) == 1 else joined([require_clip(one, 0) for one in sounds]), path)

    def to_write(self, items: Sequence[Item], options: Section, told: Mapping[str, Sequence[Any]]) -> Sequence[Item]:
        """At the depth that is asked for."""
        assert isinstance(options, files.Writing)
        return files.prepared([files.require_sound(item, i) for i, item in enumerate(items)], options)

    def check_writing(self, options: Section, suffix: str) -> None:
        """Whether such files can be as deep as is asked for."""
        assert isinstance(options, files.Writing)
        files.check_depth(options, suffix)

    def read(self, path: Path) -> list[Item]:
        return [files.open_sound(Path(path))]

    def batches(self, path: Path, size: int) -> Iterator[list[Item]]:
        """The one sound of a file, or why it cannot be read."""
        try:
            yield self.read(path)
        except DataError as error:
            yield [Unreadable(error)]

    def reason(self, item: Item, usual: Item, part: str, share: float) -> str:
        """When it is odd, no later than it ends."""
        first, _, last = part.removesuffix("s").partition("-")
        end = max(float(first), min(float(last), files.require_sound(item, 0).seconds))
        return f"{first}-{end:.6g}s ({share:.0%} of the score)"

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return render.sheet(items, columns)

    def captioned(self, items: Sequence[Item], captions: Sequence[str], columns: int | None = None) -> Image.Image:
        return render.sheet(items, columns, captions)

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """See :func:`suffuse_audio.metrics.evaluate`."""
        assert isinstance(codec, SoundCodec)
        return metrics.evaluate(items, conditions, splits, codec)

    def fidelity(self, items: Sequence[Item], originals: Sequence[Item]) -> dict[str, float]:
        """See :func:`suffuse_audio.fidelity.fidelity`."""
        return fidelity.fidelity(
            [require_clip(item, i) for i, item in enumerate(items)],
            [require_clip(item, i) for i, item in enumerate(originals)],
        )


def joined(clips: Sequence[Clip]) -> Clip:
    """One clip of several, a quarter of a second apart, at the rate and with the channels of the first, as deep as all.

    Raises:
        DomainInputError: there is none.
    """
    if not clips:
        raise DomainInputError("is empty", field="items", expected="at least one sound")
    if len(clips) == 1:
        return clips[0]
    first = clips[0]
    pause = np.zeros((round(BETWEEN * first.rate), first.channels), np.float32)
    parts = [mixed(resample(clip, first.rate), first.channels).samples for clip in clips]
    samples = np.concatenate([piece for part in parts for piece in (part, pause)][:-1])
    return replace(first, samples=samples, depth=files.deepest(clips))
