"""Patterns of IAM: `*` stands for any text, also with a slash in it, `?` for any one character.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

import re
from functools import lru_cache


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text matches a pattern."""
    return pattern == text or (has_wildcard(pattern) and _expression(pattern).fullmatch(text) is not None)


def includes(wide: str, narrow: str) -> bool:
    """Tell whether a pattern matches each text that another pattern matches; in doubt it does not."""
    return wide == narrow or (has_wildcard(wide) and _wide_expression(wide).fullmatch(narrow) is not None)


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@lru_cache(maxsize=4096)
def _wide_expression(pattern: str) -> re.Pattern[str]:
    """Return what fits patterns: there a `*` stands for more than the one character that a `?` matches."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "[^*]"), re.DOTALL)
