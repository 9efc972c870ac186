"""The benchmark runs, at sizes too small to mean anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.distill import METHODS, main


@pytest.mark.usefixtures("toy")
def test_every_method_is_scored_beside_the_teacher(teacher: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    file = tmp_path / "figures.json"
    sizes = ["--steps", "1", "2", "--train-steps", "8", "--count", "30"]
    main(["--model", str(teacher), "--methods", *METHODS, *sizes, "--json", str(file)])
    torch.set_num_threads(threads)
    rows = json.loads(file.read_text())["distill"]
    assert [(row["model"], row["steps"]) for row in rows if row["model"] in METHODS] == [
        (method, steps) for steps in (1, 2) for method in METHODS
    ]
    assert all(0.0 <= row["class_accuracy"] <= 1.0 for row in rows)
