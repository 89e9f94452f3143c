"""HTML as text: everything that comes from data is escaped."""

from __future__ import annotations

import pytest

from ceap.local.page.markup import Markup, element, join
from tests.local.page.support import parse


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", "<i> & </i>")
    assert element("p", "1 < 2, ", inner) == "<p>1 &lt; 2, <b>&lt;i&gt; &amp; &lt;/i&gt;</b></p>"


def test_an_attribute_cannot_be_left_by_its_value() -> None:
    made = element("rect", class_="\"><script>'", stroke_width=2, hidden=None)
    assert made == '<rect class="&quot;&gt;&lt;script&gt;&#x27;" stroke-width="2"></rect>'


def test_parts_are_joined_escaped_with_their_separator() -> None:
    assert join(["<a>", Markup("<br>")], "&") == "&lt;a&gt;&amp;<br>"
    assert join([]) == ""


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\ud800"])
def test_what_html_or_utf_8_cannot_hold_is_shown_as_unknown(character: str) -> None:
    made = element("pre", f"a{character}\tb\n", title=character)
    assert made == '<pre title="\ufffd">a\ufffd\tb\n</pre>'
    assert parse(made).findtext("pre") == "a\ufffd\tb\n"
    made.encode()
