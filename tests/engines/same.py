"""What it means that two engines say the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

STEP = 1 / (200 + 1)
"""Between one p-value and the next, with so many reference items."""


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """The same rows in the same order, the same scores to 1e-6, the same flags, the same faults.

    Where a score lies within rounding of a reference item's, its p-value may be the next one.
    """
    assert found.num_rows == expected.num_rows
    assert found.column("id").to_pylist() == expected.column("id").to_pylist()
    for name, tolerance in (("score", 1e-6), ("p", 1.001 * STEP)):
        here, there = (_numbers(t, name) for t in (found, expected))
        assert np.array_equal(np.isnan(here), np.isnan(there))
        np.testing.assert_allclose(here, there, rtol=0.0, atol=tolerance)
        assert np.mean(~np.isclose(here, there, rtol=0.0, atol=1e-6, equal_nan=True)) < 0.005
    assert _flags(found) == _flags(expected)
    if "fault" in expected.column_names:
        assert [f or None for f in found.column("fault").to_pylist()] == expected.column("fault").to_pylist()


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in table.column(name).to_pylist()])


def _flags(table: pa.Table) -> list[bool | None]:
    return [None if v is None or v != v else bool(v) for v in table.column("flag").to_pylist()]
