"""Formulas for floats and tensors alike, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from suffuse.numerics import log_spaced


@pytest.mark.parametrize("count", [2, 3, 8])
def test_evenly_spaced_in_the_logarithm(count: int) -> None:
    np.testing.assert_allclose(log_spaced(0.2, 5.0, count), np.geomspace(0.2, 5.0, count), rtol=1e-12)


def test_one_is_the_lowest() -> None:
    assert log_spaced(0.3, 1.2, 1) == (0.3,)
