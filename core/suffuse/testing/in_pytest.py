"""The kit in pytest: a test for each check. pytest is imported when this is used, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suffuse.testing.case import Case
from suffuse.testing.failure import CheckFailure, NotApplicable
from suffuse.testing.run import Check, checked_reasons, checks_for


@dataclass
class Tally:
    """How many of a domain's tests were asked for so far, and how many of these had nothing to look at."""

    total: int
    asked: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class _Test:
    """A check as the body of a test."""

    check: Check
    tally: Tally

    def __call__(self) -> None:
        import pytest

        self.tally.asked += 1
        try:
            self.check()
        except NotApplicable as reason:
            self.tally.skipped += 1
            pytest.skip(str(reason))
        except CheckFailure as failure:
            if self.check.spec.level == "should":
                pytest.xfail(f"should hold, and does not count: {failure}")
            raise


@dataclass(frozen=True)
class _Count:
    """The last test of a domain: the checks were not all skipped."""

    case: Case
    tally: Tally = field(repr=False)

    def __call__(self) -> None:
        told = f"{self.tally.asked - self.tally.skipped} run, {self.tally.skipped} skipped"
        print(f"{self.case.name}: {told}")
        if self.tally.skipped == self.tally.total:
            raise CheckFailure(
                "not one check was run", field=self.case.name, expected="at least one", got=told,
                fix="see in the skipped tests why",
            )  # fmt: skip


def parametrize_domain_checks(
    cases: Iterable[Case | str], expected_failures: Mapping[str, str] | None = None, *, fast: bool = False
) -> Callable[[Any], Any]:
    """Make a test function into one test for each domain and check.

    The function has one argument, ``check``, and calls it::

        @parametrize_domain_checks(["waves"], expected_failures={"order": "elements are numbered on purpose"})
        def test_conformance(check):
            check()

    What has nothing to look at is a skipped test, with the reason. The last test of a domain fails if all others were
    skipped. A check of level ``should`` that fails is an ``xfail``.

    Arguments:
        cases: the domains, or their names.
        expected_failures: checks that are known to fail, and why. Strict: one that passes is a failure.
        fast: skip slow checks.

    Raises:
        RecipeError: an expected failure of an unknown check, or one without a reason.
    """
    import pytest

    listed = [checks_for(case, fast) for case in cases]
    expected = checked_reasons(expected_failures, (check.name for checks in listed for check in checks))
    tests = []
    for checks in listed:
        tally = Tally(len(checks))
        for check in checks:
            reason = expected.get(check.name)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailure)]
            tests.append(pytest.param(_Test(check, tally), id=f"{check.case.name}-{check.name}", marks=marks))
        if checks:
            tests.append(pytest.param(_Count(checks[0].case, tally), id=f"{checks[0].case.name}-count"))
    return pytest.mark.parametrize("check", tests)
