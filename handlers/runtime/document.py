"""The stage document: one JSON document, one record per line, streamed in constant memory.

    {"executionId":"...","stage":"FilterStage","startedAt":"2026-01-02T03:04:05Z","data":[
    {"customerId":"c1"},
    {"customerId":"c2"}
    ],"metadata":{"inputRecordCount":100,"outputRecordCount":2}}

The first line of a document that `ceap replay --from` has copied also has `copiedFrom` and `skip`.

UTF-8 without a byte-order mark, lines end in LF alone. Any JSON parser reads it whole. The footer is the first line
that begins with `]`: a JSON string cannot hold a raw line break, so no record can look like one.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.records import RECORD_BYTES, RecordEncoder, describe_mismatch, type_name
from handlers.runtime.replay import Name, Names, is_replay

R = TypeVar("R")

# The limit of the first line and of the footer, because a reader holds each in memory.
EDGE_BYTES: Final = 64 * 1024
BLOCK_BYTES: Final = 64 * 1024
# At most so many small records are encoded at once, which is faster; of large ones, about a block of them.
BATCH: Final = 64

HEADER_END: Final = b',"data":['
"""How the first line of a document ends."""
# msgspec raises the last as it is, for hundreds of nested brackets.
_DECODE_ERRORS: Final = (msgspec.DecodeError, RecursionError)
_HEADER_KEYS: Final = ["data", "executionId", "stage", "startedAt"]
_COPIED_KEYS: Final = ["copiedFrom", "data", "executionId", "skip", "stage", "startedAt"]


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The first line of a document, but for `data`; `started_at` is ISO 8601 in UTC."""

    execution_id: str
    stage: str
    started_at: str


class CopiedHeader(Header, frozen=True, kw_only=True, rename="camel"):
    """The first line of a document that was copied for a replay.

    `copied_from` is the execution that it was copied from, `started_at` that of the original; `skip` are the stages
    that the replay skips, the document's own among them.
    """

    copied_from: Name
    skip: Names


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    output_record_count: Annotated[int, Meta(ge=0)]


class _Footer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metadata: _Metadata


def encode_document(
    header: Header,
    records: Iterable[object],
    metadata: Callable[[int], Mapping[str, object]],
    *,
    yields: Any = Any,
    taken: Callable[[list[Any]], object] = lambda _: None,
) -> Iterator[bytes]:
    """Yield a document in blocks.

    `metadata` is called with the number of records when all are written, and must give it as `outputRecordCount`.
    `yields` is the type of the records. `taken` is called with the records that have come, some at a time, each once,
    also with those that came before `records` raised an error.

    Raises:
        PermanentStageError: A record is not what `RecordEncoder` takes, or the metadata is larger than 64 KiB.
    """
    encoder, remaining = RecordEncoder(header.stage, yields), iter(records)
    block = bytearray(encode_header(header))
    separator, count, ahead = b"\n", 0, 1
    while batch := _take(remaining, ahead, taken):
        lines = encoder.encode(batch, count + 1)
        block += separator
        block += lines
        separator = b",\n"
        count += len(batch)
        ahead = min(BATCH, BLOCK_BYTES * len(batch) // len(lines) + 1)
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    footer = b'\n],"metadata":' + msgspec.json.encode(metadata(count)) + b"}\n"
    if len(footer) > EDGE_BYTES:
        raise PermanentStageError(
            f"the metadata of the output is {len(footer)} bytes long, at most {EDGE_BYTES} are allowed; use fewer codes"
        )
    yield bytes(block + footer)


def _take(records: Iterator[object], number: int, taken: Callable[[list[Any]], object]) -> list[object]:
    batch: list[object] = []
    try:
        batch.extend(islice(records, number))  # keeps what came before an error
    finally:
        if batch:
            taken(batch)
    return batch


def encode_header(header: Header) -> bytes:
    """Return the first line of a document, without its LF."""
    return msgspec.json.encode(header)[:-1] + HEADER_END


def read_footer(tail: bytes, where: str) -> int:
    """Return the record count that a document's footer states, from the document's last 64 KiB (or all of it).

    Raises:
        PermanentStageError: The footer is missing or incomplete: the object was cut short, or is not a stage document.
    """
    if not tail:
        raise _malformed(where, "it is empty")
    line = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    if not line.startswith(b"],"):
        raise _malformed(where, "its last line is not a footer (`],...`): it was cut short, or text follows the footer")
    _refuse_wrong_bytes(line, where, "the footer")
    try:
        return msgspec.json.decode(b"{" + line[2:], type=_Footer).metadata.output_record_count
    except _DECODE_ERRORS as error:
        raise _malformed(where, f"its footer is wrong: {error}") from error


def read_header(line: bytes, where: str, written_by: tuple[str, str] | None = None) -> Header:
    """Return what the first line of a document says, given without its LF; the arguments are as in `read_records`.

    Raises:
        PermanentStageError: It is no such line, or that of another execution or stage.
    """
    if line.startswith(b"\xef\xbb\xbf"):
        raise _malformed(where, "it begins with a byte-order mark")
    if not line.endswith(HEADER_END) or len(line) > EDGE_BYTES:
        raise _malformed(where, 'its first line does not end in `,"data":[` within 64 KiB')
    _refuse_wrong_bytes(line, where, "the first line")
    try:
        # Pairs show a repeated key; other parsers would use the last.
        pairs: list[tuple[str, object]] = json.loads(line + b"]}", object_pairs_hook=list)
        keys = sorted(key for key, _ in pairs)
        header = msgspec.convert(dict(pairs), CopiedHeader if keys == _COPIED_KEYS else Header)
    except (ValueError, RecursionError) as error:
        raise _malformed(where, f"its first line is wrong: {error}") from error
    if keys not in (_HEADER_KEYS, _COPIED_KEYS):
        raise _malformed(
            where,
            f"its first line has the keys {', '.join(keys)}; it must have {', '.join(_HEADER_KEYS)}, and in a copy for "
            "a replay copiedFrom and skip",
        )
    if isinstance(header, CopiedHeader) and not (is_replay(header.execution_id) and header.stage in header.skip):
        raise _malformed(where, "its first line says that it is a copy, but not in a replay that skips its stage")
    found = header.execution_id, header.stage
    if written_by not in (None, found):
        raise PermanentStageError(
            f"{where} is the document of {header.stage} of execution {header.execution_id}, copied to another place; "
            "put there what this execution wrote, or start a new execution"
        )
    return header


def read_records(
    chunks: Iterable[bytes],
    decoder: msgspec.json.Decoder[R],
    *,
    count: int,
    where: str,
    written_by: tuple[str, str] | None = None,
) -> Iterator[R]:
    """Yield the records of a document one by one; all else is as in `read_blocks`."""
    return chain.from_iterable(read_blocks(chunks, decoder, count=count, where=where, written_by=written_by))


def read_blocks(
    chunks: Iterable[bytes],
    decoder: msgspec.json.Decoder[R],
    *,
    count: int,
    where: str,
    written_by: tuple[str, str] | None = None,
) -> Iterator[list[R]]:
    """Yield the records of a document, however it is cut into chunks, in lists of at least one.

    Records come before the end is read: let no record have an effect before the iterator has ended.

    Args:
        chunks: The whole document.
        decoder: Decodes one record.
        count: How many records the footer states, from `read_footer`.
        where: The document, for messages.
        written_by: The id of the execution and the stage that the header must name.

    Raises:
        PermanentStageError: The format is broken, a byte is not UTF-8, a record is not of the decoder's type, the count
            is wrong, or the document is that of another execution or stage.
    """
    blocks = _split_blocks(chunks, where)
    header, _, block = next(blocks).partition(b"\n")
    read_header(header, where, written_by)
    many = msgspec.json.Decoder(list[decoder.type])  # type: ignore[name-defined]  # a type only when it runs
    number, comma = 0, True
    while records := _decode_block(block, many):
        number += len(records)
        yield records
        block = next(blocks, b"")
    # The last block, which holds the footer, or a wrong one, whose lines show the place.
    lines = _split_lines(chain([block], blocks), where)
    for line in lines:
        if line.startswith(b"]"):
            break
        if not comma:
            raise _malformed(where, f"record {number} lacks the comma at its end")
        number += 1
        comma = line.endswith(b",")
        _refuse_wrong_bytes(line, where, f"record {number}")
        try:
            record = decoder.decode(line[:-1] if comma else line)
        except _DECODE_ERRORS as error:
            raise _wrong_record(line.removesuffix(b","), number, decoder.type, where, error) from error
        yield [record]
    else:
        raise _malformed(where, "it ends without a footer")
    if number and comma:
        raise _malformed(where, f"record {number}, the last, ends in a comma")
    if any(lines):
        raise _malformed(where, "text follows its footer")
    if number != count:
        raise _malformed(where, f"its footer states {count} records but there are {number}")


def _split_blocks(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Yield at least one block, each of whole lines; what stands after the last LF is the last one."""
    rest = b""
    for chunk in chunks:
        piece = rest + chunk
        end = piece.rfind(b"\n") + 1
        rest = piece[end:]
        if len(rest) > RECORD_BYTES:
            raise _too_long(where)
        if end:
            yield piece[:end]
    yield rest


def _decode_block(block: bytes, decoder: msgspec.json.Decoder[list[R]]) -> list[R]:
    """Return the records of a block if it is nothing but lines of records that end in a comma, else an empty list.

    All at once: line by line takes half as long again. A record broken over two lines beside two records on one line is
    accepted: every parser reads the same records.
    """
    if not block.endswith(b",\n") or b"\r" in block or len(block) > RECORD_BYTES or not _is_utf8(block):
        return []
    try:
        records = decoder.decode(b"[" + block[:-2] + b"]")
    except _DECODE_ERRORS:
        return []
    # The same as block.count(b"\\n"), which looks at each byte and so takes ten times as long.
    lines = len(block) - len(block.replace(b"\n", b""))
    return records if len(records) == lines else []


def _split_lines(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Yield at least one line; what stands after the last LF is a line, too."""
    rest = b""
    for chunk in chunks:
        piece = rest + chunk
        *lines, rest = piece.split(b"\n")
        # Measure lines only if one can be too long: this runs for every chunk.
        if len(piece) > RECORD_BYTES and max(map(len, (*lines, rest))) > RECORD_BYTES:
            raise _too_long(where)
        yield from lines
    yield rest


def _refuse_wrong_bytes(line: bytes, where: str, part: str) -> None:
    if b"\r" in line:
        raise _malformed(where, f"{part} contains a carriage return; end lines with LF alone")
    if not _is_utf8(line):
        raise _malformed(where, f"{part} is not UTF-8")


def _is_utf8(data: bytes) -> bool:
    """Tell whether all of it is: a decoder of records does not look into the fields that it skips."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wrong_record(line: bytes, number: int, kind: Any, where: str, error: Exception) -> PermanentStageError:
    """Return the error of a line that is no record of a type: it is no JSON object, or another stage's."""
    said = describe_mismatch(error)
    try:
        msgspec.json.decode(line, type=dict)
    except _DECODE_ERRORS:
        return _malformed(where, f"record {number} (line {number + 1}) is wrong: {said}")
    return PermanentStageError(
        f"record {number} of {where} is not of type {type_name(kind)}: {said}; correct the stage that wrote it, or the "
        "`record_type` of this one"
    )


def _too_long(where: str) -> PermanentStageError:
    return _malformed(where, f"a line is longer than {RECORD_BYTES} bytes")


def _malformed(where: str, fault: str) -> PermanentStageError:
    return PermanentStageError(f"{where} is not a stage document: {fault}; correct the stage that wrote it")
