"""Steering on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("domain", "here")

SCORER = "def high(waves):\n    return [sum(wave) for wave in waves]\n\ndef few(waves):\n    return [0.0]\n"


def test_a_scorer_steers_and_is_told(suffuse, trained):
    Path("scorer.py").write_text(SCORER)
    steering = ["--score-by", "scorer.py:high", "--score-weight", 2, "--particles", 3, "--score-every", 2]
    result = suffuse("generate", trained, "-n", 4, "--steps", 6, *steering, "--out", "up")
    assert result.exit_code == 0, result.output
    told = json.loads(Path("up/manifest.json").read_text())
    assert told["evaluations"] == 18 and told["steering"]["scorer"] == "scorer.py:high"
    assert {key: told["steering"][key] for key in ("weight", "every", "particles")} == {
        "weight": 2.0, "every": 2, "particles": 3
    }  # fmt: skip
    assert f"score {sum(told['score']) / 4:.3f} on average" in result.stdout
    shown = json.loads(suffuse("generate", trained, "-n", 4, "--steps", 6, *steering, "--json").stdout)
    assert shown["score"] == pytest.approx(told["score"], abs=1e-4)


def test_what_is_wrong_with_a_scorer_is_told(suffuse, trained):
    Path("scorer.py").write_text(SCORER)
    for options, said in (
        (["--score-by", "scorer.py:few"], "scorer.py:few: gave another number of scores"),
        (["--score-by", "scorer.py:hihg"], "--score-by: there is no function of scorer.py named 'hihg'"),
        (["--score-by", "other.py:high"], "--score-by: there is no such file"),
        (["--particles", 4], "--score-by: is missing"),
    ):
        result = suffuse("generate", trained, "-n", 1, "--steps", 4, *options, "--out", "none")
        assert result.exit_code == 2 and said in result.stderr, result.output
    assert not Path("none").exists()
