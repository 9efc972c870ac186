"""Every command, snippet, recipe, option and link of README.md and docs/ works.

A page is one test: its blocks run in order, in one Python session and one folder, with trainings cut short. Just before
a block may stand ``<!-- no test: reason -->``, or ``<!-- file: name -->`` where the block is the content of a file.
Snippets on data or models that are not on this machine are left out, and told by skipped tests of their own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from suffuse.cli import app
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, commands, prose, spans, table, tables
from tests.docs.session import LAUNCHERS, Session, missing, modules_restored, need

RUN = ("python", "sh", "yaml")
SHOWN = ("text", "toml", "")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    with modules_restored():
        yield Session(tmp_path / "here", monkeypatch)


@every_page
def test_page_runs(page: Path, session: Session) -> None:
    for block in blocks(page):
        session.run(block)


def test_tour_of_readme_runs(session: Session) -> None:
    """The table that sets command lines beside Python: the first column in a shell, then the second in a session."""
    (rows,) = (rows for header, rows in tables(ROOT / "README.md") if header == ["Command line", "Python"])
    session.python("import suffuse\nfrom suffuse.sampling import Heun", "README.md")
    lines = [line for shell, _ in rows for line in spans(shell)]
    pieces = [piece for _, python in rows for piece in spans(python)]
    for line in lines:
        session.shell(line, f"README.md: {line}")
    for piece in pieces:
        if missing(need(piece)) is None:
            session.python(piece, f"README.md: {piece}")
    left_out = [piece for piece in (*lines, *pieces) if need(piece)]
    assert len(session.ran) - 1 >= len(lines) + len(pieces) - len(left_out)


def _needy() -> list[tuple[str, str]]:
    """The blocks that need something, by place."""
    tested = [block for page in PAGES for block in blocks(page) if block.no_test is None]
    return [(b.place, wanted) for b in tested if b.language in RUN and (wanted := need(b.code)) is not None]


@pytest.mark.parametrize(("place", "wanted"), _needy())
def test_nothing_is_left_out(place: str, wanted: str) -> None:
    """Tells which snippets :func:`test_page_runs` had to leave out."""
    reason = missing(wanted)
    if reason is not None:
        pytest.skip(f"{place} was not run: {reason}")


def test_blocks_without_a_test_give_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    marked = [block for page in PAGES for block in blocks(page) if block.no_test is not None]
    with capsys.disabled():
        for block in marked:
            print(f"\n{block.place} is not tested: {block.no_test}", end="")
    assert all(len(str(block.no_test).split()) >= 2 for block in marked), marked
    marks = sum(page.read_text(encoding="utf-8").count("<!-- no test") for page in PAGES)
    assert marks == len(marked), "a mark must stand on the line just before its block, with a reason"


@every_page
def test_blocks_have_a_known_language(page: Path) -> None:
    odd = [block.place for block in blocks(page) if block.language not in (*RUN, *SHOWN)]
    assert not odd, f"expected one of {RUN}, which are run, or of {SHOWN}, which are not"


def _options() -> dict[str, set[str]]:
    """The options of each verb, by its name, as ``generate`` or ``plugins list``."""
    group = typer.main.get_command(app)
    found = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None) or {"": command}
        for more, leaf in inner.items():
            options = {text for p in leaf.params for text in (*p.opts, *p.secondary_opts) if text.startswith("-")}
            found[f"{name} {more}".strip()] = options | {"-h", "--help"}
    return found


def _mentions(page: Path) -> list[str]:
    """The command lines of suffuse that a page shows, in blocks and in sentences."""
    shown = [line for block in blocks(page) if block.language == "sh" for _, line in commands(block)]
    texts = [*shown, *spans(prose(page))]
    return [m[1] for text in texts if (m := re.search(r"(?:^|[\s/])suffuse ((?:-{0,2}[a-z]).*)$", text))]


def _ours(line: str) -> bool:
    return not line.startswith(LAUNCHERS)


@every_page
def test_every_option_exists(page: Path) -> None:
    options, wrong = _options(), []
    for line in filter(_ours, _mentions(page)):
        verb = next((v for v in sorted(options, key=len, reverse=True) if f"{line} ".startswith(f"{v} ")), None)
        if verb is None:
            if not re.match(r"(--help|--version|plugins)\b", line):
                wrong.append(f"suffuse {line}: there is no such verb")
            continue
        mentioned = re.findall(r"(?<=\s)--?[a-z][a-z-]*", line.partition(" #")[0])
        wrong += [f"suffuse {line}: {verb} has no {option}" for option in mentioned if option not in options[verb]]
    every = set().union(*options.values()) | {"--version"}
    alone = [span.split()[0] for span in spans(prose(page)) if re.match(r"--?[a-z]", span)]
    wrong += [f"{option}: no verb has this option" for option in alone if option not in every]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "verb", ["train", "generate", "evaluate", "distill", "score", "explain", "search", "inpaint", "restore"]
)
def test_every_option_of_a_verb_is_on_its_page(verb: str) -> None:
    text = (ROOT / "docs" / f"{verb}.md").read_text(encoding="utf-8")
    lacking = sorted(o for o in _options()[verb] - {"-h", "--help", "--resume"} if not re.search(rf"`{o}\b", text))
    assert not lacking


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            broken.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(file):
            broken.append(f"{target}: the page has no such heading")
    assert not broken, "\n".join(broken)


def test_a_wrong_page_is_caught(session: Session, tmp_path: Path) -> None:
    """The checks themselves: a snippet that fails, a command that fails, a recipe that is wrong."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nassert 1 == 2\n```\n```sh\nsuffuse train nothing-of-that-name\n```\n"
        "```yaml\npredict: nothing\n```\n<!-- no test: on purpose -->\n```python\nassert 1 == 2\n```\n"
    )
    python, shell, recipe, marked = blocks(page)
    assert isinstance(marked, Block)
    for block in (python, shell):
        with pytest.raises(AssertionError):
            session.run(block)
    with pytest.raises(Exception, match="predict"):
        session.run(recipe)
    session.run(marked)
    assert table("generate.md", "exit code")
