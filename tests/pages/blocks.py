"""The blocks of code on the pages, and the command lines in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

from ceap.project import ROOT

FENCE: Final = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)(?P=fence)$", re.DOTALL | re.MULTILINE
)
PAGES: Final = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)


_INNER: Final = re.compile(r"\$\(((?:[^()']|'[^']*'|\([^()]*\))*)\)")


class Block(NamedTuple):
    """A block: its page and line, its language, and its text without the page's indentation."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        return self.text.splitlines()[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page.relative_to(ROOT).as_posix(), line, found["language"], dedent(found["text"]))


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def command_lines(block: Block) -> list[str]:
    """Return the commands that a reader types: all lines of `sh`, in `console` those after `$`.

    Continued lines are joined; comments, the lines of here-documents and shell functions are left out.
    """
    text = re.sub(r"\\\n\s*", " ", block.text)
    lines = [line.strip() for line in text.splitlines()]
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in lines if line and not line.startswith("#")]


def programs(line: str) -> Iterator[list[str]]:
    """Yield the words of each program that a line calls: parts of pipes, and those inside `$(...)`."""
    for inner in _INNER.findall(line):
        yield from programs(inner)
    outer = _INNER.sub("VALUE", line)
    for part in re.split(r" (?:\||\|\||&&|;) (?=[^']*(?:'[^']*'[^']*)*$)", outer):
        words = shlex.split(part, comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words = words[1:]
        if words:
            yield [word for number, word in enumerate(words) if not _is_redirection(words, number)]


def _is_redirection(words: list[str], number: int) -> bool:
    return words[number] in {">", ">>"} or (number > 0 and words[number - 1] in {">", ">>"})
