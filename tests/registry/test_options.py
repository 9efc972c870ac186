"""Options are checked against the signature of the factory that gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest

from suffuse.errors import RecipeError
from suffuse.registry.options import check_options
from suffuse.registry.specs import SamplerSpec

if TYPE_CHECKING:
    from nowhere import Unreadable

SPEC = SamplerSpec(name="leap", factory="x:y")


@dataclass(frozen=True)
class Leap:
    height: float
    times: tuple[int, ...] = (1,)
    style: Literal["far", "high"] = "far"
    limit: float | None = None
    anything: dict[str, Any] | None = None


class Hop:
    def __init__(self, height: int) -> None: ...


def unreadable(height: int, thing: Unreadable) -> None: ...


def test_values_become_what_the_annotations_say():
    checked = check_options(SPEC, Leap, 0, {"height": 2, "times": [1, 2], "style": "high", "limit": None})
    assert checked == {"height": 2.0, "times": (1, 2), "style": "high", "limit": None}
    assert isinstance(checked["height"], float) and isinstance(checked["times"], tuple)


@pytest.mark.parametrize(
    ("factory", "options", "field"),
    [
        (Leap, {"height": "tall"}, "leap.height"),
        (Leap, {"height": 1, "times": [1, "b"]}, "leap.times"),
        (Leap, {"height": 1, "style": "low"}, "leap.style"),
        (Leap, {"height": None}, "leap.height"),
        (Hop, {"height": 1.5}, "leap.height"),
    ],
)
def test_wrong_types_name_the_option(factory, options, field):
    with pytest.raises(RecipeError) as caught:
        check_options(SPEC, factory, 0, options)
    assert caught.value.field == field and caught.value.expected


def test_what_is_not_plain_is_handed_on_as_it_is():
    given = {"a": object()}
    assert check_options(SPEC, Leap, 0, {"height": 1, "anything": given})["anything"] is given


def test_annotations_that_cannot_be_read_check_nothing():
    assert check_options(SPEC, unreadable, 0, {"height": "x", "thing": 1}) == {"height": "x", "thing": 1}
