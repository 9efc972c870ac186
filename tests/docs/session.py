"""Runs a page's blocks in order, as a reader would who copies them one after the other, but with short trainings."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import suffuse.distillation.student
import suffuse.recipe
import suffuse.tasks.train
import suffuse.testing.case
import suffuse.testing.checks.codec  # both before anything is shortened, else one would compare with the other's recipe
from suffuse.cli import app
from suffuse.errors import DataError
from suffuse.recipe import Recipe, validate
from suffuse.registry import load_domain, names
from suffuse.registry.entries import GROUP
from suffuse.registry.face import _Current
from tests.docs.pages import Block, commands

SHORT: dict[str, dict[str, Any]] = {
    "train": {
        "steps": 4, "batch": 8, "log_every": 2, "validate_every": 4, "sample_every": 4, "checkpoint_every": 4,
        "validation_count": 8, "precision": "no",
    },
    "sample": {"count": 4, "steps": 2},
    "evaluate": {"count": 20},
}  # fmt: skip
"""What every training on a page is cut down to."""

LAUNCHERS = ("accelerate", "torchrun")

_STARTER = re.compile(r"""(?:generate|evaluate|score|search|vary|blend) fashion\b(?!-)|load\("fashion"\)""")
_DATA = re.compile(r"\b(?:train (fashion-mnist|mnist|cifar10)\b|data\.name=(fashion-mnist|mnist|cifar10)\b)")

_EXPORT = re.compile(r"\bsuffuse export\b|\.export\(|\bonnxruntime\.")


def need(code: str) -> str | None:
    """The data set, starter or package that a snippet needs and that may be absent."""
    if _STARTER.search(code):
        return "the starter fashion"
    if _EXPORT.search(code):
        return "the package onnxruntime"
    found = _DATA.search(code)
    return f"the data set {found[1] or found[2]}" if found else None


def missing(wanted: str | None) -> str | None:
    """Why what a snippet needs is not there; ``None`` if it is."""
    if wanted is None:
        return None
    *_, name = wanted.split()
    if "package" in wanted:
        return None if find_spec(name) else f"{wanted} is not installed"
    if "starter" in wanted:
        return None if name in names("starter") else f"{wanted} is not there"
    images = load_domain("images")
    try:
        images.splits(images.data_section(name=name))
    except DataError as error:
        return error.message
    return None


def shortened(recipe: Recipe) -> Recipe:
    """A recipe whose training takes a moment."""
    changes = {section: getattr(recipe, section).model_copy(update=keys) for section, keys in SHORT.items()}
    if recipe.train.steps == 0:  # a network that only remembers
        changes["train"] = changes["train"].model_copy(update={"steps": 0})
    return recipe.model_copy(update=changes)


class Session:
    """A reader's folder, Python session and shell."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.ran: list[str] = []
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("SUFFUSE_CACHE", str(folder.parent / "cache"))
        monkeypatch.setattr("suffuse.classifier.MOST_STEPS", 8)
        monkeypatch.setattr("suffuse_images.metrics.MOST_TRAINING", 300)
        monkeypatch.setattr(_Current, "registry", None)
        real = suffuse.recipe.load_recipe
        for module in (suffuse.recipe, suffuse.tasks.train, suffuse.distillation.student):
            monkeypatch.setattr(module, "load_recipe", lambda *args, **kwargs: shortened(real(*args, **kwargs)))
        self._put_photos()

    def run(self, block: Block) -> None:
        """Write the block where it is a file; run it where it is code."""
        if block.no_test is not None or missing(need(block.code)) is not None:
            return
        if block.file is not None:
            self._write(block.file, block.code)
        if block.language == "yaml":
            validate(whole_recipe(block.code))
        elif block.file is not None:
            return
        elif block.language == "sh":
            for number, line in commands(block):
                self.shell(line, f"{block.page.name}:{number}")
        elif block.language == "python":
            self.python(block.code, block.place, block.line)

    def python(self, code: str, place: str, line: int = 1) -> None:
        """Run Python code; a traceback tells the page's own line."""
        exec(compile("\n" * (line - 1) + code, place, "exec"), self.namespace)
        self.ran.append(place)

    def shell(self, line: str, place: str) -> None:
        """Run a command line, if it is one of suffuse or of a launcher."""
        words = shlex.split(line, comments=True)
        environment = {}
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        if not words or words[0] not in ("suffuse", *LAUNCHERS) or missing(need(line)) is not None:
            return
        if words[0] in LAUNCHERS:
            self._launch(words, environment, place)
        else:
            self._invoke(words[1:], environment, place)
        self.ran.append(place)

    def _invoke(self, words: list[str], environment: dict[str, str], place: str) -> None:
        with self._environment(environment):
            result = CliRunner().invoke(app, words)
        told = "".join(traceback.format_exception(result.exception)) if result.exception else ""
        assert result.exit_code == 0, f"{place}: exit code {result.exit_code}\n{result.output}\n{told}"

    def _launch(self, words: list[str], environment: dict[str, str], place: str) -> None:
        short = [f"{section}.{key}={yaml_value(v)}" for section, keys in SHORT.items() for key, v in keys.items()]
        programs = Path(sys.executable).parent
        done = subprocess.run(
            [programs / words[0], *words[1:], *short],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"

    @contextmanager
    def _environment(self, values: dict[str, str]) -> Iterator[None]:
        """The environment of one command: a process of its own would also load the plugins anew."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in values.items():
                patch.setenv(name, value)
            if values:
                patch.setattr(_Current, "registry", None)
            yield

    def _write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py" and path.parent != self.folder:
            (path.parent / "__init__.py").touch()
        path.write_text(content, encoding="utf-8")
        importlib.invalidate_caches()
        if name == "pyproject.toml":
            self._install(tomllib.loads(content)["project"])

    def _install(self, project: dict[str, Any]) -> None:
        """What ``pip install -e .`` does for a plugin: entry points on the path."""
        site = self.folder / "site"
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        needed = "".join(f"Requires-Dist: {text}\n" for text in project.get("dependencies", ()))
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{needed}"
        )
        points = project["entry-points"][GROUP]
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
        self.monkeypatch.syspath_prepend(str(site))
        self.monkeypatch.setattr(_Current, "registry", None)

    def _put_photos(self) -> None:
        """The folder ``photos`` that pages speak of, with classes and captions."""
        pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 20, 24, 3), dtype=np.uint8)
        captions = ["file,caption"]
        for name, pictures in zip(("cats", "dogs"), pixels, strict=True):
            (self.folder / "photos" / name).mkdir(parents=True)
            for number, picture in enumerate(pictures):
                Image.fromarray(picture).save(self.folder / "photos" / name / f"{number}.png")
                captions.append(f"{name}/{number}.png,a brown {name[:-1]} asleep")
        (self.folder / "photos" / "captions.csv").write_text("\n".join(captions) + "\n")


def yaml_value(value: Any) -> str:
    """A value as an override has it; text is quoted, since a bare ``no`` is false in YAML."""
    return f"'{value}'" if isinstance(value, str) else str(value)


def whole_recipe(code: str) -> dict[str, Any]:
    """The recipe that a block holds; what a fragment lacks is filled in."""
    data: dict[str, Any] = yaml.safe_load(code)
    if "domain" in data:
        return data
    return {"domain": "images", **data, "train": {"steps": 1, **data.get("train", {})}}


@contextmanager
def modules_restored() -> Iterator[None]:
    """Forget the modules that a page brought."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if "pytest-" in file:
                del sys.modules[name]
