"""HTML and SVG as text; what comes from data is escaped."""

import html
import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

# Control characters, which HTML forbids, and halves of surrogate pairs, which UTF-8 cannot hold.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Markup(str):
    """Text that is HTML already; any other text is escaped where it becomes part of an element."""

    __slots__ = ()


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """Return the parts after one another, escaped where they are not markup."""
    return Markup(_escape(separator).join(map(_escape, parts)))


def element(name: str, *content: str, **attributes: str | float | None) -> Markup:
    """Return an element; one without content, too, has an end tag.

    Of an attribute's name an underscore at the end is left out, others become hyphens; None leaves out the attribute.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_readable(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{join(content)}</{name}>")


def note(text: str) -> Markup:
    """Return a paragraph in small print; nothing without a text."""
    return element("p", text, class_="quiet") if text else Markup()


def within(parts: Iterable[Markup], limit_bytes: int, noun: str) -> tuple[Markup, str]:
    """Return the first parts, as many as the limit allows, and what it left out, e.g. `3 more objects left out`."""
    listed = list(parts)
    sizes = accumulate(len(part.encode()) for part in listed)
    fitting = sum(size <= limit_bytes for size in sizes)
    more = len(listed) - fitting
    return join(listed[:fitting]), f"{more:,} more {noun}{'' if more == 1 else 's'} left out" if more else ""


def _escape(text: str) -> str:
    return text if isinstance(text, Markup) else html.escape(_readable(text), quote=False)


def _readable(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
