"""The three faces of the kit tell the same, and none of them can be talked into green."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.errors import PluginError, RecipeError
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import CheckSpec
from suffuse.testing import Case, CheckFailure, NotApplicable, Report, check_domain, parametrize_domain_checks, require
from tests.testing.broken import sound
from tests.testing.domains import Plugin, recipe

FEW = ("standardized", "round-trip")
"""Checks that the tests here look at."""


def passing(case: Case) -> None:
    case.spec  # noqa: B018


def failing(case: Case) -> None:
    require(False, "is wrong", field="part", expected="this", got="that", fix="mend it")


def raising(case: Case) -> None:
    deep([])


def deep(items: list[Any]) -> None:
    items[3].anything()


def idle(case: Case) -> None:
    raise NotApplicable("nothing to look at")


def own(*names: str, **options: Any) -> Any:
    """A plugin that brings these checks and the waves."""

    class Own(Plugin):
        @hookimpl
        def register_checks(self, register: Any) -> None:
            for name in names:
                register(CheckSpec(name=name, factory=f"{__name__}:{name}", **options))

    return Own("waves")


def outcomes(report: Report, *names: str) -> list[str]:
    return [record.outcome for record in report.records if record.name in names]


def case(*names: str, **options: Any) -> Case:
    return Case.of("waves", recipe("waves"), plugins=(own(*names, **options),))


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leave only some checks in the list."""
    from suffuse.testing import run

    every = run.all_checks

    def keep(*names: str) -> None:
        monkeypatch.setattr(run, "all_checks", lambda: [spec for spec in every() if spec.name in names])

    return keep


def test_a_plugin_brings_checks_of_its_own(only: Callable[..., None]) -> None:
    only("passing", "failing", "raising", "idle")
    report = check_domain(case("passing", "failing", "raising", "idle"))
    assert [record.outcome for record in report.records] == ["passed", "failed", "failed", "skipped"]
    assert report.summary == "3 run, 1 skipped, 2 failed"
    message = report.records[1].message
    assert message == "part: is wrong\n  expected: this\n  got: that\n  fix: mend it"
    assert not report.ok


def test_what_the_domain_raises_is_a_failure_with_the_last_calls(only: Callable[..., None]) -> None:
    only("raising")
    (record,) = check_domain(case("raising")).records
    assert record.message.startswith("IndexError: list index out of range")
    assert "in raising: deep([])" in record.message
    assert "in deep: items[3].anything()" in record.message


def test_should_is_told_and_does_not_count(only: Callable[..., None]) -> None:
    only("passing", "failing")
    report = check_domain(case("failing", level="should"))
    assert outcomes(report, "failing") == ["failed"]
    assert report.ok
    assert report.summary == "1 run, 0 skipped, 0 failed, 1 told, not counted"
    report.raise_for_failures()


def test_nothing_run_is_a_failure(only: Callable[..., None]) -> None:
    only("idle")
    report = check_domain(case("idle"))
    assert (report.run, report.skipped, report.ok) == (0, 1, False)
    with pytest.raises(CheckFailure, match="not one check was run"):
        report.raise_for_failures()


def test_failures_are_raised_together(only: Callable[..., None]) -> None:
    only("failing", "raising")
    with pytest.raises(CheckFailure) as caught:
        check_domain(case("failing", "raising")).raise_for_failures()
    assert "failing: part: is wrong" in str(caught.value)
    assert "raising: IndexError" in str(caught.value)


def test_checks_follow_from_domain_and_features(only: Callable[..., None]) -> None:
    only("passing")
    assert check_domain(case("passing", domains=("images",))).records == ()
    (record,) = check_domain(case("passing", needs=("unordered",))).records
    assert (record.outcome, record.message) == ("skipped", "the domain does not declare Features.unordered")
    assert outcomes(check_domain(case("passing", needs=("anomalies",))), "passing") == ["passed"]


def test_slow_checks_may_be_left_out(only: Callable[..., None]) -> None:
    only("passing")
    assert outcomes(check_domain(case("passing", cost="slow"), fast=True), "passing") == ["skipped"]
    assert outcomes(check_domain(case("passing", cost="slow")), "passing") == ["passed"]


def test_an_expected_failure_is_strict_and_has_a_reason(only: Callable[..., None]) -> None:
    only("passing", "failing")
    report = check_domain(case("passing", "failing"), {"failing": "the part is on order"})
    assert outcomes(report, "passing", "failing") == ["passed", "expected"]
    assert report.ok
    assert "the part is on order" in report.records[-1].message
    report = check_domain(case("passing", "failing"), {"failing": "as above", "passing": "once it did"})
    assert outcomes(report, "passing") == ["failed"]
    assert "take it out of expected_failures" in report.failures[0].message
    with pytest.raises(RecipeError, match="has no reason"):
        check_domain(case("failing"), {"failing": " "})
    with pytest.raises(RecipeError, match="did you mean 'failing'"):
        check_domain(case("failing"), {"fialing": "a slip"})


def test_an_unknown_domain_is_told() -> None:
    with isolated(Plugin("waves")), pytest.raises(PluginError, match="did you mean 'waves'"):
        check_domain("wave")


def test_a_domain_by_its_name_or_itself(only: Callable[..., None]) -> None:
    from tests.testing.domains import Waves

    assert Case.of(Waves).name == Case.of(Waves()).name == Case.of("waves").name == "waves"
    only("states")
    with isolated(Plugin("waves")):
        assert check_domain(Case.of("waves", recipe("waves"))).run == 1


def test_a_recipe_of_another_domain_is_refused(only: Callable[..., None]) -> None:
    only("states")
    wrong = Case.of("waves", recipe("swarms"), plugins=(Plugin("waves"), Plugin("swarms")))
    (record,) = check_domain(wrong).records
    assert "is of another domain" in record.message


PYTESTS = """
from suffuse.testing import parametrize_domain_checks
from tests.testing import test_faces as faces
from tests.testing.broken import sound


{decorator}
def test_conformance(check):
    check()
"""


def pytest_of(folder: Path, decorator: str, select: str) -> tuple[dict[str, int], str]:
    """Run a plugin author's test file in a pytest of its own."""
    (folder / "test_mine.py").write_text(PYTESTS.format(decorator=decorator))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-q", "-k", select, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    words = ("passed", "failed", "skipped", "xfailed")
    last = done.stdout.strip().splitlines()[-1].replace(",", "").split()
    return {word: int(last[last.index(word) - 1]) for word in words if word in last}, done.stdout


@pytest.mark.slow
def test_pytest_face(tmp_path: Path) -> None:
    """One interpreter for all: passes, an expected failure, one that passes, a failure, a skip, a mere hint."""
    decorator = (
        "@parametrize_domain_checks([faces.case('passing', 'idle', 'failing'), "
        "faces.Case.of('swarms', plugins=(faces.Plugin('swarms'),))], "
        "expected_failures={'failing': 'the part is on order', 'hooks': 'stale'})"
    )
    counts, told = pytest_of(tmp_path, decorator, "passing or idle or failing or hooks")
    assert counts == {"passed": 1, "failed": 2, "skipped": 1, "xfailed": 1}, told
    assert "the part is on order" in told
    assert "[XPASS(strict)] stale" in told


def test_parametrized_tests_are_named_and_counted(only: Callable[..., None]) -> None:
    only("passing", "idle")
    mark = parametrize_domain_checks([case("passing", "idle")]).mark
    ids = [parameter.id for parameter in mark.args[1]]
    assert mark.args[0] == "check"
    assert ids == ["waves-passing", "waves-idle", "waves-count"]


def test_the_last_test_fails_where_all_were_skipped(only: Callable[..., None]) -> None:
    only("idle")
    skipped, counted = (p.values[0] for p in parametrize_domain_checks([case("idle")]).mark.args[1])
    counted()  # nothing was asked yet, as under -k
    with pytest.raises(pytest.skip.Exception):
        skipped()
    with pytest.raises(CheckFailure, match="not one check was run"):
        counted()


def test_should_is_an_xfail_in_pytest(only: Callable[..., None]) -> None:
    only("failing")
    hint, _ = (p.values[0] for p in parametrize_domain_checks([case("failing", level="should")]).mark.args[1])
    with pytest.raises(pytest.xfail.Exception, match="should hold"):
        hint()


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["plugins", "check", *arguments])


@pytest.fixture
def recipe_file(tmp_path: Path) -> str:
    path = tmp_path / "waves.yaml"
    path.write_text(json.dumps(recipe("waves")))
    return str(path)


def test_command_line_tells_and_exits(only: Callable[..., None], recipe_file: str) -> None:
    only("states", "sizes", "failing")
    with isolated(own()):
        good = invoke("waves", "--recipe", recipe_file)
    assert good.exit_code == 0, good.output
    assert "waves: 1 run, 1 skipped, 0 failed" in good.output
    with isolated(own("failing")):
        bad = invoke("waves", "--recipe", recipe_file)
        data = invoke("waves", "--recipe", recipe_file, "--json")
    assert bad.exit_code == data.exit_code == 1
    assert "fix: mend it" in bad.output
    told = json.loads(data.stdout)
    assert (told["run"], told["skipped"], told["failed"], told["ok"]) == (2, 1, 1, False)
    assert [record["name"] for record in told["checks"]] == ["states", "sizes", "failing"]
    assert set(told["checks"][0]) == {"name", "outcome", "message", "seconds", "level", "since", "cost"}


def test_command_line_takes_zero_for_a_failure(only: Callable[..., None]) -> None:
    only("overfits")
    with isolated(own()):
        done = invoke("waves", "--fast")
    assert done.exit_code == 1
    assert "not one check was run" in done.output


@pytest.mark.parametrize("arguments", [("wave",), ("waves", "--recipe", "big-waves")])
def test_command_line_without_such_a_domain_or_recipe(arguments: tuple[str, ...]) -> None:
    with isolated(own()):
        done = invoke(*arguments)
    assert done.exit_code == PluginError.exit_code
    assert "there is no" in done.output


def test_importing_the_kit_imports_neither_pytest_nor_torch() -> None:
    code = (
        "import sys, suffuse.testing\nassert not {'torch', 'pytest'} & set(sys.modules)\n"
        "from suffuse.testing import check_domain, parametrize_domain_checks\nassert 'pytest' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_broken_plugin_is_a_report_not_a_crash(only: Callable[..., None]) -> None:
    """A factory that cannot be imported: every check says so."""
    only(*FEW)
    broken = Plugin("waves", "tests.testing.nowhere:Waves")
    report = check_domain(Case.of("waves", recipe("waves"), plugins=(broken,)))
    assert outcomes(report, *FEW) == ["failed", "failed"]
    assert all("could not be imported" in record.message for record in report.records)


def test_cases_are_lazy_and_frozen() -> None:
    made = sound("waves")
    assert not {"codec", "splits", "perturbed"} & set(vars(made))
    with pytest.raises(AttributeError):
        made.name = "other"  # type: ignore[misc]
    assert replace(made, overrides=("train.steps=3",)).overrides == ("train.steps=3",)
