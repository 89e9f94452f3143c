"""Failures of stages as their developer reads them: real workers, whose code lies as in a function's zip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from ceap.local.failures import Failure, read_failure
from ceap.local.workers import Outcome, Worker
from tests.local.test_workers import function

Fail = Callable[..., Failure | None]
DENIED = "is not authorized to perform: {} on resource: {} because no identity-based policy allows the {} action"


@pytest.fixture
def fail(tmp_path: Path) -> Iterator[Fail]:
    """Return the failure of a handler `handlers.broken` of the given source; `helper` is `handlers.runtime.helper`."""
    workers: list[Worker] = []

    def begin(
        source: str,
        helper: str = "",
        *,
        all_frames: bool = False,
        timeout_s: int = 30,
        memory_mb: int = 256,
        fault: dict[str, str] | None = None,
    ) -> Failure | None:
        (tmp_path / "handlers" / "runtime").mkdir(parents=True)
        (tmp_path / "handlers" / "broken.py").write_text(dedent(source), encoding="utf-8")
        (tmp_path / "handlers" / "runtime" / "helper.py").write_text(dedent(helper), encoding="utf-8")
        deployed = function(tmp_path, "handlers.broken.handler", timeout_s, memory_mb)
        worker = Worker(deployed)
        workers.append(worker)
        return read_failure(deployed, worker.invoke("request-1", None, 0.0, fault), all_frames=all_frames)

    yield begin
    for worker in workers:
        worker.close()


def test_an_exception_has_its_text_and_the_own_frames_from_the_outside_in(fail: Fail) -> None:
    source = """
    from handlers.runtime.helper import call
    def handler(event, context):
        return call(divide)
    def divide():
        return 1 / 0
    """
    failure = fail(source, "def call(function): return function()")
    assert failure == Failure(
        "ZeroDivisionError: division by zero, at handlers/broken.py:6",
        (
            "  handlers/broken.py:4 in handler",
            "      return call(divide)",
            "  handlers/broken.py:6 in divide",
            "      return 1 / 0",
        ),
        None,
    )


def test_all_frames_are_shown_if_they_are_wanted(fail: Fail) -> None:
    source = """
    from handlers.runtime.helper import call
    def handler(event, context): return call(lambda: {}["colour"])
    """
    failure = fail(source, "def call(function): return function()", all_frames=True)
    assert failure is not None
    assert failure.headline == "KeyError: 'colour', at handlers/broken.py:3"
    assert "  handlers/runtime/helper.py:1 in call" in failure.details
    assert any("ceap/local/child/worker.py:" in line for line in failure.details)


def test_the_stage_error_that_hides_a_text_gives_way_to_its_cause(fail: Fail) -> None:
    source = """
    def handler(event, context):
        try:
            {}["colour"]
        except KeyError as error:
            raise ValueError("unexpected KeyError; error.json has its text") from error
    """
    failure = fail(source)
    assert failure == Failure(
        "KeyError: 'colour', at handlers/broken.py:4",
        ("  handlers/broken.py:4 in handler", '      {}["colour"]'),
        None,
    )


def test_a_cause_of_ones_own_is_told_after_the_error(fail: Fail) -> None:
    source = """
    def handler(event, context):
        try:
            {}["colour"]
        except KeyError as error:
            raise ValueError("no colour (Sift of execution e; output s3://b/k)") from error
    """
    failure = fail(source)
    assert failure is not None
    assert failure.headline == "ValueError: no colour, at handlers/broken.py:6"
    assert failure.details[2:] == (
        "caused by KeyError: 'colour'",
        "  handlers/broken.py:4 in handler",
        '      {}["colour"]',
    )


def test_a_wrong_yield_is_shown_at_its_yield_with_the_number_of_the_record(fail: Fail) -> None:
    source = """
    from handlers.runtime.helper import stage
    def process():
        yield 1
        yield None
    handler = stage(process)
    """
    helper = """
    from types import SimpleNamespace
    def stage(process):
        def handler(event, context):
            results, tally = process(), SimpleNamespace(records_in=0)
            for tally.records_in, result in enumerate(results, start=1):
                check(result)
        return handler
    def check(result):
        if result is None:
            raise ValueError("a record is None")
    """
    failure = fail(source, helper)
    assert failure is not None
    assert (failure.headline, failure.record) == ("ValueError: a record is None, at handlers/broken.py:5", 2)


def test_a_wrong_yield_of_a_stage_that_has_ended_is_shown_at_its_def(fail: Fail) -> None:
    source = """
    from handlers.runtime.helper import stage
    def process():
        yield None
    handler = stage(process)
    """
    helper = """
    def stage(process):
        def handler(event, context):
            results = process()
            check(list(results))
        return handler
    def check(results):
        raise ValueError("a record is None")
    """
    failure = fail(source, helper)
    assert failure is not None
    assert failure.headline == "ValueError: a record is None, at handlers/broken.py:3"


def test_a_module_that_is_missing_is_shown_with_the_chain_of_imports(fail: Fail) -> None:
    failure = fail("import handlers.runtime.helper", "import no_such_module")
    assert failure == Failure(
        "ModuleNotFoundError: No module named 'no_such_module', at handlers/broken.py:1",
        ("  handlers/broken.py:1 in <module>", "      import handlers.runtime.helper"),
        None,
    )


def test_a_syntax_error_is_shown_on_its_line(fail: Fail) -> None:
    failure = fail("\ndef handler(event, context)\n    return 1\n")
    assert failure == Failure(
        "SyntaxError: expected ':', at handlers/broken.py:2",
        ("  handlers/broken.py:2", "      def handler(event, context)"),
        None,
    )


def test_a_syntax_error_of_a_text_that_the_handler_compiles_has_no_line_to_show(fail: Fail) -> None:
    failure = fail("def handler(event, context): compile('\\nreturn 1', 'rules.txt', 'exec')", all_frames=True)
    assert failure is not None
    assert failure.headline == "SyntaxError: 'return' outside function, at handlers/broken.py:1"
    assert failure.details[-1] == "  rules.txt:2"


@pytest.mark.parametrize("call", ["time.sleep(60)", "os.read(os.pipe()[0], 1)", "re.match('(a+)+$', 'a' * 60 + 'b')"])
def test_a_timeout_shows_where_the_handler_was_and_names_the_field_of_the_step(fail: Fail, call: str) -> None:
    """The last of the calls never lets another thread of Python run."""
    source = f"""
    import os, re, time
    from handlers.runtime.helper import call
    def handler(event, context):
        call(hang)
    def hang():
        {call}
    """
    failure = fail(source, "def call(function): function()", timeout_s=1)
    assert failure == Failure(
        "Sandbox.Timedout: Task timed out after 1.00 seconds; it was at handlers/broken.py:7",
        (
            "  handlers/broken.py:5 in handler",
            "      call(hang)",
            "  handlers/broken.py:7 in hang",
            f"      {call}",
            "cure: raise timeout_s of the step, now 1, or make the stage faster; a call that may hang can be given the "
            "time that is left: stage.deadline - time.time()",
        ),
        None,
    )


def test_all_frames_of_a_timeout_are_those_of_the_thread_of_the_handler(fail: Fail) -> None:
    source = """
    import threading, time
    def handler(event, context):
        threading.Thread(target=time.sleep, args=(60,)).start()
        time.sleep(60)
    """
    failure = fail(source, timeout_s=1, all_frames=True)
    assert failure is not None
    places = [line.partition(".py:")[0] for line in failure.details if ".py:" in line]
    assert places == ["  ceap/local/child/worker"] * 3 + ["  handlers/broken"]


def test_exceeded_memory_shows_where_the_handler_was_and_names_the_field_of_the_step(fail: Fail) -> None:
    source = "import time\ndef handler(event, context):\n    kept = bytearray(200_000_000)\n    time.sleep(60)"
    failure = fail(source, memory_mb=100)
    assert failure is not None
    assert (
        re.sub(r":[34]\b", ":3", failure.headline)
        == "Runtime.OutOfMemory: out of memory; it was at handlers/broken.py:3"
    )
    assert failure.details[-1] == "cure: raise memory_mb of the step, now 100, or keep fewer records at once"


def test_with_all_frames_a_denial_has_the_role_and_the_whole_text(fail: Fail) -> None:
    text = "User: arn:aws:sts::1:assumed-role/ceap-r/f " + DENIED.format(
        "s3:GetObject", "arn:aws:s3:::b/k", "s3:GetObject"
    )
    failure = fail(f"def handler(event, context):\n    raise OSError({text!r})", all_frames=True)
    assert failure is not None
    assert failure.details[-3:-1] == ("role: ceap-r", f"text: {text}")


@pytest.mark.parametrize(
    ("action", "resource", "cure"),
    [
        (
            "dynamodb:PutItem",
            "arn:aws:dynamodb:us-east-1:1:table/ceap-program-config-local",
            'add "PutItem" to the actions of table program_config in NEEDS: tables={TABLE: ("PutItem",)}',
        ),
        (
            "dynamodb:Scan",
            "arn:aws:dynamodb:us-east-1:1:table/ceap-orders-local/index/by_day",
            'declare the call in NEEDS: grants=(Grant(("dynamodb:Scan",), '
            '"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ceap-orders-${Environment}/index/by_day"'
            "),)",
        ),
        (
            "events:PutEvents",
            "arn:aws:events:us-east-1:1:event-bus/default",
            "declare the event in NEEDS: events=Publish(source=..., detail_type=...)",
        ),
        (
            "s3:GetObject",
            "arn:aws:s3:::other/key",
            "if messages name the bucket, bucket_setting=... in NEEDS reads it; else declare the call in NEEDS: "
            'grants=(Grant(("s3:GetObject",), "arn:${AWS::Partition}:s3:::other/key"),)',
        ),
        (
            "sqs:SendMessage",
            "arn:aws:sqs:us-east-1:1:localqueue-local",
            'declare the call in NEEDS: grants=(Grant(("sqs:SendMessage",), '
            '"arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:localqueue-${Environment}"),)',
        ),
        (
            "dynamodb:PutItem",
            "arn:aws:dynamodb:us-east-1:1:table/vendor",
            'declare the call in NEEDS: grants=(Grant(("dynamodb:PutItem",), '
            '"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/vendor"),)',
        ),
        (
            "events:PutEvents",
            "arn:aws:events:us-east-1:1:event-bus/vendor",
            'declare the call in NEEDS: grants=(Grant(("events:PutEvents",), '
            '"arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/vendor"),)',
        ),
        (
            "s3:PutObject",
            "arn:aws:s3:::ceap-workflow-local-1/x",
            "a stage may use only its own objects of this bucket, and the output of the stage before; do without it",
        ),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:us-east-1:1:secret:vendor/key-local-AbCdEf",
            'declare it in NEEDS, and read it with stage.secret: secrets=("vendor/key-${Environment}",)',
        ),
        (
            "secretsmanager:GetSecretValue",
            "vendor/key-local",
            "there is no secret vendor/key-local: write a made-up text into fixtures/NAME/secrets/vendor/key-local "
            "beside the declaration, or below the folder of --seed; NEEDS must declare it, too: "
            'secrets=("vendor/key-${Environment}",)',
        ),
        (
            "ssm:GetParameter",
            "arn:aws:ssm:us-east-1:1:parameter/vendor/local/url",
            'declare it in NEEDS: parameters=("/vendor/${Environment}/url",)',
        ),
        ("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/url", 'declare it in NEEDS: parameters=("url",)'),
        (
            "textract:DetectDocumentText",
            "*",
            'declare the call in NEEDS: grants=(Grant(("textract:DetectDocumentText",), "*"),)',
        ),
    ],
)
def test_a_denial_names_action_resource_and_what_grants_it(fail: Fail, action: str, resource: str, cure: str) -> None:
    text = "User: arn:aws:sts::1:assumed-role/r " + DENIED.format(action, resource, action)
    failure = fail(f"def handler(event, context):\n    raise OSError({text!r})")
    assert failure is not None
    assert failure.headline == f"OSError: {action} on {resource} was denied, at handlers/broken.py:2"
    assert failure.details[-1] == f"cure: {cure}"


def test_a_denial_that_the_stage_error_of_a_call_tells_of_is_shown_without_the_text_of_aws(fail: Fail) -> None:
    action, resource = "dynamodb:UpdateItem", "arn:aws:dynamodb:us-east-1:1:table/ceap-orders-local"
    denial = "User: arn:aws:sts::1:assumed-role/r/f " + DENIED.format(action, resource, action)
    text = f"{action} on ceap-orders-local was denied: {denial}; add it to NEEDS of the handler, or grant it to f"
    source = f"""
    class PermanentStageError(Exception): pass
    def handler(event, context): raise PermanentStageError({text!r})
    """
    failure = fail(source)
    assert failure is not None
    assert failure.headline == f"PermanentStageError: {action} on {resource} was denied, at handlers/broken.py:3"
    cure = 'cure: add "UpdateItem" to the actions of table orders in NEEDS: tables={TABLE: ("UpdateItem",)}'
    assert failure.details[-1] == cure


@pytest.mark.parametrize(
    "text",
    [
        "ssm:GetParameter on /a/url found nothing (ParameterNotFound); create parameter /a/url in the account",
        "An error occurred (ParameterNotFound) when calling the GetParameter operation: Parameter /a/url not found.",
    ],
)
def test_a_parameter_that_is_missing_names_the_file_that_makes_it(fail: Fail, text: str) -> None:
    failure = fail(f"def handler(event, context):\n    raise OSError({text!r})")
    assert failure is not None
    assert failure.details[-1] == (
        "cure: write a made-up value into fixtures/NAME/parameters/a/url beside the declaration, or below the folder "
        "of --seed"
    )


def test_a_call_that_the_engine_does_not_know_says_what_to_do_instead(fail: Fail) -> None:
    text = "An error occurred (NotImplemented): The local engine cannot judge the call textract X: not modelled."
    failure = fail(f"def handler(event, context):\n    raise OSError({text!r})")
    assert failure is not None
    assert failure.headline == f"OSError: {text}, at handlers/broken.py:2"
    assert failure.details[-1] == (
        "cure: on AWS the role needs it in NEEDS: grants=(...); here, let a setting of the step leave the call out, "
        "or test the handler with another client in its place"
    )


def test_a_breakpoint_that_finds_no_terminal_names_the_command_that_has_one(fail: Fail) -> None:
    failure = fail("""
    import bdb
    def handler(event, context): raise bdb.BdbQuit
    """)
    assert failure is not None
    assert failure.headline == "BdbQuit, at handlers/broken.py:3"
    cure = (
        "cure: breakpoint() needs a terminal; run this stage alone, by `ceap invoke` on a terminal, or remove the call"
    )
    assert failure.details[-1] == cure


def test_a_failure_that_was_asked_for_is_none_and_neither_is_success(fail: Fail, tmp_path: Path) -> None:
    assert fail("handler = print", fault={"errorType": "TransientStageError", "errorMessage": "asked for"}) is None
    succeeded = Outcome(payload="null", failed=False, lines=[], duration_s=0.1, memory_mb=1)
    assert read_failure(function(tmp_path), succeeded, all_frames=False) is None
