"""Tables keep every promise that a domain makes, with no expected failure."""

from __future__ import annotations

from typing import Any

from suffuse.testing import Case, parametrize_domain_checks

CASE = Case.of("tabular")


@parametrize_domain_checks([CASE])
def test_conformance(check: Any) -> None:
    check()
