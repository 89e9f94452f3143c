"""The base of all stages: from the execution context to the stage's output, or to a recorded failure."""

import gc
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from time import perf_counter, time
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from handlers.runtime.context import Record, S, StageContext, load_settings
from handlers.runtime.contract import (
    ExecutionContext,
    PermanentStageError,
    StageError,
    StageResult,
    TransientStageError,
    error_key,
    output_key,
    rejected_key,
)
from handlers.runtime.document import (
    EDGE_BYTES,
    CopiedHeader,
    Header,
    encode_document,
    read_blocks,
    read_footer,
    read_header,
)
from handlers.runtime.logs import logger
from handlers.runtime.message import Message, decode_message
from handlers.runtime.metrics import Measures, write_metrics
from handlers.runtime.needs import Needs
from handlers.runtime.records import BadRecordError, check_results
from handlers.runtime.replay import is_replay, read_skip
from handlers.runtime.sources import BadRow, require_record
from handlers.runtime.storage import ObjectWriter, Storage
from handlers.runtime.tally import Place, Share, Tally

R = TypeVar("R")


class LambdaContext(Protocol):
    """The part of Lambda's own context that a stage uses."""

    def get_remaining_time_in_millis(self) -> int: ...


class WorkflowLambdaHandler(ABC, Generic[R, S]):
    """A Lambda handler that runs one stage; its instance is the function's entry point.

    A stage is a generator over records; it does not know S3, its neighbours or its place in the workflow
    (requirements 3.1 to 3.5). `record_type` is what it takes: a Struct, or a dict of any JSON object. `yields` is what
    it hands on, by default the same; it is held to that as it writes. If `expands`, it may make several records of one.
    `message_type` is the message that it takes when it comes first. `home` are the dimensions of the metrics of records
    that have none of their own (`tally.Placed`).
    """

    record_type: ClassVar[Any] = dict[str, Any]
    yields: ClassVar[Any] = None
    expands: ClassVar[bool] = False
    message_type: ClassVar[type[Message]] = Message
    home: ClassVar[Place] = ()

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    @abstractmethod
    def process_data(self, records: Iterator[R], stage: StageContext[S]) -> Iterator[Record]:
        """Yield what the stage makes of its records; each is yielded, rejected, or counted as merged or stale."""

    def check_record(self, record: R, stage: StageContext[S]) -> None:
        """Refuse a record that the stage can never take, e.g. one that is too large for its table.

        Called with each record before `process_data` gets it: one that is refused is rejected, the others go on.

        Raises:
            BadRecordError: The record is refused.
        """

    def measure(self, share: Share) -> Measures:
        """Return the metrics of the records of one place, from their counts."""
        return {
            "InputCount": share.records,
            "OutputCount": share.records_out,
            "RejectedCount": share.rejections.total(),
        }

    def __call__(self, event: object, lambda_context: LambdaContext) -> dict[str, Any]:
        """Run the stage and return its StageResult; at once, if this execution is a replay that skips it.

        Any other exception counts as transient: running a stage again does no harm, and requirement 8.1 has all errors
        retried.

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
        tally, started = Tally(self.home, expands=self.expands), perf_counter()
        failure: StageError
        copied_from = None
        try:
            storage = Storage(context.workflow_bucket)
            _log_paths(context, storage)
            copied_from = _find_original(context, storage)
            if copied_from is None:
                with _collect_seldom():
                    self._run(context, storage, lambda_context, tally)
        except StageError as error:
            failure = error
        except Exception as error:
            # Its text may quote a record: it goes to error.json, but not to logs and histories.
            failure = TransientStageError(
                f"unexpected {type(error).__name__}; error.json has its text: correct the handler or its input"
            )
            failure.__cause__ = error
        else:
            result = _result(context, tally, None)
            if copied_from is None:
                log.info("stage succeeded", result=result, records=tally.summary())
            else:
                log.info("stage skipped", result=result, copiedFrom=copied_from)
            return result
        finally:
            if copied_from is None:
                duration_ms, keeps_newest = round((perf_counter() - started) * 1000), self._needs.keeps_newest
                write_metrics(context.current_stage, tally, self.measure, duration_ms, keeps_newest=keeps_newest)
        _record_failure(context, tally, failure)
        # Step Functions sees the exception alone, without error.json and the log line.
        place = f"{context.current_stage} of execution {context.execution_id}; output s3://{context.workflow_bucket}/"
        text = f"{failure} ({place}{output_key(context.execution_id, context.current_stage)})"
        raise type(failure)(text, failure.details).with_traceback(failure.__traceback__) from failure.__cause__

    def _run(self, context: ExecutionContext, storage: Storage, lambda_context: LambdaContext, tally: Tally) -> None:
        """Write output.json, or raise and leave none."""
        started, deadline = perf_counter(), time() + lambda_context.get_remaining_time_in_millis() / 1000
        settings = load_settings(self._needs)
        message, read = self._open_input(context, storage, settings, tally)
        if self._needs.has_side_effects:
            _read_all(read())
        blocks = read()
        taken: Iterator[Any] = tally.count_in(blocks)
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
            if tally.left_in_block or next(blocks, None) is not None:
                raise PermanentStageError(f"{context.current_stage} left records unread; process_data must read all")
            tally.check(context.current_stage)
            return tally.summary() | {"processingTimeMs": round((perf_counter() - started) * 1000)}

        if message is not None:
            taken = stage.sift(taken)
        results = self.process_data(self._admit(taken, stage), stage)
        with _commit(rejected, output):
            encoded = encode_document(
                _header(stage),
                check_results(results, context.current_stage),
                conclude,
                yields=self.yields or self.record_type,
                taken=tally.count_out,
            )
            for data in encoded:
                output.write(data)

    def _open_input(
        self, context: ExecutionContext, storage: Storage, settings: S, tally: Tally
    ) -> tuple[Message | None, Callable[[], Iterator[Sequence[R | BadRow]]]]:
        """Return the message, for the first stage only, and a function that reads the records from the start."""
        if context.previous_stage is not None:
            return None, self._open_previous(context, storage)
        message = decode_message(context.initial_data, self.message_type)
        tally.home = message.place() or self.home
        return message, partial(self._read_message, message, settings, tally)

    def _read_message(self, message: Message, settings: S, tally: Tally) -> Iterator[Sequence[R | BadRow]]:
        """Yield the rows of the message's source, each as a block of its own."""
        skipped: Counter[str] = Counter()
        bucket = self._needs.source_bucket(settings)
        yield from zip(require_record(message.source.read(bucket, skipped, self.record_type)))
        if skipped:
            # The greater, not the sum: a stage with side effects reads its input twice.
            tally.share().counts |= skipped

    def _admit(self, records: Iterator[R], stage: StageContext[S]) -> Iterator[R]:
        """Return the records that the stage can take; the others are rejected."""
        if type(self).check_record is WorkflowLambdaHandler.check_record:
            return records  # a generator between would take 4 % of the time of a light stage

        def admit() -> Iterator[R]:
            for record in records:
                try:
                    self.check_record(record, stage)
                except BadRecordError as error:
                    stage.reject(record, error.code, str(error))  # type: ignore[arg-type]  # R is a Record
                else:
                    yield record

        return admit()

    def _open_previous(self, context: ExecutionContext, storage: Storage) -> Callable[[], Iterator[Sequence[R]]]:
        """Return a function that reads the previous stage's records from the start; the footer is checked here."""
        key, written_by, missing = _previous_output(context)
        tail = storage.read_tail(key, EDGE_BYTES, missing=missing)
        where = storage.locate(key)
        count = read_footer(tail.data, where)
        decoder = msgspec.json.Decoder(self.record_type)

        def read() -> Iterator[Sequence[R]]:
            # A small document has been read whole already.
            chunks = storage.read(key, etag=tail.etag) if tail.start else [tail.data]
            return read_blocks(chunks, decoder, count=count, where=where, written_by=written_by)

        return read


def _decode_context(event: object) -> ExecutionContext:
    try:
        return msgspec.convert(event, ExecutionContext)
    except msgspec.ValidationError as error:
        failure = PermanentStageError(
            f"the event is not an execution context: {error}; the state machine must pass executionId, currentStage, "
            "previousStage, workflowBucket and initialData"
        )
        logger().error("stage failed", errorType=type(failure).__name__, errorMessage=str(failure))
        raise failure from error


@contextmanager
def _collect_seldom() -> Iterator[None]:
    """Have the search for garbage wait for 20,000 objects: records have no cycles, and at 700 it takes a tenth."""
    young, *older = gc.get_threshold()
    gc.set_threshold(20_000, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


def _read_all(blocks: Iterator[object]) -> None:
    """Read the whole input once, so that a malformed one stops the stage before any record has an effect."""
    for _ in blocks:
        pass


def _log_paths(context: ExecutionContext, storage: Storage) -> None:
    before = context.previous_stage
    logger().info(
        "stage paths",
        inputPath=None if before is None else storage.locate(output_key(context.execution_id, before)),
        outputPath=storage.locate(output_key(context.execution_id, context.current_stage)),
    )


def _find_original(context: ExecutionContext, storage: Storage) -> str | None:
    """Return the execution that this stage's output was copied from, if this one is a replay that skips the stage.

    The first stage finds it in the message, any other in the first line of its input; only replays make this request.
    """
    if not is_replay(context.execution_id):
        return None
    if context.previous_stage is None:
        found = read_skip(context.initial_data, context.execution_id)
        return found.copied_from if found and context.current_stage in found.skip else None
    key, written_by, missing = _previous_output(context)
    line = storage.read_head(key, EDGE_BYTES, missing=missing).partition(b"\n")[0]
    header = read_header(line, storage.locate(key), written_by)
    return header.copied_from if isinstance(header, CopiedHeader) and context.current_stage in header.skip else None


def _previous_output(context: ExecutionContext) -> tuple[str, tuple[str, str], str]:
    """Return the key of the previous stage's output, who has to have written it, and what to say if it is missing."""
    written_by = context.execution_id, str(context.previous_stage)
    missing = f"{context.previous_stage} should have written it; check that it ran, and in which execution"
    return output_key(*written_by), written_by, missing


def _header(stage: StageContext[Any]) -> Header:
    return Header(
        execution_id=stage.execution.execution_id,
        stage=stage.execution.current_stage,
        started_at=stage.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


@contextmanager
def _commit(rejected: ObjectWriter, output: ObjectWriter) -> Iterator[None]:
    """Make rejected.jsonl appear, then output.json, which marks the stage as done."""
    try:
        yield
        rejected.close()
        output.close()
    except PermanentStageError:
        output.abort()
        # The rejected records often explain the failure; if they cannot be written, still report the failure.
        try:
            rejected.close()
        except StageError:
            rejected.abort()
        raise
    except BaseException:
        output.abort()
        rejected.abort()
        raise


def _record_failure(context: ExecutionContext, tally: Tally, failure: StageError) -> None:
    """Write error.json and log the StageResult; a failure to write must not hide why the stage failed."""
    result = _result(context, tally, _encodable(str(failure)))
    before = context.previous_stage
    place: dict[str, Any] = {
        "errorType": type(failure).__name__,
        "bucket": context.workflow_bucket,
        "inputKey": None if before is None else output_key(context.execution_id, before),
        "outputKey": output_key(context.execution_id, context.current_stage),
    }
    description = {
        **result,
        **place,
        "executionId": context.execution_id,
        "cause": repr(failure.__cause__) if failure.__cause__ else None,
        "details": failure.details,
        "failedAt": datetime.now(UTC),
        "stackTrace": list(map(_encodable, traceback.format_exception(failure))),
    }
    log = logger()
    try:
        storage = Storage(context.workflow_bucket)
        storage.put(error_key(context.execution_id, context.current_stage), msgspec.json.encode(description))
    except Exception as error:
        log.warning("error.json was not written", reason=str(error))
    log.error("stage failed", result=result, **place, stackTrace=_frames(failure))


def _frames(error: BaseException) -> list[str]:
    """Return where an error and its causes were raised, without the causes' texts: they may quote a record."""
    frames = [type(error).__name__, *traceback.format_tb(error.__traceback__)]
    return frames + _frames(error.__cause__) if error.__cause__ else frames


def _result(context: ExecutionContext, tally: Tally, error_message: str | None) -> dict[str, Any]:
    result = StageResult(
        status="SUCCESS" if error_message is None else "FAILED",
        stage=context.current_stage,
        records_processed=tally.records_in,
        error_message=error_message,
    )
    built: dict[str, Any] = msgspec.to_builtins(result)
    return built


def _encodable(text: str) -> str:
    """Return a text as UTF-8 can hold it: that of an exception may have half of an emoji."""
    return text.encode(errors="backslashreplace").decode()
