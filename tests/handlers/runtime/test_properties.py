"""The laws that hold for every stage of every workflow, at the level of one handler and its context."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ceap.testing import BUCKET, EXECUTION, Invocation, Json, invoke, make_bucket, message, write_output
from handlers import runtime
from handlers.runtime.contract import output_key
from handlers.runtime.stage import WorkflowLambdaHandler
from tests import reference
from tests.handlers.conftest import Log
from tests.handlers.support import calls, keys, names_of_others, output, run_in_order

pytestmark = pytest.mark.usefixtures("aws")

HANDLERS: dict[str, WorkflowLambdaHandler[Any, Any]] = {
    f"{name.capitalize()}Stage": reference.load_stage(name).handler for name in ("take", "sift", "rate", "keep", "tell")
}
SOURCES = sorted([*Path(runtime.__file__).parent.rglob("*.py"), *reference.HANDLERS.glob("*.py")])

# One emulated AWS serves all examples of a test: each has an execution of its own.
shared_aws = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

executions = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=60)
stages = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,40}", fullmatch=True)
handlers_of_any_kind = st.sampled_from(list(HANDLERS.values()))
records_of_any_kind = st.fixed_dictionaries(
    {"id": st.sampled_from(["r1", "r2", "r3"])},
    optional={"version": st.integers(1, 5), "drop": st.booleans(), "text": st.text(max_size=5)},
)
record_lists = st.lists(records_of_any_kind, max_size=4)


_numbers = itertools.count()


def unused(name: str) -> str:
    """Make a name that no other example has."""
    return f"{name}-{next(_numbers)}"


def run_spied(handler: WorkflowLambdaHandler[Any, Any], stage: str, **context: Any) -> list[tuple[str, str, str]]:
    """Run a stage and return its calls to S3: operation, bucket and key."""
    with calls("s3") as seen:
        handler(
            {
                "executionId": context["execution"],
                "currentStage": stage,
                "previousStage": context.get("previous"),
                "workflowBucket": BUCKET,
                "initialData": context.get("initial_data"),
            },
            Invocation(),
        )
    return [(operation, params["Bucket"], params["Key"]) for operation, params in seen]


@pytest.mark.property(2, "H")
@pytest.mark.property(3, "H")
@pytest.mark.property(5, "H")
@shared_aws
@given(
    handler=handlers_of_any_kind,
    execution=executions,
    previous=st.none() | stages,
    stage=stages,
    records=record_lists,
)
def test_a_stage_reads_the_output_of_the_previous_if_there_is_one_and_writes_its_own_and_nothing_else(
    handler: WorkflowLambdaHandler[Any, Any], execution: str, previous: str | None, stage: str, records: list[Any]
) -> None:
    assume(previous != stage)
    execution = unused(execution)
    if previous is not None:
        write_output(previous, records, execution)
    given_data = message(records) if previous is None else None
    requests = run_spied(handler, stage, execution=execution, previous=previous, initial_data=given_data)
    read = {(bucket, key) for operation, bucket, key in requests if operation == "GetObject"}
    assert read == ({(BUCKET, f"executions/{execution}/{previous}/output.json")} if previous else set())
    written = [key for operation, _, key in requests if operation != "GetObject"]
    assert written[-1] == f"executions/{execution}/{stage}/output.json"
    assert all(key.startswith(f"executions/{execution}/{stage}/") for key in written)
    assert output(stage, execution)["executionId"] == execution
    folders = {key.split("/")[2] for key in keys(f"executions/{execution}/")}
    assert folders == {stage} | ({previous} if previous else set())


@pytest.mark.property(4, "H")
@shared_aws
@given(handler=handlers_of_any_kind, execution=executions, stage=stages, records=record_lists)
def test_the_first_stage_takes_the_message_and_reads_nothing_from_s3(
    handler: WorkflowLambdaHandler[Any, Any], execution: str, stage: str, records: list[Any]
) -> None:
    execution = unused(execution)
    write_output("OtherStage", [{"id": "r9"}], execution)
    requests = run_spied(handler, stage, execution=execution, initial_data=message(records))
    assert {operation for operation, _, _ in requests} == {"PutObject"}
    assert requests[-1] == ("PutObject", BUCKET, output_key(execution, stage))
    document = output(stage, execution)
    assert document["metadata"]["inputRecordCount"] == len(records)
    assert {record["id"] for record in document["data"]} <= {record["id"] for record in records}


@pytest.mark.property(10, "H")
@shared_aws
@given(
    order=st.permutations(list(HANDLERS)).flatmap(lambda names: st.integers(1, 5).map(lambda size: names[:size])),
    execution=executions,
    records=record_lists,
)
def test_stages_run_in_any_order_and_number(order: list[str], execution: str, records: list[Any]) -> None:
    execution = unused(execution)
    run_in_order(HANDLERS, order, records, message(records), execution)
    outputs = [output(stage, execution) for stage in order]
    assert [(document["stage"], document["executionId"]) for document in outputs] == [(s, execution) for s in order]
    counts = [document["metadata"] for document in outputs]
    assert [each["inputRecordCount"] for each in counts[1:]] == [each["outputRecordCount"] for each in counts[:-1]]


@pytest.mark.property(11, "H")
@shared_aws
@given(
    handler=handlers_of_any_kind,
    execution=executions,
    stage=stages,
    previous=st.none() | stages,
    records=st.lists(records_of_any_kind, max_size=4, unique_by=itemgetter("id")),
)
def test_a_handler_runs_alone_from_a_context_as_often_as_one_likes(
    handler: WorkflowLambdaHandler[Any, Any], execution: str, stage: str, previous: str | None, records: list[Any]
) -> None:
    assume(previous != stage)
    execution = unused(execution)
    # The examples share a table, in which another example's record may be newer.
    records = [{**record, "id": f"{execution}-{record['id']}"} for record in records]
    given_data = message(records) if previous is None else None
    if previous is not None:
        write_output(previous, records, execution)
    first, second = (
        invoke(handler, stage, previous=previous, initial_data=given_data, execution=execution) for _ in range(2)
    )
    drops = {record["id"] for record in records if record.get("drop") and handler is HANDLERS["SiftStage"]}
    for document in (first, second):
        assert (document["executionId"], document["stage"]) == (execution, stage)
        assert [record["id"] for record in document["data"]] == [r["id"] for r in records if r["id"] not in drops]


@pytest.mark.property(36, "H")
@pytest.mark.property(37, "H")
@shared_aws
@given(
    handler=handlers_of_any_kind,
    execution=executions,
    previous=st.none() | stages,
    stage=stages,
    records=record_lists,
    succeeds=st.booleans(),
)
def test_execution_and_stage_are_logged_first_then_the_paths(
    log: Log,
    *,
    handler: WorkflowLambdaHandler[Any, Any],
    execution: str,
    previous: str | None,
    stage: str,
    records: list[Any],
    succeeds: bool,
) -> None:
    assume(previous != stage)
    execution = unused(execution)
    log.truncate(log.seek(0))
    if succeeds and previous is not None:
        write_output(previous, records, execution)
    with ExitStack() as stack:
        if not succeeds:
            stack.enter_context(pytest.raises(Exception, match=r"no initialData|should have written it"))
        run_spied(
            handler,
            stage,
            execution=execution,
            previous=previous,
            initial_data=message(records) if succeeds and previous is None else None,
        )
    lines = log.lines()
    assert all((line["executionId"], line["currentStage"]) == (execution, stage) for line in lines)
    assert [line["message"] for line in lines] == [
        "stage started",
        "stage paths",
        "stage succeeded" if succeeds else "stage failed",
    ]
    expected: Json = {"outputPath": f"s3://{BUCKET}/executions/{execution}/{stage}/output.json"}
    if previous is not None:
        expected["inputPath"] = f"s3://{BUCKET}/executions/{execution}/{previous}/output.json"
    assert {name: value for name, value in lines[1].items() if name.endswith("Path")} == expected


def test_no_stage_logs_what_is_in_a_record(log: Log) -> None:
    body = message([{"id": "secret"}, {"id": "secret", "drop": True}, {"text": "secret"}] * 20)
    previous = None
    for stage, handler in HANDLERS.items():
        invoke(handler, stage, previous=previous, initial_data=body if previous is None else None)
        previous = stage
    assert len(log.lines()) == 3 * len(HANDLERS)
    assert "secret" not in log.getvalue()


@pytest.mark.parametrize(
    "code",
    [
        'FUNCTION = "ceap-orders-dev-Sift"',
        'BUCKET = "arn:aws:s3:::shop"',
        'ACTION = "lambda:InvokeAsync"',
        'def place(name): return f"executions/{name}"',
        'def place(stage): return stage + "/output.json"',
        'class Stage:\n    after = "SiftStage"',
    ],
)
def test_a_handler_that_names_another_is_seen(code: str, tmp_path: Path) -> None:
    source = tmp_path / "own.py"
    source.write_text(f'"""Goes before SiftStage, in executions/."""\n\nKEPT = "records"\n{code}\n', encoding="utf-8")
    [named] = names_of_others(source, ["SiftStage"])
    assert named in code


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.name))
def test_no_handler_names_a_function_a_bucket_a_path_or_another_stage(source: Path) -> None:
    assert names_of_others(source, reference.STAGES) == []


@shared_aws
@given(handler=handlers_of_any_kind, bucket=st.from_regex(r"[a-z]{3,40}", fullmatch=True))
def test_the_bucket_is_the_one_that_the_context_names(handler: WorkflowLambdaHandler[Any, Any], bucket: str) -> None:
    bucket = unused(bucket)
    make_bucket(bucket)
    with calls("s3") as seen:
        handler(
            {
                "executionId": EXECUTION,
                "currentStage": "OwnStage",
                "previousStage": None,
                "workflowBucket": bucket,
                "initialData": message([{"id": "r1"}]),
            },
            Invocation(),
        )
    assert {params["Bucket"] for _, params in seen} == {bucket}
