"""What every domain must hold to, and what this one promises in its Features; `suffuse plugins check` runs the same."""

from suffuse.testing import parametrize_domain_checks


@parametrize_domain_checks(["placeholder"])
def test_conformance(check):
    check()
