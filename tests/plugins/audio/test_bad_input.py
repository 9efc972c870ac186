"""Whatever a folder holds, every verb handles it or says what is wrong and where: through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

import soundfile
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.model import load
from suffuse_audio.clip import clip_of
from suffuse_audio.files import read_clip
from suffuse_audio.render import CAPTION, MARGIN, SPECTRUM, WAVE

NETWORK = "network={name: unet, width: 16, multipliers: [1, 2], blocks: 1, fold: 4, heads: 2}"
TINY = [
    "codec.representation=stft", NETWORK, "train.steps=2", "train.batch=4", "train.validation_count=4",
    "sample={count: 2, steps: 2}",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))


def suffuse(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of sounds of a quarter of a second at 8 kHz that learnt next to nothing."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = suffuse("train", "audio/sounds", "data.seconds=0.25", "data.limit=60", *TINY, "--out", folder)
    assert done.exit_code == 0, done.output
    return folder


def tone(seconds: float, rate: int = 8000, channels: int = 1, frequency: float = 440.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return np.repeat(0.4 * np.sin(2 * np.pi * frequency * t)[:, None], channels, axis=1)


def hour(path: Path) -> None:
    """An hour at the model's rate, in a file of a few kilobytes."""
    block = (np.arange(80000) % 200 - 100).astype(np.int16)
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(360):
            file.write(block)


def cut(path: Path) -> None:
    """A FLAC that ends in the middle."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 40000)
    soundfile.write(path, noise, 8000)
    path.write_bytes(path.read_bytes()[:20000])


def shortened(path: Path) -> None:
    """A WAV of which the second half is missing."""
    soundfile.write(path, tone(0.5), 8000)
    path.write_bytes(path.read_bytes()[:4000])


def gap(path: Path) -> None:
    x = tone(0.25)
    x[800:1200] = np.nan
    soundfile.write(path, x, 8000, "FLOAT")


GOOD: dict[str, Callable[[Path], None]] = {
    "eight-bits.wav": lambda path: soundfile.write(path, tone(0.2), 8000, "PCM_U8"),
    "fine-stereo.wav": lambda path: soundfile.write(path, tone(0.3, 96000, 2), 96000, "PCM_24"),
    "hour.flac": hour,
    "short.wav": lambda path: soundfile.write(path, tone(0.01), 8000),
    "silence.flac": lambda path: soundfile.write(path, np.zeros(2000), 8000),
    "surround.wav": lambda path: soundfile.write(path, tone(0.2, 44100, 6), 44100, "FLOAT"),
}
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut.flac": (cut, "cannot be read as a sound"),
    "empty.wav": (lambda path: path.write_bytes(b""), "it is empty: 0 bytes"),
    "headless.mp3": (lambda path: path.write_text("no sound\n" * 99), "no sound is found in it"),
    "infinite.wav": (lambda path: soundfile.write(path, np.array([0.0, np.inf]), 8000, "FLOAT"), "not finite"),
    "nothing.wav": (lambda path: soundfile.write(path, np.zeros((0, 1)), 8000), "holds no samples"),
    "shortened.wav": (shortened, "it is cut off"),
    "text.wav": (lambda path: path.write_text("this is no sound\n" * 99), "not recognised"),
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of sounds of every rate, length and depth, and of every kind of broken file."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, write in GOOD.items():
        write(folder / name)
    for name, (write, _) in BAD.items():
        write(folder / name)
    return folder


def test_score_sets_apart_what_it_cannot_read_and_scores_the_rest(model, mixed):
    done = suffuse("score", model, mixed, "--levels", 2, "--out", "scored.csv")
    assert done.exit_code == 0, done.output
    with Path("scored.csv").open(newline="") as file:
        scores = {Path(row["item"]).name: float(row["score"]) for row in csv.DictReader(file)}
    assert set(scores) == set(GOOD) and np.isfinite(list(scores.values())).all()
    (quarantine,) = Path().glob("scored*.jsonl")
    apart = [json.loads(line) for line in quarantine.read_text().splitlines()]
    told = {name: text for text in map(json.dumps, apart) for name in BAD if name in text}
    assert set(told) == set(BAD)
    for name, (_, reason) in BAD.items():
        assert reason in told[name], name


def test_score_names_the_file_where_nothing_may_be_set_apart(model, mixed):
    done = suffuse("score", model, mixed / "text.wav", "--levels", 1, "--strict", "--out", "scored.csv")
    assert done.exit_code != 0
    assert "text.wav" in str(done.output) + str(done.exception)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_inpaint_fills_a_part_of_every_sound(model, tmp_path, name):
    GOOD[name](tmp_path / name)
    part = ":5ms" if name == "short.wav" else "0.05s:0.1s"
    done = suffuse("inpaint", model, tmp_path / name, "--fill", part, "--steps", 2, "--out", "made.wav",
                   "--out-option", "depth=float")  # fmt: skip
    assert done.exit_code == 0, done.output
    before, after = read_clip(tmp_path / name), read_clip("made.wav")
    assert (after.rate, after.channels, len(after)) == (before.rate, before.channels, len(before))
    changed = np.flatnonzero((before.samples != after.samples).any(1)) / before.rate
    assert len(changed) and changed.max() < 0.12 and np.isfinite(after.samples).all()
    Path("made.wav").unlink()  # an hour takes 115 MB


def test_inpaint_fills_the_gaps_of_a_file_and_nothing_else(model, tmp_path):
    gap(tmp_path / "gap.wav")
    done = suffuse(
        "inpaint", model, tmp_path / "gap.wav", "--steps", 2, "--out", "made.wav", "--out-option", "depth=float"
    )
    assert done.exit_code == 0, done.output
    before, after = read_clip(tmp_path / "gap.wav", gaps=True).samples, read_clip("made.wav").samples
    assert np.array_equal(after[:800], before[:800]) and np.array_equal(after[1200:], before[1200:])
    assert np.isfinite(after).all()


def test_inpaint_leaves_a_broken_file_out_and_names_it(model, tmp_path, caplog):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for i in range(2):
        soundfile.write(sounds / f"{i}.wav", tone(0.2), 8000)
    (sounds / "text.wav").write_text("no sound")
    done = suffuse("inpaint", model, sounds, "--fill", "0.05s:0.1s", "--steps", 2, "--out", "made")
    assert done.exit_code == 0, done.output
    assert len(list(Path("made").glob("*.wav"))) == 2
    (told,) = [text for text in caplog.messages if "left out" in text]
    assert "text.wav" in told and "not recognised" in told


def test_search_looks_at_the_files_that_it_can_read(model, mixed, caplog):
    done = suffuse("search", model, mixed / "short.wav", "--in", mixed, "--neighbours", 2, "--out", "found")
    assert done.exit_code == 0, done.output
    assert Path("found/found.csv").read_text().count("\n") == 3
    told = [text for text in caplog.messages if "it is left out" in text]
    assert {name for name in BAD if any(name in text for text in told)} == set(BAD)
    (mixed.parent / "bad").mkdir()
    (mixed / "text.wav").rename(mixed.parent / "bad" / "text.wav")
    done = suffuse("search", model, mixed / "short.wav", "--in", mixed.parent / "bad", "--out", "none")
    assert done.exit_code == 3 and "no items that can be read" in " ".join(done.output.split())


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_broken_file_alone_is_an_error_that_names_it(model, tmp_path, name):
    write, reason = BAD[name]
    write(tmp_path / name)
    done = suffuse("vary", model, tmp_path / name, "--steps", 2, "--out", "made")
    assert done.exit_code == 3, done.output
    told = " ".join(done.output.split())
    assert name in told and reason.split()[0] in told
    assert not list(Path().glob("made/*"))


def test_a_gap_is_refused_by_verbs_that_fill_none(model, tmp_path):
    gap(tmp_path / "gap.wav")
    done = suffuse("vary", model, tmp_path / "gap.wav", "--steps", 2, "--out", "made")
    assert done.exit_code != 0 and "gap.wav: has a gap" in done.output


@pytest.mark.parametrize(
    ("part", "message"),
    [("0.5s:0.6s", "a stretch of 0.256 s, which the model holds; the shortest item is 0.2 s"),
     ("500ms:600ms", "a stretch of 256 ms"), ("0.1y:0.2y", "unit"),
     ("0.1s:0.1s", None), ("0.2s:", None), ("0.2s:0.1s", "holds nothing"), ("3:5", "3s:5s"),
     ("0.24s:0.25s", "a.wav: ends before what is to be filled expected: a part of its 0.2 s")],
)  # fmt: skip
def test_parts_that_there_are_not(model, tmp_path, part, message):
    soundfile.write(tmp_path / "a.wav", tone(0.2), 8000)
    done = suffuse("inpaint", model, tmp_path / "a.wav", "--fill", part, "--steps", 2, "--out", "made")
    if message is None:  # the places that hear that moment
        assert done.exit_code == 0, done.output
    else:
        assert done.exit_code != 0 and message in " ".join(done.output.split())


def test_training_goes_on_without_the_broken_files_of_a_mixed_folder(mixed, caplog):
    """Mixed rates, depths, channels and lengths, an hour among them, and six files that are none."""
    done = suffuse("train", "audio/audio", f"data.path={mixed}", "codec.seconds=0.256", *TINY, "--out", "run")
    assert done.exit_code == 0, done.output
    (told,) = [text for text in caplog.messages if "cannot be read" in text]
    assert f"{len(BAD)} of {len(GOOD) + len(BAD)} files" in told and "cut.flac" in told
    listed = [json.loads(line) for line in Path("run/left-out.jsonl").read_text().splitlines()]
    assert {Path(row["item"]).name for row in listed} == set(BAD)
    assert all(BAD[Path(row["item"]).name][1].split()[0] in row["reason"] for row in listed)
    assert any("run/left-out.jsonl" in text for text in caplog.messages)
    done = suffuse("generate", "run", "--count", 2, "--steps", 2, "--out", "made")
    assert done.exit_code == 0, done.output
    assert all(np.isfinite(read_clip(path).samples).all() for path in Path("made").glob("*.wav"))


def test_one_bad_file_among_thousands_is_left_out_and_told(tmp_path, caplog):
    folder = tmp_path / "many"
    folder.mkdir()
    soundfile.write(folder / "0000.wav", tone(0.05), 8000)
    content = (folder / "0000.wav").read_bytes()
    for i in range(1, 3000):
        (folder / f"{i:04}.wav").write_bytes(content)
    cut(folder / "1500.flac")
    done = suffuse("train", "audio/audio", f"data.path={folder}", *TINY, "--out", "run")
    assert done.exit_code == 0, done.output
    (told,) = [text for text in caplog.messages if "cannot be read" in text]
    assert "1 of 3001 files" in told and "1500.flac" in told


def test_training_stops_at_a_broken_file_where_that_is_asked(mixed):
    done = suffuse("train", "audio/audio", f"data.path={mixed}", "data.on_error=raise", *TINY, "--out", "run")
    assert done.exit_code == 3 and "empty.wav: cannot be read" in " ".join(done.output.split())


def test_training_on_silence_alone(tmp_path):
    folder = tmp_path / "silent"
    folder.mkdir()
    for i in range(8):
        soundfile.write(folder / f"{i}.wav", np.zeros(1000 + i), 8000)
    done = suffuse("train", "audio/audio", f"data.path={folder}", *TINY, "--out", "run")
    assert done.exit_code == 0, done.output


def test_explain_blames_no_time_after_the_end(model, tmp_path):
    """Half of the window is silence that nobody recorded."""
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 1000), 8000)
    done = suffuse("explain", model, tmp_path / "a.wav", "--levels", 2, "--parts", 8, "--tries", 1, "--steps", 2,
                   "--out", "why")  # fmt: skip
    assert done.exit_code == 0, done.output
    (told,) = json.loads(Path("why/explanations.json").read_text())["explanations"]
    blamed = {part: share for part, share in told["shares"].items() if float(part.partition("-")[0]) >= 0.125}
    assert len(blamed) == 4 and not any(blamed.values()) and sum(told["shares"].values()) == pytest.approx(1.0)
    assert not set(told["parts"]) & set(blamed)


@pytest.mark.parametrize(("subtype", "kind"), [("PCM_24", "int32"), ("FLOAT", "float32")])
def test_what_inpaint_keeps_is_as_it_was_in_fine_files(model, tmp_path, subtype, kind):
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, 2000) * (2.5 if subtype == "FLOAT" else 1.0)
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype)
    done = suffuse("inpaint", model, tmp_path / "a.wav", "--fill", "0.1s:0.12s", "--steps", 2, "--out", "made.wav")
    assert done.exit_code == 0, done.output
    assert soundfile.info("made.wav").subtype == subtype
    before, after = (soundfile.read(path, dtype=kind)[0] for path in (tmp_path / "a.wav", "made.wav"))
    changed = np.flatnonzero(before != after) / 8000
    assert changed.min() > 0.09 and changed.max() < 0.13


def test_what_cannot_be_written_is_told_before_the_work(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.2), 8000)
    for verb, more in (("generate", ()), ("vary", (tmp_path / "a.wav",)), ("blend", (tmp_path / "a.wav",) * 2)):
        done = suffuse(verb, model, *more, "--steps", 10**6, "--out", "made.flac", "--out-option", "depth=float")
        assert done.exit_code == 8 and "cannot have a depth of float" in done.output
    assert not Path("made.flac").exists()


def test_hidden_files_are_left_out_by_every_verb(model, tmp_path, caplog):
    folder = tmp_path / "sounds"
    (folder / ".trash").mkdir(parents=True)
    for i in range(8):
        soundfile.write(folder / f"{i}.wav", tone(0.2), 8000)
    for name in ("._0.wav", ".trash/1.wav", ".DS_Store"):
        (folder / name).write_text("no sound")
    done = suffuse("score", model, folder, "--levels", 1, "--out", "scored.csv")
    assert done.exit_code == 0 and len(Path("scored.csv").read_text().splitlines()) == 9
    done = suffuse("train", "audio/audio", f"data.path={folder}", *TINY, "--out", "run")
    assert done.exit_code == 0 and "left out" not in caplog.text and not Path("run/left-out.jsonl").exists()


def test_a_folder_of_nothing_but_broken_files_is_told_as_such(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    for name, (write, _) in BAD.items():
        write(folder / name)
    done = suffuse("train", "audio/audio", f"data.path={folder}", *TINY, "--out", "run")
    assert done.exit_code == 3 and "broken: none of its 7 files can be read" in done.output
    assert "cut.flac: cannot be read" in " ".join(done.output.split())


def test_a_gap_does_not_stop_a_folder(model, tmp_path, caplog):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", tone(0.2), 8000)
    gap(folder / "late.wav")
    samples = tone(1.0)
    samples[-5:] = np.nan
    soundfile.write(folder / "later.wav", samples, 8000, "FLOAT")
    for words in (
        ("vary", folder, "--count", 1, "--steps", 2, "--out", "made"),
        ("search", folder / "0.wav", "--in", folder, "--neighbours", 2, "--out", "found"),
        ("explain", folder, "--top", 1, "--levels", 1, "--tries", 1, "--steps", 2, "--out", "why"),
    ):
        caplog.clear()
        done = suffuse(words[0], model, *words[1:])
        assert done.exit_code == 0, done.output
        told = [text for text in caplog.messages if "left out" in text]
        assert len(told) == 2 and "late.wav" in told[0] and "later.wav" in told[1]
        assert "has a gap" in told[0] and "items[" not in "".join(told)
    assert len(list(Path("made").glob("*.wav"))) == 3


def test_explain_leaves_broken_files_out(model, mixed, caplog):
    (mixed / "hour.flac").unlink()
    done = suffuse("explain", model, mixed, "--top", 1, "--levels", 1, "--tries", 1, "--steps", 2, "--out", "why")
    assert done.exit_code == 0, done.output
    told = [text for text in caplog.messages if "left out" in text]
    assert {name for name in BAD if any(name in text for text in told)} == set(BAD)


def test_what_the_model_cannot_hear_is_told_once(model, tmp_path, caplog):
    soundfile.write(tmp_path / "fine.wav", tone(0.5, 44100, 2), 44100)
    soundfile.write(tmp_path / "plain.wav", tone(0.2), 8000)
    files = tmp_path / "fine.wav", tmp_path / "plain.wav"
    for verb, more in (("vary", ("--count", 1)), ("blend", ("--count", 2))):
        caplog.clear()
        done = suffuse(verb, model, *files, *more, "--steps", 1, "--out", verb)
        assert done.exit_code == 0, done.output
        (told,) = [text for text in caplog.messages if "cannot hold" in text]
        assert "frequencies above 4 kHz (it hears 8000 Hz) (1 of 2 items)" in told
        assert "what comes after 0.256 s (1 of 2 items)" in told and "more than 1 channel (1 of 2 items)" in told
    assert any("the first item is of 0.5 s, the second of 0.2 s" in text for text in caplog.messages)
    assert [row["weight"] for row in json.loads(Path("blend/samples.json").read_text())] == [0.0, 1.0]


def test_windows_of_a_bridge_lose_their_highs_alone(model):
    codec = load(model).codec
    whole = clip_of(tone(3.0, 44100, 2), 44100)
    left = {words for piece in codec.pieces(whole) for words in codec.left_off(piece)}
    assert left == {"frequencies above 4 kHz (it hears 8000 Hz)"}
    assert not codec.left_off(clip_of(tone(0.256), 8000))


def test_sheets_tell_files_apart(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.2), 8000)
    done = suffuse("vary", model, tmp_path / "a.wav", "--count", 2, "--steps", 1, "--out", "made")
    assert done.exit_code == 0, done.output
    with Image.open("made/sheet.png") as picture:
        assert picture.height == 2 * MARGIN + WAVE + SPECTRUM + 2 * CAPTION


@pytest.mark.parametrize(("seconds", "code", "said"), [("-1", 8, "is no length"), ("1000", 0, "training items had")])
def test_lengths_that_training_did_not_have(tmp_path, caplog, seconds, code, said):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(8):
        soundfile.write(folder / f"{i}.wav", tone(0.1 + 0.02 * i), 8000)
    done = suffuse("train", "audio/audio", f"data.path={folder}", *TINY, "--out", "run")
    assert done.exit_code == 0, done.output
    done = suffuse("generate", "run", "--count", 1, "--set", f"seconds={seconds}", "--steps", 1, "--out", "a.wav")
    assert done.exit_code == code and said in done.output + caplog.text
