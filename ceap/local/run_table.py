"""The report of a run as people read it: a table of stages, and what came of the message."""

import sys
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from ceap.local.run_report import RunReport, StageReport, describe_nothing, describe_others, total
from templates import words

WIDE: Final = 200
"""The width where there is no terminal, such as in CI."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with code 1, as a failed run does


def print_report(report: RunReport) -> None:
    """Print the report; objects stand below the table where the terminal is too narrow for them."""
    width = None if sys.stdout.isatty() else WIDE
    console = _Console(width=width, highlight=False, markup=False, emoji=False)  # codes and errors are any text
    stages = [stage.stage for stage in report.executions[0].stages] if report.executions else []
    rows = [_opened(total(stage, report.executions), report.kept) for stage in stages]
    objects = [row.object for row in rows if row.object]
    table = _table(rows, with_objects=bool(objects))
    # Measured with all the room there could be: within the console nothing is wider than it.
    is_wide = console.measure(table, options=console.options.update(width=sys.maxsize)).maximum <= console.width
    console.print(table if is_wide else _table(rows, with_objects=False))
    for key in () if is_wide else objects:
        console.print(key, soft_wrap=True)
    console.print(_summary(report, rows), soft_wrap=True)


def _opened(row: StageReport, kept: str | None) -> StageReport:
    """Return a row whose object is a path that one can open, or of several a pattern."""
    if kept is None or row.object is None:
        return row
    count, times, path = row.object.rpartition(" x ")
    return msgspec.structs.replace(row, object=f"{count}{times}{Path(kept) / path}")


def _table(rows: list[StageReport], *, with_objects: bool) -> Table:
    """Return the table; what other records there were has a column only if there were some."""
    with_others = any(map(describe_others, rows))
    table = Table()
    for column in ("stage", "attempts", "status", "duration", "records in", "records out"):
        table.add_column(column, justify="left" if column in {"stage", "status"} else "right", overflow="fold")
    for column in ["other records"] * with_others + ["S3 object"] * with_objects:
        table.add_column(column, overflow="fold")
    for row in rows:
        status, duration = row.status.replace("_", " "), f"{row.duration_s:.2f} s"
        counts = ["-" if count is None else str(count) for count in (row.records_in, row.records_out)]
        others = ["\n".join(describe_others(row))] * with_others
        table.add_row(
            row.stage, str(row.attempts), status, duration, *counts, *others, *[row.object or "-"] * with_objects
        )
    return table


def _summary(report: RunReport, rows: list[StageReport]) -> str:
    failed = [execution for execution in report.executions if execution.status != "SUCCEEDED"]
    lines = [line for line in map(describe_nothing, rows) if line]
    lines.append(
        f"{report.workflow}: {report.status}. {words.plural(report.messages_sent, 'message')}, "
        f"{words.plural(len(report.executions), 'execution')} ({len(failed)} failed), "
        f"{words.plural(report.events_published, 'event')} published, "
        f"{words.plural(report.messages_dead_lettered, 'message')} in the dead-letter queue, "
        f"{words.plural(report.alerts_published, 'alert')} on the topic"
    )
    lines += [f"last failure: {execution.error or execution.status}" for execution in failed[-1:]]
    lines += report.problems
    if report.messages_left:
        lines.append(f"{words.plural(report.messages_left, 'message')} left in the queue")
    return "\n".join(lines)
