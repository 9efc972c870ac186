"""A run that is killed at any instant and resumed equals the run that was never stopped, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from suffuse.errors import RecipeError, StorageError, TrainingError
from suffuse.tasks.train import train
from suffuse.tensorfile import read_tensors
from suffuse.training.checkpoint import Checkpoint
from suffuse.training.run import Run
from tests.toy import recipe

ROOT = Path(__file__).parents[2]


def start(folder: Path, changes: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.worker", str(folder), json.dumps(changes)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TERM": "dumb"}
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return dict(json.loads(out.splitlines()[-1]))


def wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until the log tells of a step, or the process has ended."""
    while process.poll() is None:
        rows = Run(folder).log()
        if rows and rows[-1]["step"] >= step:
            return
        time.sleep(0.002)
    raise AssertionError("the run ended before it could be killed")


def same_weights(a: Path, b: Path) -> bool:
    first, second = load_file(a), load_file(b)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", [13, 37])
def test_killed_and_resumed_equals_undisturbed(tmp_path: Path, kill_at: int) -> None:
    changes = {"train": {"steps": 60, "log_every": 1, "checkpoint_every": 7, "accumulate": 2}}
    undisturbed = start(tmp_path / "a", changes)
    assert finish(undisturbed)["step"] == 60
    victim = start(tmp_path / "b", changes)
    wait_for_step(tmp_path / "b", kill_at, victim)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    left = Checkpoint.read(tmp_path / "b" / "checkpoint.safetensors").step
    assert 7 <= left < 60
    assert finish(start(tmp_path / "b", changes))["step"] == 60
    assert same_weights(tmp_path / "a" / "model.safetensors", tmp_path / "b" / "model.safetensors")
    assert same_weights(tmp_path / "a" / "checkpoint.safetensors", tmp_path / "b" / "checkpoint.safetensors")
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in Run(tmp_path / "a").log()]
    again = [{k: v for k, v in row.items() if k != "seconds"} for row in Run(tmp_path / "b").log()]
    assert rows == again


@pytest.mark.slow
def test_interrupt_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    changes = {"train": {"steps": 100000, "log_every": 1, "checkpoint_every": 50000}}
    process = start(tmp_path / "a", changes)
    wait_for_step(tmp_path / "a", 5, process)
    process.send_signal(signal.SIGINT)
    told = finish(process)
    assert told["interrupted"] is True
    assert Checkpoint.read(tmp_path / "a" / "checkpoint.safetensors").step == told["step"] >= 5
    assert not (tmp_path / "a" / "model.safetensors").exists()


@pytest.mark.usefixtures("toy")
def test_longer_run_goes_on_and_another_recipe_is_refused(tmp_path: Path) -> None:
    first = recipe()
    train(first, out=tmp_path)
    longer = recipe(train={**first["train"], "steps": 50})
    assert train(longer, out=tmp_path).step == 50
    with pytest.raises(RecipeError, match="another recipe: `predict` differs"):
        train(recipe(predict="v"), out=tmp_path)
    with pytest.raises(RecipeError, match=r"train\.batch"):
        train(recipe(train={**first["train"], "batch": 8}), out=tmp_path)
    assert train(recipe(predict="v"), out=tmp_path, resume=False).step == 40


@pytest.mark.usefixtures("toy")
def test_diverged_training_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    whole = recipe(optimizer={"learning_rate": 1e9, "warmup": 0})
    whole["train"] |= {"checkpoint_every": 1, "log_every": 1}
    with pytest.raises(TrainingError, match=r"lower optimizer\.learning_rate"):
        train(whole, out=tmp_path)
    tensors = Checkpoint.read(tmp_path / "checkpoint.safetensors").tensors
    assert all(x.isfinite().all() for name, x in tensors.items() if name.startswith("ema."))
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.usefixtures("toy")
def test_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(StorageError, match="choose another folder"):
            train(recipe(), out=place)


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path: Path) -> None:
    """Under ``torchrun`` two processes share the work; the folder looks as one process would leave it."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "tests.training.worker", str(tmp_path), json.dumps({"train": {"accumulate": 2}}),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = Run(tmp_path).log()
    assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
    assert rows[-1]["step"] == 40
    assert rows[-1]["validation_loss"] < rows[3]["validation_loss"]
    _, header = read_tensors(tmp_path / "model.safetensors", "suffuse-model", 1)
    assert header["facts"]["processes"] == 2


@pytest.mark.usefixtures("toy")
def test_two_trainings_of_different_precision_in_one_process(tmp_path: Path) -> None:
    short = {**recipe()["train"], "steps": 2}
    for precision in ("no", "bf16", "no"):
        train(recipe(train={**short, "precision": precision}), out=tmp_path / precision, resume=False)
    plain, rounded = (load_file(tmp_path / p / "model.safetensors") for p in ("no", "bf16"))
    assert any(not torch.equal(plain[k], rounded[k]) for k in plain)
