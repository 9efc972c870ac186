"""How long, or how large, items are to be: states of another size than those of training."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass

from torch import Tensor

from suffuse.domain import Codec, Unit
from suffuse.errors import DomainInputError, UnsupportedError, unknown_name
from suffuse.guidance.windows import Windowed
from suffuse.posterior import Denoiser
from suffuse.state import State

logger = logging.getLogger(__name__)

LONGEST = 1_000_000
"""Places along an axis."""

_SLACK = 1e-6
"""Of a place, by which an extent may be beyond one through rounding."""


@dataclass(frozen=True)
class Extent:
    """The size of states along one axis.

    Arguments:
        axis: the batch's being 0.
        places: that are asked for.
        trained: those of training.
    """

    axis: int
    places: int
    trained: int

    def like(self, state: State) -> State:
        """A template of the size that is asked for, from one of training's."""
        assert isinstance(state, Tensor)
        shape = [self.places if axis == self.axis else size for axis, size in enumerate(state.shape)]
        return state.new_zeros(shape)

    def over(self, denoiser: Denoiser) -> Denoiser:
        """A denoiser for states of this size."""
        return Windowed(denoiser, self.axis, self.trained) if self.places > self.trained else denoiser


def parse_extent(codec: Codec, text: str) -> Extent:
    """What a text asks for, as ``30s``, in one of the codec's units, up to the next whole place, which is told.

    Raises:
        DomainInputError: it is no number with a unit, or too small or too large.
        UnsupportedError: the codec has no units, or states of several fields.
    """
    measure = parse_measure(codec, text, "extent")
    places = math.ceil(measure.places - _SLACK)
    if not 1 <= places <= LONGEST:
        raise DomainInputError(
            "is out of range", field="extent", got=text,
            expected=f"more than 0, and at most {LONGEST / measure.unit.places:g}{measure.name}",
        )  # fmt: skip
    if places - measure.places > _SLACK:
        logger.info("%s: the next that the model can make is %.6g %s", text, places / measure.unit.places, measure.name)
    return Extent(measure.unit.axis + 2, places, measure.trained)


@dataclass(frozen=True)
class Measure:
    """How much of an axis of states is meant.

    Arguments:
        unit: that it is told in.
        name: of the unit.
        places: of the axis, not rounded.
        trained: those of training.
    """

    unit: Unit
    name: str
    places: float
    trained: int


def parse_measure(codec: Codec, text: str, field: str) -> Measure:
    """A number with one of the codec's units, as ``30s``.

    Raises:
        DomainInputError: it is none.
        UnsupportedError: the codec has no units, or states of several fields.
    """
    units, like = codec.units(), codec.like(1)
    if not units or not isinstance(like, Tensor):
        raise UnsupportedError("items of this model have one size only", field=field, got=text, fix="leave it out")
    told = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([^\W\d_]+)\s*", text)
    if told is None:
        example = f"30{next(iter(units))}"
        raise DomainInputError(f"is no {field}", field=field, expected=f"a number and a unit, as {example}", got=text)
    if told[2] not in units:
        raise unknown_name("unit", told[2], units, DomainInputError, field=field)
    unit = units[told[2]]
    return Measure(unit, told[2], float(told[1]) * unit.places, like.shape[unit.axis + 2])
