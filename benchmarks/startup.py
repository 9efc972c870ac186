"""Claim: ``suffuse --help`` answers in less than half the time that importing torch takes.

Whole commands, each the least of seven, run in turn. ``suffuse plugins list`` imports the light module of every plugin.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.report import parser, save, show
from benchmarks.timing import Job, interleaved

TARGET = 0.5
TORCH = 'python -c "import torch"'
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("python", "-c", "pass"),
    TORCH: ("python", "-c", "import torch"),
    "suffuse --help": ("suffuse", "--help"),
    "suffuse plugins list": ("suffuse", "plugins", "list"),
}


def run(command: Sequence[str]) -> None:
    """Run a command of this environment to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([program, *command[1:]], check=True, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the seconds."""
    command = parser(__doc__)
    command.add_argument("--rounds", type=int, default=7)
    options = command.parse_args(arguments)
    jobs = {name: Job(partial(run, words)) for name, words in COMMANDS.items()}
    times = interleaved(jobs, options.rounds)
    rows = [
        {"command": name, "least s": t.least, "median s": t.middle, "of import torch": t.least_over(times[TORCH])}
        for name, t in times.items()
    ]
    show(f"Start-up (target for --help: {TARGET} of import torch)", rows)
    save(options.json, commands=rows)


if __name__ == "__main__":
    main()
