"""README.md and the pages of docs/, as data: their fenced blocks, tables, links and mentions of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "plugins").glob("*.md")))

_FENCE = re.compile(r"```(\w*)\s*$")
_MARK = re.compile(r"<!--\s*(no test|file):\s*(.*?)\s*-->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Arguments:
        page: where it stands.
        line: of its first line of code, counted from 1.
        language: behind the fence.
        code: between the fences.
        no_test: the reason in a comment ``<!-- no test: reason -->`` just before it.
        file: the name in a comment ``<!-- file: name -->`` just before it: the block is that file's content.
    """

    page: Path
    line: int
    language: str
    code: str
    no_test: str | None = None
    file: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found, start, language, before = [], None, "", ""
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if start is None and fence:
            start, language = number + 1, fence[1]
        elif start is not None and line.startswith("```"):
            marks = dict(_MARK.findall(before))
            code = "\n".join(lines[start:number]) + "\n"
            found.append(Block(page, start + 1, language, code, marks.get("no test"), marks.get("file")))
            start = None
        elif start is None:
            before = line if line.strip() else ""
    assert start is None, f"{page.name}: a fence is left open"
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```\s*?$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def tables(page: Path) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The header and the rows of each table of a page."""
    for text in re.findall(r"(?:^\|.*\|[ \t]*\n)+", prose(page) + "\n", flags=re.M):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.strip().splitlines()]
        yield rows[0], rows[2:]


def table(page: str, *header: str) -> list[list[str]]:
    """The rows of the one table of a page in ``docs/`` whose header begins with these cells."""
    found = [rows for head, rows in tables(ROOT / "docs" / page) if head[: len(header)] == list(header)]
    assert len(found) == 1, f"{page} has {len(found)} tables with the header {header}"
    return found[0]


def spans(text: str) -> list[str]:
    """The pieces of a text that are set as code, without the quotes."""
    return re.findall(r"`([^`]+)`", text)


def commands(block: Block) -> list[tuple[int, str]]:
    """The lines of a shell block, continued lines joined, each with its number on the page."""
    found, held = [], ""
    for number, line in enumerate(block.code.splitlines(), start=block.line):
        if line.endswith("\\"):
            held += line[:-1]
            continue
        found.append((number, (held + line).strip()))
        held = ""
    return [(number, line) for number, line in found if line]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+\s+(.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
