"""The named sets of sounds: one that is made here, and those that lie in the folder ``audio`` of the data folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suffuse.datasets import Listed
from suffuse.domain import Splits
from suffuse.errors import DataError
from suffuse.folders import data_folder
from suffuse_audio import synthesis
from suffuse_audio.clip import clip_of
from suffuse_audio.data import Data, Source, chosen, dealt, opened, parts_of
from suffuse_audio.files import SUFFIXES
from suffuse_audio.folder import read_rows

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NOTES: Mapping[str, int] = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Semitones above C."""

WAVES_RATE = 44100
"""Frames a second at which single cycles are taken to be played, which then are at 86 Hz."""

MANIFEST = "manifest.csv"
"""A table beside the folders of the sets: ``dataset,path,split,label,group``."""


def sounds(data: Data) -> Splits:
    """Plucked strings, bells, flutes, sung vowels and drums, made here: see :mod:`suffuse_audio.synthesis`."""
    every = synthesis.make(rate=data.rate, seconds=data.seconds or synthesis.SECONDS)
    kept = _with_chosen(data, "sounds", every)
    return parts_of(data, "sounds", kept, dealt(data, len(kept), data.test))


def fsdd(data: Data) -> Splits:
    """3,000 spoken digits of six speakers, 8 kHz (Jackson et al., Free Spoken Digit Dataset, CC BY-SA 4.0).

    ``label`` is the digit as a word, ``speaker`` a name. The first five recordings of each are the test part.
    """
    folder = _found(
        data, "fsdd", ("fsdd", "free-spoken-digit-dataset/recordings"),
        "get https://github.com/Jakobovski/free-spoken-digit-dataset and name it: data.path=FOLDER",
    )  # fmt: skip
    recordings = folder / "recordings"
    folder = recordings if recordings.is_dir() else folder
    names = re.compile(r"(\d)_([^_]+)_(\d+)")
    found = [(path, names.fullmatch(path.stem)) for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    sources = [
        Source(path, {"label": DIGITS[int(name[1])], "speaker": name[2]}, "test" if int(name[3]) < 5 else "train")
        for path, name in found if name
    ]  # fmt: skip
    if not sources:
        raise DataError(
            "holds no spoken digits", field=str(folder), expected="files such as 7_jackson_32.wav",
            fix="name the folder recordings of the data set: data.path=FOLDER",
        )  # fmt: skip
    return opened(data, "fsdd", sources)


def notes(data: Data) -> Splits:
    """1,475 single notes of oboe, bass clarinet and contrabassoon, 16 kHz (Philharmonia Orchestra, CC BY-SA 3.0).

    ``label`` is the instrument, ``pitch`` a MIDI note number.
    """
    return _listed(data, "notes", "notes_16k", lambda row: {"label": row["label"], "pitch": midi(row["group"])})


def drums(data: Data) -> Splits:
    """189 strokes of drums, mono and stereo, 44.1 to 96 kHz (four drum machines and Sonic Pi, public domain and CC0).

    ``label`` is the drum.
    """
    return _listed(data, "drums", "drums_native", lambda row: {"label": row["label"]})


def esc10(data: Data) -> Splits:
    """ESC-10: 400 sounds of ten kinds from around us, up to 5 s (Piczak 2015, CC BY 3.0); fold 5 is the test part.

    ``label`` is the kind.
    """
    own = _repository(data)
    if own is not None:
        return opened(data, "esc10", _of_esc50(own))
    return _listed(data, "esc10", "esc10_8k", lambda row: {"label": row["label"]})


def waves(data: Data) -> Splits:
    """4,161 single cycles of 512 samples (Adventure Kid, CC0). ``label`` is the family of one."""
    path = _found(data, "waves", ("akwf/akwf.npz",), "lay the file there: arrays x, label, is_test")
    with np.load(path) as arrays:  # of plain numbers and text: nothing is unpickled
        samples, labels, tested = arrays["x"], arrays["label"], arrays["is_test"]
    clips = [clip_of(cycle.astype(np.float32) / 2**15, WAVES_RATE) for cycle in samples]
    kept = _with_chosen(data, "waves", Listed(clips, {"label": [str(label) for label in labels]}))
    parts = np.full(len(clips), "test", dtype="<U10")
    parts[~tested] = dealt(data, int((~tested).sum()), 0.0)
    return parts_of(data, "waves", kept, parts)


def midi(name: str) -> float:
    """The MIDI note number of a note: ``A4`` is 69, ``As4`` or ``A#4`` a semitone more, ``Bb3`` one less than ``B3``.

    Raises:
        DataError: it is no note.
    """
    told = re.fullmatch(r"([A-Ga-g])([s#b]?)(-?\d+)", name)
    if told is None:
        raise DataError("is no note", field=name, expected="a letter, s or # or b, and an octave, as As4")
    sign = {"": 0, "s": 1, "#": 1, "b": -1}[told[2]]
    return float(12 * (int(told[3]) + 1) + NOTES[told[1].upper()] + sign)


def _with_chosen(data: Data, name: str, every: Listed) -> Listed:
    """The same examples, with the conditions that are asked for."""
    return Listed(every.items, {key: every.conditions[key] for key in chosen(data, name, every.conditions)})


def _listed(data: Data, name: str, folder: str, told: Callable[[dict[str, str]], Mapping[str, Any]]) -> Splits:
    """A data set whose files the manifest lists."""
    fix = f"lay the files there, and beside that folder {MANIFEST} (dataset,path,split,label,group)"
    place = _found(data, name, (folder,), fix)
    manifest = place.parent / MANIFEST
    if not manifest.is_file():
        raise DataError(f"the data set {name} lacks its table", field=str(manifest), fix=fix)
    rows = [row for row in read_rows(manifest) if row.get("dataset") == folder]
    return opened(data, name, [Source(place.parent / row["path"], told(row), row["split"]) for row in rows])


def _repository(data: Data) -> Path | None:
    """A copy of the repository of ESC-50, which holds ESC-10."""
    places = [data.path] if data.path is not None else [root / "ESC-50-master" for root in _roots(data)]
    return next((place for place in places if (place / "meta" / "esc50.csv").is_file()), None)


def _of_esc50(folder: Path) -> list[Source]:
    return [
        Source(
            folder / "audio" / row["filename"], {"label": row["category"]}, "test" if row["fold"] == "5" else "train"
        )
        for row in read_rows(folder / "meta" / "esc50.csv") if row["esc10"] == "True"
    ]  # fmt: skip


def _roots(data: Data) -> list[Path]:
    root = (data.root or data_folder()).expanduser()
    return [root / "audio", root]


def _found(data: Data, name: str, places: Sequence[str], fix: str) -> Path:
    """Where a data set lies: where ``data.path`` says, or in one of these places under the root.

    Raises:
        DataError: it is not there.
    """
    among = [data.path.expanduser()] if data.path else [root / place for root in _roots(data) for place in places]
    for place in among:
        if place.exists():
            return place
    raise DataError(
        f"the data set {name} is not on this machine", field="data.name", expected=" or ".join(map(str, among)),
        fix=f"{fix}\n       or say where the others lie: SUFFUSE_DATA=FOLDER, or data.root=FOLDER",
    )  # fmt: skip
