"""Functions that ceap names beside some that CloudFormation names: in one workflow, in two stacks, and switched.

Requirement 10.2: a team moves from one to the other without a stop.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ceap import cli
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.packages import build_zips
from ceap.local.workers import Function, Outcome
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests import reference
from tests.local.stacks.support import Stacks
from tests.operated import aws_of
from tests.strategies import workflow_of

STAGES = {"TakeStage": "take", "SiftStage": "sift", "KeepStage": "keep"}
TYPES = ("EXPRESS", "STANDARD")
NOBODY: Collection[str] = ()
GENERATED = re.compile(r"ceap-orders-dev-(\w+)Function-\w{12}")


def declared(name: str, kind: str, generated: Collection[str]) -> dict[str, Any]:
    """Return a declaration in which CloudFormation names the functions of some stages."""
    steps = [
        {"stage": stage, "handler": handler, "naming": "generated" if stage in generated else "explicit"}
        for stage, handler in STAGES.items()
    ]
    return {"name": name, "type": kind, "steps": steps}


def text_of(declaration: dict[str, Any]) -> str:
    return render(workflow_stack(workflow_of(declaration)))


def parameters(environment: str) -> dict[str, str]:
    return {"Environment": environment, "HandlersPrefix": "handlers/"}


def deploy_foundation(engine: Engine, environment: str = "dev") -> Stack:
    stack = engine.deploy(render(foundation_stack()), f"ceap-foundation-{environment}", {"Environment": environment})
    for file, package in build_zips().items():
        engine.client("s3").put_object(Bucket=stack.outputs["ArtifactBucket"], Key=f"handlers/{file}", Body=package)
    return stack


def deploy(engine: Engine, declaration: dict[str, Any], environment: str = "dev") -> Stack:
    return engine.deploy(text_of(declaration), f"ceap-{declaration['name']}-{environment}", parameters(environment))


def switch(engine: Engine, declaration: dict[str, Any]) -> dict[str, str]:
    """Update a stack, and return the names of its functions, by logical id."""
    stacks, name = Stacks(engine), f"ceap-{declaration['name']}-dev"
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters("dev").items()]
    stacks.update(name, text_of(declaration), Parameters=given, Capabilities=["CAPABILITY_IAM"])
    assert stacks.status(name) == "UPDATE_COMPLETE"
    return {logical_id: found for logical_id, found in stacks.physical(name).items() if logical_id.endswith("Function")}


def function_of(stage: str) -> str:
    return f"{stage.removesuffix('Stage')}Function"


def names_of(stack: Stack) -> dict[str, str]:
    """Return the names of a stack's functions, by their stages."""
    return {stage: stack.physical_id(function_of(stage)) for stage in STAGES}


def message(*ids: str) -> str:
    return json.dumps({"source": {"kind": "inline", "records": [{"id": each} for each in ids]}})


def stored(engine: Engine, foundation: Stack) -> list[str]:
    """Return the ids of the records in the table, in order."""
    items = engine.client("dynamodb").scan(TableName=foundation.outputs["RecordsTableName"])["Items"]
    return sorted(item["PK"]["S"] for item in items)


def invoked(engine: Engine, since: int = 0) -> list[str]:
    """Return the functions that were invoked, in order."""
    calls = [call.resource for call in engine.trace[since:] if call.action == "lambda:InvokeFunction" and call.allowed]
    return [arn.rpartition(":")[2] for arn in calls]


class Holder:
    """Holds the first invocation of a stage when its handler is done, until it may go on."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def hear(self, function: Function, event: Any, line: str) -> None:
        pass

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:
        if event["currentStage"] == self.stage:
            self.begun.set()
            self.goes_on.wait(60)

    def end_called(self, function: Function, event: Any, outcome: Outcome) -> None:
        pass


@contextmanager
def in_flight(engine: Engine, queue: str, bodies: Sequence[str]) -> Iterator[None]:
    """Send messages, and hold their executions at the end of the first stage; they go on afterwards, to their end."""
    holder = Holder("TakeStage")
    engine.functions.listener = holder
    for body in bodies:
        engine.send(queue, body)
    running = threading.Thread(target=engine.drain)
    running.start()
    try:
        assert holder.begun.wait(60)
        yield
    finally:
        holder.goes_on.set()
        running.join()
        engine.functions.listener = None


def by_message(executions: Sequence[Execution]) -> dict[str, list[str]]:
    """Return how the executions of each message ended, in order."""
    found = defaultdict(list)
    for execution in executions:
        found[json.loads(execution.input)[0]["messageId"]].append(execution.status)
    return dict(found)


@pytest.mark.parametrize("kind", TYPES)
def test_functions_of_both_kinds_run_in_one_workflow(kind: str) -> None:
    with Engine.start() as engine:
        foundation = deploy_foundation(engine)
        stack = deploy(engine, declared("orders", kind, {"SiftStage", "KeepStage"}))
        names = names_of(stack)
        assert names["TakeStage"] == "ceap-orders-dev-Take"
        made = [GENERATED.fullmatch(names[stage]) for stage in ("SiftStage", "KeepStage")]
        assert [found and found[1] for found in made] == ["Sift", "Keep"]

        engine.send(stack.outputs["QueueUrl"], message("a", "b"))
        [execution] = engine.drain()
        assert execution.status == "SUCCEEDED"
        assert invoked(engine) == list(names.values())
        assert stored(engine, foundation) == ["a", "b"]
        assert [call for call in engine.trace if not call.allowed] == []


def test_a_function_with_a_generated_name_logs_where_one_with_a_name_would() -> None:
    with Engine.start() as engine:
        deploy_foundation(engine)
        stack = deploy(engine, declared("orders", "EXPRESS", STAGES))
        engine.send(stack.outputs["QueueUrl"], message("a"))
        [execution] = engine.drain()
        for stage in STAGES:
            group = f"/aws/lambda/ceap-orders-dev-{stage.removesuffix('Stage')}"
            assert stack.outputs[f"{function_of(stage)}LogGroupName"] == group
            assert execution.name in "\n".join(engine.logs.read(group))
        groups = engine.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
        assert len(groups) == len(STAGES)


def test_the_dashboard_shows_the_names_that_were_generated() -> None:
    with Engine.start(warm=False) as engine:
        deploy_foundation(engine)
        stack = deploy(engine, declared("orders", "EXPRESS", STAGES))
        body = engine.client("cloudwatch").get_dashboard(DashboardName="ceap-orders-dev")["DashboardBody"]
        assert [name for name in names_of(stack).values() if name not in body] == []


@pytest.mark.property(38, "E")
def test_stacks_of_both_kinds_run_side_by_side_and_one_goes_without_the_others() -> None:
    with Engine.start() as engine:
        for environment in ("dev", "tst"):
            deploy_foundation(engine, environment)
        old = declared("orders-old", "EXPRESS", STAGES)
        stacks = [
            deploy(engine, declared("orders", "EXPRESS", NOBODY)),
            deploy(engine, old),
            deploy(engine, declared("orders", "EXPRESS", {"SiftStage"}), "tst"),
            deploy(engine, old, "tst"),
        ]
        names = [set(names_of(stack).values()) for stack in stacks]
        assert len(set().union(*names)) == len(stacks) * len(STAGES)

        def run(running: Sequence[Stack]) -> list[list[str]]:
            found = []
            for stack in running:
                begun, count = len(engine.trace), len(engine.executions)
                engine.send(stack.outputs["QueueUrl"], message("a"))
                assert [each.status for each in engine.drain()[count:]] == ["SUCCEEDED"]
                found.append(invoked(engine, begun))
            return found

        assert run(stacks) == [list(names_of(stack).values()) for stack in stacks]
        Stacks(engine).delete("ceap-orders-old-dev")
        left = [stack for stack in stacks if stack.name != "ceap-orders-old-dev"]
        assert run(left) == [list(names_of(stack).values()) for stack in left]
        there = {each["FunctionName"] for each in engine.client("lambda").list_functions()["Functions"]}
        assert there == {name for stack in left for name in names_of(stack).values()}


@pytest.mark.parametrize(
    ("before", "after"),
    [(NOBODY, {"SiftStage"}), ({"SiftStage"}, NOBODY), ({"KeepStage"}, {"SiftStage"})],
    ids=["to a generated name", "to a name of ceap's", "each to the other"],
)
def test_no_message_in_flight_is_lost_while_an_express_step_is_switched(
    before: Collection[str], after: Collection[str]
) -> None:
    with Engine.start() as engine:
        foundation = deploy_foundation(engine)
        stack = deploy(engine, declared("orders", "EXPRESS", before))
        old = names_of(stack)["SiftStage"]
        queue, ids = stack.outputs["QueueUrl"], ["a", "b", "c"]
        with in_flight(engine, queue, [message(each) for each in ids]):
            new = switch(engine, declared("orders", "EXPRESS", after))["SiftFunction"]
        assert bool(GENERATED.fullmatch(new)) == ("SiftStage" in after)
        assert new != old
        assert old not in {each["FunctionName"] for each in engine.client("lambda").list_functions()["Functions"]}

        ends = by_message(engine.executions)
        assert len(ends) == len(ids)
        assert set(map(tuple, ends.values())) == {("FAILED", "SUCCEEDED")}
        assert stored(engine, foundation) == ids
        assert engine.messages(queue) == engine.messages(stack.outputs["DeadLetterQueueUrl"]) == []


@pytest.fixture
def declaration(tmp_path: Path) -> Path:
    """The file of the STANDARD workflow, whose names commands need."""
    path = tmp_path / "orders.yaml"
    path.write_text(json.dumps(declared("orders", "STANDARD", {"SiftStage"})), encoding="utf-8")
    return path


def test_a_standard_execution_that_a_switch_stopped_is_replayed(
    declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Engine.start() as engine, aws_of(engine):
        foundation = deploy_foundation(engine)
        stack = deploy(engine, declared("orders", "STANDARD", NOBODY))
        with in_flight(engine, stack.outputs["QueueUrl"], [message("a")]):
            switch(engine, declared("orders", "STANDARD", {"SiftStage"}))
        [stopped] = engine.executions
        assert (stopped.status, engine.messages(stack.outputs["QueueUrl"])) == ("FAILED", [])
        assert any(stopped.arn in alert for alert in engine.published(foundation.outputs["AlertTopic"]))

        assert cli.main(["redrive", "--env", "dev", str(declaration), stopped.name]) == 1
        assert "function ceap-orders-dev-Sift, which is there no more" in "".join(capsys.readouterr())
        assert cli.main(["replay", "--env", "dev", str(declaration), stopped.name]) == 0
        assert [each.status for each in engine.drain()] == ["FAILED", "SUCCEEDED"]
        assert stored(engine, foundation) == ["a"]


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_fails_where_the_pipe_is_paused_and_drained_before_a_switch(kind: str) -> None:
    with Engine.start() as engine:
        foundation = deploy_foundation(engine)
        stack = deploy(engine, declared("orders", kind, NOBODY))
        queue, pipes, name = stack.outputs["QueueUrl"], engine.client("pipes"), stack.outputs["PipeName"]
        engine.send(queue, message("a"))
        engine.drain()
        pipes.stop_pipe(Name=name)
        engine.send(queue, message("b"))
        engine.drain()
        assert stored(engine, foundation) == ["a"]
        switch(engine, declared("orders", kind, STAGES))
        pipes.start_pipe(Name=name)
        assert [each.status for each in engine.drain()] == ["SUCCEEDED", "SUCCEEDED"]
        assert (stored(engine, foundation), engine.messages(queue)) == (["a", "b"], [])


def test_a_stack_with_generated_names_in_a_network_runs() -> None:
    with Engine.start() as engine:
        deploy_foundation(engine)
        declaration = json.loads(json.dumps(declared("orders", "EXPRESS", {"KeepStage"}) | {"vpc": True}))
        network = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}
        stack = engine.deploy(text_of(declaration), "ceap-orders-dev", parameters("dev") | network)
        engine.send(stack.outputs["QueueUrl"], message("a"))
        assert [each.status for each in engine.drain()] == ["SUCCEEDED"]


def test_the_reference_has_both_kinds_in_one_workflow() -> None:
    text = reference.MIXED.read_text(encoding="utf-8")
    assert ("naming: generated" in text, "naming: explicit" in text) == (True, True)
