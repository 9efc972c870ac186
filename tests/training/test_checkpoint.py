"""A checkpoint is the old one or the new one, never half of one."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest
import torch

from suffuse.errors import ModelFileError, StorageError
from suffuse.files import atomic, write_text
from suffuse.training.checkpoint import Checkpoint


def checkpoint(step: int) -> Checkpoint:
    """Four megabytes that all say which step they are of."""
    return Checkpoint(step, {f"network.{i}": torch.full((1 << 18,), float(step)) for i in range(4)}, {"recipe": {}})


def _write_for_ever(path: Path, first: int) -> None:
    step = first
    while True:
        checkpoint(step).write(path)
        step += 1


@pytest.mark.slow
def test_killed_while_saving_twenty_times(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint(0).write(path)
    chance, steps = random.Random(0), []
    context = multiprocessing.get_context("fork")
    for _ in range(20):
        process = context.Process(target=_write_for_ever, args=(path, Checkpoint.read(path).step + 1))
        process.start()
        time.sleep(0.05 + chance.random() * 0.1)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        found = Checkpoint.read(path)
        assert all(bool((x == float(found.step)).all()) for x in found.tensors.values())
        steps.append(found.step)
    assert steps == sorted(steps)
    assert steps[-1] > 0


def _save_on_a_full_disk(path: Path, answer: str) -> None:
    """A process whose files may not grow past one megabyte, as on a disk that fills up."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    try:
        checkpoint(2).write(path)
    except StorageError as error:
        Path(answer).write_text(str(error))


@pytest.mark.slow
def test_full_disk_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    path, answer = tmp_path / "checkpoint.safetensors", tmp_path / "answer"
    checkpoint(1).write(path)
    process = multiprocessing.get_context("fork").Process(target=_save_on_a_full_disk, args=(path, str(answer)))
    process.start()
    process.join(60)
    assert "free some space" in answer.read_text()
    assert Checkpoint.read(path).step == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["answer", "checkpoint.safetensors"]


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another folder"):
        write_text(tmp_path / "file" / "inside" / "a.txt", "")


@pytest.mark.parametrize("keep", [0, 7, 100, 1 << 20])
def test_truncated_checkpoint_is_told(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint(1).write(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match="truncated"):
        Checkpoint.read(path)
