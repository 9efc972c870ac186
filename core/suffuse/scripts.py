"""Functions of a user's own Python files, named as ``FILE.py:FUNCTION``.

Whoever names a file has it run, as ``python FILE.py`` would.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

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
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None, "its suffix is one of Python's"
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"cannot be run ({type(error).__name__}: {error})", field=field, got=path) from error
    known = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    if name not in known:
        raise unknown_name(f"function of {path}", name, known, RecipeError, field=field)
    found: Callable[..., Any] = known[name]
    return found


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
