"""What is written: its files, its words, and that it is all or nothing."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import suffuse.scaffold.write
from suffuse.errors import PluginError, StorageError, SuffuseError
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import DomainSpec
from suffuse.scaffold import KINDS, new, plan
from suffuse.scaffold.render import bound

every_kind = pytest.mark.parametrize("kind", KINDS)

ALWAYS = {
    ".github/workflows/ci.yml", ".gitignore", "README.md", "pyproject.toml", "tests/test_conformance.py",
    "suffuse_sea_ice/__init__.py", "suffuse_sea_ice/plugin.py", "suffuse_sea_ice/domain.py", "suffuse_sea_ice/data.py",
    "suffuse_sea_ice/recipes/sea-ice.yaml",
}  # fmt: skip


@every_kind
def test_files(kind: str, tmp_path: Path) -> None:
    written = new("sea-ice", kind, tmp_path / "package")
    assert all(file.is_file() for file in written)
    names = {file.relative_to(tmp_path / "package").as_posix() for file in written}
    assert names >= ALWAYS and names - ALWAYS <= {"suffuse_sea_ice/codec.py"}
    assert {f for f in (tmp_path / "package").rglob("*") if f.is_file()} == set(written), "and nothing else"


@every_kind
def test_no_word_of_the_template_is_left(kind: str) -> None:
    for path, text in plan("sea-ice", kind, Path("package")).items():
        assert not re.search(r"placeholder|KIND_|SUFFUSE_BOUND", f"{path}\n{text}", re.IGNORECASE), path
        assert text == "" or text.endswith("\n"), path


@every_kind
def test_every_file_is_what_its_suffix_says(kind: str) -> None:
    for path, text in plan("sea-ice", kind, Path("package")).items():
        if path.suffix == ".py":
            ast.parse(text)
        if path.suffix in (".yaml", ".yml"):
            assert yaml.safe_load(text)


def test_project(tmp_path: Path) -> None:
    texts = plan("sea-ice", "grid", tmp_path)
    project = tomllib.loads(texts[tmp_path / "pyproject.toml"])["project"]
    assert project["name"] == "suffuse-sea-ice"
    assert project["entry-points"] == {"suffuse.plugins": {"sea-ice": "suffuse_sea_ice.plugin"}}
    (requirement,) = project["dependencies"]
    assert version("suffuse") in SpecifierSet(requirement.removeprefix("suffuse"))
    assert project["requires-python"] == metadata("suffuse")["Requires-Python"]


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ("0.1.0", ">=0.1,<0.2"),
        ("0.12.3", ">=0.12,<0.13"),
        ("1.4.2", ">=1.4,<2"),
        ("0.2.0.dev3", ">=0.2.0.dev3,<0.3"),
        ("2.0.0rc1", ">=2.0.0rc1,<3"),
    ],
)
def test_bound(running: str, expected: str) -> None:
    assert bound(running) == expected
    assert SpecifierSet(expected).contains(running, prereleases=True)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Sea Ice", "sea-ice"),
        ("sea_ice", "sea-ice"),
        ("-x", "'x'"),
        ("../up", "'up'"),
        ("eis!", "eis"),
        ("", ""),
        ("é", ""),
    ],
)
def test_a_name_that_no_plugin_may_have(name: str, fix: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="is no name for a plugin") as caught:
        new(name, "grid", tmp_path / "package")
    assert caught.value.field == "NAME" and fix in (caught.value.fix or "")
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("images", "there is a plugin 'images' of suffuse"),
        ("builtin", "there is a plugin 'builtin'"),
        ("digits", "there is a recipe images/digits"),
    ],
)
def test_a_name_that_is_taken(name: str, owner: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=owner) as caught:
        new(name, "grid", tmp_path / "package")
    assert caught.value.fix and not (tmp_path / "package").exists()


def test_names_taken_by_a_domain_and_by_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        @hookimpl
        def register_domains(self, register):
            register(DomainSpec(name="waves", factory="x:y", summary="signals"))

    with isolated(Plugin()), pytest.raises(PluginError, match="there is a domain 'waves', signals"):
        plan("waves", "grid", tmp_path)
    (tmp_path / "suffuse_tides.py").touch()
    info = tmp_path / "Suffuse_Sea.Ice-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Suffuse_Sea.Ice\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="the module suffuse_tides is installed"):
        plan("tides", "grid", tmp_path / "new")
    with pytest.raises(PluginError, match="the package suffuse-sea-ice is installed"):
        plan("sea-ice", "grid", tmp_path / "new")


def test_an_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there is no kind named 'grd'") as caught:
        new("sea-ice", "grd", tmp_path)
    assert "grid" in (caught.value.fix or "") and "sequence" in str(caught.value.expected)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"is there already[^$]*a folder with mine.txt"):
        new("sea-ice", "grid", tmp_path)
    with pytest.raises(StorageError, match=r"is there already[^$]*a file"):
        new("sea-ice", "grid", tmp_path / "mine.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("held", [None, ".git"])
def test_an_empty_folder_will_do_and_so_will_a_new_repository(held: str | None, tmp_path: Path) -> None:
    if held:
        (tmp_path / held).mkdir()
    new("sea-ice", "vector", tmp_path)
    assert (tmp_path / "pyproject.toml").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_failure_half_way_leaves_nothing(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, real, calls = tmp_path / "package", suffuse.scaffold.write.write_text, []
    if there:
        (folder / ".git").mkdir(parents=True)

    def fails(path: Path, text: str) -> None:
        calls.append(path)
        if len(calls) == 5:
            raise StorageError("could not be written", field=str(path))
        real(path, text)

    monkeypatch.setattr(suffuse.scaffold.write, "write_text", fails)
    with pytest.raises(StorageError):
        new("sea-ice", "grid", folder)
    assert [entry.name for entry in folder.iterdir()] == [".git"] if there else not folder.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SuffuseError) as caught:
        new("sea-ice", "grid", tmp_path / "file" / "package")
    assert isinstance(caught.value, StorageError) and "choose another folder" in (caught.value.fix or "")
