"""The command line answers at once: what it imports, and how long that takes."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "torchvision", "accelerate", "scipy", "sklearn", "matplotlib", "PIL")


def modules_after(code: str) -> set[str]:
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    script += "sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "verbs"),
    [
        (["--help"], {"train", "generate"}),
        (["train", "--help"], {"train"}),
        (["generate", "--help"], {"generate"}),
        (["--version"], set()),
    ],
)
def test_help_imports_its_verb_and_neither_torch_nor_a_plugin(arguments, verbs):
    loaded = modules_after(f"sys.argv = ['suffuse', *{arguments}]; from suffuse.cli import main; main()")
    assert {verb for verb in ("train", "generate") if f"suffuse.cli.{verb}" in loaded} == verbs
    assert not loaded & {*HEAVY, "suffuse_images", "suffuse.registry"}


@pytest.mark.parametrize(
    ("arguments", "plugins"),
    [
        (["plugins", "list"], set()),
        (["plugins", "list", "--load"], {"images", "tensorboard"}),
        (["plugins", "info", "images", "--json"], {"images"}),
    ],
)
def test_plugins_imports_only_the_light_modules_that_it_must(arguments, plugins):
    loaded = modules_after(f"sys.argv = ['suffuse', *{arguments}]; from suffuse.cli import main; main()")
    assert {name for name in ("images", "tensorboard") if f"suffuse_{name}.plugin" in loaded} == plugins
    assert not loaded & {*HEAVY}


def test_help_takes_less_than_half_the_time_of_importing_torch():
    ours = min(seconds("from suffuse.cli import app; app(['--help'])") for _ in range(3))
    torch = min(seconds("import torch") for _ in range(2))
    assert ours < 0.5 * torch, f"{ours:.2f} s against {torch:.2f} s"


def seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def test_waiting_threads_do_not_spin_unless_asked_to(monkeypatch):
    import os

    import suffuse.cli

    monkeypatch.setattr(suffuse.cli, "app", lambda: None)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    suffuse.cli.main()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    suffuse.cli.main()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
