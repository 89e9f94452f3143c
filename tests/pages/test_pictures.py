"""The pictures: as the code draws them now, readable in light and dark, and with the project's own numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from ceap.project import ROOT
from pages import pictures
from pages.drawing import WHOLE, WIDTH, Column, Drawing
from pages.pictures import FOLDER, GRAPHS, PICTURES, draw_all
from templates import budget
from templates.model import RetryPolicy

SVG = "{http://www.w3.org/2000/svg}"
CONTRAST_MIN = 4.5
"""Source: Web Content Accessibility Guidelines 2.2, "Contrast (Minimum)"."""


def words(name: str) -> str:
    """Return the text of a picture, line by line."""
    return "\n".join(element.text or "" for element in ET.fromstring(PICTURES[name]()).iter(f"{SVG}text"))


@pytest.mark.usefixtures("own_project")
def test_the_committed_pictures_are_those_that_the_code_draws() -> None:
    drawn = dict(draw_all())
    assert {name: (FOLDER / name).read_text(encoding="utf-8") == text for name, text in drawn.items()} == dict.fromkeys(
        drawn, True
    ), "run make docs"
    graphs = {f"{name}.svg" for name in GRAPHS}
    assert {path.name for path in FOLDER.iterdir()} <= {*PICTURES, *graphs}
    assert set(drawn) >= set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_on_a_page(name: str) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f"pictures/{name})" in page] != []


def test_the_life_of_a_failure_has_the_numbers_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    text = words("failure.svg")
    for shown in ("3 attempts, after waits of 20 s and 40 s", "hidden for at least 330 s", "received 3 times in all"):
        assert shown in text
    monkeypatch.setattr(budget, "MAX_RECEIVES", 5)
    monkeypatch.setattr(pictures, "_LAMBDA", RetryPolicy(max_attempts=1, interval_s=7))
    changed = words("failure.svg")
    assert "received 5 times in all" in changed
    assert "2 attempts, after waits of 7 s" in changed


def test_who_retries_what_has_the_numbers_of_client_state_machine_and_queue() -> None:
    text = words("retries.svg")
    for shown in (
        "5 attempts of a call",
        "Lambda: 3 attempts, after waits of 20 s and 40 s",
        "Glue: 3 attempts, after waits of 300 s and 600 s",
        "EXPRESS: 3 receives, so at most 9 attempts of a stage",
        "EXPRESS: attempts and waits together take at most 300 s.",
    ):
        assert shown in text


def test_the_way_of_a_message_has_the_limits_of_queue_and_bucket() -> None:
    text = words("message.svg")
    assert "at most 122,880 bytes" in text
    assert "keeps it for 14 days;" in text
    assert text.count("for 7 days") == 3


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_narrow_as_a_telephone_shows_and_tells_those_who_cannot_see_it(name: str) -> None:
    picture = ET.fromstring(PICTURES[name]())
    assert picture.attrib["viewBox"].split()[2] == str(WIDTH)
    described = [picture.findtext(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert all(described)
    assert picture.attrib["aria-labelledby"] == "t d"
    right = [float(box.attrib["x"]) + float(box.attrib["width"]) for box in picture.iter(f"{SVG}rect")]
    assert max(right) <= WIDTH


@pytest.mark.parametrize("name", PICTURES)
def test_boxes_of_a_column_do_not_overlap(name: str) -> None:
    boxes = [
        [float(box.attrib[key]) for key in ("x", "y", "height")]
        for box in ET.fromstring(PICTURES[name]()).iter(f"{SVG}rect")
    ]
    for column in {x for x, _, _ in boxes}:
        inside = sorted((y, y + height) for x, y, height in boxes if x == column)
        assert [(above, below) for above, below in pairwise(inside) if above[1] > below[0]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_every_box(scheme: str) -> None:
    light, _, dark = PICTURES["failure.svg"]().partition("@media (prefers-color-scheme: dark)")
    style = dark if scheme == "dark" else light
    ink = re.findall(r"svg \{ background: (#\w+); color: (#\w+)", style)[0]
    fills = re.findall(r"rect \{ fill: (#\w+)", style)
    quiet = re.findall(r"\.quiet \{ fill: (#\w+)", style)[0]
    assert len(fills) == 8
    assert min(contrast(ink[1], fill) for fill in (ink[0], *fills)) >= CONTRAST_MIN
    assert contrast(quiet, ink[0]) >= CONTRAST_MIN


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_line_that_does_not_fit_is_refused_when_it_is_drawn() -> None:
    with pytest.raises(ValueError, match=r"^'x{70}' is too long for a column of 420 px$"):
        Drawing("a", "b").box(WHOLE, ["x" * 70])


def test_what_looks_like_markup_is_text() -> None:
    drawing = Drawing("<a>", "b & c")
    drawing.box(Column(0, 200), ["<script>", "&amp;"])
    picture = ET.fromstring(drawing.document())
    assert [element.text for element in picture.iter(f"{SVG}text")] == ["<script>", "&amp;"]
    assert (picture.findtext(f"{SVG}title"), picture.findtext(f"{SVG}desc")) == ("<a>", "b & c")


def test_the_folder_is_where_the_pages_look() -> None:
    assert Path("docs/pictures") == FOLDER.relative_to(ROOT)
