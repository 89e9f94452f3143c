"""The foundation's tables have the keys, indexes and expiry that the handlers declare.

With another key the first message fails; with another expiry items stay that should be deleted. Source:
requirement 10.4; `handlers/runtime/needs.py`; AWS::DynamoDB::Table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import Resource, at, exported, foundation_table, items
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from handlers.runtime.needs import Table
from templates import discovery, naming

RULE: Final = "WIRE12_DECLARED_TABLES"


def check(template: Template) -> list[Finding]:
    findings = []
    for name in discovery.tables() if exported(template) else ():
        found = foundation_table(template, name)
        if found:
            faults = [*_adoption_faults(template, name), *_faults(found, discovery.tables()[name])]
            findings += [finding_at(template, RULE, f"[WIRE12] {message}", path) for message, path in faults]
    return findings


def _adoption_faults(template: Template, name: str) -> Iterator[tuple[str, str]]:
    parameter = f"{naming.table_id(name)}Name"
    if at(template.data, "Parameters", parameter, "Default") not in (None, ""):
        yield "with this default the stack creates no table | fix: Default: ''", f"/Parameters/{parameter}/Default"


def _faults(table: Resource, declared: Table) -> Iterator[tuple[str, str]]:
    properties = table.properties
    keys = _keys(declared.partition_key, declared.sort_key)
    if properties.get("KeySchema") != keys:
        yield f"the keys are not those that handlers use | fix: {json.dumps(keys)}", table.path("KeySchema")
    texts = [at(attribute, "AttributeType") == "S" for attribute in items(properties.get("AttributeDefinitions"))]
    if not all(texts):
        yield "handlers write every key as a string | fix: AttributeType: S", table.path("AttributeDefinitions")
    indexes = {str(at(index, "IndexName")): index for index in items(properties.get("GlobalSecondaryIndexes"))}
    for index in declared.indexes:
        found = indexes.get(index.name)
        wanted = _keys(index.partition_key, index.sort_key)
        if at(found, "KeySchema") != wanted or at(found, "Projection", "ProjectionType") != "ALL":
            message = f"handlers query the index {index.name} | fix: KeySchema {json.dumps(wanted)}, ProjectionType ALL"
            yield message, table.path("GlobalSecondaryIndexes")
    expiry = {"AttributeName": declared.ttl, "Enabled": True}
    if declared.ttl and properties.get("TimeToLiveSpecification") != expiry:
        yield (
            f"items that handlers let expire are never deleted | fix: {json.dumps(expiry)}",
            table.path("TimeToLiveSpecification"),
        )


def _keys(partition: str, sort: str | None) -> list[dict[str, str]]:
    names = {"HASH": partition, "RANGE": sort}
    return [{"AttributeName": name, "KeyType": kind} for kind, name in names.items() if name]
