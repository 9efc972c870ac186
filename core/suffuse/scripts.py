"""Functions of a user's own Python files, named as ``FILE.py:FUNCTION``.

Whoever names a file has it run. It is a module by itself: what lies beside it cannot be imported by its name alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isfunction
from pathlib import Path
from typing import Any, cast

from suffuse.errors import RecipeError, unknown_name


def function_of(place: str, field: str) -> Callable[..., Any]:
    """The function of a file.

    Arguments:
        place: ``FILE.py:FUNCTION``.
        field: what asks for it, for messages.

    Raises:
        RecipeError: there is no such file or function, or the file cannot be run.
    """
    path, name = split_place(place, field)
    spec = spec_from_file_location(f"{__name__}.{path.stem}", path)
    assert spec is not None and spec.loader is not None, "its suffix is one of Python's"
    module = sys.modules[spec.name] = module_from_spec(spec)  # there dataclasses, for one, look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise RecipeError(f"cannot be run ({type(error).__name__}: {error})", field=field, got=path) from error
    found = vars(module).get(name)
    if not callable(found):
        own = [key for key, value in vars(module).items() if isfunction(value) and value.__module__ == module.__name__]
        public = [key for key in own if not key.startswith("_")]
        raise unknown_name(f"function of {path}", name, public, RecipeError, field=field)
    return cast("Callable[..., Any]", found)


def split_place(place: str, field: str) -> tuple[Path, str]:
    """A file that exists, and a function's name.

    Raises:
        RecipeError: the text names no file, or none that is there.
    """
    text, colon, name = place.rpartition(":")
    if not (colon and name.isidentifier() and text.endswith(".py")):
        raise RecipeError("names no function of a file", field=field, expected="FILE.py:FUNCTION", got=repr(place))
    path = Path(text)
    if not path.is_file():
        raise RecipeError("there is no such file", field=field, expected="FILE.py:FUNCTION", got=path)
    return path, name
