from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from ceap.graph.chart import Block, Chart, Kind, Outcome
from ceap.graph.svg import draw_svg
from tests.browser import Browser, find_browser
from tests.graph.support import chart_of
from tests.reference import EXPRESS, GOVERNED, OUTSIDE, OWNED, STAGES, STANDARD, TRIGGERED

SVG = "{http://www.w3.org/2000/svg}"
DECLARATIONS = [EXPRESS, STANDARD, TRIGGERED, OUTSIDE, OWNED, GOVERNED]


def texts(chart: Chart) -> list[str]:
    """Return what stands in the picture, from above to below."""
    return [element.text or "" for element in ET.fromstring(draw_svg(chart)).iter(f"{SVG}text")]


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda path: path.stem)
def test_every_line_of_a_chart_is_text_in_the_picture(declaration: Path) -> None:
    chart = chart_of(declaration)
    blocks = (*chart.triggers, chart.queue, chart.pipe, chart.machine, *chart.states, *chart.watchers)
    said = [line for block in blocks for line in (block.title, *block.lines)]
    said += [line for block in blocks for aside in block.asides for line in (aside.verb, *aside.lines)]
    assert set(said) <= set(texts(chart))


def test_the_stages_stand_below_each_other_in_their_order() -> None:
    assert [text for text in texts(chart_of(EXPRESS)) if text in STAGES] == list(STAGES)


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda path: path.stem)
def test_the_picture_has_no_script_no_style_from_elsewhere_and_no_address(declaration: Path) -> None:
    drawn = draw_svg(chart_of(declaration))
    names = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}
    assert names <= {"svg", "title", "desc", "style", "g", "rect", "path", "text"}
    for word in ("href", "url(", "@import", "script", "onload"):
        assert word not in drawn
    assert drawn.count("http") == 1  # the name of the format


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda path: path.stem)
def test_every_box_stands_inside_the_picture(declaration: Path) -> None:
    root = ET.fromstring(draw_svg(chart_of(declaration)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + wide <= width
        assert y + high <= height


def test_names_are_escaped() -> None:
    name = "<script>&\"'\x00\ud800"
    block = Block(Kind.STATE, name)
    chart = msgspec.structs.replace(chart_of(EXPRESS), title=name, description=name, states=(block,))
    assert "<script>&\"'\ufffd\ufffd" in texts(chart)
    draw_svg(chart).encode()


def test_the_outcome_of_each_stage_is_said_and_has_a_class() -> None:
    done = Block(Kind.FUNCTION, "TakeStage", outcome=Outcome("SUCCEEDED", 1, 0.25))
    failed = Block(Kind.FUNCTION, "SiftStage", outcome=Outcome("TIMED_OUT", 3, 70.0, "States.Timeout"))
    never = Block(Kind.JOB, "HeavyStage", outcome=Outcome("NOT_RUN", 0))
    chart = msgspec.structs.replace(chart_of(EXPRESS), states=(done, failed, never), execution="execution x FAILED")
    drawn = draw_svg(chart)
    for class_ in ("function succeeded", "function failed", "job notrun"):
        assert f'<g class="{class_}">' in drawn
    said = texts(chart)
    assert "execution x FAILED" in said
    assert "succeeded, 1 attempt in 0.25 s" in said
    assert said[said.index("timed out, 3 attempts in 70 s") + 1] == "States.Timeout"
    assert "not run" in said


@pytest.mark.browser
@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("declaration", [STANDARD, TRIGGERED], ids=lambda path: path.stem)
def test_in_a_browser_no_text_leaves_its_box_and_nothing_is_fetched(
    declaration: Path, scheme: str, tmp_path: Path
) -> None:
    picture = tmp_path / "x.svg"
    picture.write_text(draw_svg(chart_of(declaration)), encoding="utf-8")
    outside = """[...document.querySelectorAll('g')].flatMap(g => {
        const box = g.querySelector('rect').getBBox()
        return [...g.querySelectorAll('text')].filter(text => {
            const own = text.getBBox()
            return own.x + own.width > box.x + box.width || own.y + own.height > box.y + box.height
        }).map(text => text.textContent)
    })"""
    with Browser(str(find_browser()), tmp_path) as browser:
        page = browser.open(picture, scheme=scheme)
        assert page.evaluate(outside) == []
        assert len(page.events("Network.requestWillBeSent")) == 1
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")
