"""The page in a real browser: it loads nothing, and is readable in the dark, on a phone, on paper and by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ceap.local.executions import Wait
from ceap.local.page.grants import Call, RoleUse
from ceap.local.page.layout import render_page
from ceap.local.progress import Printed
from handlers.runtime.contract import output_key, rejected_key
from tests.browser import Browser, find_browser
from tests.local.page.support import execution, run_of, stage

pytestmark = pytest.mark.browser

LONG = "x" * 300
ENTER, TAB = 13, 9
CONTRAST = """(() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const behind = node => {
    const found = colour(getComputedStyle(node).backgroundColor);
    return found.length === 4 && found[3] === 0 && node.parentElement ? behind(node.parentElement) : found;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  for (let node; (node = walker.nextNode());) {
    if (!node.textContent.trim() || !node.parentElement.checkVisibility()) continue;
    const style = getComputedStyle(node.parentElement);
    const text = node.parentElement.closest('svg') ? style.fill : style.color;
    const pair = [light(colour(text)), light(behind(node.parentElement))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 4.5) poor.push(node.textContent.trim() + ' ' + contrast.toFixed(2));
  }
  return poor;
})()"""
WIDER = """(() => {
  const clipped = node => node && (getComputedStyle(node).overflowX === 'hidden' || clipped(node.parentElement));
  return [...document.body.querySelectorAll('*')]
    .filter(node => node.getBoundingClientRect().right > innerWidth + 0.5 && !clipped(node.parentElement))
    .map(node => node.outerHTML.slice(0, 100));
})()"""

LOWER = """[...document.querySelectorAll('summary *')]
  .filter(node => node.getBoundingClientRect().bottom > node.closest('summary').getBoundingClientRect().bottom + 0.5)
  .map(node => node.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(find_browser() or "", tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failed run with a redelivery, fifteen stages and texts without a place to break them."""
    names = [f"Number{number}Stage" for number in range(14)]
    waits = (Wait("SiftStage", 2, 1200.0), Wait("SiftStage", 3, 40.0))
    attempts = [
        ("SiftStage", 0, 0.3, "FAILED"),
        ("SiftStage", 1200, 1200.3, "FAILED"),
        ("SiftStage", 1240, 1241, "FAILED"),
    ]
    executions = [
        execution(*attempts, waits=waits, status="FAILED"),  # type: ignore[arg-type]
        execution(("SiftStage", 0, 1, "SUCCEEDED"), name="e2"),
    ]
    line = json.dumps({"code": "LONG_CODE", "reason": "<script>alert(1)</script>", "record": LONG})
    objects = {
        output_key("e2", "SiftStage"): json.dumps({"data": [{"id": LONG, "text": "<b>"}], "metadata": {}}).encode(),
        rejected_key("e2", "SiftStage"): line.encode(),
    }
    numbers: dict[str, Any] = {"recordsIn": 100_000, "recordsOut": 99_998, "recordsRejected": 1, "recordsMerged": 1}
    stages = [stage(rejections={LONG: 1}, counts={LONG: 3}, **numbers), *(stage(name, recordsIn=3) for name in names)]
    contents = run_of(stages, executions, objects, messagesDeadLettered=1, problems=[LONG])
    calls = [Call("dynamodb:BatchWriteItem", f"arn:aws:dynamodb:us-east-1:123456789012:table/{LONG}", 12)]
    contents = contents._replace(
        remains=contents.remains._replace(dead_letters=[LONG], alerts=[LONG], events=[{"DetailType": LONG}]),
        failures=["", f"SiftStage failed in attempt 1, {LONG}", f"  KeyError: {LONG}"],
        printed=[Printed("e1", "SiftStage", 1, [LONG])],
        roles=[RoleUse("SiftStage", f"arn:aws:iam::1:role/{LONG}", [*calls, Call("s3:GetObject", "*", 0)], calls)],
    )
    file = tmp_path_factory.mktemp("page") / "run.html"
    file.write_text(render_page(contents), encoding="utf-8")
    return file


def test_it_requests_nothing_but_itself_and_the_console_is_empty(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert [event["request"]["url"] for event in opened.events("Network.requestWillBeSent")] == [page.as_uri()]
    assert opened.events("Log.entryAdded") == []
    assert opened.events("Runtime.consoleAPICalled") == []
    assert opened.events("Runtime.exceptionThrown") == []


def test_data_is_text_and_a_script_would_not_run(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    assert opened.evaluate("document.querySelectorAll('script, pre b').length") == 0
    assert opened.evaluate("document.querySelector('.rejections summary').textContent").endswith(
        "<script>alert(1)</script>"
    )
    make = "const made = document.createElement('script'); made.textContent = 'window.ran = 1'"
    assert opened.evaluate(f"{make}; document.body.append(made); window.ran || 0") == 0


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 28)")])
def test_every_text_stands_out_in_the_light_and_in_the_dark(
    browser: Browser, page: Path, scheme: str, paper: str
) -> None:
    opened = browser.open(page, scheme=scheme)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert opened.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [320, 400, 760, 1200])
def test_nothing_is_wider_than_the_window_or_overlaps_the_line_below(browser: Browser, page: Path, width: int) -> None:
    opened = browser.open(page, width=width)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert (opened.evaluate(WIDER), opened.evaluate(LOWER)) == ([], [])


def test_on_paper_everything_is_open_and_nothing_is_cut_off(browser: Browser, page: Path) -> None:
    opened = browser.open(page, media="print", width=700)
    assert opened.evaluate("document.querySelectorAll('details[open]').length") == 1
    hidden = "[...document.querySelectorAll('pre, .timeline')].filter(one => !one.checkVisibility()).length"
    assert opened.evaluate(hidden) == 0
    assert opened.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert opened.evaluate("getComputedStyle(document.querySelector('.preview')).whiteSpace") == "normal"
    assert opened.evaluate(WIDER) == []


def test_the_printed_page_has_every_section(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    titles = opened.evaluate("[...document.querySelectorAll('h2')].map(one => one.textContent)")
    bookmarks = re.findall(rb"/Title \(([^)]*)\)", opened.print())
    assert len(titles) == 10
    assert [title for title in titles if title.encode() not in bookmarks] == []


def test_a_keyboard_reaches_and_opens_what_is_closed(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    opened.evaluate("document.querySelector('.rejections summary').scrollIntoView()")
    opened.evaluate("[...document.querySelectorAll('a, summary')].at(-2).focus()")
    opened.press("Tab", TAB)
    opened.press("Enter", ENTER, "\r")
    assert opened.evaluate("[document.activeElement.tagName, document.activeElement.parentElement.open]") == [
        "SUMMARY",
        True,
    ]
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert opened.evaluate(outline) == "solid"


def test_a_screen_reader_finds_headings_pictures_and_tables(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    nodes = opened.call("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in nodes if not node["ignored"]]

    def named(role: str) -> list[str]:
        return [node["name"]["value"] for node in shown if node["role"]["value"] == role]

    levels = opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => Number(one.tagName[1]))")
    assert [pair for pair in pairwise(levels) if pair[1] - pair[0] > 1] == []
    assert levels.count(1) == 1
    images = named("image")
    assert "attempt 1 FAILED 0.3 s; attempt 2 FAILED 0.3 s; attempt 3 FAILED 1 s" in images
    assert "Records of SiftStage: 200,000 in, 0 expanded, 199,996 out, 2 rejected, 2 merged, 0 stale" in images
    assert [name for name in images if not name] == []
    assert named("columnheader") == ["action", "resource", "calls"]
    assert set(named("rowheader")) >= {"dynamodb:BatchWriteItem", "s3:GetObject"}
    assert named("navigation") == ["Sections"]
