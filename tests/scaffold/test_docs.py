"""The tables of docs/plugins/scaffold.md say what the templates are."""

from __future__ import annotations

from pathlib import PurePosixPath

import yaml

from suffuse.scaffold import KINDS
from suffuse.scaffold.render import render
from tests.docs.pages import spans, table

PAGE = "plugins/scaffold.md"


def test_kinds_and_their_networks() -> None:
    rows = table(PAGE, "kind", "items", "states, network")
    assert [spans(row[0])[0] for row in rows] == list(KINDS)
    for name, items, network, _ in rows:
        (kind,) = spans(name)
        assert items.startswith(KINDS[kind].summary), kind
        recipe = yaml.safe_load(render("sea-ice", KINDS[kind])[PurePosixPath("suffuse_sea_ice/recipes/sea-ice.yaml")])
        assert spans(network)[0] == recipe["network"]["name"], kind


def test_every_kind_reads_data_of_ones_own() -> None:
    assert [spans(row[0])[0] for row in table(PAGE, "kind", "`data.path`")] == list(KINDS)


def test_the_files_to_change_are_all_there() -> None:
    told = {spans(row[0])[0] for row in table(PAGE, "file", "what to change")}
    written = {path.as_posix() for kind in KINDS for path in render("sea-ice", KINDS[kind])}
    assert told <= written
    assert written - told == {"README.md", ".gitignore", ".github/workflows/ci.yml", "suffuse_sea_ice/__init__.py"}
