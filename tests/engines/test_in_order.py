"""How batches are handed out and their scores are put in order, whoever scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from suffuse.errors import DataError, PluginError, RecipeError
from suffuse.tasks.scoring.engines import in_order, make_engine


class Desk:
    """Takes numbers as batches; its work is done when it is asked for, and what is under way is counted."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0

    def submit(self, batch: Any) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)

        def result() -> Any:
            self.under_way -= 1
            if batch == "wrong":
                raise RecipeError("is wrong")
            return batch * 10

        return result


def test_order_is_kept_and_no_more_is_under_way_than_allowed() -> None:
    desk, read = Desk(), []

    def batches() -> Iterator[Any]:
        for number in range(20):
            read.append(number)
            yield number

    given = in_order(batches(), desk.submit, 4)
    assert next(given) == 0
    assert read == [0, 1, 2, 3], "reading waits"
    assert list(given) == [10 * n for n in range(1, 20)]
    assert desk.most == 4
    assert desk.under_way == 0


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_what_was_read_before_a_fault_is_given_first(count: int) -> None:
    def batches() -> Iterator[Any]:
        yield from range(count)
        raise DataError("broke off")

    given = []
    with pytest.raises(DataError, match="broke off"):
        given.extend(in_order(batches(), Desk().submit, 4))  # extend keeps what came before the error
    assert given == [10 * n for n in range(count)]


def test_nothing_is_given_after_a_batch_that_failed() -> None:
    given = []
    with pytest.raises(RecipeError, match="wrong"):
        given.extend(in_order(iter([1, 2, "wrong", 4]), Desk().submit, 8))
    assert given == [10, 20]


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="no engine named"):
        make_engine("spark")
    with pytest.raises(RecipeError, match="at least 1"):
        make_engine("local", 0)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PluginError) as told:
        list(make_engine("ray", 2)(None, None, iter(())))  # type: ignore[arg-type]
    assert "suffuse[ray]" in str(told.value)
