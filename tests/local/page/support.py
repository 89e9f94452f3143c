"""Runs made by hand for the page, and what an HTML fragment holds."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import msgspec

from ceap.local.executions import Attempt, Execution, Status, Wait
from ceap.local.page.contents import Contents
from ceap.local.page.grants import Call, RoleUse
from ceap.local.progress import Printed
from ceap.local.run_report import RunReport, StageReport
from ceap.local.runner import Remains
from handlers.runtime.contract import output_key, rejected_key

DAY = 1_795_910_400.0
"""2026-11-29 00:00 UTC: when the runs made here begin."""


def parse(markup: str) -> ElementTree.Element:
    """Return a fragment as a tree; an error if an element is not closed or a text not escaped."""
    return ElementTree.fromstring(f"<root>{markup}</root>")


def texts(markup: str, path: str) -> list[str]:
    """Return the whole texts of the elements at an ElementPath, such as `.//li`."""
    return ["".join(found.itertext()) for found in parse(markup).iterfind(path)]


def attributes(markup: str, path: str, *names: str) -> list[tuple[str, ...]]:
    return [tuple(found.get(name, "") for name in names) for found in parse(markup).iterfind(path)]


def stage(name: str = "SiftStage", **fields: Any) -> StageReport:
    """Return a stage that succeeded at once; `taken`, `out` and so on are its numbers of records."""
    numbers = {f"records{kind.capitalize()}": 0 for kind in ("in", "out", "expanded", "rejected", "merged", "stale")}
    document = {"stage": name, "status": "SUCCEEDED", "attempts": 1, "durationS": 0.5, "waitsS": [], "rejections": {}}
    return msgspec.convert({**document, **numbers, "counts": {}, "object": None, "error": None, **fields}, StageReport)


def execution(
    *attempts: tuple[str, float, float, Status],
    name: str = "e1",
    status: Status = "SUCCEEDED",
    ended: float | None = None,
    waits: tuple[Wait, ...] = (),
    given: str = "",
) -> Execution:
    """Return an execution; each attempt is its stage, begin and end in seconds after the start, and its status."""
    made = Execution(arn=name, name=name, machine="m", input=given, status=status, started=DAY, waits=list(waits))
    for state, begin, end, outcome in attempts:
        number = len(made.attempts_of(state)) + 1
        made.attempts.append(Attempt(state=state, number=number, status=outcome, started=DAY + begin, ended=DAY + end))
    made.ended = DAY + (ended if ended is not None else max((end for _, _, end, _ in attempts), default=0.0))
    return made


def run_of(
    stages: list[StageReport], executions: list[Execution], objects: dict[str, bytes], **fields: Any
) -> Contents:
    """Return what a page is made of, for one message and the stages of each execution alike."""
    parts = [
        {
            "executionId": one.name,
            "status": one.status,
            "error": one.error,
            "durationS": one.ended - one.started,
            "stages": msgspec.to_builtins(stages),
        }
        for one in executions
    ]
    failed = any(one.status != "SUCCEEDED" for one in executions)
    document = {"workflow": "orders", "status": "FAILED" if failed else "SUCCEEDED", "messagesSent": 1}
    document |= {"messagesLeft": 0, "messagesDeadLettered": 0, "eventsPublished": 0, "alertsPublished": 0}
    report = msgspec.convert({**document, "problems": [], "kept": None, **fields, "executions": parts}, RunReport)
    return Contents(report, Remains(executions, objects, [], [], [], [], [], 1), [], [], [], {})


def many_records(number: int) -> dict[str, bytes]:
    """Return the objects of stage Sift, which took so many records and rejected half, each of them full of markup."""
    half = number // 2
    record = '{"id":"<b>&amp;</b>","text":"' + "<&>" * 2000 + '"}'
    document = b'{"data":[' + b",".join([record.encode()] * half) + b'],"metadata":{}}'
    lines = [json.dumps({"code": f"C{n % 30}", "reason": "<i>", "record": "<&>" * 2000}) for n in range(min(half, 100))]
    return {output_key("e1", "SiftStage"): document, rejected_key("e1", "SiftStage"): "\n".join(lines).encode()}


def large_run() -> Contents:
    """Return a run of 500 executions with 15 stages each, with as much to show as may be, all of it full of markup."""
    names = [f"Number{number}Stage" for number in range(15)]
    moments = [(name, 2.0 * n, 2.0 * n + 1, "SUCCEEDED") for n, name in enumerate(names)]
    executions = [execution(*moments, name=f"execution-{number}") for number in range(500)]  # type: ignore[arg-type]
    numbers = {"recordsIn": 200_000, "recordsOut": 100_000, "recordsRejected": 100_000}
    codes = {f"CODE_{number}": 1000 for number in range(20)}
    stages = [stage(name, rejections=codes, **numbers) for name in names]
    text = "<&>" * 3000
    document = json.dumps({"data": [{"text": text}] * 5, "metadata": {}}).encode()
    objects = {output_key(one.name, name): document for one in executions for name in names}
    lines = [text] * 100
    contents = run_of(stages, executions, objects)
    calls = [Call(f"s3:Get{n}", f"arn:aws:s3:::{'<&>' * 20}", n % 2) for n in range(300)]
    return contents._replace(
        remains=contents.remains._replace(dead_letters=[text] * 500, alerts=[text] * 500, queued=[text] * 500),
        failures=["", "Stage failed", *lines] * 100,
        printed=[Printed(one.name, name, 1, lines) for one in executions for name in names],
        roles=[RoleUse(name, f"arn:aws:iam::123456789012:role/{name}", calls, calls) for name in names],
    )
