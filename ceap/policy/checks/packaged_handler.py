"""A function that runs the package's code names a handler that the package holds, and the zip with its packages.

With another name the first message fails, and without a package its import. Source: docs/reference/package.md;
AWS::Lambda::Function Handler and Code.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import FUNCTION, at, handler_of, resources, text
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.needs import LEGACY_VARIABLE
from templates import discovery, naming
from templates.model import LEGACY_HANDLER

RULE: Final = "WIRE07_PACKAGED_HANDLER"
ENTRY: Final = Entry(
    title="A function that runs the package names a handler in the package, and the zip with the handler's packages",
    why="If the handler is missing, or a package that it imports, the first message fails.",
    fix=(
        "Set e.g. `Handler: handlers.etl.handler`, where the module in handlers/ declares NEEDS, and "
        "`S3Key: !Sub ${HandlersPrefix}base.zip`, or the zip of the set that its NEEDS name, e.g. tables.zip."
    ),
    requirement=("3.3",),
    source="https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html",
)

_KEY: Final = ("Code", "S3Key", "Fn::Sub")
_PREFIX: Final = f"${{{naming.HANDLERS_PREFIX_PARAMETER}}}"
"""Where the packages lie: the code is ours, whatever Handler says."""


def check(template: Template) -> Iterator[Fault]:
    for function in resources(template, FUNCTION):
        name = text(function.properties.get("Handler", ""))
        if name is None:
            continue
        key = at(function.properties, *_KEY)
        is_packaged = isinstance(key, str) and key.startswith(_PREFIX)
        handler = handler_of(function)
        if handler is None and (name.startswith("handlers.") or is_packaged):
            wrong = f"handlers/ holds no {name}" if name else "no handler is named"
            calls_existing = at(function.properties, "Environment", "Variables", LEGACY_VARIABLE) is not None
            names = (LEGACY_HANDLER,) if calls_existing else discovery.handler_names()
            yield Fault(function.path("Handler"), wrong, f"handlers.NAME.handler, NAME one of {', '.join(names)}")
        if handler and is_packaged and key != (wanted := naming.code_key(discovery.load_needs(handler).packages)):
            what = f"{key} does not hold the packages of {discovery.handler_file(handler)}"
            yield Fault(function.path(*_KEY), what, f"S3Key: !Sub {wanted}")
