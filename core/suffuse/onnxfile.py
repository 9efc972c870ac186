"""ONNX files: a module as a graph that others compute without torch; checked against it, and written atomically."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from suffuse.errors import PluginError, UnsupportedError
from suffuse.files import write_with

PREFIX = "suffuse."
"""Before the names of what a file's ``metadata_props`` tell."""

TOLERANCE = 1e-4
"""How far a graph's outputs may be from the module's, in units of the largest (at least 1)."""

MOST_BYTES = 2**31 - 2**20
"""What one file can hold: protobuf's bound, less room for the graph."""


def write_onnx(
    path: Path,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    others: Mapping[str, Tensor],
    outputs: Sequence[str],
    facts: Mapping[str, Any],
) -> None:
    """Trace a module, check the graph with another batch, and write it atomically.

    Arguments:
        path: should end in ``.onnx``.
        module: takes the inputs as ``*inputs``, and gives a tuple of as many tensors as ``outputs`` names, all batch
            first.
        inputs: by name: what it is traced with, two samples or more, on the CPU.
        others: the same inputs of another batch size, with which the graph is checked.
        outputs: their names.
        facts: JSON-able; they go into the file's ``metadata_props``, text as it is, all else as JSON.

    Raises:
        PluginError: a package of ``suffuse[onnx]`` is not installed.
        UnsupportedError: the module has no graph for all batch sizes, or one that computes something else.
        StorageError: the file cannot be written.
    """
    _require_packages()
    module.eval()
    size = sum(x.nbytes for x in (*module.parameters(), *module.buffers()))
    if size > MOST_BYTES:
        raise UnsupportedError("is too large for one file", field="model", expected=f"{MOST_BYTES} bytes", got=size)
    program = _traced(module, inputs, outputs)
    for name, value in facts.items():
        program.model.metadata_props[PREFIX + name] = value if isinstance(value, str) else json.dumps(value)

    def save(temporary: Path) -> None:
        program.save(temporary, external_data=False)
        _check(temporary, module, others, outputs)

    write_with(path, save)


def describe(path: Path) -> dict[str, Any]:
    """What a file of :func:`write_onnx` takes, gives and tells.

    Returns:
        ``inputs`` and ``outputs``, each the shapes by name, the first axis being ``batch``; and ``facts``, as texts.
    """
    session = _session(path)
    told: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    return {
        "inputs": {entry.name: list(entry.shape) for entry in session.get_inputs()},
        "outputs": {entry.name: list(entry.shape) for entry in session.get_outputs()},
        "facts": {name.removeprefix(PREFIX): text for name, text in told.items() if name.startswith(PREFIX)},
    }


def _traced(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> Any:
    batch = torch.export.Dim("batch", min=1)
    with torch.no_grad(), _quiet():
        try:
            program: Any = torch.onnx.export(
                module, tuple(inputs.values()), dynamo=True, verbose=False, optimize=True,
                input_names=list(inputs), output_names=list(outputs),
                dynamic_shapes=(tuple({0: batch} for _ in inputs),),
            )  # fmt: skip
        except RuntimeError as error:  # as which torch tells whatever stands in the way
            raise _no_graph(_reason(error)) from error
    fixed = [x.name for x in program.model.graph.inputs if isinstance(x.shape[0], int)]
    if fixed:
        raise _no_graph(f"its graph takes {fixed[0]} of one batch size alone")
    return program


def _check(path: Path, module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> None:
    """Compute as others will.

    Raises:
        UnsupportedError: what comes out is something else.
    """
    with torch.no_grad():
        wanted = module(*inputs.values())
    try:
        found = _session(path).run(list(outputs), {name: x.numpy() for name, x in inputs.items()})
    except Exception as error:  # onnxruntime's own exceptions share no base
        raise _no_graph(f"onnxruntime cannot compute it: {_reason(error)}") from error
    for name, mine, its in zip(outputs, wanted, map(torch.from_numpy, found), strict=True):
        apart = (its.double() - mine.double()).abs().max().item() if its.shape == mine.shape else float("inf")
        if not apart <= TOLERANCE * max(1.0, mine.abs().max().item()):
            raise _no_graph(f"its graph gives another {name}, {apart:.2g} off")


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _require_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise PluginError(
            "needs packages that are not installed", field="export", got=", ".join(missing),
            fix='pip install "suffuse[onnx]"',
        )  # fmt: skip


def _no_graph(reason: str) -> UnsupportedError:
    return UnsupportedError(
        "cannot be exported", field="network", expected="a computation that is the same for every batch", got=reason
    )


def _reason(error: BaseException) -> str:
    """The first line of the innermost cause, which is what went wrong; the exporter's own text is a manual."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells those who develop it."""
    loggers = [getLogger(name) for name in ("torch._guards", "torch.fx", "torch.onnx", "torch.export", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
