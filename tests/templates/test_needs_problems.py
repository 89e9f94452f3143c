"""What is refused in NEEDS, as AWS would refuse it or the generator could not read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from handlers.runtime.needs import BucketName, Index, Needs, Publish, Table
from templates.needs_problems import needs_problem


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bucket: BucketName | None = None
    text: str | None = None
    size: int = 0


def problem(**needs: Any) -> str | None:
    return needs_problem(Needs(**{"settings": Settings} | needs))


def problem_of_table(*fields: Any, **named: Any) -> str | None:
    return problem(tables={Table(*fields, **named): ("GetItem",)})


def test_needs_at_the_limits_of_aws_are_taken() -> None:
    indexes = tuple(Index(f"{number:03}", "a" * 255, "b") for number in range(20))
    table = Table("a" * 237, "p" * 255, "ü ö", "expires", indexes)
    events = Publish("a./-_" + "x" * 251, "Order placed (" + "x" * 114)
    assert problem(tables={table: ["Query"]}, events=events, bucket_setting="bucket", keeps_newest=True) is None


@pytest.mark.parametrize(
    ("source", "detail_type", "message"),
    [
        ("aws.shop", "Type", "source is 'aws.shop', but AWS reserves 'aws.'; begin with a name of your own"),
        ("shop\n", "Type", "source is 'shop\\n'; write 1 to 256 letters, digits, and . _ - /"),
        ("", "Type", "source is ''; write 1 to 256 letters, digits, and . _ - /"),
        ("x" * 257, "Type", f"source is '{'x' * 56}...; write 1 to 256 letters, digits, and . _ - /"),
        (None, "Type", "source is nothing: expected str, got null"),
        ("shop", 1, "detail_type is 1: expected str, got int"),
        ("shop", "", "detail_type is ''; write 1 to 128 printable characters without {"),
        ("shop", "x" * 129, f"detail_type is '{'x' * 56}...; write 1 to 128 printable characters without {{"),
        ("shop", "a\nb", "detail_type is 'a\\nb'; write 1 to 128 printable characters without {"),
        ("shop", "${aws:x}", "detail_type is '${aws:x}'; write 1 to 128 printable characters without {"),
    ],
)
def test_an_event_that_eventbridge_would_refuse_is_refused(source: Any, detail_type: Any, message: str) -> None:
    assert problem(events=Publish(source, detail_type)) == f"NEEDS.events: {message}"


NAME_IT = "name an attribute: 1 to 255 printable characters without {"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("PK\n",), f"partition_key is 'PK\\n'; {NAME_IT}"),
        (("",), f"partition_key is ''; {NAME_IT}"),
        (("x" * 256,), f"partition_key is '{'x' * 56}...; {NAME_IT}"),
        (("PK", ""), f"sort_key is ''; {NAME_IT}"),
        (("PK", None, ""), f"ttl is ''; {NAME_IT}"),
        (("PK", "PK"), "sort_key is 'PK', its partition key too; name another attribute"),
        (("PK", "SK", "SK"), "ttl is 'SK', which is a text as sort_key; name an attribute that holds epoch seconds"),
        (
            ("PK", None, "at", (Index("ByDay", "day", "at"),)),
            "ttl is 'at', which is a text as index ByDay: sort_key; name an attribute that holds epoch seconds",
        ),
        (
            ("PK", None, None, (Index("ByDay", "day", "day"),)),
            "index ByDay: sort_key is 'day', its partition key too; name another attribute",
        ),
        (("PK", None, None, (Index("ByDay", "{x", "day"),)), f"index ByDay: partition_key is '{{x'; {NAME_IT}"),
        (
            ("PK", None, None, (Index("By day", "day", "at"),)),
            "an index has the name 'By day'; write 3 to 255 of a-z, A-Z, 0-9, _, . and -",
        ),
        (("PK", None, None, (Index("By", "day", "at"),)), "an index has the name 'By'; write 3 to 255 of a-z, A-Z, "),
        (
            ("PK", None, None, (Index("ByDay", "day", "at"), Index("ByDay", "at", "day"))),
            "two indexes have the name 'ByDay'; rename one of them",
        ),
        (
            ("PK", None, None, tuple(Index(f"By{number}", f"k{number}", "day") for number in range(100, 121))),
            "has 21 indexes; DynamoDB allows 20: remove some",
        ),
    ],
)
def test_a_table_that_dynamodb_would_refuse_is_refused(fields: Any, message: str) -> None:
    assert (problem_of_table("orders", *fields) or "").startswith(f"table orders: {message}")


def test_a_table_whose_name_has_no_room_in_dynamodb_is_refused() -> None:
    name = "a" * 238
    assert problem_of_table(name, "PK") == (
        f"table {name}: its physical name could have 256 characters; DynamoDB allows 255: shorten it by 1"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (Table(1, "PK"), "table 1: name is 1: expected str, got int"),  # type: ignore[arg-type]  # what is tested
        (
            Table("orders", "PK", indexes=("ByDay",)),  # type: ignore[arg-type]  # what is tested
            "table 'orders': indexes is ('ByDay',): expected object, got str - at $[0]",
        ),
    ],
)
def test_a_table_of_other_types_is_refused(table: Table, message: str) -> None:
    assert problem(tables={table: ("GetItem",)}) == message


class Loose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: Iterator[int]


class Tagged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True): ...


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True): ...


class Unread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Annotated[str, Meta(pattern="(")]


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"tables": {Table("a", "PK"): 1}}, 'table a: its actions are 1; list them, e.g. ("UpdateItem",)'),
        ({"tables": {Table("a", "PK"): (["GetItem"],)}}, "table a: ['GetItem'] is not an action on a table; allowed: "),
        ({"keeps_newest": "no"}, "NEEDS.keeps_newest is 'no'; write True or False"),
        (
            {"bucket_setting": "size"},
            "NEEDS.bucket_setting is 'size', a setting of another type; declare it `BucketName | None`, from handlers.",
        ),
        ({"bucket_setting": "text"}, "NEEDS.bucket_setting is 'text', a setting of another type; declare it `Bucket"),
        ({"bucket_setting": ["bucket"]}, "NEEDS.bucket_setting is ['bucket']; name a field of its Settings"),
        ({"settings": Tagged}, "Tagged is array_like or has a tag, but settings are a plain mapping; leave these out"),
        ({"settings": Row}, "Row is array_like or has a tag, but settings are a plain mapping; leave these out"),
        (
            {"settings": Loose},
            "Loose cannot be checked: TypeError: type <class 'collections.abc.Iterator'> is not supported; give its "
            "fields types that JSON has, e.g. str, float, list[str], Any",
        ),
    ],
)
def test_needs_that_cannot_be_read_are_refused(needs: dict[str, Any], message: str) -> None:
    assert (problem(**needs) or "").startswith(message)


def test_a_pattern_that_is_no_regular_expression_is_refused() -> None:
    kind = re.error.__name__  # Python 3.13 renamed it
    assert problem(settings=Unread) == (
        f"Unread cannot be checked: {kind}: missing ), unterminated subpattern at position 0; give its fields types "
        "that JSON has, e.g. str, float, list[str], Any"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (("a",), "is ('a',); name a set by lower-case words, e.g. tables, which handlers/packages/tables.in lists"),
        ("Tables", "is 'Tables'; name a set by lower-case words, e.g. tables, which handlers/packages/tables.in lists"),
        ("../x", "is '../x'; name a set by lower-case words, e.g. tables, which handlers/packages/tables.in lists"),
        ("base", "is 'base', the name of the packages that every function has; leave it out, or name another set"),
        (
            "tabels",
            "is 'tabels', but there is no handlers/packages/tabels.in; write it, then call `make lock`; "
            "did you mean tables? allowed: opened, tables",
        ),
        (
            "opened",
            "is 'opened', but handlers/packages/opened.in is not locked; call `make lock`, which writes opened.txt",
        ),
    ],
)
def test_packages_that_are_no_set_are_refused(own_handlers: Path, name: Any, message: str) -> None:
    write_sets(own_handlers, "tables.in", "tables.txt", "opened.in")
    assert problem(packages=name) == f"NEEDS.packages {message}"


def test_a_set_is_named_where_there_is_none_yet(own_handlers: Path) -> None:
    message = "NEEDS.packages is 'tables', but there is no handlers/packages/tables.in; write it, then call `make lock`"
    assert problem(packages="tables") == message


def test_a_set_that_is_locked_is_taken(own_handlers: Path) -> None:
    write_sets(own_handlers, "tables.txt")
    assert problem(packages="tables") is None


def write_sets(folder: Path, *names: str) -> None:
    (folder / "packages").mkdir()
    for name in names:
        (folder / "packages" / name).touch()
