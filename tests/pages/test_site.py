"""The site: every page stands in it, its links lead somewhere, and nothing is fetched from elsewhere."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ceap.project import ROOT
from pages import site
from pages.site import SiteError, relink
from tests.browser import Browser, find_browser

pytestmark = pytest.mark.xdist_group("site")

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
FETCHING = {"src", "srcset", "poster", "data", "action"}
LINKED = {"a", "area"}
"""Elements whose address is opened by a reader, not by the page."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once; the builder refuses what it would warn of."""
    out = tmp_path_factory.mktemp("site") / "site"
    site.build(out)
    return out


class Elements(HTMLParser):
    """The start tags of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


@cache
def tags_of(text: str) -> list[tuple[str, dict[str, str]]]:
    elements = Elements()
    elements.feed(text)
    return elements.tags


def is_elsewhere(address: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", address.strip(), re.IGNORECASE) is not None


def fetched(text: str) -> Iterator[str]:
    """Yield the addresses elsewhere that a page of HTML, a style sheet or a picture fetches by itself."""
    for tag, attributes in tags_of(text):
        addresses = [value for name, value in attributes.items() if name in FETCHING]
        if tag not in LINKED:
            addresses += [value for name, value in attributes.items() if name in {"href", "xlink:href"}]
        yield from filter(is_elsewhere, addresses)
    for address in re.findall(r"(?:url\(|@import\s+(?:url\()?)\s*[\"']?([^\"')\s;]+)", text):
        if is_elsewhere(address):
            yield address


def pages_of(built: Path) -> list[Path]:
    return sorted(built.rglob("*.html"))


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    files = [path for suffix in ("html", "css", "svg") for path in built.rglob(f"*.{suffix}")]
    found = {str(path.relative_to(built)): sorted(set(fetched(path.read_text(encoding="utf-8")))) for path in files}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}
    assert len(files) > 90


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://unpkg.com/mermaid@11"></script>',
        '<link rel="stylesheet" href="//fonts.googleapis.com/css?family=Roboto">',
        '<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>',
        '<img src="https://example.com/badge.svg">',
        '<svg><image href="http://example.com/a.png"/></svg>',
        '<svg><use xlink:href="https://example.com/a.svg#b"/></svg>',
        "<style>@import url('https://example.com/a.css');</style>",
        '@import "https://example.com/a.css";',
        "a { background: url(//example.com/a.png) }",
    ],
)
def test_what_is_fetched_from_elsewhere_is_seen(text: str) -> None:
    assert len(list(fetched(text))) >= 1


def test_a_link_of_the_text_may_lead_elsewhere() -> None:
    assert list(fetched('<a href="https://docs.aws.amazon.com/">AWS</a> <img src="a.svg"> url(b.png)')) == []


def test_no_page_uses_what_the_theme_would_fetch_for_it(built: Path) -> None:
    [bundle] = built.glob("assets/javascripts/bundle.*.js")
    hosts = set(re.findall(r"https://([\w.-]+/[\w-]+)", bundle.read_text(encoding="utf-8")))
    assert hosts == {
        "api.github.com/repos",  # of `repo_url`, which is not set
        "api.github.com/users",
        "cdn.jsdelivr.net/pyodide",  # Python in the browser
        "unpkg.com/ace-builds",
        "unpkg.com/pyodide",
        "unpkg.com/glightbox",  # large pictures
        "unpkg.com/mermaid",
        "unpkg.com/resize-observer-polyfill",  # browsers of 2019
    }
    used = re.compile(r'class="[^"]*\b(mermaid|glightbox|pyodide)\b|data-md-component="source"')
    assert [page for page in pages_of(built) if used.search(page.read_text(encoding="utf-8"))] == []


def listed(entries: Any) -> Iterator[str]:
    """Yield the pages of the navigation, in order."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from listed([inner] if isinstance(inner, str) else inner)


def test_every_page_stands_once_in_the_navigation() -> None:
    assert sorted(listed(CONFIG["nav"])) == sorted(name for _, name in site.pages())


def test_every_page_is_built_and_found_by_the_search(built: Path) -> None:
    items = json.loads((built / "search.json").read_text(encoding="utf-8"))["items"]
    found = {item["location"].partition("#")[0] for item in items}
    expected = {re.sub(r"(?:^|(?<=/))README\.html$", "index.html", f"{name[:-3]}.html") for _, name in site.pages()}
    assert expected - {re.sub(r"(^|/)$", r"\1index.html", place) for place in found} == set()
    assert [name for name in expected if not (built / name).is_file()] == []


def test_every_link_within_the_site_leads_to_a_file_and_its_anchor(built: Path) -> None:
    elements = {page: tags_of(page.read_text(encoding="utf-8")) for page in pages_of(built)}
    ids = {page: {given["id"] for _, given in tags if "id" in given} for page, tags in elements.items()}
    dead = []
    for page, tags in elements.items():
        addresses = {given["href"] for _, given in tags if "href" in given} | {
            given["src"] for _, given in tags if "src" in given
        }
        for address in addresses:
            path, _, anchor = address.partition("#")
            target = (page.parent / path).resolve() if path else page
            if re.match(r"\w+:", address) or page.name == "404.html":
                continue
            if not target.is_file() or (anchor and target in ids and anchor not in ids[target]):
                dead.append(f"{page.relative_to(built)}: {address}")
    assert dead == []


def test_a_file_outside_the_pages_comes_along_as_text() -> None:
    text, linked = relink("[a](../../glue/latest.py) [b](../tutorial.md#x) [c](#d) [e](https://f)", "docs/adr/house.md")
    assert text == "[a](../files/glue/latest.py.txt) [b](../tutorial.md#x) [c](#d) [e](https://f)"
    assert linked == {"glue/latest.py"}


def test_a_page_of_the_root_links_as_one_of_the_site() -> None:
    text = (
        "[a](docs/tutorial.md) [b](docs/runbook/) [c](CHANGELOG.md)\n```sh\n[d](nowhere.md)\n```\n[e](docs/glossary.md)"
    )
    changed = "[a](tutorial.md) [b](runbook/README.md) [c](changelog.md)\n```sh\n[d](nowhere.md)\n```\n[e](glossary.md)"
    assert relink(text, "README.md") == (changed, set())


@pytest.mark.parametrize("target", ["nowhere.md", "../../../outside.md", "../../.venv"])
def test_a_link_to_what_is_no_file_of_the_project_is_refused(target: str) -> None:
    with pytest.raises(SiteError, match=rf"^docs/adr/house\.md: {re.escape(target)} is no file of the project$"):
        relink(f"[a]({target})", "docs/adr/house.md")


def test_what_the_builder_warns_of_is_no_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = tmp_path / "root", tmp_path / "out"
    (root / "docs").mkdir(parents=True)
    (root / "docs/index.md").write_text("# A\n\n[b](#nowhere)\n", encoding="utf-8")
    (root / "zensical.toml").write_text('[project]\nsite_name = "a"\n', encoding="utf-8")
    monkeypatch.setattr(site, "ROOT", root)
    monkeypatch.setattr(site, "ROOT_PAGES", {})
    with pytest.raises(SiteError, match=r"anchor does not exist(?s:.*)index\.md:3:6"):
        site.build(out)
    assert not out.exists()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_browser()
    assert executable, "the mark `browser` skips this test"
    with Browser(executable, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_opened_from_the_disk_ask_for_files_only_and_are_as_wide_as_the_window(
    built: Path, browser: Browser, width: int
) -> None:
    for name in ("index", "overview", "explanation/message", "reference/rules", "runbook/a-day", "glossary"):
        page = browser.open(built / f"{name}.html", width=width)
        asked = [event["request"]["url"] for event in page.events("Network.requestWillBeSent")]
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.events("Runtime.exceptionThrown") == []


SEARCH = """
new Promise((resolve, reject) => {
  document.querySelector(".md-search__button").click()
  const deadline = Date.now() + 60000
  const look = () => {
    const root = [...document.querySelectorAll("div")].find(e => e.shadowRoot)?.shadowRoot
    const input = root?.querySelector("input")
    if (input && input.value !== WORD) {
      input.value = WORD
      input.dispatchEvent(new Event("input", { bubbles: true }))
    }
    const links = root ? [...root.querySelectorAll("a")].map(a => a.getAttribute("href")) : []
    if (links.length) resolve(links)
    else if (Date.now() > deadline) reject(new Error("nothing is found"))
    else setTimeout(look, 50)
  }
  look()
})
"""


@pytest.mark.browser
def test_a_word_is_found_without_a_server(built: Path, browser: Browser) -> None:
    page = browser.open(built / "index.html", width=1440)
    links = page.evaluate(SEARCH.replace("WORD", json.dumps("redrive")))
    assert any("reference/redrive.html" in link for link in links)
    asked = [event["request"]["url"] for event in page.events("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
