"""A function runs a handler that the package holds, in the runtime that it is built for.

A wrong name fails at the first message, and so does another architecture: the package's wheels are native.
Source: docs/reference/package.md; AWS::Lambda::Function Handler.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ceap.policy.finding import Finding
from ceap.policy.resources import FUNCTION, Resource, at, handler_of, resources, text
from ceap.policy.template import Template
from templates import catalog, runtime

RULE: Final = "WIRE07_PACKAGED_HANDLER"

_KEY: Final = {"Ref": "HandlersKey"}


def check(template: Template) -> list[Finding]:
    return [
        template.finding(RULE, f"[WIRE07] {message}", function.path(key))
        for function in resources(template, FUNCTION)
        if at(function.properties, "Code", "S3Key") == _KEY
        or (text(function.properties.get("Handler")) or "").startswith("handlers.")
        for message, key in _faults(function)
    ]


def _faults(function: Resource) -> Iterator[tuple[str, str]]:
    handler = function.properties.get("Handler")
    if text(handler) is not None and handler_of(function) is None:
        allowed = ", ".join(catalog.handler_names())
        yield f"handlers/ holds no {text(handler)} | fix: handlers.NAME.handler, NAME one of {allowed}", "Handler"
    if text(function.properties.get("Runtime")) not in (None, runtime.RUNTIME):
        yield f"the package is built for another runtime | fix: Runtime {runtime.RUNTIME}", "Runtime"
    architectures = function.properties.get("Architectures", ["x86_64"])
    if isinstance(architectures, list) and architectures != [runtime.ARCHITECTURE]:
        yield (
            f"the package is built for another architecture | fix: Architectures [{runtime.ARCHITECTURE}]",
            "Architectures",
        )
