"""Looking at a state entry by entry, each under its own noise."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.process import Categorical, Gaussian, Process, Product
from suffuse.state import State, fields, map_fields, refill

Members = Mapping[str, Gaussian | Categorical]
"""The process of each field, by the field's name; the empty string is a bare tensor's."""


def members_of(process: Process, x: State) -> Members:
    """The process of each field of a state.

    Raises:
        UnsupportedError: the process leads from data to data.
    """
    found: dict[str, Gaussian | Categorical] = {}
    for name, _ in fields(x):
        member = process.fields[name] if isinstance(process, Product) else process
        if not isinstance(member, Gaussian | Categorical):
            raise UnsupportedError(
                "is not looked at entry by entry", field="process", expected="Gaussian or categorical noise",
                got=type(member).__name__,
            )  # fmt: skip
        found[name] = member
    return found


def under_masks(values: Mapping[str, Tensor], x: State) -> State:
    """A number for each entry, 0 in the padding.

    Arguments:
        values: by field; those of a categorical one are ``[batch, *positions, 1]``.
        x: lends its masks.
    """
    return map_fields(lambda value: value, refill(x, values))
