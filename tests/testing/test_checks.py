"""Every check is passed by a sound domain and catches one that is broken in just that way."""

from __future__ import annotations

import pytest

from suffuse.registry import all_specs
from suffuse.testing import Case, Report, check_domain, checks_for
from suffuse.testing.run import run_check
from tests.testing.broken import BROKEN, sound
from tests.testing.test_packages import PACKAGED

CHECKS = [spec.name for spec in all_specs("check") if spec.factory.startswith("suffuse.")]
SOUND = ("waves", "readings", "molecules", "swarms")
TWO_INTERPRETERS = {"workers", "fresh-process"}
"""Checks that cost seconds for each domain: one sound domain is enough."""


@pytest.fixture(scope="module")
def elsewhere() -> Case:
    """One case for both checks that ask fresh interpreters."""
    return BROKEN["workers"]()


def test_every_check_has_a_broken_domain() -> None:
    assert sorted(CHECKS) == sorted([*BROKEN, *PACKAGED])


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_catches_what_it_is_for(name: str, elsewhere: Case) -> None:
    case = elsewhere if name in TWO_INTERPRETERS else BROKEN[name]()
    (check,) = (check for check in checks_for(case) if check.name == name)
    record = run_check(check)
    assert record.outcome == "failed", record
    assert "fix: " in record.message


REPORTS: dict[str, Report] = {}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_domain_passes(name: str) -> None:
    case = sound(name)
    records = [run_check(check) for check in checks_for(case) if name == "waves" or check.name not in TWO_INTERPRETERS]
    REPORTS[name] = Report(name, tuple(records))
    assert [record for record in records if record.outcome == "failed"] == []


def test_every_check_was_passed() -> None:
    """Else a check that is never run would count as passed."""
    if len(REPORTS) < len(SOUND):
        pytest.skip("the sound domains were not all looked at")
    passed = {r.name for report in REPORTS.values() for r in report.records if r.outcome == "passed"}
    assert sorted(set(CHECKS) - passed - set(PACKAGED)) == []


def test_check_domain_tells_all() -> None:
    report = check_domain(sound("waves"), fast=True)
    assert report.ok
    assert report.run + report.skipped == len(checks_for(sound("waves")))
