"""Pages whose files are written, whose changes are made and whose commands are run as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

STEP: Final = re.compile(
    r"^(?P<verb>Save as|Change) `(?P<path>[^`]+)`:\n\n```\w+\n(?P<body>.*?)^```$|^```console\n(?P<console>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
"""A step of a page: a file to write, a change of one, or a block of commands with what they print."""

Varying: TypeAlias = tuple[re.Pattern[str], str]
"""What differs from run to run, and what stands for it."""


def change(path: Path, diff: str) -> None:
    """Apply a change: the lines with `-` and without a sign stand in the file once, those with `+` take their place."""
    before, after = ("".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] != sign) for sign in "+-")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path.name} does not have, once:\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and what it prints."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def save(path: Path, body: str) -> None:
    """Write a file of a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


def compare(command: str, expected: str, shown: str, varying: Iterable[Varying]) -> None:
    """Require that a command showed what the page does; `...` stands for any lines."""
    told, page = normal(shown, varying), normal(expected, varying)
    patterns = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in page.splitlines()]
    assert re.fullmatch("".join(patterns), told), f"$ {command}\n{shown}"


def normal(text: str, varying: Iterable[Varying]) -> str:
    for pattern, stand_in in varying:
        text = pattern.sub(stand_in, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
