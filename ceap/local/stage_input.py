"""What a stage is given that runs alone: a message, a file of records, or what the stage before it wrote."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from io import SEEK_END
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, assert_never

import msgspec

from ceap.errors import UsageError
from ceap.local import request
from ceap.local.run_folder import resolve_latest
from ceap.local.seed_values import local_name
from ceap.local.start import find_output
from handlers.runtime.contract import PermanentStageError, output_key
from handlers.runtime.document import EDGE_BYTES, Header, encode_document, read_footer, read_records
from handlers.runtime.sources import BadRow
from handlers.runtime.sources.lines import EmptyFileError
from handlers.runtime.sources.rows import read_rows
from handlers.runtime.storage import CHUNK_BYTES
from templates import discovery, words
from templates.budget import MAX_MESSAGE_BYTES
from templates.discovery import load_contract
from templates.model import GlueStep, LambdaStep, LegacyStep, Workflow

STDIN: Final = "-"
_CSV: Final = re.compile(r"\.csv(\.gz)?$", re.IGNORECASE)
_DATA: Final = re.compile(r"\.(jsonl|ndjson|csv)(\.gz)?$", re.IGNORECASE)
_FORMS: Final = "JSON Lines or CSV in a file whose name ends in .jsonl or .csv"


class Upload(NamedTuple):
    """An object that is put before the stage runs; the bucket None is the workflow bucket."""

    bucket: str | None
    key: str
    content: IO[bytes]


class StageInput(NamedTuple):
    """What a stage is given in a new execution: a message if it is the first, and at most one object.

    `notes` tell what is not as in a whole run.
    """

    execution: str
    body: str | None
    upload: Upload | None
    notes: tuple[str, ...] = ()


def find_step(workflow: Workflow, path: Path, stage: str) -> LambdaStep:
    """Return the step of a stage that a handler does; UsageError, with the declaration's path, if there is none."""
    steps = {step.stage: step for step in workflow.steps}
    if stage not in steps:
        raise UsageError(f"{path}: there is no stage {stage!r}; {words.allowed(stage, steps)}")
    match step := steps[stage]:
        case LambdaStep():
            return step
        case GlueStep():
            raise UsageError(
                f"{path}: {stage} is a Glue job, which runs in a process of its own; start the workflow there: "
                f"`ceap run {path} --from {stage} --input DIR`, or call its transform in a test"
            )
        case _:
            assert_never(step)


@contextmanager
def open_input(workflow: Workflow, step: LambdaStep, given: str | None, message: Path) -> Iterator[StageInput]:
    """Open what a step is given: a file, standard input (-), or for a first step by default the workflow's message.

    Raises:
        UsageError: It cannot be read, or the stage could never take it.
    """
    previous, execution = workflow.previous(step), str(uuid.uuid4())
    with ExitStack() as files:
        if previous is not None:
            yield _load_records(step, previous, given, execution, files)
        elif given is not None and _DATA.search(given) and isinstance(step, LegacyStep):
            cure = f"give what it takes as the text of a message, in a file of another name than {Path(given).name}"
            raise UsageError(
                f"{given}: {step.stage} is done by an existing function, whose messages ceap does not know; {cure}"
            )
        elif given is not None and _DATA.search(given):
            yield _load_data(step, given, message, execution, files)
        else:
            yield StageInput(execution, request.load_body(given, message, option="--input"), None)


def _load_data(step: LambdaStep, given: str, message: Path, execution: str, files: ExitStack) -> StageInput:
    """Return a message whose source is a file: as an object of the step's source bucket, or else in the message."""
    file = _open(given, files)
    if declared := discovery.source_bucket(step):
        bucket = local_name(declared)
        source = {"kind": "s3", "bucket": bucket, "key": Path(given).name}
        return StageInput(execution, _message(message, source), Upload(bucket, Path(given).name, file))
    kind = load_contract(step.handler).takes if _CSV.search(given) else dict[str, Any]
    with _refusing(given):
        body = _message(message, {"kind": "inline", "records": list(_inline(_rows(file, given, kind)))})
    size_bytes = len(body.encode())
    note = f"the message has {size_bytes:,} bytes, SQS allows {MAX_MESSAGE_BYTES:,}; such a file needs a source bucket"
    return StageInput(execution, body, None, (note,) if size_bytes > MAX_MESSAGE_BYTES else ())


def _message(default: Path, source: dict[str, Any]) -> str:
    """Return a message with this source; what else it says is that of the workflow's own message, if there is one."""
    try:
        fields = msgspec.json.decode(default.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        fields = {}
    return msgspec.json.encode({**fields, "source": source}).decode()


def _inline(rows: Iterator[Any]) -> Iterator[Any]:
    """Yield what a message can hold; records that do not fit are for the stage to reject."""
    for row in rows:
        match row:
            case BadRow(record=dict() as record):
                yield record
            case BadRow():
                raise UsageError(f"{row.reason}; correct the line")
            case _:
                yield row


def _load_records(step: LambdaStep, previous: str, given: str | None, execution: str, files: ExitStack) -> StageInput:
    """Return the records of a file as the document of the stage before."""
    if given is None:
        raise UsageError(
            f"{step.stage} takes what {previous} yields; name it with --input: DIR/latest of `ceap run --keep DIR`, or "
            f"{_FORMS}"
        )
    if resolve_latest(Path(given)).is_dir():
        given = str(find_output(Path(given), step.stage, previous))
    takes, file = load_contract(step.handler).takes, _open(given, files)
    document = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (`files` closes it)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    header = Header(execution_id=execution, stage=previous, started_at=now)
    # A pipe, such as <(jq ...) of a shell, has no name to tell, and a document is read from its end.
    is_document = given != STDIN and not _DATA.search(given) and file.seekable()
    with _refusing(given):
        records = _read_document(file, given, takes) if is_document else _fitting(_rows(file, given, takes))
        for block in encode_document(header, records, lambda count: {"outputRecordCount": count}, yields=takes):
            document.write(block)
        notes = _note_writer(file, given, previous) if is_document else ()
    document.seek(0)
    return StageInput(execution, None, Upload(None, output_key(execution, previous), document), notes)


def _read_document(file: IO[bytes], given: str, takes: Any) -> Iterator[Any]:
    file.seek(max(0, file.seek(0, SEEK_END) - EDGE_BYTES))
    count = read_footer(file.read(), given)
    file.seek(0)
    return read_records(_chunks(file), msgspec.json.Decoder(takes), count=count, where=given)


def _note_writer(file: IO[bytes], given: str, previous: str) -> tuple[str, ...]:
    """Return what is to be told if another stage has written a document than the one before."""
    file.seek(0)
    writer = json.loads(file.readline() + b"]}")["stage"]
    if writer == previous:
        return ()
    return (f"{given} was written by {writer}, not by {previous}, which is the stage before; its records are taken",)


def _fitting(rows: Iterator[Any]) -> Iterator[Any]:
    for row in rows:
        if isinstance(row, BadRow):
            raise UsageError(f"{row.reason}; correct the record, or the `record_type` of the stage")
        yield row


def _rows(file: IO[bytes], given: str, kind: Any) -> Iterator[Any]:
    """Yield the records of a file, and what is none; an empty file has none of either."""
    with suppress(EmptyFileError):
        yield from read_rows(_chunks(file), "standard input" if given == STDIN else given, Counter(), kind)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(file.read, CHUNK_BYTES), b"")


def _open(given: str, files: ExitStack) -> IO[bytes]:
    if given == STDIN:
        return sys.stdin.buffer
    try:
        return files.enter_context(Path(given).open("rb"))
    except OSError as error:
        raise UsageError(f"{given}: cannot be read: {error.strerror}; name another file with --input") from None


@contextmanager
def _refusing(given: str) -> Iterator[None]:
    """Refuse a file as a stage would."""
    try:
        yield
    except PermanentStageError as error:
        is_unknown = given != STDIN and not _DATA.search(given)
        raise UsageError(f"{error}{f', or give its records as {_FORMS}' if is_unknown else ''}") from None
