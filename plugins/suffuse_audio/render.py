"""Sounds drawn: the waveform, and the spectrogram below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from suffuse.errors import DomainInputError
from suffuse_audio.clip import Clip
from suffuse_audio.files import Recording, Sound, require_sound

WIDTH, WAVE, SPECTRUM, CAPTION, MARGIN = 176, 36, 84, 14, 6
"""Pixels of a sound: its width, the heights of its waveform, spectrogram and caption, and what parts it from others."""
DEPTH = 80.0
"""The decibels below a sound's own loudest frequency that are drawn."""
WINDOW, FRAMES = 0.032, 4
"""The seconds of a window, and how many there are to a column."""
GLANCE = 0.1
"""The seconds of a column that are drawn of a sound that is too long to be held."""
PAPER, INK, GAP = (255, 255, 255), (40, 60, 110), (230, 160, 60)


def sheet(items: Sequence[Sound], columns: int | None = None, captions: Sequence[str] | None = None) -> Image.Image:
    """A grid of sounds, left to right, then down, on one scale of time: that of the longest.

    Each is drawn as loud as it can be, its caption tells its length, its peak in decibels of full scale, and half its
    rate, which is the upper end of the spectrogram. Gaps are orange.

    Arguments:
        items: at least one.
        columns: as many in a row; as square as can be by default.
        captions: a line for each, below the other; what is too long loses its middle.
    """
    clips = [require_sound(item, i) for i, item in enumerate(items)]
    if not clips:
        raise DomainInputError("is empty", field="items", expected="at least one sound")
    columns = min(len(clips), columns or math.ceil(math.sqrt(len(clips))))
    rows = math.ceil(len(clips) / columns)
    height = WAVE + SPECTRUM + CAPTION * (1 if captions is None else 2)
    page = Image.new("RGB", (MARGIN + columns * (WIDTH + MARGIN), MARGIN + rows * (height + MARGIN)), (236, 236, 240))
    longest = max(clip.seconds for clip in clips)
    for i, clip in enumerate(clips):
        row, column = divmod(i, columns)
        corner = MARGIN + column * (WIDTH + MARGIN), MARGIN + row * (height + MARGIN)
        cell = Image.new("RGB", (WIDTH, height), PAPER)
        cell.paste(_cell(clip, longest))
        if captions is not None:
            _write(cell, WAVE + SPECTRUM + CAPTION, _fitting(captions[i]))
        page.paste(cell, corner)
    return page


def _write(cell: Image.Image, line: int, text: str) -> None:
    ImageDraw.Draw(cell).text((2, line), text, fill=(60, 60, 60), font=_font())


def _fitting(text: str) -> str:
    """A text that is no wider than a sound: beginning and end of a longer one."""
    kept = len(text)
    shown = text
    while kept > 2 and _font().getlength(shown) > WIDTH - 4:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[-(kept // 2) :]}"
    return shown


def _cell(sound: Sound, longest: float) -> Image.Image:
    cell = Image.new("RGB", (WIDTH, WAVE + SPECTRUM + CAPTION), PAPER)
    width = max(1, round(WIDTH * sound.seconds / longest))
    clip = _glanced_at(sound, width) if isinstance(sound, Recording) else sound
    samples = clip.samples.mean(1)
    gaps = np.isnan(samples)
    heard = np.nan_to_num(samples)
    cell.paste(Image.fromarray(_wave(heard, gaps, width)), (0, 0))
    cell.paste(Image.fromarray(_spectrogram(heard, clip.rate, width)), (0, WAVE))
    peak = float(np.abs(heard).max())
    level = f"{20.0 * math.log10(peak):.0f} dB" if peak > 1e-8 else "silent"
    told = f"{sound.seconds:.2f} s  {level}  {clip.rate / 2000:g} kHz"
    _write(cell, WAVE + SPECTRUM, told)
    return cell


def _glanced_at(sound: Recording, columns: int) -> Clip:
    """Of a sound that stays in its file, the beginning of what each column stands for."""
    starts = [round(k * len(sound) / columns) for k in range(columns)]
    parts = [part.samples for part in sound.spans(starts, max(1, min(round(GLANCE * sound.rate), starts[-1])))]
    return Clip(np.concatenate(parts), sound.rate)


def _wave(samples: NDArray[np.float32], gaps: NDArray[np.bool_], width: int) -> NDArray[np.uint8]:
    """From the least to the greatest sample of each column: ``[WAVE, width, 3]``."""
    peak = max(float(np.abs(samples).max()), 1e-8)
    edges = np.linspace(0, len(samples), width + 1).astype(int)
    starts = np.minimum(edges[:-1], len(samples) - 1)
    least, most = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    middle, reach = (WAVE - 1) / 2, (WAVE - 2) / 2
    rows = np.arange(WAVE)[:, None]
    drawn = (rows >= np.floor(middle - reach * most / peak)) & (rows <= np.ceil(middle - reach * least / peak))
    picture = np.where(drawn[..., None], np.array(INK, np.uint8), np.array(PAPER, np.uint8))
    picture[:, np.logical_or.reduceat(gaps, starts)] = GAP
    return picture


def _spectrogram(samples: NDArray[np.float32], rate: int, width: int) -> NDArray[np.uint8]:
    """Frequency upwards, time to the right: ``[SPECTRUM, width, 3]``. Its cost does not grow with the sound."""
    import torch
    from torch.nn import functional as F

    window = max(16, 2 * round(WINDOW * rate / 2))
    padded = np.pad(samples, window // 2)
    starts = np.linspace(0, len(samples) - 1, FRAMES * width).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[starts] * np.hanning(window)
    power = torch.from_numpy(np.square(np.abs(np.fft.rfft(frames, norm="ortho"))).T)[None]
    decibels = 10.0 * F.adaptive_avg_pool2d(power, (SPECTRUM, width))[0].clamp_min(1e-20).log10()
    loudest = max(float(decibels.max()), -100.0)
    shades = ((decibels - loudest) / DEPTH + 1.0).clamp(0.0, 1.0).mul(255.0).to(torch.uint8).flip(0)
    colours = _colours()
    return np.take(colours, shades.numpy(), axis=0)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    from matplotlib import colormaps

    colours: NDArray[np.uint8] = np.array([colormaps["magma"](i, bytes=True)[:3] for i in range(256)], dtype=np.uint8)
    return colours


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(10)
