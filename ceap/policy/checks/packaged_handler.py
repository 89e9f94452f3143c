"""A function that runs the package's code names a handler that the package holds.

With another name the first message fails. Source: docs/reference/package.md; AWS::Lambda::Function Handler.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import FUNCTION, at, handler_of, resources, text
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import discovery, naming

RULE: Final = "WIRE07_PACKAGED_HANDLER"
ENTRY: Final = Entry(
    title="A function that runs the package names a handler in the package",
    why="If the handler is missing, the first message fails.",
    fix="Set e.g. `Handler: handlers.etl.handler`, where the module in handlers/ declares NEEDS.",
    requirement=("3.3",),
    source="https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html",
)

_KEY: Final = {"Ref": naming.HANDLERS_KEY_PARAMETER}
"""Where the package lies: the code is ours, whatever Handler says."""


def check(template: Template) -> Iterator[Fault]:
    for function in resources(template, FUNCTION):
        handler = text(function.properties.get("Handler", ""))
        if handler is None or handler_of(function) is not None:
            continue
        if handler.startswith("handlers.") or at(function.properties, "Code", "S3Key") == _KEY:
            wrong = f"handlers/ holds no {handler}" if handler else "no handler is named"
            fix = f"handlers.NAME.handler, NAME one of {', '.join(discovery.handler_names())}"
            yield Fault(function.path("Handler"), wrong, fix)
