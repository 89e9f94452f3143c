"""The stage that an existing function does: it gets records, or the message, as its payload, and returns records."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from time import time
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from handlers.runtime.aws import one_call_client, stage_errors
from handlers.runtime.context import StageContext, read_variable
from handlers.runtime.contract import ExecutionContext, PermanentStageError, StageError, TransientStageError
from handlers.runtime.logs import logger
from handlers.runtime.message import WRONG_MESSAGE, Message, encode_message
from handlers.runtime.needs import LEGACY_VARIABLE, Needs
from handlers.runtime.replay import decode_skip
from handlers.runtime.sources import BadRow
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.storage import Storage
from handlers.runtime.tally import Tally

Json = dict[str, Any]
Rows = Iterator[Sequence[Json | BadRow]]

PAYLOAD_BYTES: Final = 6_291_456
"""What a synchronous call may carry each way. Source: Lambda Developer Guide, "Lambda quotas"."""
WRITING_S: Final = 2.0
"""The part of the stage's own time that is kept for writing what the function returned, or why it failed."""
NOT_RETURNED: Final = "NOT_RETURNED"
"""The code of a record that the function took and did not return."""

_ACTION: Final = "lambda:InvokeFunction"
_MISSING: Final = "correct the parameter that names it, or deploy it in this Region"
_DENIED: Final = (
    "deploy this workflow's template again with the parameter that names it; a function of another account must also "
    "allow this role in its resource policy"
)
_TOO_LARGE: Final = "Function.ResponseSizeTooLarge"
_OF_LAMBDA: Final = ("Function.", "Runtime.")  # begins the types of errors that no class of a function's code has
# What the same function says to any payload, or to the same one, until somebody changes it. Source: the errors of
# Lambda's runtimes, e.g. awslambdaric.
_PERMANENT: Final = frozenset(
    {
        PermanentStageError.__name__,
        "Runtime.HandlerNotFound",
        "Runtime.ImportModuleError",
        "Runtime.InvalidEntrypoint",
        "Runtime.MalformedHandlerName",
        "Runtime.MarshalError",
        "Runtime.UnmarshalError",
        "Runtime.UserCodeSyntaxError",
    }
)
# The name of a class; a runtime may give any text, which may quote a record.
_ERROR_TYPE: Final = re.compile(r"[\w.:$-]{1,128}")
# The name of a field, which somebody wrote into the function.
_FIELD: Final = re.compile(r"[A-Za-z_]\w{0,39}", re.ASCII)
_ERROR_BYTES: Final = 64 * 1024
_LARGE_CURE: Final = (
    "send smaller messages, put a stage before it that drops what it does not need, or write the step as a handler, "
    "which has no such limit"
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the function takes and returns data."""

    payload: Annotated[
        Literal["records", "state"],
        Meta(description="what it takes and returns: the list of all records, or the one record that is the state"),
    ] = "records"
    records_key: (
        Annotated[str, Meta(min_length=1, description="the key of an object that holds the list; default: no object")]
        | None
    ) = None

    def __post_init__(self) -> None:
        if self.records_key is not None and self.payload == "state":
            raise ValueError("records_key is of payload: records; a state is the object itself: leave out records_key")


class LegacyStage(WorkflowLambdaHandler[Json, Settings]):
    """Calls the function once, with all that it takes.

    The records that it returns beyond those that it took count as expanded, those that it lacks as rejected. Of the
    first stage, which gives it the message, all that it returns count as taken.
    """

    message_type: ClassVar[Any] = Any
    expands = True

    def _open_input(
        self, context: ExecutionContext, storage: Storage, settings: Settings, tally: Tally
    ) -> tuple[Message | None, Callable[[], Rows]]:
        if context.previous_stage is None:
            return None, lambda: iter(())
        return super()._open_input(context, storage, settings, tally)

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        arn, key = read_variable(LEGACY_VARIABLE), stage.settings.records_key
        name = _name(arn)
        is_state = stage.settings.payload == "state"
        lines: list[bytes] = []
        if stage.execution.previous_stage is None:
            payload = _encode_first(name, stage.execution.initial_data)
        elif is_state:
            payload = _encode_state(name, records, stage)
        else:
            lines, payload = _encode_records(name, records, key)
        answer = _call(arn, payload, stage.deadline)
        returned = [_state(name, answer)] if is_state else _records(name, answer, key)
        if stage.execution.previous_stage is None:
            yield from stage.take(returned)
            return
        yield from returned
        for record, reason in _find_missing(lines, returned):
            stage.reject(record, NOT_RETURNED, reason)


def _name(arn: str) -> str:
    """Return what messages call a function: an ARN is long, and tells little more."""
    return f"function {arn.partition(':function:')[2] or arn}"


def _encode_first(name: str, initial_data: Any) -> bytes:
    if decode_skip(initial_data):  # a handler's message has another form, and a function might take it for an order
        raise PermanentStageError(
            f"{WRONG_MESSAGE}: it tells another execution, a replay, which stages to skip, and is none for {name}; "
            "replay the execution that has the message"
        )
    payload = encode_message(initial_data)
    _check_size(name, "the message", len(payload))
    return payload


def _encode_state(name: str, records: Iterator[Json], stage: StageContext[Settings]) -> bytes:
    states = list(islice(records, 1))
    for _ in records:
        pass  # counts them
    if stage.records_in != 1:
        raise PermanentStageError(
            f"{stage.execution.previous_stage} handed on {stage.records_in} records, but {name} takes a state, which "
            "is exactly one; set `payload: records`, or correct the stage before"
        )
    payload = msgspec.json.encode(states[0])
    _check_size(name, "the state", len(payload))
    return payload


def _encode_records(name: str, records: Iterator[Json], key: str | None) -> tuple[list[bytes], bytes]:
    """Return each record as JSON, and the payload of all; what is beyond its limit is counted, but not kept."""
    before, after = (b"[", b"]") if key is None else (b"{" + msgspec.json.encode(key) + b":[", b"]}")
    lines: list[bytes] = []
    size, count = len(before) + len(after), 0
    for count, record in enumerate(records, start=1):
        line = msgspec.json.encode(record)
        size += len(line) + (count > 1)
        if size <= PAYLOAD_BYTES:
            lines.append(line)
    _check_size(name, f"the list of {count} records", size)
    return lines, before + b",".join(lines) + after


def _check_size(name: str, what: str, size: int) -> None:
    if size > PAYLOAD_BYTES:
        raise PermanentStageError(
            f"{what} is a payload of {size:,} bytes for {name}; Lambda takes at most {PAYLOAD_BYTES:,}: {_LARGE_CURE}"
        )


def _call(arn: str, payload: bytes, deadline: float) -> Any:
    """Call a function, wait for it, and return the JSON that it returned.

    Once: only the state machine repeats what a function does, since it counts the attempts and waits between them.

    Raises:
        PermanentStageError: It cannot be called so, or can never answer.
        TransientStageError: It failed, or did not answer in time; then it may have run, or run still.
    """
    from botocore.exceptions import ClientError, ReadTimeoutError  # type: ignore[import-untyped]  # botocore has none

    left = deadline - time() - WRITING_S
    if left <= 0:
        raise TransientStageError(f"no time was left to call {_name(arn)}; raise the step's timeout_s or memory_mb")
    errors = stage_errors(_ACTION, arn, missing=_MISSING, denied=_DENIED)
    with errors, closing(one_call_client("lambda", left)) as lambda_:
        try:
            answer = lambda_.invoke(FunctionName=arn, InvocationType="RequestResponse", Payload=payload)
            return _read(arn, answer, answer["Payload"].read())
        except ReadTimeoutError as error:
            raise TransientStageError(
                f"{_name(arn)} did not answer within {left:.0f} s, and may run still; raise the step's timeout_s above "
                "the function's own timeout, by some 15 s for its start and for the writing of what it returns"
            ) from error
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 413:
                said = (
                    f"Lambda refuses a payload of {len(payload):,} bytes for {_name(arn)} as too large: {_LARGE_CURE}"
                )
                raise PermanentStageError(said) from error
            raise


def _read(arn: str, answer: dict[str, Any], body: bytes) -> Any:
    """Return the JSON that a function returned; the error is that of a function that failed, or returned no JSON."""
    request, failed = str(answer["ResponseMetadata"].get("RequestId")), "FunctionError" in answer
    logger().info(
        "function failed" if failed else "function answered",
        function=arn,
        functionVersion=answer.get("ExecutedVersion"),
        functionRequestId=request,
        responseBytes=len(body),
    )
    if failed:
        raise _failure(arn, request, body)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        said = f"{_name(arn)} returned {len(body)} bytes that are not JSON; correct the function"
        raise PermanentStageError(said) from error


def _failure(arn: str, request: str, body: bytes) -> StageError:
    """Return the error of a function that failed; what it said goes to error.json alone."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        said = None
    told = said if isinstance(said, dict) else {}
    if said is None or len(body) > _ERROR_BYTES:
        said = body[:_ERROR_BYTES].decode(errors="replace")
    kind = str(told.get("errorType", ""))
    shown = kind if _ERROR_TYPE.fullmatch(kind) else "an error"
    details = {"function": arn, "functionRequestId": request, "functionError": said}
    is_lambdas = kind.startswith(_OF_LAMBDA)  # a function may raise what Lambda told it of another
    if kind == _TOO_LARGE or (is_lambdas and "maximum allowed payload size" in str(told.get("errorMessage"))):
        return PermanentStageError(
            f"{_name(arn)} returned more than the {PAYLOAD_BYTES:,} bytes that Lambda takes; {_LARGE_CURE}", details
        )
    said_by = f"{_name(arn)} failed with {shown}; error.json has its text, and the function's log the request {request}"
    failure = PermanentStageError if kind in _PERMANENT else TransientStageError
    return failure(f"{said_by}: correct the function or its input", details)


def _state(name: str, answer: Any) -> Json:
    if not isinstance(answer, dict):
        raise _unfit(name, f"{_kind(answer)}, not an object", "with `payload: state` it must return the next state")
    return answer


def _records(name: str, answer: Any, key: str | None) -> list[Json]:
    listed = answer
    if key is not None:
        if not isinstance(answer, dict) or key not in answer:
            what = f"an object without the key {key}" if isinstance(answer, dict) else f"{_kind(answer)}, not an object"
            raise _unfit(name, what, f"with `records_key: {key}` it must return the records there")
        if others := sorted(answer.keys() - {key}):
            cure = "which no stage after it would get: have it put them into the records, or set `payload: state`"
            raise _unfit(name, f"also {_others(others)}", cure)
        listed = answer[key]
    if not isinstance(listed, list):
        cure = "it must return the list of its records"
        if key is None and isinstance(listed, dict):
            cure += "; set `records_key` to the key that holds it, or `payload: state` if it is the state"
        raise _unfit(name, f"{_kind(listed)}, not a list", cure)
    for number, record in enumerate(listed, start=1):
        if not isinstance(record, dict):
            raise _unfit(name, f"{_kind(record)} as record {number}", "each record must be an object")
    return listed


def _others(keys: list[str]) -> str:
    """Return up to five of the keys, of those that cannot be values: a customer's, or of any length."""
    names = [key for key in keys if _FIELD.fullmatch(key)][:5]
    more = len(keys) - len(names)
    if not names:
        return f"{more} other key{'s' * (more > 1)}"
    return f"the keys {', '.join(names)}{f' and {more} more' * (more > 0)}"


def _unfit(name: str, what: str, cure: str) -> PermanentStageError:
    return PermanentStageError(f"{name} returned {what}; {cure}")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def _find_missing(lines: list[bytes], returned: list[Json]) -> Iterator[tuple[Json | None, str]]:
    """Yield for each record that was not returned what it is, and why it is rejected.

    Which they are is known if all that were returned are among the records as they were.
    """
    lost = len(lines) - len(returned)
    if lost <= 0:
        return
    unclaimed = Counter(map(_form, returned))
    missing: list[Json] = []
    for line in lines:
        record = msgspec.json.decode(line)
        form = _form(record)
        if unclaimed[form]:
            unclaimed[form] -= 1
        else:
            missing.append(record)
    if len(missing) == lost:
        yield from ((record, "the function did not return it") for record in missing)
        return
    reason = f"the function returned {len(returned)} of {len(lines)} records, and changed some: which is not known"
    yield from [(None, reason)] * lost


def _form(record: Json) -> str:
    """Return the text that two records share if they are the same JSON; unlike in Python, 1 is neither 1.0 nor true."""
    return json.dumps(record, sort_keys=True)


NEEDS = Needs(settings=Settings)
handler = LegacyStage(NEEDS)
