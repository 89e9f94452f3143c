"""The page as a whole: its head, its sections, and what of a large run it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ceap.local.executions import Execution
from ceap.local.log_lines import read_line
from ceap.local.page import samples, verdict
from ceap.local.page.amounts import count, cut, duration
from ceap.local.page.contents import Contents
from ceap.local.page.flow import draw_flow
from ceap.local.page.grants import describe_roles
from ceap.local.page.markup import Markup, element, join, note, within
from ceap.local.page.timeline import Row, Span, draw_timeline, stage_rows
from ceap.local.progress import Printed
from ceap.local.run_report import StageReport, describe_start, total

EXECUTIONS_MAX: Final = 8
"""How many executions are shown with their stages, objects and lines; the failed ones come first."""
OVERVIEW_MAX: Final = 40
PRINTED_BYTES_MAX: Final = 250_000
LINES_MAX: Final = 40
LINE_MAX: Final = 400
"""How large all that stages printed may be, how many lines of an attempt are shown, and how much of each."""
STYLE: Final = Path(__file__).with_name("style.css")

_NOTE: Final = (
    "This page holds data of the run, such as records and what stages printed. "
    "They may be personal data: think of it before you send the file to somebody."
)
_TIME: Final = "On the run's own clock, which jumps over waits. A grey band is a wait, drawn shorter than it was."
_GRANTS: Final = (
    "What each role may do, and what of it this run used. A grant that this run did not use may still be needed: "
    "for failures, or for other messages."
)
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""


class _Section(NamedTuple):
    name: str
    title: str
    lead: str
    body: Markup


def render_page(contents: Contents) -> str:
    """Return the page of a run: an HTML document that loads nothing and runs nothing."""
    report = contents.report
    names = [stage.stage for stage in report.executions[0].stages] if report.executions else []
    stages = [total(name, report.executions) for name in names]
    sections = [section for section in _sections(contents, stages) if section.body]
    links = [element("li", element("a", section.title, href=f"#{section.name}")) for section in sections]
    body = [
        _header(contents, stages),
        element("nav", element("ul", *links), aria_label="Sections"),
        element("main", *map(_section, sections)),
        element("footer", element("p", _NOTE)),
    ]
    style = element("style", Markup(STYLE.read_text(encoding="utf-8")))
    head = join([element("title", f"{report.workflow}: {report.status}"), style])
    return f"{_HEAD}{head}\n</head>\n<body>\n{join(body, Markup(chr(10)))}\n</body>\n</html>\n"


def _header(contents: Contents, stages: Sequence[StageReport]) -> Markup:
    report = contents.report
    badge = element("span", report.status.lower(), class_=f"badge {report.status.lower()}")
    return element(
        "header",
        element("p", "ceap run ", element("b", report.workflow), class_="kicker"),
        element("h1", badge, " ", verdict.state_verdict(report)),
        verdict.describe_warnings(report, stages),
        verdict.describe_run(report, contents.remains.executions),
    )


def _section(section: _Section) -> Markup:
    lead = [element("p", section.lead, class_="lead")] * bool(section.lead)
    return element("section", element("h2", section.title), *lead, section.body, id=section.name)


def _sections(contents: Contents, stages: Sequence[StageReport]) -> list[_Section]:
    """Return all sections; those without a body are left out of the page."""
    report, remains = contents.report, contents.remains
    chosen = _choose(remains.executions, EXECUTIONS_MAX)
    summed = f"Sums of {count(len(remains.executions), 'execution')}." if len(remains.executions) > 1 else ""
    some = _some(len(chosen), len(remains.executions))
    return [
        _Section("failures", "What failed", "", verdict.describe_failures(contents.failures, report)),
        _Section("records", "Records by stage", summed, draw_flow(stages)),
        _Section("time", "Timeline", _TIME, _timelines(remains.executions, chosen)),
        _Section(
            "rejected",
            "Rejected records",
            f"The first ones of each stage, at most {samples.OF_A_CODE_MAX} of each code.",
            samples.describe_rejections(stages, remains.executions, remains.objects),
        ),
        _Section("objects", "Objects", some, samples.describe_objects(chosen, stages, remains.objects)),
        _Section("events", "Events", "", samples.describe_events(remains.events)),
        _Section("tables", "Tables", "Those that hold items.", samples.describe_tables(contents.tables)),
        _Section("dead", "Dead-letter queue", "", samples.describe_messages(remains.dead_letters, "message")),
        _Section("queue", "Left in the queue", "", samples.describe_messages(remains.queued, "message")),
        _Section("alerts", "Alerts", "", samples.describe_messages(remains.alerts, "alert")),
        _Section("grants", "Permissions", _GRANTS, describe_roles(contents.roles)),
        _Section("printed", "What stages printed", some, _printed(contents.printed, chosen)),
    ]


def _timelines(executions: Sequence[Execution], chosen: Mapping[str, Execution]) -> Markup:
    """Return all executions over the whole run if there are several, and the stages of some."""
    parts = []
    if len(executions) > 1:
        shown = _choose(executions, OVERVIEW_MAX)
        begin, end = min(one.started for one in shown.values()), max(one.ended for one in shown.values())
        rows = [_execution_row(title, execution) for title, execution in shown.items()]
        parts = [element("h3", "All executions ", element("small", _some(len(shown), len(executions))))]
        parts.append(draw_timeline(rows, begin, end))
    # One is open: the first that failed, else the first.
    opened = min(chosen.values(), key=lambda one: one.status == "SUCCEEDED", default=None)
    for title, execution in chosen.items():
        said = element("small", f"{execution.name}, {_outcome(execution)}")
        drawn = draw_timeline(stage_rows(execution), execution.started, execution.ended)
        open_ = "" if execution is opened else None
        parts.append(element("details", element("summary", element("h3", title, " ", said)), drawn, open=open_))
    return join(parts)


def _execution_row(title: str, execution: Execution) -> Row:
    span = Span(execution.started, execution.ended, execution.status, "execution")
    return Row(f"{title}  {execution.name[:8]}", [span], _outcome(execution))


def _outcome(execution: Execution) -> str:
    """Return status, duration, and which receive of its message it was if that is not the first."""
    receive = describe_start(execution).partition(" (")[2].removesuffix(" of its message)")
    parts = [execution.status.lower().replace("_", " "), duration(execution.ended - execution.started)]
    return ", ".join([*parts, *[receive] * bool(receive)])


def _printed(printed: Sequence[Printed], chosen: Mapping[str, Execution]) -> Markup:
    """Return the last lines of each attempt, collapsed; lines of metrics are left out."""
    titles = {execution.name: title.lower() for title, execution in chosen.items()}
    found = [one for one in printed if one.execution in titles and one.lines]
    items = [_attempt(one, f" of {titles[one.execution]}" if len(titles) > 1 else "") for one in found]
    shown, left_out = within(items, PRINTED_BYTES_MAX, "attempt")
    return join([shown, note(left_out)])


def _attempt(printed: Printed, of: str) -> Markup:
    lines = [line for line in (read_line(line, with_metrics=False) for line in printed.lines) if line is not None]
    shown = lines[-LINES_MAX:]
    said = (
        count(len(lines), "line")
        if len(shown) == len(lines)
        else f"the last {len(shown)} of {count(len(lines), 'line')}"
    )
    title = f"{printed.stage}, attempt {printed.attempt}{of}"
    summary = element("summary", title, " ", element("span", said, class_="quiet"))
    return element("details", summary, element("pre", "\n".join(cut(line, LINE_MAX) for line in shown)))


def _choose(executions: Sequence[Execution], limit: int) -> dict[str, Execution]:
    """Return some executions by title, in their order; if there are too many, the failed ones and then the first."""
    by_need = sorted(enumerate(executions, 1), key=lambda entry: (entry[1].status == "SUCCEEDED", entry[0]))
    chosen = sorted(by_need[:limit], key=lambda entry: entry[0])
    return {f"Execution {number}": execution for number, execution in chosen}


def _some(shown: int, total: int) -> str:
    return "" if shown == total else f"{shown} of {total:,} executions, failed ones first"
