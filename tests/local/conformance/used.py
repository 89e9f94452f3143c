"""The calls of AWS that the sources make, and those that a recording has."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import botocore.session  # type: ignore[import-untyped]  # botocore ships no types
from botocore import xform_name

from tests.local.conformance.cases import load_recordings, load_services

ROOT: Final = Path(__file__).parents[3]
SOURCES: Final = ("ceap/aws", "ceap/commands", "ceap/deploy", "ceap/operate", "glue/lib", "handlers/runtime")
SERVICES: Final = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "glue",
    "iam",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)
_OTHERS: Final = {"list_exports": "cloudformation", "list_imports": "cloudformation"}
"""Operations that two services have, with the one that ceap calls."""


def used_calls() -> dict[str, set[str]]:
    """Return the operations that the sources name, by service."""
    found: dict[str, set[str]] = defaultdict(set)
    names = _operations()
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in _names_in(file):
                for service, operation in names.get(name, ()):
                    if _OTHERS.get(name, service) == service:
                        found[service].add(operation)
    return dict(sorted(found.items()))


def recorded_calls() -> dict[str, set[str]]:
    """Return the operations that a recording has, by service."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in load_recordings().values():
        found["stepfunctions"] |= {call.call for case in each.cases for call in case.calls}
    found["stepfunctions"] |= {"GetExecutionHistory", "StartExecution", "StartSyncExecution"}
    for services in load_services().values():
        for call in (call for case in services.cases for call in case.calls):
            service, _, operation = call.call.partition(":")
            found[service].add(operation)
    return found


@cache
def _operations() -> dict[str, set[tuple[str, str]]]:
    """Return the operations of all services by the names that boto gives them."""
    session, found = botocore.session.Session(), defaultdict(set)
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found[xform_name(operation)].add((service, operation))
    return found


def _names_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(attr=name):
                yield name
            case ast.Constant(value=str() as name):
                yield name
            case _:
                pass
