"""The saved queries find what they ask for: the fields that they name are in the lines that a run wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ceap.local.engine import Engine
from ceap.policy.insights import read_query
from templates.log_fields import DISCOVERED, FIELDS
from tests.local.support import Deployed, deploy_express, deploy_triggered
from tests.reference import MESSAGE

QUERY = "AWS::Logs::QueryDefinition"


class Ran(NamedTuple):
    """A workflow that has run messages: its saved queries by name, and the lines of its log groups."""

    queries: dict[str, dict[str, Any]]
    lines: dict[str, list[str]]

    def of(self, name: str) -> list[str]:
        """Return the lines of the log groups of a query."""
        return [line for group in self.queries[name]["LogGroupNames"] for line in self.lines[group]]


def ran(deployed: Deployed) -> Ran:
    """Return what was logged, and the saved queries as they are deployed: with the names of log groups."""
    found = [model.properties for model in deployed.stack.of_type(QUERY).values()]
    pages = deployed.engine.client("logs").get_paginator("filter_log_events")
    names = {name for query in found for name in query["LogGroupNames"]}
    lines = {
        name: [event["message"] for page in pages.paginate(logGroupName=name) for event in page["events"]]
        for name in names
    }
    return Ran({query["Name"].rpartition("/")[2]: query for query in found}, lines)


@pytest.fixture(scope="module")
def express() -> Iterator[Ran]:
    """One message that succeeded, with rejected records, and one that failed."""
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        engine.send(deployed.queue, MESSAGE)
        engine.send(deployed.queue, "no message")
        engine.drain()
        yield ran(deployed)


@pytest.fixture(scope="module")
def standard() -> Iterator[Ran]:
    """One message that succeeded, and one that failed."""
    with Engine.start() as engine:
        deployed = deploy_triggered(engine)
        engine.send(deployed.queue, MESSAGE)
        engine.send(deployed.queue, "no message")
        engine.drain()
        yield ran(deployed)


@pytest.fixture(params=["express", "standard"])
def workflow(request: pytest.FixtureRequest) -> Ran:
    found: Ran = request.getfixturevalue(request.param)
    return found


def fields(line: str) -> set[str]:
    """Return the fields that Logs Insights finds in a line: those of JSON, with a dot before what is inside."""
    try:
        document = json.loads(line)
    except ValueError:
        return set()
    return {*flat(document, ())} if isinstance(document, dict) else set()


def flat(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(below, (*path, str(key)))
    else:
        yield ".".join(path)


def unwritten(query: str, lines: list[str]) -> set[str]:
    """Return the fields that a query names and no line has."""
    return set(read_query(query).fields - DISCOVERED).difference(*map(fields, lines))


def test_every_field_that_a_query_names_is_in_a_line_of_its_log_groups(workflow: Ran) -> None:
    missing = {name: unwritten(query["QueryString"], workflow.of(name)) for name, query in workflow.queries.items()}
    assert missing == {name: set() for name in workflow.queries}
    assert len(missing) == 8


def test_a_misspelt_field_is_noticed(express: Ran) -> None:
    text = express.queries["failed-executions"]["QueryString"].replace("details.error", "details.eror")
    assert unwritten(text, express.of("failed-executions")) == {"details.eror"}


def test_every_field_that_a_query_may_name_is_in_a_line(express: Ran) -> None:
    for kind, known in FIELDS.items():
        lines = [line for group, each in express.lines.items() if group.startswith(kind) for line in each]
        assert known.difference(*map(fields, lines)) == set(), kind


def test_every_event_that_a_query_looks_for_is_one_that_a_run_wrote(express: Ran) -> None:
    types = {json.loads(line)["type"] for line in express.of("failed-executions")}
    named = {
        word for query in express.queries.values() for word in re.findall(r'"([A-Z]\w+[a-z])"', query["QueryString"])
    }
    others = {"Entered", "Exited", "ExecutionTimedOut", "ExecutionAborted"}
    assert named - types == others
    levels = {json.loads(line)["level"] for line in express.of("stage-failures") if line.startswith('{"level"')}
    assert "ERROR" in levels


def test_the_stage_of_a_failed_execution_is_in_its_cause(workflow: Ran) -> None:
    query = workflow.queries["failed-executions"]["QueryString"]
    failed = [json.loads(line) for line in workflow.of("failed-executions")]
    causes = [event["details"]["cause"] for event in failed if event["type"] == "ExecutionFailed"]
    assert causes
    assert {found["stage"] for cause in causes if (found := search(query, cause))} == {"TakeStage"}
    assert all(search(query, cause) for cause in causes)


def test_the_codes_of_rejected_records_are_in_the_line_of_the_run(express: Ran) -> None:
    query = express.queries["rejected-records"]["QueryString"]
    found = [search(query, line) for line in express.of("rejected-records")]
    assert {each["codes"] for each in found if each} == {"", '"ID_MISSING":1', '"DROPPED":1'}


def search(query: str, text: str) -> re.Match[str] | None:
    """Search a text for the pattern of a query's `parse`."""
    [pattern] = re.findall(r"\| parse [@.\w]+ /(.*)/$", query, re.MULTILINE)
    return re.search(pattern.replace("(?<", "(?P<"), text)
