"""What fails in a plugin's own code is told in the plugin's name; a bug of the core is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffuse.errors import PluginError, StorageError
from suffuse.registry import blame
from suffuse.registry.entries import Entry
from tests import toy

pytestmark = pytest.mark.usefixtures("domain", "here")


def installed(module: str) -> tuple[Entry, ...]:
    return (
        Entry("other", "suffuse-other", "3.0", "elsewhere.plugin", lambda: None),
        Entry("waves", "suffuse-waves", "1.2", module, lambda: None),
    )


def decode(*arguments: object) -> None:
    raise ZeroDivisionError("no amplitude")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its codec fails, and its package is where this module lies."""
    monkeypatch.setattr(blame, "installed_entries", lambda: installed("tests.cli.plugin:plugin"))
    monkeypatch.setattr(toy.WaveCodec, "decode", decode)


@pytest.mark.usefixtures("broken")
def test_a_plugins_exception_names_the_plugin(suffuse, trained):
    result = suffuse("generate", trained, "-n", 1, "--steps", 2)
    assert result.exit_code == PluginError.exit_code
    assert "plugin 'waves' (suffuse-waves 1.2)" in result.stderr
    assert f"{__name__}, line " in result.stderr and "ZeroDivisionError: no amplitude" in result.stderr
    assert "SUFFUSE_DEBUG=1" in result.stderr and "Traceback" not in result.stderr
    assert not Path("samples").exists()


@pytest.mark.usefixtures("broken")
def test_to_programs_it_is_told_as_json(suffuse, trained):
    result = suffuse("generate", trained, "-n", 1, "--steps", 2, "--json")
    assert result.exit_code == PluginError.exit_code
    told = json.loads(result.stdout)
    assert told["error"] == "PluginError" and "suffuse-waves 1.2" in told["field"]


@pytest.mark.usefixtures("broken")
def test_the_traceback_is_there_for_those_who_ask(suffuse, trained, monkeypatch):
    monkeypatch.setenv(blame.DEBUG, "1")
    result = suffuse("generate", trained, "-n", 1, "--steps", 2)
    assert result.exit_code == PluginError.exit_code
    assert "Traceback" in result.stderr and "in decode" in result.stderr
    assert "plugin 'waves'" in result.stderr


def test_a_bug_of_the_core_is_left_as_it_is(suffuse, trained, monkeypatch):
    monkeypatch.setattr(blame, "installed_entries", lambda: installed("tests.elsewhere.plugin"))
    monkeypatch.setattr(toy.WaveCodec, "decode", decode)
    result = suffuse("generate", trained, "-n", 1, "--steps", 2)
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_module_is_told_from_others_whose_names_begin_alike(monkeypatch):
    try:
        decode()
    except ZeroDivisionError as error:
        for module, named in (("tests.cli.test_fail.plugin", None), ("tests.cli.plugin", "waves"), ("tests", "waves")):
            monkeypatch.setattr(blame, "installed_entries", lambda module=module: installed(module))
            told = blame.blamed(error)
            assert (told and "waves" in str(told.field)) == (True if named else None), module


VERBS = (
    "generate", "inpaint", "vary", "restore", "bridge", "blend", "encode", "decode", "score", "search", "explain",
    "drift", "evaluate", "train", "distill", "optimize", "export", "report",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_where_nothing_can_be_written_is_told_before_anything_is_done(suffuse, verb):
    """Before the model is looked for, which is not there."""
    Path("file").write_text("")
    more = {"blend": ("b.json",), "search": ("--in", "x")}.get(verb, ())
    items = () if verb in ("generate", "evaluate", "train", "distill", "optimize", "export", "report") else ("a.json",)
    for place in ("file/under/x.json", "/proc/none/x.json"):
        result = suffuse(verb, "no-model", *items, *more, "--out", place)
        assert result.exit_code == StorageError.exit_code, result.output
        assert f"{place}: could not be written" in result.stderr


def test_a_folder_in_the_place_of_a_file_is_told_before_sampling(suffuse, trained, monkeypatch):
    Path("x.json").mkdir()
    Path("plain").write_text("")
    monkeypatch.setattr(toy.WaveCodec, "decode", decode)
    for place, words in (("x.json", "is a folder"), ("plain", "is a file"), ("plain/x.json", "could not be written")):
        result = suffuse("generate", trained, "--out", place)
        assert result.exit_code == StorageError.exit_code and words in result.stderr, result.output
    assert Path("plain").read_text() == "" and not list(Path("x.json").iterdir())


def test_a_training_that_never_began_leaves_no_folder(suffuse, recipe, here):
    assert suffuse("train", recipe, "network.width=none", "--out", "run").exit_code == 2
    assert not Path("run").exists()
    Path("mine").mkdir()
    assert suffuse("train", recipe, "network.width=none", "--out", "mine").exit_code == 2
    assert Path("mine").is_dir()
