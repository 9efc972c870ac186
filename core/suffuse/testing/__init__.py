"""The conformance kit: what a domain promises, checked.

One list of checks has three faces::

    from suffuse.testing import check_domain, parametrize_domain_checks

    check_domain("waves").raise_for_failures()  # anywhere


    @parametrize_domain_checks(["waves"])  # in pytest
    def test_conformance(check):
        check()

and ``suffuse plugins check waves`` on the command line. Which checks a domain is held to follows from the
:class:`~suffuse.registry.specs.Features` that it declares and from what its codec says. Plugins bring more by the hook
``register_checks``.

Importing this package imports neither torch nor pytest; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suffuse.testing.case import Case as Case
    from suffuse.testing.failure import CheckFailure as CheckFailure
    from suffuse.testing.failure import NotApplicable as NotApplicable
    from suffuse.testing.failure import require as require
    from suffuse.testing.in_pytest import parametrize_domain_checks as parametrize_domain_checks
    from suffuse.testing.report import Record as Record
    from suffuse.testing.report import Report as Report
    from suffuse.testing.run import check_domain as check_domain
    from suffuse.testing.run import checks_for as checks_for
    from suffuse.testing.tiny import tiny_run as tiny_run

_HOMES = {
    "Case": "case",
    "CheckFailure": "failure",
    "NotApplicable": "failure",
    "Record": "report",
    "Report": "report",
    "check_domain": "run",
    "checks_for": "run",
    "parametrize_domain_checks": "in_pytest",
    "require": "failure",
    "tiny_run": "tiny",
}

__all__ = [
    "Case",
    "CheckFailure",
    "NotApplicable",
    "Record",
    "Report",
    "check_domain",
    "checks_for",
    "parametrize_domain_checks",
    "require",
    "tiny_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
