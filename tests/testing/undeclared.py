"""A sound domain, but for an import of what no user of suffuse has to have."""

import pytest

from tests.testing.domains import Waves as Waves

__all__ = ["Waves", "pytest"]
