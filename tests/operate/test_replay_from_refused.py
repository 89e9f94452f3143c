"""When no replay is started from a stage, and what is done about it; and what an interrupted one leaves."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import msgspec
import pytest

from ceap.aws.executions import describe
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.local.clock import CLOCK
from ceap.local.executions import Execution
from ceap.operate import replay_from as module
from ceap.operate import stage_copies
from ceap.operate.replay_from import replay_from
from handlers.runtime.contract import output_key
from templates.stacks import workflow_stack
from tests.local.support import standard_template
from tests.operate.replays import changed_workflow, deploy, fail, objects_of, replay, run, update
from tests.operated import Operated, operated

STAGES = ["TakeStage", "SiftStage", "HeavyStage", "RateStage", "KeepStage", "TellStage"]


@pytest.fixture(scope="module")
def found() -> Iterator[Operated]:
    with operated("standard", deploy) as found:
        yield found
    assert CLOCK.rewind(10)


@pytest.fixture
def own() -> Iterator[Operated]:
    """One for a test that changes the workflow, or the time."""
    with operated("standard", deploy) as found:
        yield found
    assert CLOCK.rewind(10)


@pytest.fixture(scope="module")
def failed(found: Operated) -> Execution:
    """An execution that failed at RateStage."""
    return fail(found.deployed, "RateStage")


def refuse(
    found: Operated, execution: str, stage: str, why: str, *, kind: type[CommandError] = CommandError, number: int = 1
) -> None:
    """Ask for a replay that must be refused, and leave nothing."""
    name = f"{execution.rpartition(':')[2]}-replay-{number}"
    before, known = objects_of(found.deployed, name), len(found.engine.executions)
    with pytest.raises(kind, match=why):
        replay(found, execution, stage, name)
    assert objects_of(found.deployed, name) == before
    assert len(found.engine.executions) == known


def test_the_first_stage_needs_no_replay_from_a_stage(found: Operated, failed: Execution) -> None:
    refuse(found, failed.name, "TakeStage", "is the first stage; replay .* from its message", kind=UsageError)


def test_an_unknown_stage_is_named_with_the_nearest(found: Operated, failed: Execution) -> None:
    refuse(found, failed.name, "RatesStage", r"no stage 'RatesStage'; did you mean RateStage\?", kind=UsageError)


def test_a_stage_after_the_one_that_failed_lacks_its_input(found: Operated, failed: Execution) -> None:
    why = (
        "no output of RateStage in .*: the stage has not succeeded there.*; replay it from RateStage: --from RateStage"
    )
    refuse(found, failed.name, "TellStage", why)


def test_an_unknown_execution_is_refused(found: Operated) -> None:
    refuse(found, "nobody", "RateStage", "has no such execution", kind=UsageError)


def test_an_execution_of_another_machine_is_refused(found: Operated, failed: Execution) -> None:
    other = failed.arn.replace("ceap-standard-dev", "ceap-other-dev")
    refuse(found, other, "RateStage", "is no execution of", kind=UsageError)


def test_an_express_execution_is_refused(found: Operated, failed: Execution) -> None:
    express = mock.Mock(spec=DeployedWorkflow, is_express=True, machine=found.workflow.machine)
    express.name = "ceap-express-dev"
    with pytest.raises(UsageError, match=r"is EXPRESS.*dead letters"):
        replay_from(found.aws, express, failed.name, "RateStage", "x-replay-1", dry_run=False, say=print)


def test_an_execution_that_runs_is_refused(found: Operated, failed: Execution) -> None:
    runs = msgspec.structs.replace(describe(found.aws, failed.arn), status="RUNNING", ended=None)
    with mock.patch.object(module, "find_execution", return_value=runs):
        refuse(found, failed.name, "RateStage", "has not ended; wait until it has, or stop it")


def test_a_name_that_is_taken_is_refused_before_anything_is_copied(found: Operated, failed: Execution) -> None:
    name = f"{failed.name}-replay-2"
    found.engine.client("stepfunctions").start_execution(
        stateMachineArn=found.workflow.machine, input="[{}]", name=name
    )
    found.engine.drain()
    refuse(found, failed.name, "RateStage", f"there is an execution {name} already.*--again", number=2)


def test_a_dry_run_says_what_would_be_copied_and_does_nothing(found: Operated, failed: Execution) -> None:
    name, known = f"{failed.name}-replay-3", len(found.engine.executions)
    planned = replay(found, failed.name, "RateStage", name, dry_run=True)
    assert (planned.arn, planned.skipped) == (None, ("TakeStage", "SiftStage", "HeavyStage"))
    assert objects_of(found.deployed, name) == {}
    assert len(found.engine.executions) == known
    assert planned.text().splitlines()[-1] == (
        f"would begin at RateStage; skips TakeStage, SiftStage, HeavyStage, with what they wrote in {failed.name}"
    )
    done = replay(found, failed.name, "RateStage", name)
    found.engine.drain()
    copied = objects_of(found.deployed, name)
    assert [(one.key, one.size_bytes) for one in planned.objects] == [(one.key, one.size_bytes) for one in done.objects]
    assert [one.size_bytes for one in done.objects] == [len(copied[one.key.split("/", 2)[2]]) for one in done.objects]


@pytest.mark.parametrize("after", [0, 2, 5])
def test_what_an_interrupted_call_has_copied_is_kept_by_the_next(
    found: Operated, failed: Execution, after: int
) -> None:
    name = f"{failed.name}-replay-{10 + after}"
    make, made = stage_copies.make_copy, 0

    def interrupted(*given: Any) -> None:
        nonlocal made
        if made == after:
            raise KeyboardInterrupt
        make(*given)
        made += 1

    with (
        mock.patch.object(stage_copies, "make_copy", interrupted),
        mock.patch.object(module, "start_replay", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        replay(found, failed.name, "RateStage", name)
    left = objects_of(found.deployed, name)
    assert len(left) == after if after < 5 else 5
    done = replay(found, failed.name, "RateStage", name)
    assert [one.kept for one in done.objects] == [number < after for number in range(5)]
    assert objects_of(found.deployed, name).items() >= left.items()
    assert found.engine.drain()[-1].status == "SUCCEEDED"


def test_copies_for_another_stage_are_not_overwritten(found: Operated, failed: Execution) -> None:
    name = f"{failed.name}-replay-20"
    with mock.patch.object(module, "start_replay", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        replay(found, failed.name, "HeavyStage", name)
    why = rf"TakeStage/output.json is there, but it is not this copy.*aws s3 rm --recursive s3://.*/executions/{name}/"
    refuse(found, failed.name, "RateStage", why, number=20)


def test_two_who_prepare_the_same_replay_make_it_once(found: Operated, failed: Execution) -> None:
    name = f"{failed.name}-replay-21"
    other = replay(found, failed.name, "RateStage", f"{failed.name}-replay-22")
    found.engine.drain()
    assert not any(one.kept for one in other.objects)
    make = stage_copies.make_copy

    def twice(*given: Any) -> None:
        make(*given)
        make(*given)

    with mock.patch.object(stage_copies, "make_copy", twice):
        replay(found, failed.name, "RateStage", name)
    assert found.engine.drain()[-1].status == "SUCCEEDED"


def test_a_damaged_output_is_not_taken_over(found: Operated) -> None:
    damaged = fail(found.deployed, "RateStage")
    key = output_key(damaged.name, "SiftStage")
    body = found.deployed.objects()[key]
    found.engine.client("s3").put_object(Bucket=found.deployed.bucket, Key=key, Body=body[:-20])
    refuse(found, damaged.name, "RateStage", "SiftStage/output.json is not a stage document.*from SiftStage")


def test_an_execution_that_aws_starts_with_the_definition_before_is_stopped(found: Operated, failed: Execution) -> None:
    name = f"{failed.name}-replay-30"
    definition_of = module._definition_of

    def before(aws: Aws, arn: str) -> str:
        return "{}" if arn.endswith(name) else definition_of(aws, arn)

    with mock.patch.object(module, "_definition_of", before), pytest.raises(CommandError, match=r"is stopped.*--again"):
        replay(found, failed.name, "RateStage", name)
    execution = found.engine.drain()[-1]
    assert (execution.name, execution.status, execution.error) == (name, "ABORTED", "ceap.OtherDefinition")


def test_a_stage_that_came_after_others_is_not_taken_over(own: Operated) -> None:
    failed = fail(own.deployed, "RateStage")
    [first, second, *others] = changed_workflow().steps
    new = msgspec.structs.replace(others[1], stage="NewStage")
    update(
        own.deployed, workflow_stack(msgspec.structs.replace(changed_workflow(), steps=(first, new, second, *others)))
    )
    ran, now = ", ".join(STAGES), "TakeStage, NewStage, SiftStage, HeavyStage, RateStage"
    why = (
        f"the definition has changed before RateStage: {failed.name} ran {ran}, and now {now} come first; "
        "replay it from NewStage: --from NewStage"
    )
    refuse(own, failed.name, "RateStage", why, number=40)
    replay(own, failed.name, "NewStage", f"{failed.name}-replay-41")
    assert own.engine.drain()[-1].status == "SUCCEEDED"
    update(own.deployed, workflow_stack(msgspec.structs.replace(changed_workflow(), steps=(second, *others))))
    why = "now SiftStage, HeavyStage, RateStage come first; replay .* from its message, without --from"
    refuse(own, failed.name, "RateStage", why, number=42)


def test_outputs_that_have_expired_are_said_to_have(own: Operated) -> None:
    old = fail(own.deployed, "RateStage")
    moment = (datetime.datetime.fromtimestamp(old.ended, datetime.UTC) + datetime.timedelta(days=9)).timestamp()
    assert CLOCK.jump(lambda: moment, CLOCK.ended)
    why = "no output of TakeStage in .*: it has expired: outputs are kept for 7 days.*replay .* from its message"
    refuse(own, old.name, "RateStage", why)


def test_stages_are_read_in_the_order_of_a_definition(found: Operated) -> None:
    names = ("GlueStage", "SiftStage", "KeepStage")
    text = standard_template(*names)["Resources"]["StateMachine"]["Properties"]["DefinitionString"]
    assert found.workflow.machine_of(json.loads(text)).stages() == list(names)
    states = json.loads(text)["States"]
    shuffled = {"StartAt": "ReceiveMessage", "States": dict(sorted(states.items(), reverse=True))}
    assert found.workflow.machine_of(shuffled).stages() == list(names)


def test_a_message_that_looks_like_that_of_a_replay_skips_nothing_also_when_it_is_replayed(found: Operated) -> None:
    body = json.dumps({"executionId": "x-replay-1", "copiedFrom": "x", "skip": ["TakeStage"]})
    execution = run(found.deployed, body)
    found.engine.client("stepfunctions").start_execution(
        stateMachineArn=found.workflow.machine, name=f"{execution.name}-replay-1", input=execution.input
    )
    for each in (execution, found.engine.drain()[-1]):
        assert (each.status, each.error) == ("FAILED", "PermanentStageError")
        assert "the message is wrong" in (each.cause or "")
