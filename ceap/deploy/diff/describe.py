"""Diffs as text, for a person, as Markdown, for a pull request, or as JSON, for a program."""

from enum import StrEnum
from typing import assert_never

import msgspec

from ceap.deploy.diff.change import Diff
from ceap.deploy.diff.markdown import format_markdown
from ceap.deploy.diff.report import Report, summarize
from ceap.deploy.diff.text import format_diff, format_text


class Form(StrEnum):
    """The forms of a report."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def describe(diff: Diff) -> str:
    """Return one diff as text."""
    return format_diff(diff)


def describe_all(report: Report, form: Form) -> str:
    """Return a report in a form, with a line end."""
    match form:
        case Form.TEXT:
            return format_text(report)
        case Form.MARKDOWN:
            return format_markdown(report)
        case Form.JSON:
            return _as_json(report)
        case _:
            assert_never(form)


def _as_json(report: Report) -> str:
    diffs = [msgspec.to_builtins(diff) | {"summary": summarize(diff)} for diff in report.diffs]
    document = {"against": report.against, "diffs": diffs, "notes": report.notes}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
