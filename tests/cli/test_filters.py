"""Filters on the command line: what is told, what is written, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suffuse.filters import Each
from suffuse.model import Model
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import FilterSpec
from suffuse.tasks.making import Workshop
from tests import toy

pytestmark = pytest.mark.usefixtures("here")


def starts(model: Model, above: float = 0.0, word: str = "high") -> Each:
    """Drops waves that do not start above a number."""
    return Each(lambda wave: None if wave[0] > above else f"does not start {word}")


class Filtering:
    @hookimpl
    def register_filters(self, register: Any) -> None:
        register(FilterSpec(name="starts", domain="toy", factory=f"{__name__}:starts"))


@pytest.fixture(autouse=True)
def plugins(trained: Path) -> Iterator[None]:
    with isolated(toy.Plugin(), Filtering()):
        yield


def test_filters_are_counted_and_told(suffuse, trained):
    result = suffuse(
        "generate", trained, "-n", 6, "--filter", "starts", "--filter", "unique", "--tries", 300, "--out", "up"
    )
    assert result.exit_code == 0, result.output
    told = json.loads(Path("up/manifest.json").read_text())
    assert f"kept 6 of 6 asked for, {told['made']} made; dropped: " in result.stdout
    assert "does not start high" in result.stdout
    assert told["filters"] == ["starts", "unique"] and told["made"] == 6 + sum(told["dropped"].values())
    rows = json.loads(Path("up/samples.json").read_text())
    assert [row["seed"] for row in rows] == told["seeds"]
    assert all(json.loads(Path("up", row["file"]).read_text())[0][0] > 0 for row in rows)


def test_fewer_than_asked_is_no_success(suffuse, trained, caplog):
    result = suffuse(
        "generate", trained, "-n", 4, "--filter", "starts:above=99,word=1e3", "--tries", 9, "--out", "a.json"
    )
    assert result.exit_code == 11
    assert "kept 0 of 4 asked for, 9 made; dropped: does not start 1e3 (9)" in caplog.text  # a text stays as it is
    assert not Path("a.json").exists() and json.loads(Path("a.json.manifest.json").read_text())["kept"] == 0


def test_what_passed_is_written_though_it_is_too_few(suffuse, trained):
    whole = json.loads(suffuse("generate", trained, "-n", 8, "--out", "all.json", "--json").stdout)
    values = sorted(wave[0] for wave in json.loads(Path("all.json").read_text()))
    chosen = f"starts:above={(values[4] + values[5]) / 2}"  # three of the eight
    result = suffuse("generate", trained, "-n", 8, "--filter", chosen, "--tries", 8, "--out", "some.json", "--json")
    assert result.exit_code == 11
    told = json.loads(result.stdout)
    assert (told["asked"], told["made"], told["kept"]) == (8, 8, 3)
    assert told["files"] == ["some.json", "some.json.manifest.json"]
    assert len(json.loads(Path("some.json").read_text())) == 3
    assert set(told["seeds"]) < set(whole["seeds"])


def test_novel_looks_into_a_file(suffuse, trained):
    suffuse("generate", trained, "-n", 3, "--out", "known.json")
    result = suffuse("generate", trained, "-n", 3, "--filter", "novel:path=known.json", "--out", "new.json", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["seeds"] == [3, 4, 5]


def test_variations_pass_filters(suffuse, trained):
    suffuse("generate", trained, "-n", 2, "--out", "two.json")
    result = suffuse(
        "vary", trained, "two.json", "--strength", 0, "--filter", "unique", "-n", 2, "--out", "v", "--json"
    )
    assert result.exit_code == 11  # strength 0 gives the same item again
    told = json.loads(result.stdout)
    assert (told["kept"], told["made"], told["dropped"]) == (2, 40, {"was made before": 38})
    assert {Path(file).name for file in told["files"]} >= {"manifest.json", "sheet.png"}


def test_wrong_filters_are_told(suffuse, trained):
    for text, code, words in (
        ("uniqe", 6, "did you mean 'unique'"),
        ("novel", 2, "novel.path"),
        ("novel:path=none.json", 3, "none.json"),
        ("starts:abov=1", 2, "did you mean 'above'"),
        ("starts:above", 2, "NAME=VALUE"),
    ):
        result = suffuse("generate", trained, "-n", 1, "--filter", text, "--out", "x")
        assert (result.exit_code, result.stdout) == (code, ""), text
        assert words in result.stderr


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("generate", ("-n", 4)),
        ("inpaint", ("items.json", "-n", 4, "--fill", "0:8", "--steps", 4)),
        ("vary", ("items.json", "-n", 4)),
        ("restore", ("items.json", "-n", 4, "--noise", 0.5, "--degrade", "--steps", 4)),
        ("bridge", ("items.json", "-n", 4, "--degrade")),
    ],
)
def test_an_interrupted_command_goes_on(suffuse, trained, bridging, monkeypatch, verb, options):
    assert suffuse("generate", trained, "-n", 2, "--seed", 90, "--out", "items.json").exit_code == 0
    passed = () if verb in ("restore", "bridge") else ("--filter", "unique")
    model = bridging if verb == "bridge" else trained
    command = (verb, model, *options, "--batch", 2, *passed, "--json", "--out", "out.json")
    real = Workshop._sample
    begun = []

    def break_off(self: Workshop, places: Any, seeds: Any) -> Any:
        begun.append(seeds)
        if len(begun) > 1:
            raise KeyboardInterrupt
        return real(self, places, seeds)

    monkeypatch.setattr(Workshop, "_sample", break_off)
    result = suffuse(*command)
    assert result.exit_code == 130
    assert "what was made is kept in out.json.parts; the same command goes on from there" in result.stderr
    monkeypatch.setattr(Workshop, "_sample", lambda *told: begun.append(told[2]) or real(*told))
    for name, value in (("seed", 5), ("steps", 2) if verb == "bridge" else ("guidance", 2)):
        other = suffuse(*command, f"--{name}", value)
        assert other.exit_code == 3 and f"its {name} is another" in other.stdout, other.output
    assert Path("out.json.parts").exists() and not Path("out.json").exists()
    resumed = suffuse(*command)
    assert resumed.exit_code == 0, resumed.output
    assert not Path("out.json.parts").exists() and begun[2] != begun[0]
    whole = suffuse(*command[:-1], "whole.json", "--no-resume")
    assert Path("out.json").read_text() == Path("whole.json").read_text()
    told = [{**json.loads(one.stdout), "files": None, "seconds": None} for one in (resumed, whole)]
    assert told[0] == told[1] and told[0]["evaluations"] > 0.0
    if passed:
        manifests = [json.loads(Path(f"{name}.json.manifest.json").read_text()) for name in ("out", "whole")]
        assert manifests[0] == manifests[1] and manifests[0]["model"]["domain"] == "toy"


def test_the_output_may_be_the_folder_where_one_is(suffuse, trained):
    result = suffuse("generate", trained, "-n", 1, "--out", ".")
    assert result.exit_code == 0 and Path("samples.json").exists(), result.output


def test_what_is_said_of_what_is_kept_is_so(suffuse, trained, monkeypatch):
    """A refused call keeps nothing of its own; one that was stopped before anything was made has nothing to keep."""
    real, begun = Workshop._sample, []

    def break_off(self: Workshop, places: Any, seeds: Any) -> Any:
        begun.append(seeds)
        if len(begun) % 2:
            raise KeyboardInterrupt
        return real(self, places, seeds)

    monkeypatch.setattr(Workshop, "_sample", break_off)
    command = ("generate", trained, "-n", 4, "--batch", 2, "--out", "out.json")
    early = suffuse(*command)
    assert early.exit_code == 130 and "nothing was made yet that could be kept" in early.stderr
    late = suffuse(*command)
    assert late.exit_code == 130 and "what was made is kept in out.json.parts" in late.stderr
    refused = suffuse(*command, "--seed", 5)
    assert refused.exit_code == 3 and "remembers items of another call: its seed" in refused.stderr
    assert "goes on from there" not in refused.stderr and Path("out.json.parts").exists()


def test_items_that_are_others_are_another_call(suffuse, trained, monkeypatch):
    suffuse("generate", trained, "-n", 1, "--out", "items.json")
    command = ("vary", trained, "items.json", "-n", 4, "--batch", 2, "--out", "out.json")
    real = Workshop._sample

    def break_off(self: Workshop, places: Any, seeds: Any) -> Any:
        if self.done:
            raise KeyboardInterrupt
        return real(self, places, seeds)

    monkeypatch.setattr(Workshop, "_sample", break_off)
    assert suffuse(*command).exit_code == 130
    assert suffuse("generate", trained, "-n", 1, "--seed", 7, "--batch", 2, "--out", "items.json").exit_code == 0
    other = suffuse(*command)
    assert other.exit_code == 3 and "its items is another" in other.stderr
    other = suffuse("inpaint", *command[1:3], "--fill", "0:8", "--out", "out.json")
    assert other.exit_code == 3 and "its verb is another" in other.stderr
