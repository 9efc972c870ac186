"""Saving: the model in its file is the model, here and in a fresh process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from suffuse.tensorfile import read_tensors
from suffuse.testing.case import Case
from suffuse.testing.checks.network import belief
from suffuse.testing.compare import largest_difference
from suffuse.testing.elsewhere import found_elsewhere
from suffuse.testing.failure import CheckFailure, require
from suffuse.trained import FORMAT, VERSION, Trained


def saved(case: Case) -> None:
    """A model that was saved (as safetensors) and loaded believes the same, bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        path = case.trained.save(Path(folder) / "model.safetensors")
        read_tensors(path, FORMAT, VERSION)
        model = Trained.read(path)
    _same(belief(case), belief(case, model.denoiser), "in this process")
    require(
        not any(p.requires_grad for p in model.denoiser.parameters()) and not model.denoiser.training,
        "is loaded as if to be trained", field="model file", expected="evaluation mode, no gradients", got="otherwise",
        fix="do not override train() or requires_grad_()",
    )  # fmt: skip


def fresh_process(case: Case) -> None:
    """A fresh process that loads the model file believes, and encodes, the same, bit for bit."""
    found = found_elsewhere(case)
    for what, got, wanted in (
        ("the model file", found.belief, belief(case)),
        ("the codec in the model file", found.code, case.x0),
    ):
        if isinstance(got, str):
            raise CheckFailure(
                "cannot be used in a fresh process", field=what, expected="the same as here", got=got,
                fix="mend what the last line names; hold nothing that only this process has",
            )  # fmt: skip
        _same(wanted, got, "in a fresh process", what)


def _same(wanted: object, got: object, where: str, what: str = "the model file") -> None:
    difference = largest_difference(wanted, got)  # type: ignore[arg-type]
    require(
        difference == 0.0, f"gives something else {where}", field=what, expected="the same, bit for bit",
        got=f"a difference of {difference:.3g}",
        fix="register what forward uses as a parameter or a buffer; keep what encode uses in to_json; no hash()",
    )  # fmt: skip
