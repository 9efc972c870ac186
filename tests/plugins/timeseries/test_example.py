"""The outside example package, as the tutorial builds it: its text, its lines, its promises, and what it learns.

The package's own tests (``docs/examples/plugins/suffuse-timeseries/tests``) need it installed, and train longer.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import suffuse
from suffuse.errors import DataError, DomainInputError
from suffuse.recipe import load_recipe
from suffuse.registry import isolated, load_domain
from suffuse.tables import Table, write_tables
from suffuse.testing import Case, check_domain
from suffuse.training.run import Run
from tests.docs.pages import ROOT, blocks

HOME = ROOT / "docs" / "examples" / "plugins" / "suffuse-timeseries"
TUTORIAL = ROOT / "docs" / "plugins" / "first-plugin.md"
MOST_LINES = 120
SPOKEN_OF = {"tests/test_figures.py"}
"""What the example has and the tutorial only speaks of."""


def files() -> dict[str, str]:
    """The text of the package's files, by path."""
    suffixes = (".py", ".toml", ".yaml", ".md")
    found = (p for p in HOME.rglob("*") if p.suffix in suffixes and not {"dist", "build"} & set(p.parts))
    return {p.relative_to(HOME).as_posix(): p.read_text(encoding="utf-8") for p in found}


def written_lines(code: str) -> int:
    """Lines of Python without those that are blank, comments or docstrings."""
    told: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            told |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(code.splitlines(), start=1)
    return sum(1 for number, line in lines if line.strip() and not line.strip().startswith("#") and number not in told)


def test_the_tutorials_code_is_the_examples() -> None:
    shown = {block.file: block.code for block in blocks(TUTORIAL) if block.file is not None}
    there = {name: text for name, text in files().items() if name not in SPOKEN_OF}
    assert sorted(shown) == sorted(there)
    for name, text in there.items():
        assert shown[name] == text, name


def test_the_author_had_few_lines_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    counted = {n: written_lines(text) for n, text in files().items() if re.match(r"suffuse_timeseries/.*\.py$", n)}
    total = sum(counted.values())
    with capsys.disabled():
        print(f"\nsuffuse-timeseries: {total} lines: {counted}", end="")
    assert total <= MOST_LINES
    assert f"It is {total} lines of Python" in TUTORIAL.read_text(encoding="utf-8")


def test_lines_are_counted_as_said() -> None:
    told, held = '"""Told\nat length."""\n', 'return """a\n    b"""\n'
    code = f"{told}\nimport os  # counts\n# does not\n\ndef f():\n    {told}    {held}"
    assert written_lines(code) == 4


@pytest.fixture(scope="module")
def plugin() -> Iterator[ModuleType]:
    """The plugin's module, with its registry; forgotten afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(HOME))
    try:
        import suffuse_timeseries.plugin as module

        with isolated(module):
            yield module
    finally:
        sys.path.remove(str(HOME))
        for name in set(sys.modules) - before:
            if name.startswith("suffuse_timeseries"):
                del sys.modules[name]


def test_it_keeps_its_promises(plugin: ModuleType) -> None:
    """All fast checks; the package's own tests hold it to the slow ones too."""
    case = Case("timeseries", "pumps", ("data.count=200",), (plugin,))
    report = check_domain(case, fast=True)
    failed = [f"{r.name}: {r.message}" for r in report.records if r.outcome == "failed"]
    assert not failed, "\n".join(failed)
    passed = {r.name for r in report.records if r.outcome == "passed"}
    assert {"gaps", "not-a-number", "time-order", "round-trip", "padding", "all-masked"} <= passed


def test_own_files(plugin: ModuleType, tmp_path: Path) -> None:
    domain = load_domain("timeseries")
    values = np.arange(2000.0).reshape(1000, 2)
    values[5, 0] = np.nan
    write_tables([Table(("a", "b"), values)], tmp_path / "plant.csv")
    data = domain.data_section(path=tmp_path / "plant.csv", window=50, stride=25)
    splits = domain.splits(data)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [31, 3, 3]
    latest = [np.nanmax(part[len(part) - 1].item.values) for part in (splits.train, splits.validation)]
    first = [np.nanmin(part[0].item.values) for part in (splits.validation, splits.test)]
    assert latest[0] < first[0] and latest[1] < first[1], "no reading is both learnt and tested"
    assert domain.conditions(splits) == {}
    codec = domain.fit_codec(domain.codec_section(), splits.train)
    assert codec.known([splits.train[0].item])["values"].sum() == 99
    with pytest.raises(DataError, match="too short"):
        domain.splits(domain.data_section(path=tmp_path / "plant.csv", window=101))
    exchanged = Table(("b", "a"), values[:50])
    for wrong in (exchanged, Table(("a", "b"), values[:49]), None, values[:50]):
        with pytest.raises(DomainInputError):
            codec.encode([wrong])


@pytest.fixture(scope="module")
def run(plugin: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    changes = (
        "data.count=400", "network.width=16", "network.multipliers=[1, 2]", "network.attention=[]",
        "train.steps=150", "train.batch=16", "train.validation_count=32", "train.sample_every=999",
        "optimizer.learning_rate=4e-3",
    )  # fmt: skip
    return suffuse.train(load_recipe("pumps", changes), out=tmp_path_factory.mktemp("pumps") / "run")


def test_it_fills_gaps_better_than_simple_rules(run: Run) -> None:
    """After a few seconds of training, before which every rule below is better."""
    figures: Any = _figures()
    figures.COMPLETIONS = 2
    model = suffuse.load(run.folder)
    windows = [example.item for example in figures.open_splits(model.recipe).test[:16]]
    found = figures.imputation(model, windows, np.array(model.codec.std))
    best_rule = min(figure for name, figure in found.items() if name != "model")
    assert found["model"] < 0.6 * best_rule, found


def test_the_rules_it_is_compared_with() -> None:
    figures: Any = _figures()
    nan = np.nan
    values = np.array([[[nan], [1.0], [nan], [nan], [4.0], [nan]]])
    assert figures.last_value(values)[0, :, 0].tolist() == [1, 1, 1, 1, 4, 4]
    assert figures.straight_line(values)[0, :, 0].tolist() == [1, 1, 2, 3, 4, 4]
    assert figures.column_mean(values)[0, :, 0].tolist() == [2.5, 1, 2.5, 2.5, 4, 2.5]
    days = np.arange(72.0).reshape(1, 72, 1)
    days[:, 48:] = nan
    assert figures.day_before(days)[0, 48:, 0].tolist() == list(range(24, 48))


def _figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("timeseries_figures", HOME / "tests" / "test_figures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
