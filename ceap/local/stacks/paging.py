"""Answers in pages: the token is the place where the next page begins."""

from collections.abc import Sequence
from typing import TypeVar

from ceap.local.stacks.api_errors import StackApiError

Item = TypeVar("Item")


def page(items: Sequence[Item], token: str | None, size: int) -> tuple[Sequence[Item], str | None]:
    """Return the page that begins at a token, and the token of the next, if there is one."""
    if token is not None and not token.isdecimal():
        raise StackApiError(f"Invalid NextToken {token}")
    start = int(token or 0)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None
