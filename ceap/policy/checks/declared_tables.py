"""The foundation's tables have the keys, indexes and expiry that the handlers declare.

With another key the first message fails; with another expiry items stay that should be deleted. Source:
requirement 10.4; `handlers/runtime/needs.py`; AWS::DynamoDB::Table.
"""

import json
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import Resource, at, exported, foundation_table, items
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.needs import Table
from templates import discovery

RULE: Final = "WIRE12_DECLARED_TABLES"
ENTRY: Final = Entry(
    title="The foundation's tables have the keys, indexes and expiry that the handlers declare",
    why="With another key the first message fails; with another expiry items stay that should be deleted.",
    fix="Set `KeySchema`, `GlobalSecondaryIndexes` and `TimeToLiveSpecification` as the handlers' NEEDS declare them.",
    requirement=("10.4",),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html",
)


def check(template: Template) -> Iterator[Fault]:
    for name in discovery.tables() if exported(template) else ():
        found = foundation_table(template, name)
        if found:
            yield from _faults(found, discovery.tables()[name])


def _faults(table: Resource, declared: Table) -> Iterator[Fault]:
    properties = table.properties
    keys = _keys(declared.partition_key, declared.sort_key)
    if properties.get("KeySchema") != keys:
        yield Fault(table.path("KeySchema"), "the keys are not those that handlers use", json.dumps(keys))
    texts = [at(attribute, "AttributeType") == "S" for attribute in items(properties.get("AttributeDefinitions"))]
    if not all(texts):
        yield Fault(table.path("AttributeDefinitions"), "handlers write every key as a string", "AttributeType: S")
    indexes = {str(at(index, "IndexName")): index for index in items(properties.get("GlobalSecondaryIndexes"))}
    for index in declared.indexes:
        found = indexes.get(index.name)
        wanted = _keys(index.partition_key, index.sort_key)
        if at(found, "KeySchema") != wanted or at(found, "Projection", "ProjectionType") != "ALL":
            fix = f"KeySchema {json.dumps(wanted)}, ProjectionType ALL"
            yield Fault(table.path("GlobalSecondaryIndexes"), f"handlers query the index {index.name}", fix)
    expiry = {"AttributeName": declared.ttl, "Enabled": True}
    if declared.ttl and properties.get("TimeToLiveSpecification") != expiry:
        what = "items that handlers let expire are never deleted"
        yield Fault(table.path("TimeToLiveSpecification"), what, json.dumps(expiry))


def _keys(partition: str, sort: str | None) -> list[dict[str, str]]:
    names = {"HASH": partition, "RANGE": sort}
    return [{"AttributeName": name, "KeyType": kind} for kind, name in names.items() if name]
