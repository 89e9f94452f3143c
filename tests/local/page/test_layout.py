"""The page as a whole: which sections it has, what it loads, and how large it may become."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from ceap.local.executions import Wait
from ceap.local.page.layout import render_page
from ceap.local.progress import Printed
from handlers.runtime.contract import output_key
from tests.local.page.support import execution, large_run, many_records, run_of, stage

SIZE_MAX = 2_000_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"


class Outline(HTMLParser):
    """The elements of a page, with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data


@pytest.fixture(scope="module")
def large() -> str:
    return render_page(large_run())


def small_run_page() -> str:
    attempts = [("SiftStage", 0.0, 0.3, "FAILED"), ("SiftStage", 20.3, 20.6, "SUCCEEDED")]
    executions = [
        execution(*attempts, waits=(Wait("SiftStage", 2, 20.0),)),  # type: ignore[arg-type]
        execution(("SiftStage", 1800, 1801, "FAILED"), name="e2", status="FAILED"),
    ]
    objects = {output_key("e1", "SiftStage"): json.dumps({"data": [1], "metadata": {}}).encode()}
    contents = run_of([stage(recordsIn=2, recordsOut=1)], executions, objects)
    metrics, line = '{"_aws": {}, "Count": 1}', '{"level": "INFO", "message": "taken <b>", "location": "x:1"}'
    return render_page(contents._replace(printed=[Printed("e1", "SiftStage", 1, [metrics, line])]))


def test_every_element_is_closed_and_the_sections_are_linked() -> None:
    outline = Outline(small_run_page())
    assert outline.open == []
    assert outline.texts["h1"] == ["failed 1 execution failed."]
    titles = ["What failed", "Records by stage", "Timeline", "Objects", "What stages printed"]
    assert outline.texts["h2"] == titles
    links = [given["href"] for tag, given in outline.elements if tag == "a"]
    assert links == [f"#{given['id']}" for tag, given in outline.elements if tag == "section" and "id" in given]


def test_what_stages_printed_is_shown_by_attempt_without_metrics() -> None:
    outline = Outline(small_run_page())
    assert outline.texts["summary"][-1] == "SiftStage, attempt 1 of execution 1 1 line"
    assert outline.texts["pre"][-1] == "INFO    taken <b>"


def test_of_several_executions_all_are_drawn_and_the_one_that_failed_is_open() -> None:
    outline = Outline(small_run_page())
    assert [text for text in outline.texts["summary"] if text.startswith("Execution")] == [
        "Execution 1 e1, succeeded, 20.6 s",
        "Execution 2 e2, failed, 30 min 1 s",
    ]
    assert ["open" in given for tag, given in outline.elements if tag == "details"][:2] == [False, True]
    assert outline.texts["text"] == ["20 s", "30 min"]


def test_of_too_many_executions_the_failed_ones_are_shown_and_then_the_first() -> None:
    executions = [execution(("SiftStage", 0, 1, "SUCCEEDED"), name=f"e{number}") for number in range(1, 10)]
    executions.append(execution(("SiftStage", 0, 1, "FAILED"), name="e10", status="FAILED"))
    outline = Outline(render_page(run_of([stage()], executions, {})))
    shown = [text.partition(",")[0] for text in outline.texts["summary"] if text.startswith("Execution")]
    assert shown == [*(f"Execution {number} e{number}" for number in range(1, 8)), "Execution 10 e10"]


def test_the_page_loads_nothing_and_runs_nothing(large: str) -> None:
    outline = Outline(large)
    [policy] = [given["content"] for tag, given in outline.elements if given.get("http-equiv")]
    assert policy == POLICY
    tags = {tag for tag, _ in outline.elements}
    assert tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"} == set()
    names = {name for _, given in outline.elements for name in given}
    assert [name for name in names if name.startswith("on") or name in {"src", "style", "action"}] == []
    assert [given["href"] for _, given in outline.elements if not (given.get("href") or "#").startswith("#")] == []
    assert re.findall(r"url\(|@import|https?:", outline.texts["style"][0]) == []


def test_a_run_of_500_executions_gives_a_page_of_less_than_2_mb_that_says_what_is_left_out(large: str) -> None:
    assert len(large.encode()) < SIZE_MAX
    outline = Outline(large)
    assert "8 of 500 executions, failed ones first" in outline.texts["p"]
    assert "All executions 40 of 500 executions, failed ones first" in outline.texts["h3"]
    left_out = [text for text in outline.texts["p"] if text.endswith("left out")]
    assert left_out == [
        "95 more failures left out",
        *["14 more objects left out"] * 8,
        "12 more roles left out",
        "117 more attempts left out",
    ]


def test_a_run_of_100_000_records_gives_a_page_of_less_than_2_mb() -> None:
    objects = many_records(2000)
    taken = stage(recordsIn=200_000, recordsOut=100_000, recordsRejected=100_000)
    page = render_page(run_of([taken], [execution(("SiftStage", 0, 9, "SUCCEEDED"))], objects))
    assert len(page.encode()) < SIZE_MAX
    assert "the first 3 of 1,000 records" in page


def test_a_run_that_started_no_execution_has_a_page() -> None:
    outline = Outline(render_page(run_of([], [], {}, status="FAILED", messagesLeft=1, problems=["pipe p is wrong"])))
    assert outline.texts["h1"] == ["failed 0 executions failed, 1 message left in the queue."]
    assert outline.texts["li"] == ["pipe p is wrong"]
    assert "h2" not in outline.texts


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rgb` or `#rrggbb`; source: WCAG 2.2, "relative luminance"."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
def test_texts_stand_out_from_what_is_behind_them(scheme: int) -> None:
    [style] = Outline(small_run_page()).texts["style"]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]))
    pairs = [(text, back) for text in ("ink", "quiet", "link", "bad") for back in ("paper", "panel", "gap")]
    pairs += [("good", "good-soft"), ("bad", "bad-soft"), ("good", "paper")]
    shapes = [(shape, "paper") for shape in ("in", "out", "rejected", "merged", "stale")]

    def contrast(one: str, other: str) -> float:
        light, dark = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    assert [(pair, contrast(*pair)) for pair in pairs if contrast(*pair) < 4.5] == []
    assert [(pair, contrast(*pair)) for pair in shapes if contrast(*pair) < 3.0] == []
