"""Claim: ``suffuse --help`` answers in less than half the time that importing torch takes. With 100 more plugins
installed ``suffuse plugins list`` takes about three times as long as ``import importlib.metadata``, and 50 ms.

Whole commands, each the least of seven, run in turn. Of the plugins each is a package of its own, and every tenth is
broken. ``plugins list`` reads their metadata; with ``--load`` it imports the light module of every one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.report import parser, save, show
from benchmarks.timing import Job, interleaved

TARGET = 0.5
TORCH = 'python -c "import torch"'
METADATA = 'python -c "import importlib.metadata"'
CROWDED = "suffuse plugins list, 100 more plugins"
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("python", "-c", "pass"),
    METADATA: ("python", "-c", "import importlib.metadata"),
    TORCH: ("python", "-c", "import torch"),
    "suffuse --help": ("suffuse", "--help"),
    "suffuse plugins list": ("suffuse", "plugins", "list"),
}
IN_A_CROWD: dict[str, tuple[str, ...]] = {
    CROWDED: ("suffuse", "plugins", "list"),
    "suffuse plugins list --load, 100 more plugins": ("suffuse", "plugins", "list", "--load"),
}

PLUGIN = """
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec

@hookimpl
def register_domains(register):
    register(DomainSpec(name="{name}", factory="{module}.domain:Domain"))
"""


def install(folder: Path, count: int = 100) -> None:
    """Packages with a plugin each, as pip leaves them; every tenth is broken."""
    for i in range(count):
        name, module = f"domain-{i:03d}", f"suffuse_domain_{i:03d}"
        files = {
            f"{module}/__init__.py": "",
            f"{module}/plugin.py": PLUGIN.format(name=name, module=module) if i % 10 else "raise RuntimeError",
            f"{module}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n",
            f"{module}-1.0.dist-info/entry_points.txt": f"[suffuse.plugins]\n{name} = {module}.plugin\n",
        }
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command of this environment to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([program, *command[1:]], check=True, stdout=subprocess.DEVNULL, env=environment)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the seconds."""
    command = parser(__doc__)
    command.add_argument("--rounds", type=int, default=7)
    options = command.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        crowd = {**os.environ, "PYTHONPATH": folder}
        jobs = {name: Job(partial(run, words)) for name, words in COMMANDS.items()}
        jobs |= {name: Job(partial(run, words, crowd)) for name, words in IN_A_CROWD.items()}
        times = interleaved(jobs, options.rounds)
    rows = [
        {
            "command": name,
            "least s": t.least,
            "median s": t.middle,
            "of import torch": t.least_over(times[TORCH]),
            "of importlib.metadata": t.least_over(times[METADATA]),
        }
        for name, t in times.items()
    ]
    show(f"Start-up (target for --help: {TARGET} of import torch)", rows)
    bound = 3.0 * times[METADATA].least + 0.05
    print(f"{CROWDED}: {times[CROWDED].least:.3f} s; 3 × importlib.metadata + 0.05 s: {bound:.3f} s")
    save(options.json, commands=rows)


if __name__ == "__main__":
    main()
