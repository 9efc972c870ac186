from __future__ import annotations

from collections.abc import Iterator

import pytest

from suffuse.registry import isolated
from tests.toy import Plugin


@pytest.fixture
def toy() -> Iterator[None]:
    """The toy domain, alone."""
    with isolated(Plugin()):
        yield
