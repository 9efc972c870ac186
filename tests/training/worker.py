"""Trains the toy domain in a process of its own, to be killed: ``python -m tests.training.worker FOLDER [JSON]``."""

from __future__ import annotations

import json
import sys

import torch

from suffuse.registry import isolated
from suffuse.tasks.train import train
from tests.toy import Plugin, recipe


def main() -> None:
    torch.set_num_threads(1)
    changes = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    whole = recipe()
    whole["train"] |= changes.get("train", {})
    whole["optimizer"] |= changes.get("optimizer", {})
    with isolated(Plugin()):
        run = train(whole, out=sys.argv[1])
        print(json.dumps({"step": run.step, "interrupted": run.interrupted}), flush=True)


if __name__ == "__main__":
    main()
