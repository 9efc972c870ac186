"""``suffuse export``."""

from __future__ import annotations

from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import results
from suffuse.cli.verb import print_json, verb

What = Annotated[
    str,
    typer.Option(
        "--what",
        metavar="denoiser|score",
        help="The belief about a noised state; or, of a calibrated model whose items are plain numbers, its score.",
    ),
]


@verb
def export(model: opt.ModelSource, what: What = "denoiser", out: opt.Out = None, as_json: opt.Json = False) -> None:
    """Write a model as an ONNX file, to be computed by onnxruntime without suffuse."""
    from pathlib import Path

    from suffuse.onnxfile import describe
    from suffuse.tasks.export import export as write

    path = write(opt.load_model(model, "cpu"), out or Path(f"{opt.title(model)}.onnx"), what)
    told = describe(path)
    if as_json:
        print_json({"file": path, "what": what, **told})
        return
    results().print(f"exported the {what} to {path}: {_listed(told['inputs'])} -> {_listed(told['outputs'])}")


def _listed(entries: dict[str, list[str | int]]) -> str:
    return ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in entries.items())
