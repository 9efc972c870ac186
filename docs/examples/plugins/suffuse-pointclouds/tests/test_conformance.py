"""What suffuse asks of every domain."""

from suffuse.testing import parametrize_domain_checks


@parametrize_domain_checks(["pointclouds"])
def test_conformance(check):
    check()
