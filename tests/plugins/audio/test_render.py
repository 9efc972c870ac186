"""Sounds drawn: time to the right on one scale, frequency upwards, gaps in a colour of their own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torchaudio")

from suffuse.errors import DomainInputError
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.render import CAPTION, GAP, INK, MARGIN, PAPER, SPECTRUM, WAVE, WIDTH, sheet

HEIGHT = WAVE + SPECTRUM + CAPTION


def tone(frequency: float, seconds: float = 0.5, rate: int = 8000, amplitude: float = 0.5) -> Clip:
    t = np.arange(round(seconds * rate)) / rate
    return clip_of(amplitude * np.sin(2 * np.pi * frequency * t), rate)


def cells(clips: list[Clip], columns: int | None = None) -> list[np.ndarray]:
    """The pixels of each sound, as rows from the top."""
    page = np.asarray(sheet(clips, columns).convert("RGB"))
    across = (page.shape[1] - MARGIN) // (WIDTH + MARGIN)
    found = []
    for i in range(len(clips)):
        row, column = divmod(i, across)
        top, left = MARGIN + row * (HEIGHT + MARGIN), MARGIN + column * (WIDTH + MARGIN)
        found.append(page[top : top + HEIGHT, left : left + WIDTH])
    return found


def spectrum(cell: np.ndarray) -> np.ndarray:
    """How bright it is, the lowest frequency first."""
    return cell[WAVE : WAVE + SPECTRUM].astype(int).sum(2)[::-1]


def columns_of(cell: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
    """Where a column of the waveform has a colour."""
    return np.flatnonzero((cell[:WAVE] == colour).all(2).any(0)).tolist()


@pytest.mark.parametrize(("count", "columns", "shape"), [(1, None, (1, 1)), (5, None, (2, 3)), (6, 2, (3, 2)),
                                                           (2, 9, (1, 2))])  # fmt: skip
def test_a_sheet_is_a_grid(count, columns, shape):
    page = sheet([tone(440.0)] * count, columns)
    assert page.size == (MARGIN + shape[1] * (WIDTH + MARGIN), MARGIN + shape[0] * (HEIGHT + MARGIN))


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_tone_is_a_line_at_its_frequency(rate, share):
    (cell,) = cells([tone(share * rate / 2, rate=rate)])
    brightest = spectrum(cell)[:, 20:-20].argmax(0)
    assert abs(np.median(brightest) / SPECTRUM - share) < 0.03 and np.ptp(brightest) <= 1


def test_time_runs_to_the_right():
    rising = clip_of(np.concatenate([tone(500.0).samples[:2000, 0], tone(3000.0).samples[:2000, 0]]), 8000)
    (cell,) = cells([rising])
    line = spectrum(cell).argmax(0) / SPECTRUM
    assert (abs(line[10:70] - 0.125) < 0.05).all() and (abs(line[-70:-10] - 0.75) < 0.05).all()


def test_all_are_on_the_scale_of_the_longest():
    short, long = cells([tone(440.0, 0.25), tone(440.0, 1.0)])
    assert max(columns_of(short, INK)) == WIDTH // 4 - 1 and max(columns_of(long, INK)) == WIDTH - 1
    assert (short[: WAVE + SPECTRUM, WIDTH // 4 + 1 :] == PAPER).all()


def test_each_is_as_loud_as_it_can_be():
    loud, faint = cells([tone(440.0, amplitude=1.0), tone(440.0, amplitude=1e-3)])
    drawn = WAVE + SPECTRUM
    assert np.abs(loud[:drawn].astype(int) - faint[:drawn]).max() <= 8  # the shades, to a step or two
    assert (loud[drawn:] != faint[drawn:]).any()  # what the caption tells


def test_gaps_are_shown_where_they_are():
    clip = tone(440.0)
    clip.samples[1000:2000] = np.nan
    (cell,) = cells([clip])
    orange = columns_of(cell, GAP)
    assert orange == list(range(WIDTH // 4, WIDTH // 2)) or orange == list(range(WIDTH // 4, WIDTH // 2 + 1))
    assert not columns_of(cells([tone(440.0)])[0], GAP)


@pytest.mark.parametrize(
    "clip",
    [clip_of(np.zeros(4000), 8000), clip_of(np.zeros(1), 8000), clip_of(np.ones(3), 96000), tone(9.0, 30.0, 1000),
     clip_of(np.full(400, np.nan), 8000), clip_of(np.random.default_rng(0).uniform(-1, 1, (9000, 6)), 44100)],
    ids=["silence", "one sample", "three", "long", "nothing but a gap", "six channels"],
)  # fmt: skip
def test_every_sound_can_be_drawn(clip):
    page = sheet([clip, tone(440.0)])
    assert page.size[0] > WIDTH and page.getbbox() is not None


def test_no_sounds_and_what_is_none():
    with pytest.raises(DomainInputError, match="is empty"):
        sheet([])
    with pytest.raises(DomainInputError, match="is no sound") as caught:
        sheet([tone(440.0), "a"])
    assert caught.value.field == "items[1]"


def test_names_stand_below_and_long_ones_lose_their_middle():
    plain, named = sheet([tone(440.0)] * 2, 2), sheet([tone(440.0)] * 2, 2, ["a", "name" * 40])
    assert named.size == (plain.width, plain.height + CAPTION)
    first, second = (
        np.asarray(named.crop((x, MARGIN + HEIGHT, x + WIDTH, MARGIN + HEIGHT + CAPTION)).convert("L")) < 200
        for x in (MARGIN, 2 * MARGIN + WIDTH)
    )
    assert 0 < first.sum() < 60 and first[:, 20:].sum() == 0
    assert second[:, -40:].any() and not second[:, -2:].any()
