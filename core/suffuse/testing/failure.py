"""How a check ends when it does not pass."""

from __future__ import annotations

from typing import Any

from suffuse.errors import SuffuseError


class CheckFailure(SuffuseError):
    """A domain does not keep a promise; says what was expected, what came, and what the likely mend is."""


class NotApplicable(Exception):
    """A check has nothing to look at in this domain; the reason is told, and the check counted as skipped."""


def require(held: bool, message: str, *, field: str, expected: Any, got: Any, fix: str) -> None:
    """Fail a check unless something holds.

    Arguments:
        held: whether it does.
        message: what is wrong otherwise, after the field's name.
        field: the part of the domain that is wrong, as ``Codec.encode``.
        expected, got: what should have come, and what came.
        fix: the likely mend.

    Raises:
        CheckFailure: it does not hold.
    """
    if not held:
        raise CheckFailure(message, field=field, expected=expected, got=got, fix=fix)
