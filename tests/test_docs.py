"""The pages: lines that people can review, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.blocks import PAGES

ROOT = Path(__file__).resolve().parents[1]
LINE_MAX = 120


def prose(text: str) -> list[str]:
    """Return the lines of a page that are neither code nor table, without the addresses of links."""
    outside = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"(?<=\])\([^)\s]*\)|<https?:[^>]*>", "", line) for line in outside.splitlines()]
    return [line for line in lines if not line.lstrip().startswith("|")]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_line_of_prose_is_longer_than_120_characters(page: Path) -> None:
    assert [line for line in prose(page.read_text(encoding="utf-8")) if len(line) > LINE_MAX] == []


def linked(page: Path) -> set[Path]:
    """Return the files to which a page links."""
    targets = re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in targets}


def test_the_overview_leads_to_every_page_itself_or_by_the_page_of_its_folder() -> None:
    overview, *folders = pages = [ROOT / "docs/index.md", ROOT / "docs/runbook/README.md", ROOT / "docs/adr/README.md"]
    assert linked(overview).issuperset(folders)
    reached = {page for each in pages for page in linked(each) if each is overview or page.parent == each.parent}
    assert [name(page) for page in PAGES if (ROOT / "docs") in page.parents and page not in {overview, *reached}] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{name(page)}: {target}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs/reference").glob("*.md")), ids=lambda page: page.name)
def test_rights_to_read_what_a_key_of_ones_own_encrypts_name_the_right_on_the_key(page: Path) -> None:
    rights = page.read_text(encoding="utf-8").partition("\n## Rights\n")[2].partition("\n## ")[0]
    if re.search(r"DescribeStateMachine|DescribeExecution|GetExecutionHistory|GetObject|ReceiveMessage", rights):
        assert "`kms:Decrypt`" in rights


OTHER_NAMES = re.compile(
    r"\bDLQs?\b|\bdead letter queue|\bdeadletter|\brun ids?\b|\bdata bucket|\bstate-machine\b|\breprocess|\bretrigger",
    re.IGNORECASE,
)
"""Names that things of the glossary have elsewhere."""
GENERATED = {"conformance.md", "properties.md", "rules.md"}
"""Pages that quote names of tests, addresses and keys."""


def test_no_page_calls_a_thing_by_another_name_than_the_glossary() -> None:
    code = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`|\([^)\s]*\)", re.DOTALL | re.MULTILINE)
    found = {
        name(page): OTHER_NAMES.findall(code.sub("", page.read_text(encoding="utf-8")))
        for page in PAGES
        if page.name not in GENERATED
    }
    assert {page: names for page, names in found.items() if names} == {}


def test_the_glossary_has_every_word_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 40
    assert len(words) == len(set(words))
