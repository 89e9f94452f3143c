"""Messages through workflows of both types, and what became of each, counted from what AWS holds.

Nothing here reads a report of ceap's: queues, tables, objects, events and listed executions are what count.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ceap.archive import build_zip
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from templates.model import GlueStep, LambdaStep, Step, Workflow, WorkflowType
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests import reference
from tests.local.support import JOB

SHARED: Final = 5
"""How many ids of records the messages of a workflow share; each message brings a newer version of one."""
POISON: Final = 25
"""One message in so many is malformed: no stage can read it."""
REJECTED: Final = 10
"""Each message of so many has a record that is rejected."""
KEY_BYTES: Final = 2049
_TIMEOUT_S: Final = 12
"""Far above what a stage takes, also where its process has to start on a busy machine."""
_MARK: Final = re.compile(r'"id": ?"(\w+)-(\d+)"')

Item = dict[str, Any]


def _workflow(name: str, kind: WorkflowType, *before: Step) -> Workflow:
    steps = (LambdaStep(stage=f"{each.title()}Stage", handler=each, timeout_s=_TIMEOUT_S) for each in ("keep", "tell"))
    return Workflow(name=name, type=kind, steps=(*before, *steps))


BRISK: Final = _workflow("brisk", WorkflowType.EXPRESS)
STEADY: Final = _workflow("steady", WorkflowType.STANDARD)
HEAVY: Final = _workflow("heavy", WorkflowType.STANDARD, GlueStep(stage="HeavyStage", glue="heavy"))


class Line(NamedTuple):
    """A workflow that is deployed, and how many messages it gets."""

    workflow: Workflow
    stack: Stack
    messages: int

    @property
    def name(self) -> str:
        return self.workflow.name

    @property
    def is_express(self) -> bool:
        return self.workflow.type is WorkflowType.EXPRESS

    @property
    def queue(self) -> str:
        return self.stack.outputs["QueueUrl"]

    @property
    def dead_letters(self) -> str:
        return self.stack.outputs["DeadLetterQueueUrl"]

    @property
    def machine(self) -> str:
        return self.stack.outputs["StateMachineArn"]

    def body(self, number: int) -> str:
        """Return a message: a record of its own and a newer version of a shared one, or nothing that can be read."""
        if number % POISON == POISON - 1:
            return f'no JSON: {{"id": "{self.name}-{number}"'
        return json.dumps({"source": {"kind": "inline", "records": self.records(number)}})

    def records(self, number: int) -> list[Item]:
        """Return what a message brings; each of some has a record that no table has room for."""
        shared = f"{self.name}-shared-{number % SHARED}"
        own = [{"id": f"{self.name}-{number}", "version": 1}, {"id": shared, "version": number + 1}]
        return own if number % REJECTED else [*own, {"id": "x" * KEY_BYTES}]

    @property
    def readable(self) -> set[int]:
        """The numbers of the messages that can be processed."""
        return {number for number in range(self.messages) if number % POISON != POISON - 1}

    def items(self) -> dict[str, Item]:
        """Return the items of the table of records after one run of each message, by their key."""
        build = reference.load_stage("keep").build_item
        items: dict[str, Item] = {}
        for number in sorted(self.readable):
            for record in self.records(number)[:2]:
                seen = {"jobs": ["HeavyStage"]} if self.workflow is HEAVY else {}
                items[record["id"]] = build(record | seen, "all")
        return items


class Outcomes(NamedTuple):
    """What became of the messages of a workflow, by their numbers; a message may be in several."""

    waiting: set[int]
    processed: set[int]
    dead: set[int]
    failed: set[int]
    """Those of listed executions that ended without success."""

    @property
    def recovering(self) -> set[int]:
        """Those that did not make it, and are not lost."""
        return (self.dead | self.failed) - self.processed


class Account:
    """The workflows in one engine."""

    def __init__(self, engine: Engine, counts: Iterable[tuple[Workflow, int]]) -> None:
        self.engine: Final = engine
        foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", {"Environment": "dev"})
        artifacts, put = foundation.outputs["ArtifactBucket"], engine.client("s3").put_object
        for file, package in build_zips().items():
            put(Bucket=artifacts, Key=f"handlers/{file}", Body=package)
        put(Bucket=artifacts, Key="scripts/heavy.py", Body=JOB.encode())
        put(Bucket=artifacts, Key="scripts/lib.zip", Body=build_zip({}))
        self.bucket: Final = foundation.outputs["WorkflowBucket"]
        self.lines: Final = [Line(each, self._deploy(each), count) for each, count in counts]

    def _deploy(self, workflow: Workflow) -> Stack:
        template = workflow_stack(workflow)
        parameters = {"Environment": "dev", "HandlersPrefix": "handlers/", "GluePrefix": "scripts/"}
        known = {key: value for key, value in parameters.items() if key in template["Parameters"]}
        return self.engine.deploy(render(template), f"ceap-{workflow.name}-dev", known)

    def send(self) -> None:
        """Send all messages of all workflows, in turn."""
        for number in range(max(line.messages for line in self.lines)):
            for line in self.lines:
                if number < line.messages:
                    self.engine.send(line.queue, line.body(number))

    def outcomes(self, line: Line) -> Outcomes:
        listed = self.failed_executions(line)
        return Outcomes(
            waiting=_numbers(line, self.engine.messages(line.queue)),
            processed=self._processed(line),
            dead=_numbers(line, self.engine.messages(line.dead_letters)),
            failed=_numbers(line, listed.values()),
        )

    def failed_executions(self, line: Line) -> dict[str, str]:
        """Return the message of each execution that Step Functions lists as failed, by its ARN."""
        states = self.engine.client("stepfunctions")
        failed = [arn for arn, status in self.listed(line).items() if status in {"FAILED", "TIMED_OUT", "ABORTED"}]
        inputs = (states.describe_execution(executionArn=arn)["input"] for arn in failed)
        return {arn: json.loads(text)[0]["body"] for arn, text in zip(failed, inputs, strict=True)}

    def listed(self, line: Line) -> dict[str, str]:
        """Return the status of each execution that Step Functions lists, by its ARN; it lists none of EXPRESS."""
        if line.is_express:
            return {}
        lists = self.engine.client("stepfunctions").get_paginator("list_executions")
        pages = lists.paginate(stateMachineArn=line.machine)
        return {each["executionArn"]: each["status"] for page in pages for each in page["executions"]}

    def failed_job_runs(self, line: Line) -> int:
        """Return how many runs of a workflow's jobs failed."""
        runs = self.engine.client("glue").get_paginator("get_job_runs")
        jobs = line.stack.of_type("AWS::Glue::Job").values()
        pages = [page for job in jobs for page in runs.paginate(JobName=job.physical_resource_id)]
        return sum(run["JobRunState"] == "FAILED" for page in pages for run in page["JobRuns"])

    def objects(self, *names: str) -> dict[str, bytes]:
        """Return the objects of all executions that have one of these names, by their keys."""
        return {key: body for key, body in self.engine.objects(self.bucket) if key.endswith(names)}

    def _processed(self, line: Line) -> set[int]:
        end = f"/{line.workflow.steps[-1].stage}/output.json"
        return _numbers(line, (body.decode() for body in self.objects(end).values()))

    def items(self, line: Line, table: str) -> dict[str, Item]:
        """Return the items of a table that belong to a workflow, by their partition key, as plain values."""
        [name] = [each for each in self.engine.client("dynamodb").list_tables()["TableNames"] if table in each]
        pages = self.engine.client("dynamodb").get_paginator("scan").paginate(TableName=name)
        found = [{key: _plain(value) for key, value in item.items()} for page in pages for item in page["Items"]]
        key = "key" if table == "told" else "PK"
        return {item[key]: item for item in found if str(item[key]).startswith(f"{line.name}-")}

    def told(self, line: Line) -> Counter[str]:
        """Return how often the bus took the event of each record of a workflow, by the record's id."""
        return Counter(each["eventId"] for each in self.details() if each["eventId"].startswith(f"{line.name}-"))

    def details(self) -> Iterator[Item]:
        """Yield the details of all events that the bus took of records."""
        yield from (json.loads(event["Detail"]) for event in self.engine.events())

    def recover(self) -> None:
        """Bring every message back that did not make it: dead letters to their queue, executions by a redrive."""
        for line in self.lines:
            queues = self.engine.client("sqs")
            attributes = ["QueueArn"]
            source = queues.get_queue_attributes(QueueUrl=line.dead_letters, AttributeNames=attributes)["Attributes"]
            queues.start_message_move_task(SourceArn=source["QueueArn"])
            if not line.is_express:
                for arn in self.failed_executions(line):
                    self.engine.client("stepfunctions").redrive_execution(executionArn=arn)
        self.engine.drain()


def _numbers(line: Line, texts: Any) -> set[int]:
    found = (_MARK.search(text) for text in texts)
    return {int(match[2]) for match in found if match and match[1] == line.name}


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "N" else content
