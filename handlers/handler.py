"""The base of all stages: from the execution context to the stage's output, or to a recorded failure."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from handlers.contract import (
    ExecutionContext,
    PermanentStageError,
    StageError,
    StageResult,
    TransientStageError,
    error_key,
    output_key,
    rejected_key,
)
from handlers.document import EDGE_BYTES, Header, encode_document, read_footer, read_records
from handlers.logs import logger
from handlers.message import Message, decode_message
from handlers.needs import Needs
from handlers.stage import Record, S, StageContext, Tally, load_settings
from handlers.storage import ObjectWriter, Storage

R = TypeVar("R")


class LambdaContext(Protocol):
    """What is used of the context that Lambda hands to a function."""

    def get_remaining_time_in_millis(self) -> int: ...


class WorkflowLambdaHandler(ABC, Generic[R, S]):
    """A Lambda handler that runs one stage; its instance is the function's entry point.

    A stage is a generator over records and knows nothing of S3, of its neighbours or of its place in the workflow
    (requirements 3.1 to 3.5). `record_type` is what it takes: a Struct, or a dict of any JSON object.
    """

    record_type: ClassVar[Any] = dict[str, Any]

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    @abstractmethod
    def process_data(self, records: Iterator[R], stage: StageContext[S]) -> Iterator[Record]:
        """Yield what the stage makes of its records; each is yielded, rejected, or counted as merged or stale."""

    def __call__(self, event: object, lambda_context: LambdaContext) -> dict[str, Any]:
        """Run the stage and return its StageResult.

        What raises anything else than a stage error is a fault whose nature is unknown: it counts as transient, since
        running a stage again does no harm and requirement 8.1 has all errors retried.

        Args:
            event: The fields of `ExecutionContext`.
            lambda_context: Lambda's own context.

        Raises:
            PermanentStageError: The same input can never succeed.
            TransientStageError: A later attempt may succeed.
        """
        context = _decode_context(event)
        log = logger()
        log.append_keys(executionId=context.execution_id, currentStage=context.current_stage)
        log.info("stage started")
        tally = Tally()
        failure: StageError
        try:
            self._run(context, lambda_context, tally)
        except (PermanentStageError, TransientStageError) as error:
            failure = error
        except Exception as error:
            failure = TransientStageError(f"unexpected {type(error).__name__}: {error}")
            failure.__cause__ = error
        else:
            result = _result(context, tally, None)
            log.info("stage succeeded", result=result, records=tally.summary())
            return result
        _record_failure(context, tally, failure)
        raise failure

    def _run(self, context: ExecutionContext, lambda_context: LambdaContext, tally: Tally) -> None:
        """Write output.json, or raise and leave none."""
        started, deadline = perf_counter(), time() + lambda_context.get_remaining_time_in_millis() / 1000
        storage = Storage(context.workflow_bucket)
        _log_paths(context, storage)
        settings = load_settings(self._needs)
        message = decode_message(context.initial_data) if context.previous_stage is None else None
        records = self._read_previous(context, storage) if message is None else self._read_message(message, context)
        output = storage.open_writer(output_key(context.execution_id, context.current_stage))
        rejected = storage.open_writer(rejected_key(context.execution_id, context.current_stage))
        stage: StageContext[S] = StageContext(
            execution=context,
            needs=self._needs,
            settings=settings,
            message=message,
            deadline=deadline,
            tally=tally,
            rejected=rejected,
        )

        def conclude(_: int) -> dict[str, Any]:
            if next(records, None) is not None:
                raise PermanentStageError(f"{context.current_stage} left records unread; process_data must take all")
            tally.check(context.current_stage)
            return tally.summary() | {"processingTimeMs": round((perf_counter() - started) * 1000)}

        results = self.process_data(tally.count_in(records), stage)
        with _commit(rejected, output):
            for block in encode_document(_header(stage), tally.count_out(results), conclude):
                output.write(block)

    def _read_message(self, message: Message, context: ExecutionContext) -> Iterator[R]:
        for number, record in enumerate(message.source.read(), start=1):
            try:
                yield msgspec.convert(record, self.record_type)
            except msgspec.ValidationError as error:
                raise PermanentStageError(
                    f"record {number} of the message is none that {context.current_stage} takes: {error}; send such "
                    "records, or put a stage first that makes them, e.g. ETL"
                ) from error

    def _read_previous(self, context: ExecutionContext, storage: Storage) -> Iterator[R]:
        """Return the previous stage's records; its document's footer has been checked."""
        key = output_key(context.execution_id, str(context.previous_stage))
        missing = f"{context.previous_stage} should have written it; see whether it ran, and under which execution"
        tail = storage.read_tail(key, EDGE_BYTES, missing=missing)
        where = storage.locate(key)
        count = read_footer(tail.data, where)
        # A small document has been read whole already.
        chunks = storage.read(key, etag=tail.etag) if tail.start else iter([tail.data])
        return read_records(chunks, msgspec.json.Decoder(self.record_type), count=count, where=where)


def _decode_context(event: object) -> ExecutionContext:
    try:
        return msgspec.convert(event, ExecutionContext)
    except msgspec.ValidationError as error:
        failure = PermanentStageError(
            f"the event is no execution context: {error}; the state machine must pass executionId, currentStage, "
            "previousStage, workflowBucket and initialData"
        )
        logger().error("stage failed", errorType=type(failure).__name__, errorMessage=str(failure))
        raise failure from error


def _log_paths(context: ExecutionContext, storage: Storage) -> None:
    before = context.previous_stage
    logger().info(
        "stage paths",
        inputPath=None if before is None else storage.locate(output_key(context.execution_id, before)),
        outputPath=storage.locate(output_key(context.execution_id, context.current_stage)),
    )


def _header(stage: StageContext[Any]) -> Header:
    return Header(
        execution_id=stage.execution.execution_id,
        stage=stage.execution.current_stage,
        started_at=stage.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


@contextmanager
def _commit(rejected: ObjectWriter, output: ObjectWriter) -> Iterator[None]:
    """Make rejected.jsonl appear, then output.json: it is the mark that the stage is done."""
    try:
        yield
        rejected.close()
        output.close()
    except PermanentStageError:
        output.abort()
        # What was rejected is often why.
        rejected.close()
        raise
    except BaseException:
        output.abort()
        rejected.abort()
        raise


def _record_failure(context: ExecutionContext, tally: Tally, failure: StageError) -> None:
    """Write error.json and log the StageResult; what goes wrong with the former must not hide the failure."""
    result = _result(context, tally, str(failure))
    description = {
        **result,
        "executionId": context.execution_id,
        "errorType": type(failure).__name__,
        "cause": repr(failure.__cause__) if failure.__cause__ else None,
        "details": failure.details,
        "failedAt": datetime.now(UTC),
        "stackTrace": traceback.format_exception(failure),
    }
    log = logger()
    try:
        storage = Storage(context.workflow_bucket)
        storage.put(error_key(context.execution_id, context.current_stage), msgspec.json.encode(description))
    except Exception as error:
        log.warning("error.json was not written", reason=str(error))
    log.error("stage failed", result=result, errorType=type(failure).__name__, stackTrace=description["stackTrace"])


def _result(context: ExecutionContext, tally: Tally, error_message: str | None) -> dict[str, Any]:
    result = StageResult(
        status="SUCCESS" if error_message is None else "FAILED",
        stage=context.current_stage,
        records_processed=tally.records_in,
        error_message=error_message,
    )
    built: dict[str, Any] = msgspec.to_builtins(result)
    return built
