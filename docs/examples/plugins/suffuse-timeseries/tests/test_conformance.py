"""The plugin keeps every promise of the contract."""

from suffuse.testing import parametrize_domain_checks


@parametrize_domain_checks(["timeseries"])
def test_conformance(check):
    check()
