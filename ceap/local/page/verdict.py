"""The head of the page: the verdict in one sentence, the numbers of the run, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from ceap.local.executions import Execution
from ceap.local.page.amounts import count, cut, duration
from ceap.local.page.markup import Markup, element, join, note, within
from ceap.local.run_report import RunReport, StageReport, describe_nothing

FAILURE_MAX: Final = 6000
FAILURES_BYTES_MAX: Final = 150_000
ERRORS_MAX: Final = 20
ERROR_MAX: Final = 600
"""How many characters of a failure are shown, how large all may be, how many errors and how much of each."""


def state_verdict(report: RunReport) -> str:
    """Return whether every message was processed, and what became of the others."""
    sent = report.messages_sent
    which = "The message was" if sent == 1 else f"All {sent:,} messages were"
    failed = sum(execution.status != "SUCCEEDED" for execution in report.executions)
    if report.status == "SUCCEEDED":
        after = f", after {count(failed, 'failed execution')}" if failed else ""
        return f"{which} processed{after}."
    lost = [
        f"{count(number, 'message')} {place}"
        for number, place in (
            (report.messages_dead_lettered, "in the dead-letter queue"),
            (report.messages_left, "left in the queue"),
        )
        if number
    ]
    return f"{count(failed, 'execution')} failed{''.join(f', {part}' for part in lost)}."


def describe_run(report: RunReport, executions: Sequence[Execution]) -> Markup:
    """Return the numbers of a run, as a list of terms."""
    begin = min((execution.started for execution in executions), default=None)
    end = max((execution.ended for execution in executions), default=None)
    failed = sum(execution.status != "SUCCEEDED" for execution in report.executions)
    numbers = {
        "messages sent": f"{report.messages_sent:,}",
        "executions": f"{len(report.executions):,}" + (f", {failed:,} failed" if failed else ""),
        "events published": f"{report.events_published:,}",
        "dead letters": f"{report.messages_dead_lettered:,}",
        "alerts": f"{report.alerts_published:,}",
    }
    if begin is not None and end is not None:
        numbers["time, waits included"] = duration(end - begin)
        numbers["started"] = f"{datetime.fromtimestamp(begin, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return element(
        "dl", *(element("div", element("dt", name), element("dd", value)) for name, value in numbers.items())
    )


def describe_failures(lines: Sequence[str], report: RunReport) -> Markup:
    """Return the failures as the terminal shows them, then the executions that failed, by their error."""
    shown, left_out = within([_failure(*block) for block in _blocks(lines)], FAILURES_BYTES_MAX, "failure")
    errors = Counter(one.error or one.status for one in report.executions if one.status != "SUCCEEDED")
    items = [
        element("li", f"{count(number, 'execution')} ended with ", element("code", cut(error, ERROR_MAX)))
        for error, number in errors.most_common(ERRORS_MAX)
    ]
    return join([shown, note(left_out), *[element("ul", *items, class_="plain")] * bool(items)])


def describe_warnings(report: RunReport, stages: Sequence[StageReport]) -> Markup:
    """Return what is no failure but needs a look: stages that yielded nothing, and what keeps a pipe from working."""
    lines = [*filter(None, map(describe_nothing, stages)), *report.problems]
    return element("ul", *(element("li", line) for line in lines), class_="warnings") if lines else Markup()


def _failure(title: str, lines: Sequence[str]) -> Markup:
    text = "\n".join(line.removeprefix("  ") for line in lines)
    return element("section", element("h3", title), element("pre", cut(text, FAILURE_MAX)), class_="failure")


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the first line and the others of each part after an empty line."""
    starts = [number for number, line in enumerate(lines) if not line]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=False):
        title, *others = lines[start + 1 : stop]
        yield title, others
