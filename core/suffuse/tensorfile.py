"""Tensor files: safetensors with one JSON header. Nothing is ever unpickled."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from suffuse.errors import ModelFileError
from suffuse.files import write_with

_KEY = "suffuse"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a header atomically.

    Raises:
        StorageError: the disk is full or the folder cannot be written; an older file of that name stays.
    """
    plain = {name: x.detach().contiguous().cpu() for name, x in tensors.items()}

    def save(temporary: Path) -> None:
        try:
            save_file(plain, temporary, metadata={_KEY: json.dumps(header)})
        except SafetensorError as error:  # how safetensors reports a full disk
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error

    write_with(path, save)


def read_tensors(path: Path, kind: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and header.

    Arguments:
        path: the file.
        kind: what the header's ``format`` must be.
        version: the newest version that can be read.

    Raises:
        ModelFileError: missing, truncated, of another kind, or written by a newer suffuse.
    """
    header = read_header(path, kind, version)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118


def read_header(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Read a file's header alone; raises as :func:`read_tensors` does."""
    if not path.is_file():
        raise ModelFileError("there is no such file", field=str(path), fix="check the path")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            f"cannot be read ({error})",
            field=str(path),
            expected="a complete safetensors file",
            got=f"{path.stat().st_size} bytes",
            fix="it is truncated or not a model; copy or train it again",
        ) from error
    if _KEY not in metadata:
        raise ModelFileError(
            "was not written by suffuse", field=str(path), expected=f"a {kind} header", got=sorted(metadata)
        )
    header: dict[str, Any] = json.loads(metadata[_KEY])
    if header.get("format") != kind:
        raise ModelFileError("is of another kind", field=str(path), expected=kind, got=header.get("format"))
    if header["version"] > version:
        raise ModelFileError(
            "was written by a newer suffuse",
            field=str(path),
            expected=f"file version {version} or older",
            got=f"version {header['version']} (suffuse {header.get('suffuse', '?')})",
            fix="pip install --upgrade suffuse",
        )
    return header
