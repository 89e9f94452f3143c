"""What a served workflow tells of its endpoint, and how many messages it counts."""

from __future__ import annotations

import itertools
import json
import shlex
from pathlib import Path

from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.run_report import count_messages
from ceap.local.serve import Endpoint, describe
from tests.local.support import deploy_express
from tests.reference import MESSAGE

URL = "http://127.0.0.1:4000"
ENDPOINT = Endpoint(
    workflow="orders",
    endpoint_url=URL,
    queue_url=f"{URL}/1/orders-queue",
    dead_letter_queue_url=f"{URL}/1/orders-dead-letter-queue",
    state_machine_arn="arn:aws:states:us-east-1:1:stateMachine:orders",
    buckets=("workflow", "source"),
    tables={"rates": "ceap-rates-local", "notes": "ceap-notes-local"},
    workers={"TakeStage": "orders-Take"},
    existing_functions={"RateFunctionArn": "arn:aws:lambda:us-east-1:1:function:RateFunction"},
    environment={"AWS_ENDPOINT_URL": URL, "AWS_SECRET_ACCESS_KEY": "a/b c"},
)


def test_a_person_can_paste_the_keys_and_a_command_that_sends_the_message(tmp_path: Path) -> None:
    message = tmp_path / "my message.json"
    assert describe(ENDPOINT, message, has_triggers=False) == [
        f"orders is served at {URL}; Ctrl-C ends it and prints the report",
        f"  queue              {URL}/1/orders-queue",
        f"  dead-letter queue  {URL}/1/orders-dead-letter-queue",
        "  state machine      arn:aws:states:us-east-1:1:stateMachine:orders",
        "  buckets            workflow, source",
        "  tables             ceap-rates-local, ceap-notes-local",
        "  existing functions arn:aws:lambda:us-east-1:1:function:RateFunction",
        "paste this into another shell, then call AWS there, with temporary keys that only this endpoint takes:",
        f"  export AWS_ENDPOINT_URL={URL}",
        "  export AWS_SECRET_ACCESS_KEY='a/b c'",
        f"  aws sqs send-message --endpoint-url {URL} --queue-url {URL}/1/orders-queue "
        f"--message-body {shlex.quote(f'file://{message}')}",
    ]


def test_a_person_is_told_that_triggers_do_not_fire(tmp_path: Path) -> None:
    lines = describe(ENDPOINT, tmp_path / "message.json", has_triggers=True)
    assert "  triggers           do not fire here: neither the clock nor a new object sends a message" in lines


def test_a_message_that_is_received_again_counts_once() -> None:
    inputs = [json.dumps([{"messageId": name}]) for name in ("a", "b", "a")] + ["{}", '{"messageId": "a"}', "[]"]
    executions = [Execution(arn=str(number), name="n", machine="m", input=given) for number, given in enumerate(inputs)]
    assert count_messages(executions) == 5


def test_an_engine_that_serves_takes_what_comes_and_ends_when_it_is_asked(engine: Engine) -> None:
    deployed = deploy_express(engine)
    asked = itertools.count()

    def is_over() -> bool:
        if next(asked) == 3:
            engine.send(deployed.queue, MESSAGE)
        return any(execution.status == "SUCCEEDED" for execution in engine.executions)

    [execution] = engine.serve(is_over)
    assert execution.status == "SUCCEEDED"


def test_an_engine_that_serves_takes_a_message_while_another_is_run(engine: Engine) -> None:
    deployed = deploy_express(engine)
    engine.send(deployed.queue, MESSAGE)
    others = iter([MESSAGE])

    def is_over() -> bool:
        if engine.executions and (body := next(others, None)):
            engine.send(deployed.queue, body)
        return [execution.status for execution in engine.executions] == ["SUCCEEDED"] * 2

    first, second = engine.serve(is_over)
    assert first.started < second.started < first.ended
