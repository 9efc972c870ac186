"""Errors that tell what to do.

Every error that suffuse raises on bad input is a :class:`SuffuseError`: it names the field, what was expected, what
came, and how to mend it. The command line prints exactly that and exits with the class's ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class SuffuseError(Exception):
    """Base of all errors about a user's input or surroundings.

    Arguments:
        message: what is wrong, one sentence.
        field: the argument, recipe key or file that is wrong.
        expected: what would have been right.
        got: what came instead.
        fix: what to do now.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        expected: Any = None,
        got: Any = None,
        fix: str | None = None,
    ) -> None:
        self.message = message
        self.field = field
        self.expected = expected
        self.got = got
        self.fix = fix
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [f"{self.field}: {self.message}" if self.field else self.message]
        if self.expected is not None:
            parts.append(f"  expected: {self.expected}")
        if self.got is not None:
            parts.append(f"  got: {self.got}")
        if self.fix is not None:
            parts.append(f"  fix: {self.fix}")
        return "\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON-able data, for ``--json``."""
        parts = {"field": self.field, "expected": self.expected, "got": self.got, "fix": self.fix}
        told = {key: str(value) for key, value in parts.items() if value is not None}
        return {"error": type(self).__name__, "message": self.message, **told}


class RecipeError(SuffuseError):
    """A recipe, or an option that overrides it, is wrong."""

    exit_code = 2


class DataError(SuffuseError):
    """A data set is missing, empty or broken."""

    exit_code = 3


class ResumeError(DataError):
    """What an earlier call left is of another call than this one; it is untouched."""


class ModelFileError(SuffuseError):
    """A model file or checkpoint cannot be read."""

    exit_code = 4


class StorageError(SuffuseError):
    """A file could not be written; what was there before is untouched."""

    exit_code = 5


class PluginError(SuffuseError):
    """A plugin is unknown, broken, incompatible or lacks a package."""

    exit_code = 6


class UnsupportedError(SuffuseError):
    """A sampler, guidance or parametrization needs what the process or model does not have."""

    exit_code = 7


class DomainInputError(SuffuseError):
    """An item or a condition does not fit the domain."""

    exit_code = 8


class TrainingError(SuffuseError):
    """Training went wrong; the last checkpoint is from before."""

    exit_code = 9


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, or ``None`` when nothing comes near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def unknown_name(
    kind: str,
    name: str,
    known: Iterable[str],
    error: type[SuffuseError] = SuffuseError,
    *,
    field: str | None = None,
    fix: str | None = None,
) -> SuffuseError:
    """An error for a name that is not among the known ones, with the nearest of them."""
    names = sorted(known)
    guess = nearest(name, names)
    advice = f"did you mean {guess!r}?" if guess else fix
    expected = f"one of {', '.join(names)}" if names else "nothing: none is known"
    return error(f"there is no {kind} named {name!r}", field=field, expected=expected, got=repr(name), fix=advice)
