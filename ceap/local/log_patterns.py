"""Filter patterns of logs with several terms, of which one is enough: moto would take every line.

Source: CloudWatch Logs User Guide, "Filter pattern syntax": `?"a" ?"b"`.
"""

import json
import re
from functools import cache, lru_cache
from typing import Final

from moto.logs import models, utils

from ceap.local.hooks import replace

_TERMS: Final = re.compile(r'\?"(?:[^"\\]|\\.)*"(?: \?"(?:[^"\\]|\\.)*")*')
_TERM: Final = re.compile(r'\?("(?:[^"\\]|\\.)*")')


class _AnyOf:
    """Takes lines with one of the terms, else as moto does."""

    def __init__(self, pattern: str) -> None:
        self._terms: Final = _terms_of(pattern)
        self._other: Final = utils.EventMessageFilter(pattern)

    def matches(self, message: str) -> bool:
        if self._terms is None:
            return self._other.matches(message)
        return any(term in message for term in self._terms)


@cache
def install() -> None:
    """Hook moto's filter, once per process; AttributeError if moto lacks it."""
    replace(models, "EventMessageFilter", _AnyOf)


@lru_cache
def _terms_of(pattern: str | None) -> tuple[str, ...] | None:
    """Return the terms of which one is enough; None for another pattern."""
    if not pattern or not _TERMS.fullmatch(pattern):
        return None
    return tuple(json.loads(term) for term in _TERM.findall(pattern))
