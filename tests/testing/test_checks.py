"""Every check is passed by a sound domain and catches one that is broken in just that way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suffuse.registry import all_specs
from suffuse.testing import Case, Report, check_domain, checks_for
from suffuse.testing.run import run_check
from tests.testing.broken import BROKEN, MORE, extra, sound
from tests.testing.test_packages import PACKAGED

CHECKS = [spec.name for spec in all_specs("check") if spec.factory.startswith("suffuse.")]
SOUND = ("waves", "readings", "molecules", "swarms")
TWO_INTERPRETERS = {"workers", "fresh-process"}
"""Checks that cost seconds for each domain: one sound domain is enough."""


BECAUSE = {
    "hooks": "did you mean 'register_domains'?",
    "domain-spec": "named 'ripples'",
    "factories": "lost.yaml",
    "install-hint": "does not say how to get",
    "requirements": "import pytest",
    "splits": "Splits.validation: is empty",
    "same-examples": "gives another example the second time",
    "pickles": "lambda",
    "picture": "is no picture",
    "states": "torch.float64",
    "standardized": "deviation 3",
    "round-trip": "does not give back what was encoded",
    "stable-decoding": "leaves the domain, from states of deviation 20",
    "codec-as-json": "is another one after it was loaded",
    "kept-survives": "known of the shapes {'charge': [1, 2, 1], 'kind': [1, 2, 1], 'bond': [1, 2, 2, 1]}",
    "singles": "depends on the other items of the batch",
    "inputs-untouched": "changes the items",
    "batch-shapes": "has other shapes in a batch of 1",
    "bad-items": "no items at all",
    "not-a-number": "takes an item that holds NaN",
    "unseen-category": "not in tuple",
    "files": "items-1.bak",
    "categories": "tells other frequencies",
    "categories-survive": "class 0 became 2",
    "symmetric-pairs": "is not symmetric",
    "same-seed": "gives something else for the same seed",
    "global-state": "got: torch",
    "generates": "makes another item alone",
    "samples-apart": "lets samples see each other",
    "network-untouched": "got: state",
    "noise-level-used": "does not depend on the noise level",
    "conditions-used": "its value is not used",
    "evaluation": "is random in evaluation",
    "gradients": "spare.weight",
    "device": "Tensor on device cpu",
    "bfloat16": "is another one under bfloat16",
    "padding": "sees what padding holds",
    "longer-padding": "more positions of padding",
    "all-masked": "a gradient: is not finite",
    "samplers": "nan or inf",
    "saved": "in this process",
    "sizes": "no mask",
    "extents": "is not finite for items of one",
    "gaps": "finds no gap",
    "time-order": "does not run along axis 1",
    "unordered": "sees the order of elements",
    "centred": "a mean of 0.5",
    "rotations": "is not turned in training",
    "workers": "is another one in another process",
    "fresh-process": "in a fresh process",
    "evaluate": "quality",
    "overfits": "does not learn one batch by heart",
    "anomalies": "score like usual items or below",
    "compiles": "torch.compile",
    "vmaps": "torch.vmap",
}
"""A part of what each check says of its broken domain: it fails for that reason and no other."""


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
    assert BECAUSE[name] in record.message
    assert "fix: " in record.message


@pytest.mark.parametrize(("name", "told", "make"), MORE, ids=[f"{name}: {told}" for name, told, _ in MORE])
def test_a_check_catches_other_ways_to_fail_it(name: str, told: str, make: Callable[[], Case]) -> None:
    (check,) = (check for check in checks_for(make()) if check.name == name)
    record = run_check(check)
    assert record.outcome == "failed", record
    assert told in record.message


@pytest.mark.parametrize(("name", "factory", "suffix"), [("evaluate", "roughness", ""), ("files", "written", ".svg")])
def test_what_plugins_bring_for_a_domain_is_looked_at_and_passes(name: str, factory: str, suffix: str) -> None:
    (check,) = (check for check in checks_for(extra(factory, suffix)) if check.name == name)
    assert run_check(check).outcome == "passed"


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
