"""A diff as text, for a person, as Markdown, for a pull request, or as JSON, for a program."""

from enum import StrEnum
from typing import assert_never

import msgspec

from ceap.deploy.diff.change import Diff
from ceap.deploy.diff.text import format_text


class Form(StrEnum):
    """The forms of a diff."""

    TEXT = "text"
    JSON = "json"


def describe(diff: Diff, form: Form = Form.TEXT) -> str:
    """Return a diff in a form."""
    match form:
        case Form.TEXT:
            return format_text(diff)
        case Form.JSON:
            return msgspec.json.encode(diff).decode()
        case _:
            assert_never(form)
