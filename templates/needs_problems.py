"""What is wrong with NEEDS: they are written in Python, so msgspec checks neither their types nor AWS's limits."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, get_args

import msgspec

from handlers.runtime.needs import BucketName, Index, Needs, Publish, Table, TableAction
from templates import naming
from templates.access_problems import access_problems
from templates.package_sets import set_problem
from templates.words import shown

TABLE_NAME: Final = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")

# Sources: Amazon DynamoDB API reference, "CreateTable" and "AttributeDefinition"; Developer Guide, "Naming rules".
TABLE_NAME_MAX: Final = 255
ATTRIBUTE_MAX: Final = 255
INDEXES_MAX: Final = 20
INDEX_NAME: Final = re.compile("[a-zA-Z0-9_.-]{3,255}")

# Sources: Amazon EventBridge API reference, "PutEventsRequestEntry"; "PipeTargetEventBridgeEventBusParameters".
EVENT_SOURCE: Final = re.compile("[A-Za-z0-9._/-]{1,256}")
RESERVED_SOURCE: Final = "aws."
DETAIL_TYPE_MAX: Final = 128


def needs_problem(needs: Needs) -> str | None:
    """Return the first thing that is wrong with NEEDS, with the cure; None if nothing is."""
    problems = chain(
        _settings_problems(needs),
        _tables_problems(needs),
        _events_problems(needs),
        _flag_problems(needs),
        access_problems(needs),
    )
    return next(problems, None)  # a later problem is looked for only where the earlier ones are absent


def _settings_problems(needs: Needs) -> Iterator[str]:
    settings: Any = needs.settings
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        yield f"NEEDS.settings is {shown(settings)}; give the class, a msgspec.Struct, not a value of it"
    elif not (settings.__struct_config__.frozen and settings.__struct_config__.forbid_unknown_fields):
        yield f"{settings.__name__} would accept misspelt settings; declare it frozen=True, forbid_unknown_fields=True"
    elif settings.__struct_config__.array_like or settings.__struct_config__.tag is not None:
        yield f"{settings.__name__} is array_like or has a tag, but settings are a plain mapping; leave these out"
    elif problem := schema_problem(settings):
        yield f"{settings.__name__} cannot be checked: {problem}"
    elif needs.bucket_setting is not None:
        types = {field.name: field.type for field in msgspec.structs.fields(settings)}
        if needs.bucket_setting not in list(types):
            yield f"NEEDS.bucket_setting is {shown(needs.bucket_setting)}; name a field of its Settings"
        elif BucketName not in (types[needs.bucket_setting], *get_args(types[needs.bucket_setting])):
            yield (
                f"NEEDS.bucket_setting is {needs.bucket_setting!r}, a setting of another type; "
                "declare it `BucketName | None`, from handlers.runtime.needs"
            )


def schema_problem(kind: Any) -> str | None:
    """Return why a type has no JSON Schema, with the cure; None if it has one."""
    try:
        msgspec.json.schema(kind)
    except Exception as error:  # msgspec's, and what the user's own annotations raise when they are evaluated
        # The last line of msgspec's text names the type; those before are for callers of msgspec.
        said = str(error).rpartition("\n")[2]
        return f"{type(error).__name__}: {said}; give its fields types that JSON has, e.g. str, float, list[str], Any"
    return None


def _tables_problems(needs: Needs) -> Iterator[str]:
    if not isinstance(needs.tables, Mapping):
        yield f'NEEDS.tables is {shown(needs.tables)}; make it a dict, e.g. {{Table("orders", "PK"): ("PutItem",)}}'
        return
    for table, actions in needs.tables.items():
        if not isinstance(table, Table):
            yield f"NEEDS.tables has the key {shown(table)}; make it a handlers.runtime.needs.Table"
        elif problem := _type_problem(table):
            yield f"table {shown(table.name)}: {problem}"
        elif not TABLE_NAME.fullmatch(table.name):
            yield f"table {shown(table.name)} must be lower-case words, e.g. score_cache; rename it"
        else:
            problems = chain(_name_problems(table), _key_problems(table), _action_problems(actions))
            yield from (f"table {table.name}: {problem}" for problem in problems)


def _type_problem(value: msgspec.Struct) -> str | None:
    """Return which field of a value made in Python is of another type than declared."""
    for field in msgspec.structs.fields(value):
        given = getattr(value, field.name)
        try:
            msgspec.convert(given, field.type)
        except msgspec.ValidationError as error:
            return f"{field.name} is {shown(given)}: {str(error).replace('`', '').replace('Expected', 'expected')}"
    return None


def _name_problems(table: Table) -> Iterator[str]:
    length = naming.longest_table(table.name)
    if length > TABLE_NAME_MAX:
        yield (
            f"its physical name could have {length} characters; DynamoDB allows {TABLE_NAME_MAX}: "
            f"shorten it by {length - TABLE_NAME_MAX}"
        )
    if len(table.indexes) > INDEXES_MAX:
        yield f"has {len(table.indexes)} indexes; DynamoDB allows {INDEXES_MAX}: remove some"
    seen = set()
    for index in table.indexes:
        if not INDEX_NAME.fullmatch(index.name):
            yield f"an index has the name {shown(index.name)}; write 3 to 255 of a-z, A-Z, 0-9, _, . and -"
        if index.name in seen:
            yield f"two indexes have the name {index.name!r}; rename one of them"
        seen.add(index.name)


def _key_problems(table: Table) -> Iterator[str]:
    owners: list[Table | Index] = [table, *table.indexes]
    keys = [key for owner in owners for key in _keys(owner)]
    for place, name in (*keys, *([] if table.ttl is None else [("ttl", table.ttl)])):
        if not _is_name(name, ATTRIBUTE_MAX):
            yield f"{place} is {shown(name)}; name an attribute: 1 to {ATTRIBUTE_MAX} printable characters without {{"
    for owner in owners:
        [(_, partition_key), *others] = _keys(owner)
        for place, name in others:
            if name == partition_key:
                yield f"{place} is {name!r}, its partition key too; name another attribute"
    for place, name in keys:
        if name == table.ttl:
            yield f"ttl is {name!r}, which is a text as {place}; name an attribute that holds epoch seconds"


def _keys(owner: Table | Index) -> list[tuple[str, str]]:
    """Return the keys of a table or an index with their places, the partition key first."""
    prefix = f"index {owner.name}: " if isinstance(owner, Index) else ""
    sort_key = [] if owner.sort_key is None else [(f"{prefix}sort_key", owner.sort_key)]
    return [(f"{prefix}partition_key", owner.partition_key), *sort_key]


def _is_name(text: str, limit: int) -> bool:
    """Tell whether a text is one printable line; `{` would begin a policy variable or a dynamic reference."""
    return 0 < len(text) <= limit and text.isprintable() and "{" not in text


def _action_problems(actions: Any) -> Iterator[str]:
    if not isinstance(actions, tuple | list | set | frozenset) or not actions:
        yield f'its actions are {shown(actions)}; list them, e.g. ("UpdateItem",)'
    elif unknown := [action for action in actions if action not in get_args(TableAction)]:
        yield f"{shown(unknown[0])} is not an action on a table; allowed: {', '.join(get_args(TableAction))}"


def _events_problems(needs: Needs) -> Iterator[str]:
    events: Any = needs.events
    if events is None:
        return
    if not isinstance(events, Publish):
        example = 'Publish(source="shop.orders", detail_type="OrderPlaced")'
        yield f"NEEDS.events is {shown(events)}; make it a handlers.runtime.needs.Publish, e.g. {example}"
    elif problem := _type_problem(events):
        yield f"NEEDS.events: {problem}"
    elif not EVENT_SOURCE.fullmatch(events.source):
        yield f"NEEDS.events: source is {shown(events.source)}; write 1 to 256 letters, digits, and . _ - /"
    elif events.source.startswith(RESERVED_SOURCE):
        yield f"NEEDS.events: source is {events.source!r}, but AWS reserves 'aws.'; begin with a name of your own"
    elif not _is_name(events.detail_type, DETAIL_TYPE_MAX):
        yield (
            f"NEEDS.events: detail_type is {shown(events.detail_type)}; "
            f"write 1 to {DETAIL_TYPE_MAX} printable characters without {{"
        )


def _flag_problems(needs: Needs) -> Iterator[str]:
    if not isinstance(needs.keeps_newest, bool):
        yield f"NEEDS.keeps_newest is {shown(needs.keeps_newest)}; write True or False"
    if problem := set_problem(needs.packages):
        yield f"NEEDS.packages {problem}"
