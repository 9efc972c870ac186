"""Choosing and running checks, for all three faces."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from suffuse.errors import PluginError, RecipeError, SuffuseError, unknown_name
from suffuse.registry import all_specs, plugins, resolve
from suffuse.registry.specs import CheckSpec
from suffuse.testing.case import Case
from suffuse.testing.failure import CheckFailure, NotApplicable
from suffuse.testing.report import Record, Report

FRAMES = 4
"""The innermost calls that a message shows of an error in the plugin's code."""


@dataclass(frozen=True)
class Check:
    """A check and the domain that it is held to; calling it raises where the domain fails.

    Arguments:
        spec: the check's.
        case: the domain's.
        fast: leave slow checks out.
    """

    spec: CheckSpec
    case: Case
    fast: bool = False

    @property
    def name(self) -> str:
        return self.spec.name

    def __call__(self) -> None:
        """Run it.

        Raises:
            CheckFailure: the domain fails, or its code raised something.
            NotApplicable: there is nothing to look at, and why.
        """
        if self.fast and self.spec.cost == "slow":
            raise NotApplicable("slow, and only fast checks were asked for")
        try:
            with self.case.active():
                self._require_features()
                resolve(self.spec)(self.case)
        except (CheckFailure, NotApplicable):
            raise
        except Exception as error:
            raise _as_failure(error) from error

    def _require_features(self) -> None:
        for need in self.spec.needs:
            if getattr(self.case.features, need) in (False, None):
                raise NotApplicable(f"the domain does not declare Features.{need}")


def checks_for(case: Case | str, fast: bool = False) -> list[Check]:
    """All checks that a domain is held to, in the order in which plugins brought them.

    Arguments:
        case: the domain, or its name.
        fast: leave slow ones out; they are listed, and skipped when they are run.
    """
    case = Case.of(case) if isinstance(case, str) else case
    with case.active():
        return [Check(s, case, fast) for s in all_checks() if not s.domains or case.name in s.domains]


def all_checks() -> list[CheckSpec]:
    """All registered checks."""
    return [spec for spec in all_specs("check") if isinstance(spec, CheckSpec)]


def check_domain(
    case: Case | str,
    expected_failures: Mapping[str, str] | None = None,
    *,
    fast: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> Report:
    """Hold a domain to every check.

    Arguments:
        case: the domain, or its name: then with its default recipe.
        expected_failures: checks that are known to fail, and why. One that passes is a failure.
        fast: leave slow checks out.
        on_record: told each record as it comes.

    Raises:
        PluginError: there is no such domain.
        RecipeError: an expected failure of an unknown check, or one without a reason.
    """
    case = Case.of(case) if isinstance(case, str) else case
    with case.active():
        require_known(case)
    checks = checks_for(case, fast)
    expected = checked_reasons(expected_failures, (check.name for check in checks))
    records = []
    for check in checks:
        records.append(run_check(check, expected.get(check.name)))
        if on_record is not None:
            on_record(records[-1])
    return Report(case.name, tuple(records))


def require_known(case: Case) -> None:
    """Raise unless there is such a domain, sound or in a plugin that does not load.

    Raises:
        PluginError: there is none of that name.
    """
    told = [record for record in plugins([case.name]) if record.name == case.name]
    if all(record.status in ("active", "disabled") for record in told):
        _ = case.spec


def checked_reasons(expected: Mapping[str, str] | None, known: Iterable[str]) -> Mapping[str, str]:
    """Expected failures, if each is of a known check and has a reason.

    Raises:
        RecipeError: one is not.
    """
    names = list(known)
    for name, reason in (expected or {}).items():
        if name not in names:
            raise unknown_name("check", name, names, RecipeError, field="expected_failures")
        if not (isinstance(reason, str) and reason.strip()):
            raise RecipeError(
                "has no reason", field=f"expected_failures[{name!r}]", expected="why the check may fail",
                got=repr(reason), fix="say why, in a sentence",
            )  # fmt: skip
    return expected or {}


def run_check(check: Check, expected: str | None = None) -> Record:
    """Run a check and tell what came of it; nothing that the domain does is raised.

    Arguments:
        check: which.
        expected: why it will fail, if it will.
    """
    begin = time.perf_counter()
    record = _recorder(check.spec, begin)
    try:
        check()
    except NotApplicable as reason:
        return record("skipped", str(reason))
    except CheckFailure as failure:
        return record("failed" if expected is None else "expected", _told(failure, expected))
    if expected is not None:
        return record("failed", str(unexpected_pass(check.name, expected)))
    return record("passed", "")


def unexpected_pass(name: str, reason: str) -> CheckFailure:
    """The failure of a check that was expected to fail and passes."""
    return CheckFailure(
        "passes, and was expected to fail", field=name, expected=reason, got="it passes",
        fix="take it out of expected_failures",
    )  # fmt: skip


def _told(failure: CheckFailure, expected: str | None) -> str:
    return str(failure) if expected is None else f"{expected}\n{failure}"


def _recorder(spec: CheckSpec, begin: float) -> Callable[..., Record]:
    def record(outcome: str, message: str) -> Record:
        seconds = time.perf_counter() - begin
        return Record(spec.name, outcome, message, seconds, spec.level, spec.since, spec.cost)  # type: ignore[arg-type]

    return record


def _as_failure(error: Exception) -> CheckFailure:
    """An error that came out of the code under examination."""
    calls = "" if isinstance(error, PluginError | RecipeError) else f"\n{_frames(error)}"
    if isinstance(error, SuffuseError):
        return CheckFailure(
            f"{type(error).__name__}: {error.message}{calls}", field=error.field, expected=error.expected,
            got=error.got, fix=error.fix,
        )  # fmt: skip
    return CheckFailure(
        f"{type(error).__name__}: {error}{calls}", expected="no error",
        fix="mend the code that the last line of the calls names",
    )  # fmt: skip


def _frames(error: Exception) -> str:
    """The innermost calls, outermost first."""
    calls = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return "\n".join(f"  {_short(call.filename)}:{call.lineno} in {call.name}: {call.line}" for call in calls)


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-2:])
