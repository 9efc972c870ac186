"""``suffuse score`` into files and down pipes, for pipelines: what is printed, exit codes, and a run that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
from PIL import Image
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.registry import isolated
from tests import lines
from tests.lines import SHORT, wave, write

ROOT = Path(__file__).parents[2]
FAST = ("--levels", 1, "--draws", 1)


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Items by the line; a model of the toy domain serves."""
    monkeypatch.setattr(lines.Lines, "watch", lines.Watch())
    with isolated(lines.Plugin()):
        yield


@pytest.fixture
def folder(here) -> Path:
    write(here / "in" / "a.jsonl", map(wave, range(20)))
    write(here / "in" / "b.jsonl", [SHORT, *map(wave, range(20, 40))])
    write(here / "usual.jsonl", [wave(i) for i in range(100, 150) if i % 10 != 9])
    return Path("in")


def test_a_file_and_what_became_of_it(suffuse, trained, folder, here):
    result = suffuse(
        "score", trained, "in/*.jsonl", *FAST, "--reference", "usual.jsonl", "--fdr", 0.5, "--out", "o/scored.parquet"
    )
    assert result.exit_code == 0, result.output
    found = pyarrow.parquet.read_table("o/scored.parquet")
    assert found.column_names == ["id", "first", "source_file", "score", "p", "flag"] and len(found) == 40
    assert "scored 40 rows in" in result.stdout and "1 in quarantine" in result.stdout
    assert "o/scored.parquet" in result.stdout and "o/scored.quarantine.jsonl" in result.stdout
    assert f"{sum(found['flag'].to_pylist())} flagged" in result.stdout
    assert {path.name for path in Path("o").iterdir()} == {"scored.parquet", "scored.quarantine.jsonl"}


def test_programs_read_json(suffuse, trained, folder):
    result = suffuse(
        "score", trained, folder, *FAST, "--out", "s.csv", "--threshold", 0, "--keep", "id", "--figures", "--json"
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["rows"], told["flagged"], told["quarantined"]) == (40, 40, 1)
    assert told["files"] == ["s.csv", "s.quarantine.jsonl"] and told["statistic"] == "profile"
    assert told["odd_share"] == 1.0 and told["rows_per_second"] > 0
    assert Path("s.csv").read_text().splitlines()[0].startswith('"id","source_file","score","flag","σ/α=')


@pytest.mark.parametrize(("rate", "code"), [(0.5, 10), (1.0, 0)])
def test_too_many_odd_items_have_an_exit_code(suffuse, trained, folder, rate, code):
    result = suffuse("score", trained, folder, *FAST, "--out", "s.jsonl", "--threshold", 0, "--fail-over", rate)
    assert result.exit_code == code, result.output
    assert ("more than 50.000%" in result.stderr) == (code == 10)
    assert len(Path("s.jsonl").read_text().splitlines()) == 40, "the scores are there all the same"


def test_lines_go_in_and_out(trained, folder):
    text = "".join(json.dumps(item) + "\n" for item in [wave(0), SHORT, wave(1)])
    run = CliRunner().invoke
    result = run(app, ["score", str(trained), "-", *map(str, FAST), "--out", "-", "--threshold", "0.5"], input=text)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["id"], row["flag"]) for row in rows] == [(i, row["score"] > 0.5) for i, row in enumerate(rows)]
    assert len(rows) == 2, "nothing else is on stdout"
    assert '"reason": "is not a wave; expected 8; got 7"' in result.stderr and "scored 2 rows" in result.stderr
    into = run(app, ["score", str(trained), "-", *map(str, FAST), "--out", "s.arrow"], input=text)
    assert into.exit_code == 0, into.output


def test_lines_are_judged_in_their_turn(trained, here):
    write(here / "usual.jsonl", [wave(i) for i in range(1000, 1300) if i % 10 != 9])
    text = "".join(json.dumps(wave(i)) + "\n" for i in range(40))
    command = ["score", str(trained), "-", *map(str, FAST), "--reference", "usual.jsonl", "--batch", "1", "--out", "-"]
    result = CliRunner().invoke(app, [*command, "--online", "0.1"], input=text)
    assert result.exit_code == 0, result.output
    flags = [json.loads(line)["flag"] for line in result.stdout.splitlines()]
    assert len(flags) == 40 and f"{sum(flags)} flagged" in result.stderr
    wrong = CliRunner().invoke(app, [*command, "--online", "0.1", "--online-by", "lond"], input=text)
    assert wrong.exit_code == 2 and "no procedure named 'lond'" in wrong.stderr


def test_a_broken_file_is_told_and_mended(suffuse, trained, folder):
    """What was scored is kept, and the same command goes on."""
    whole = Path("in/b.jsonl").read_text()
    Path("in/b.jsonl").write_text(whole[: len(whole) // 2])
    command = ("score", trained, folder, *FAST, "--batch", 4, "--out", "s.csv")
    result = suffuse(*command)
    assert result.exit_code == 1, result.output
    assert "in/b.jsonl: broke off after 8 items: line" in result.stderr
    assert "what was scored is kept in s.csv.parts" in result.stderr
    assert not Path("s.csv").exists()
    Path("in/b.jsonl").write_text(whole)
    again = suffuse(*command)
    assert again.exit_code == 0 and "27 of them before" in again.stdout, again.output
    suffuse(*command[:-1], "t.csv")
    assert Path("s.csv").read_text() == Path("t.csv").read_text()


def test_an_interrupted_run_says_how_to_go_on(suffuse, trained, folder, monkeypatch):
    def stop(self, path, size):
        for first in (0, 5, 10, 15):
            yield lines.Lot(tuple(map(wave, range(first, first + 5))))
        raise KeyboardInterrupt

    command = ("score", trained, folder, *FAST, "--batch", 5, "--workers", 1, "--out", "s.csv")
    with monkeypatch.context() as patch:
        patch.setattr(lines.Lines, "batches", stop)
        result = suffuse(*command)
    assert result.exit_code == 130
    assert "kept in s.csv.parts; the same command goes on from there" in result.stderr
    assert "15 of them before" in suffuse(*command).stdout, "all but the last, which was being scored"


def test_nothing_is_said_to_be_kept_where_nothing_is(suffuse, trained, folder, monkeypatch):
    def stop(self, path, size):
        raise KeyboardInterrupt
        yield

    command = ("score", trained, folder, *FAST, "--batch", 5, "--workers", 1, "--out", "s.csv")
    with monkeypatch.context() as patch:
        patch.setattr(lines.Lines, "batches", stop)
        early = suffuse(*command)
    assert early.exit_code == 130 and "nothing was scored yet that could be kept" in early.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--fdr", 0.1], 2, "--out scores.csv"),
        (["--no-resume"], 2, "--no-resume"),
        (["--out", "s.csv", "--csv", "t.csv"], 2, "--csv"),
        (["--out", "s.csv", "--fdr", 0.1], 2, "--reference data"),
        (["--out", "s.csv", "--fdr", 2], 2, "0.05 for 5 in 100"),
        (["--out", "s.csv", "--fdr", 0.1, "--online", 0.1], 2, "leave fdr out"),
        (["--out", "s.xlsx"], 2, "--out s.csv"),
        (["--out", "s.csv", "--fail-over", 0.1], 2, "--threshold VALUE"),
        (["--out", "-", "--json"], 2, "--json"),
        (["--out", "s.csv", "--keep", "idd"], 8, "did you mean 'id'"),
        (["--out", "s.csv", "--strict"], 8, "in/b.jsonl:0: cannot be scored"),
    ],
)
def test_wrong_requests_are_told(suffuse, trained, folder, arguments, code, said):
    result = suffuse("score", trained, folder, *FAST, *arguments)
    assert result.exit_code == code, result.output
    assert said in (result.stdout if "--json" in arguments else result.stderr)
    assert not Path("s.csv").exists() and not Path("scores").exists()
    assert suffuse("score", trained, "-", *FAST).exit_code == 2


def test_a_folder_and_pictures_of_a_domain_that_keeps_items_together(suffuse, trained, folder, monkeypatch):
    monkeypatch.setattr(
        lines.Lines, "picture", lambda self, items, columns=None: Image.new("L", (len(items), len(items)))
    )
    lines.Lot.looked[0] = 0
    result = suffuse("score", trained, "in/a.jsonl", *FAST, "--top", 2, "--out", "odd")
    assert result.exit_code == 0, result.output
    assert {p.name for p in Path("odd").iterdir()} == {"scores.csv", "oddest.png", "usual.png"}
    assert lines.Lot.looked[0] == 4, "only those that are drawn are looked at"
    apart = suffuse("score", trained, folder, *FAST, "--out", "odd", "--json")
    assert apart.exit_code == 0, apart.output
    told = json.loads(apart.stdout)
    assert (len(told["scores"]), told["quarantined"], told["files"][-1]) == (40, 1, "odd/quarantine.jsonl")
    (fault,) = [json.loads(line) for line in Path("odd/quarantine.jsonl").read_text().splitlines()]
    assert (fault["source"], fault["row"], fault["item"]["id"]) == ("in/b.jsonl", 0, -1)
    write(Path("in/c.jsonl"), [SHORT])
    none = suffuse("score", trained, "in/c.jsonl", *FAST)
    assert none.exit_code == 8 and "in/c.jsonl:0: cannot be scored, nor any other item" in none.stderr


# a run that is killed -------------------------------------------------------------------------------------------------

SCORE = """
import sys
from suffuse.cli import app
from suffuse.registry import isolated
from suffuse.tasks.scoring import parts
from tests import lines

parts.ROWS = 16
lines.Lines.watch.nap = float(sys.argv.pop(1))
with isolated(lines.Plugin()):
    app()
"""


def start(nap: float, *arguments: object) -> subprocess.Popen[str]:
    """Another process that scores, and sleeps before each batch."""
    command = [sys.executable, "-c", SCORE, str(nap), "score", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_run_that_is_killed_is_as_one_that_is_not(trained, folder):
    write(Path("many.jsonl"), [SHORT if i % 37 == 5 else wave(i) for i in range(120)])
    options = ("many.jsonl", *FAST, "--reference", "usual.jsonl", "--fdr", 0.3, "--batch", 8)
    whole = start(0.0, trained, *options, "--out", "whole.parquet")
    killed = start(0.15, trained, *options, "--out", "killed.parquet")
    parts = Path("killed.parquet.parts")
    deadline = time.monotonic() + 120
    while len(list(parts.glob("*.arrow"))) < 3:
        assert killed.poll() is None and time.monotonic() < deadline, killed.communicate()
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert whole.wait() == 0, whole.communicate()
    assert not Path("killed.parquet").exists()
    again = start(0.0, trained, *options, "--out", "killed.parquet")
    said, errors = again.communicate()
    assert again.returncode == 0, errors
    assert "of them before" in said
    for suffix in (".parquet", ".quarantine.jsonl"):
        assert Path(f"killed{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()
    assert not parts.exists()


# pictures -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def images() -> Iterator[None]:
    from suffuse_images import plugin

    with isolated(plugin):
        yield


@pytest.mark.usefixtures("images")
def test_pictures_are_named_and_a_damaged_one_set_apart(suffuse, here):
    (here / "p").mkdir()
    for i in range(3):
        Image.new("L", (28, 28), 80 * i).save(here / "p" / f"{i}.png")
    (here / "p" / "1.png").write_bytes((here / "p" / "0.png").read_bytes()[:40])
    result = suffuse("score", "fashion", "p", *FAST, "--out", "s.parquet", "--device", "cpu")
    assert result.exit_code == 0, result.output
    found = pyarrow.parquet.read_table("s.parquet")
    assert found["item"].to_pylist() == ["p/0.png", "p/2.png"] and found.column_names == ["item", "score"]
    (fault,) = [json.loads(line) for line in Path("s.quarantine.jsonl").read_text().splitlines()]
    assert fault["source"] == "p/1.png" and "cannot be read as a picture" in fault["reason"]
    drawn = suffuse("score", "fashion", "p", *FAST, "--device", "cpu", "--out", "o")
    assert drawn.exit_code == 0 and "scored 2 in" in drawn.stdout and "1 in quarantine" in drawn.stdout
    assert [json.loads(line) for line in Path("o/quarantine.jsonl").read_text().splitlines()] == [fault]
    strict = suffuse("score", "fashion", "p", *FAST, "--device", "cpu", "--out", "o", "--strict")
    assert strict.exit_code == 8 and "p/1.png:0: cannot be scored" in strict.stderr


def test_it_is_told_when_too_few_items_could_be_found(suffuse, trained, folder):
    """45 usual items: no p-value is below a 46th."""
    result = suffuse("score", trained, folder, *FAST, "--reference", "usual.jsonl", "--fdr", 1e-4, "--out", "s.csv")
    assert result.exit_code == 0, result.output
    assert "no p-value can be below" in result.stderr


def test_a_share_is_between_0_and_1(suffuse, trained, folder):
    result = suffuse("score", trained, folder, *FAST, "--threshold", 1, "--fail-over", -1, "--out", "s.csv")
    assert result.exit_code == 2, result.output
    assert "--fail-over: is no share" in result.stderr and "fix: " in result.stderr
