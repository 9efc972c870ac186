"""``suffuse inpaint`` and ``suffuse restore``, on a domain that trains within a second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests import toy

pytestmark = pytest.mark.usefixtures("domain", "here")

WAVE = [0.1, 0.7, 1.0, 0.7, 0.0, -0.7, -1.0, -0.7]


@pytest.fixture
def waves(here) -> Path:
    """A file of two waves."""
    path = Path("waves.json")
    path.write_text(json.dumps([WAVE, WAVE[::-1]]))
    return path


def test_inpaint_writes_a_folder_anew_each_time(suffuse, trained, waves):
    for folder in ("inpainted/waves", "inpainted/waves-2"):
        result = suffuse("inpaint", trained, waves, "--fill", "4:", "--count", 2, "--seed", 5)
        assert result.exit_code == 0, result.output
        rows = json.loads((Path(folder) / "samples.json").read_text())
        assert [(row["source"], row["seed"]) for row in rows] == [
            ("waves.json:0", 5), ("waves.json:0", 6), ("waves.json:1", 7), ("waves.json:1", 8),
        ]  # fmt: skip
        beside = {"samples.json", "sheet.png", "manifest.json"}
        assert {row["file"] for row in rows} | beside == {p.name for p in Path(folder).iterdir()}
        assert "made 4" in result.stdout and f"{folder}/sheet.png" in result.stdout
        made = [json.loads((Path(folder) / row["file"]).read_text())[0] for row in rows]
        assert made[0][:4] == pytest.approx(WAVE[:4], abs=1e-6)
        assert made[0][4:] != pytest.approx(made[1][4:], abs=1e-4)


def test_inpaint_hands_every_option_on(suffuse, trained, waves, monkeypatch):
    from suffuse.process.schedule import Cosine
    from suffuse.sampling import DDIM, Karras
    from suffuse.tasks import inpaint as task

    got = {}
    real = task.inpaint
    monkeypatch.setattr(
        task, "inpaint", lambda model, items, known, **o: got.update(o, items=items) or real(model, items, known, **o)
    )
    result = suffuse(
        "inpaint", trained, waves, "--fill", "0:1", "--fill", "6:", "--method", "repaint:resamples=2,jump=2", "-n", 2,
        "--seed", 7, "--label", "f1", "--label", "f2", "--steps", 4, "--guidance", 2, "--sampler", "ddim:eta=1",
        "--grid", "karras", "--schedule", "cosine", "--interval", "0.1,9",
        "--precision", "bf16", "--negative", "label=f3",
        "--batch", 3, "--out", "w.json", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert got.pop("on_step") and callable(got.pop("method")) and got.pop("memory")
    assert got == {
        "items": [WAVE, WAVE[::-1]], "names": ["waves.json:0", "waves.json:1"], "fill": ["0:1", "6:"], "count": 2,
        "keep": None, "filters": [], "tries": None,
        "seed": 7, "conditions": {"label": ["f1", "f2"]}, "steps": 4, "guidance": 2.0, "sampler": DDIM(eta=1.0),
        "grid": Karras(4), "schedule": Cosine(), "interval": (0.1, 9.0),
        "precision": "bf16", "batch": 3,
        "negative": {"label": ["f3"]}, "compose": [],
    }  # fmt: skip
    told = json.loads(result.stdout)
    assert told["files"] == ["w.json", "w.json.manifest.json"] and told["seeds"] == [7, 8, 9, 10]
    assert told["sources"] == ["waves.json:0"] * 2 + ["waves.json:1"] * 2
    assert told["conditions"] == {"label": ["f1", "f1", "f2", "f2"]}
    assert len(json.loads(Path("w.json").read_text())) == 4


def test_inpaint_by_a_mask(suffuse, trained, waves, monkeypatch):
    known = torch.arange(8) < 3
    Path("mask.png").touch()
    monkeypatch.setattr(toy.Toy, "read_mask", lambda domain, path, codec: known)
    result = suffuse("inpaint", trained, waves, "--mask", "mask.png", "--out", "w.json")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("w.json").read_text())[0][:3] == pytest.approx(WAVE[:3], abs=1e-6)
    both = suffuse("inpaint", trained, waves, "--mask", "mask.png", "--fill", "4:")
    assert both.exit_code == 8 and "told twice" in both.stderr


def test_restore(suffuse, trained, waves):
    result = suffuse("restore", trained, waves, "--operator", "blur:sigma=0.8", "--noise", 0.2, "--json", "--degrade")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["files"][0] == "restored/waves/sheet.png" and told["seeds"] == [0, 1]
    again = suffuse("restore", trained, waves, "--noise", 0.2, "-n", 2, "--method", "diffpir", "--out", "r.json")
    assert again.exit_code == 0, again.output
    assert len(json.loads(Path("r.json").read_text())) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 8, "nothing to fill"),
        (["--fill", "0:99"], 8, "a stretch of 8 places"),
        (["--fill", "1:2:3"], 2, "no stretch"),
        (["--fill", "size"], 8, "have no fields"),
        (["--mask", "mask.png"], 7, "reads no masks"),
        (["--fill", "4:", "--method", "paint"], 6, "did you mean 'repaint'?"),
        (["--fill", "4:", "--method", "repaint:resample=2"], 2, "did you mean 'resamples'?"),
        (["--fill", "4:", "--count", "0"], 2, "--count"),
        (["--fill", "4:", "--label", "f9"], 8, "no class named 'f9'"),
        (["--fill", "4:", "--out", "x.wav"], 8, "cannot be written"),
    ],
)
def test_inpaint_refuses(arguments, code, said, suffuse, trained, waves):
    result = suffuse("inpaint", trained, waves, *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert list(Path().iterdir()) == [waves]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 8, "leaves nothing to undo"),
        (["--noise", "-1"], 2, "--noise"),
        (["--operator", "blurr:sigma=1"], 6, "did you mean 'blur'?"),
        (["--operator", "blur:width=2"], 2, "blur.width"),
        (["--operator", "downsample:factor=3"], 8, "a divisor of 8"),
        (["--noise", "0.1", "--method", "repaint"], 7, "a mask"),
    ],
)
def test_restore_refuses(arguments, code, said, suffuse, trained, waves):
    result = suffuse("restore", trained, waves, *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert list(Path().iterdir()) == [waves]


def test_missing_files_are_told(suffuse, trained):
    result = suffuse("inpaint", trained, "nowhere.json", "--fill", "4:")
    assert result.exit_code == 3 and "no such file" in result.stderr
