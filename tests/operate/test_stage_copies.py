"""A copy of what a stage wrote: every byte but the first line, of any size, whole or not at all."""

from __future__ import annotations

import re
from typing import Any, cast
from unittest import mock

import msgspec
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.aws.session import Aws
from ceap.errors import CommandError
from ceap.operate import stage_copies
from ceap.operate.stage_copies import PART_BYTES, Copy, Target, is_there, make_copy, plan_copies
from ceap.testing import BUCKET
from handlers.runtime.aws import client
from handlers.runtime.contract import output_key, rejected_key
from handlers.runtime.document import (
    EDGE_BYTES,
    CopiedHeader,
    Header,
    encode_document,
    read_footer,
    read_header,
    read_records,
)
from tests.handlers.runtime.test_document import records_of_any_kind
from tests.handlers.support import calls, get_object, keys, open_uploads, put_object

pytestmark = pytest.mark.usefixtures("aws")

MIB = 1024 * 1024
OLD, NEW = "old", "old-replay-1"
TARGET = Target(NEW, OLD, ("S", "T"))


class Here:
    """AWS of a test."""

    def client(self, service: str) -> Any:
        return client(service)


AWS = cast("Aws", Here())


def put_document(records: list[Any], header: Header | None = None) -> bytes:
    header = header or Header(execution_id=OLD, stage="S", started_at="2026-01-02T03:04:05Z")
    body = b"".join(encode_document(header, records, lambda count: {"outputRecordCount": count}))
    put_object(output_key(header.execution_id, "S"), body)
    return body


def plan(target: Target = TARGET) -> list[Copy]:
    found = plan_copies(AWS, BUCKET, "S", target)
    assert found is not None
    return found


def copied() -> bytes:
    """Copy the one object that there is to copy, and return it."""
    [copy] = plan()
    assert not is_there(AWS, copy)
    make_copy(AWS, copy)
    assert is_there(AWS, copy)
    body = get_object(copy.key)
    assert len(body) == copy.size_bytes
    return body


def read(body: bytes) -> list[Any]:
    count = read_footer(body[-EDGE_BYTES:], "copy")
    return list(read_records([body], msgspec.json.Decoder(), count=count, where="copy", written_by=(NEW, "S")))


def forget() -> None:
    for key in keys():
        client("s3").delete_object(Bucket=BUCKET, Key=key)


names = st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=records_of_any_kind,
    skip=st.lists(names, max_size=9),
    started=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    whole=st.sampled_from([0, 1000]),
)
def test_a_copy_of_any_document_keeps_every_byte_of_its_records_and_their_count(
    records: list[Any], skip: list[str], started: str, whole: int
) -> None:
    forget()
    body = put_document(records, Header(execution_id=OLD, stage="S", started_at=started))
    target = Target(NEW, OLD, ("S", *skip))
    [copy] = plan(target)
    # So small that parts, too, are tried; moto takes parts of any size here.
    with (
        mock.patch.multiple(stage_copies, WHOLE_BYTES=whole, PART_BYTES=200, COPIED_PART_BYTES=300),
        mock.patch("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1),
    ):
        make_copy(AWS, copy)
    made = get_object(copy.key)
    first, _, rest = made.partition(b"\n")
    assert rest == body.partition(b"\n")[2]
    assert read_header(first, "copy") == CopiedHeader(
        execution_id=NEW, stage="S", started_at=started, copied_from=OLD, skip=target.skip
    )
    assert read(made) == records
    assert is_there(AWS, copy)


@pytest.mark.parametrize("size", [16 * MIB - 200, 16 * MIB + 200, 23 * MIB])
def test_a_large_document_is_copied_by_s3_but_for_its_beginning(size: int) -> None:
    body = put_document([{"n": number, "text": "ü" * 500_000} for number in range(size // 1_000_050)])
    body += b""
    with calls("s3") as made:
        copy = copied()
    assert copy.partition(b"\n")[2] == body.partition(b"\n")[2]
    read_bytes = sum(_span(asked["Range"]) for name, asked in made if name == "GetObject" and "Range" in asked)
    operations = [name for name, _ in made]
    if len(copy) <= stage_copies.WHOLE_BYTES:
        assert "PutObject" in operations
    else:
        assert operations.count("UploadPart") == operations.count("UploadPartCopy") == 1
        assert read_bytes < PART_BYTES + 4 * EDGE_BYTES
    assert open_uploads() == []


def _span(text: str) -> int:
    begin, end = re.fullmatch(r"bytes=(\d+)-(\d+)", text).groups()  # type: ignore[union-attr]  # it matches
    return int(end) - int(begin) + 1


def test_parts_that_s3_copies_are_of_one_version_and_cover_the_rest() -> None:
    body = put_document([{"text": "x" * 3 * MIB} for _ in range(7)])
    with mock.patch.object(stage_copies, "COPIED_PART_BYTES", 6 * MIB), calls("s3") as made:
        assert copied().partition(b"\n")[2] == body.partition(b"\n")[2]
    parts = [asked for name, asked in made if name == "UploadPartCopy"]
    etag = client("s3").head_object(Bucket=BUCKET, Key=output_key(OLD, "S"))["ETag"]
    assert [part["CopySourceIfMatch"] for part in parts] == [etag] * 3
    assert sum(_span(part["CopySourceRange"]) for part in parts) + PART_BYTES == len(body) - body.index(b"\n") - 1
    assert [asked["IfNoneMatch"] for name, asked in made if name == "CompleteMultipartUpload"] == ["*"]


def test_an_upload_that_fails_leaves_nothing() -> None:
    put_document([{"text": "x" * 3 * MIB} for _ in range(7)])
    [copy] = plan()
    refusal = ClientError({"Error": {"Code": "SlowDown", "Message": "m"}}, "UploadPartCopy")
    with mock.patch.object(client("s3"), "upload_part_copy", side_effect=refusal), pytest.raises(ClientError):
        make_copy(AWS, copy)
    assert (keys(f"executions/{NEW}/"), open_uploads()) == ([], [])


def test_rejected_records_are_copied_before_the_output_and_as_they_are() -> None:
    put_document([{"a": 1}])
    lines = b'{"code":"X","record":{}}\n' * 3
    put_object(rejected_key(OLD, "S"), lines)
    copies = plan()
    assert [copy.key for copy in copies] == [rejected_key(NEW, "S"), output_key(NEW, "S")]
    for copy in copies:
        make_copy(AWS, copy)
    assert get_object(rejected_key(NEW, "S")) == lines


def test_a_copy_of_a_copy_names_the_original() -> None:
    header = CopiedHeader(execution_id=NEW, stage="S", started_at="t", copied_from=OLD, skip=("S",))
    put_document([{"a": 1}], header)
    [copy] = plan(Target("old-replay-2", NEW, ("S", "T")))
    make_copy(AWS, copy)
    first = get_object(output_key("old-replay-2", "S")).partition(b"\n")[0]
    assert read_header(first, "copy") == CopiedHeader(
        execution_id="old-replay-2", stage="S", started_at="t", copied_from=OLD, skip=("S", "T")
    )


def test_a_stage_without_an_output_has_nothing_to_copy() -> None:
    put_object(rejected_key(OLD, "S"), b"{}\n")
    assert plan_copies(AWS, BUCKET, "S", TARGET) is None


@pytest.mark.parametrize("size", [100, 17 * MIB])
def test_an_original_that_changes_meanwhile_is_not_copied(size: int) -> None:
    put_document([{"text": "x" * min(size, 8 * MIB)} for _ in range(3)])
    [copy] = plan()
    put_document([{"text": "y" * min(size, 8 * MIB)} for _ in range(3)])
    with pytest.raises(CommandError, match="was changed or removed while it was read"):
        make_copy(AWS, copy)
    assert (keys(f"executions/{NEW}/"), open_uploads()) == ([], [])


@pytest.mark.parametrize("change", ["header", "end", "version"])
@pytest.mark.parametrize("records", [1, 7])
def test_what_is_not_this_copy_is_never_overwritten(change: str, records: int) -> None:
    body = put_document([{"text": "x" * 3 * MIB} for _ in range(records)])
    [copy] = plan()
    other = copy.first.replace(b'"T"', b'"U"') if change == "header" else copy.first
    other += body[copy.cut : -1 if change == "end" else None]
    metadata = {stage_copies.VERSION: "another" if change == "version" else copy.source.etag.strip('"')}
    client("s3").put_object(Bucket=BUCKET, Key=copy.key, Body=other, Metadata=metadata)
    for ask in (is_there, make_copy):
        with pytest.raises(CommandError, match="is there, but it is not this copy"):
            ask(AWS, copy)
    assert get_object(copy.key) == other
    assert open_uploads() == []


def test_a_document_of_another_execution_is_not_copied() -> None:
    body = put_document([{"a": 1}])
    put_object(output_key(OLD, "S"), body.replace(b'"old"', b'"new"'))
    with pytest.raises(CommandError, match="is the document of S of execution new"):
        plan()


def test_a_first_line_that_would_be_too_long_is_refused() -> None:
    put_document([])
    with pytest.raises(CommandError, match="would be longer than 65536 bytes"):
        plan(Target(NEW, OLD, ("S", *(f"{number:060}Stage" for number in range(1100)))))
