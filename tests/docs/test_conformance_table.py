"""The table of docs/plugins/conformance.md lists the registered checks, each as the code has it."""

from __future__ import annotations

import inspect

from suffuse.registry import all_specs, resolve
from suffuse.registry.specs import CheckSpec
from tests.docs.pages import spans, table


def row(spec: CheckSpec) -> list[str]:
    held = " ".join((inspect.getdoc(resolve(spec)) or "").partition("\n\n")[0].split()).replace("``", "`")
    needs = ", ".join(f"`{need}`" for need in spec.needs) or "all"
    return [f"`{spec.name}`", held, spec.summary, needs, spec.cost, spec.level, spec.since]


def test_every_check_is_documented() -> None:
    own = [spec for spec in all_specs("check") if spec.factory.startswith("suffuse.")]
    assert table("plugins/conformance.md", "check", "what must hold") == [row(spec) for spec in own]


def test_features_lead_to_their_checks() -> None:
    told = {
        spans(row[0])[0]: spans(row[1])
        for row in table("plugins/conformance.md", "declared", "checks")
        if "`" in row[0]
    }
    for spec in all_specs("check"):
        for need in spec.needs:
            (names,) = (checks for declared, checks in told.items() if declared.startswith(f"Features({need}="))
            assert spec.name in names
