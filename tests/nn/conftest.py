"""Tests here draw from the global random state; each begins at the same point."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors gain nothing from more threads, and on a busy machine these wait for each other."""
    torch.set_num_threads(1)
