"""What a function or job reads and writes, by the grants of its role, and how a template's names are shown."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn import lookup
from ceap.cfn.lookup import Resource, at, imported, reference, text
from ceap.cfn.template import Template
from ceap.graph.chart import Aside, Kind
from ceap.iam.documents import Statement, documents
from handlers.runtime.contract import INITIAL_FOLDER
from templates import naming

UNKNOWN: Final = "known at deployment"
_HIDDEN: Final = re.compile(r"(logs|xray|kms|ec2|cloudwatch):.*", re.IGNORECASE)
"""What every worker has or may have: logs, traces, a key, a network."""
_READ_VERBS: Final = ("get", "batchget", "query", "scan", "head", "list", "describe", "receive", "detect")
_PSEUDO: Final = re.compile(r"\$\{AWS::(\w+)\}")
"""A pseudo parameter, whose colons are none of an ARN's."""
_EXECUTION: Final = re.compile(r"^executions/\*/([^/]+)/(.*)$")
_SECRET_END: Final = re.compile(r"-\?{6}$")
_EXPORTED: Final = re.compile(rf"^{naming.PREFIX}-{naming.FOUNDATION}-[^-]*-(.+?)(?:Name)?$")


class Names:
    """Shows texts of a template; `${Environment}` is filled in where the environment is known."""

    def __init__(self, environment: str | None) -> None:
        self._environment: Final = environment

    def of(self, resource: Resource) -> str:
        """Return a resource's physical name, or its logical id."""
        name = resource.properties.get(lookup.NAME_PROPERTY.get(resource.type, ""))
        return self.text(name) if name is not None else resource.logical_id

    def text(self, value: Any) -> str:
        """Return a value as text; what is known at deployment only is named by what it refers to."""
        if (plain := text(value)) is not None:
            return self._filled(plain)
        if exported := imported(value):
            found = _EXPORTED.match(self._filled(exported))
            return found[1] if found else self._filled(exported)
        if named := reference(value):
            return named[0]
        match at(value, "Fn::Sub"):
            case [str(pattern), dict(own)]:
                for name, below in own.items():
                    pattern = pattern.replace(f"${{{name}}}", self.text(below))
                return self._filled(pattern)
        return str(value) if isinstance(value, int | float) else UNKNOWN

    def _filled(self, plain: str) -> str:
        return plain.replace("${Environment}", self._environment) if self._environment else plain


def asides(template: Template, worker: Resource, names: Names) -> Iterator[Aside]:
    """Yield what the worker's role lets it read and write, each once, in the order of the grants."""
    role = next((role for owner, role in lookup.owners(template) if owner == worker), None)
    if role is None:
        return
    seen: set[Aside] = set()
    for document in documents(template):
        if document.resource == role and not document.is_trust:
            for statement in document.statements:
                for aside in _of_statement(statement, names):
                    if aside not in seen:
                        seen.add(aside)
                        yield aside


def _of_statement(statement: Statement, names: Names) -> Iterator[Aside]:
    if statement.body.get("Effect") != "Allow":
        return
    actions = [action.value for action in statement.texts("Action") if not _HIDDEN.fullmatch(action.value)]
    for entry in statement.entries("Resource") if actions else ():
        aside = _of_grant(actions, names.text(entry.value), statement, names)
        if aside is not None:
            yield aside


def _of_grant(actions: list[str], resource: str, statement: Statement, names: Names) -> Aside | None:
    service = actions[0].partition(":")[0].lower()
    verbs = [action.partition(":")[2] for action in actions]
    tail = _PSEUDO.sub("${\\1}", resource).split(":", 5)[-1]
    is_read = all(verb.lower().startswith(_READ_VERBS) for verb in verbs)
    match service:
        case "s3":
            return _object(verbs, tail, is_read)
        case "dynamodb":
            is_write_only = not any(verb.lower().startswith(_READ_VERBS) for verb in verbs)
            verb = "reads" if is_read else "writes" if is_write_only else "reads and writes"
            name = tail.removeprefix("table/")
            return None if "/index/" in name else Aside(Kind.TABLE, verb, (name,), is_read)
        case "events":
            kinds = _conditions(statement, "events:detail-type", names)
            return Aside(Kind.EVENTS, "publishes", (tail.removeprefix("event-bus/") + " event bus", *kinds))
        case "secretsmanager":
            return Aside(Kind.SECRET, "needs", (_SECRET_END.sub("", tail.removeprefix("secret:")), "secret"), True)
        case "ssm":
            return Aside(Kind.SECRET, "needs", (tail.removeprefix("parameter"), "parameter"), True)
        case _:
            return Aside(Kind.CALL, "calls", (", ".join(f"{service}:{verb}" for verb in verbs), tail), is_read)


def _object(verbs: list[str], tail: str, is_read: bool) -> Aside | None:
    """Return what is read or written on S3; nothing of a bucket's listing, a job's code and its own parts."""
    bucket, slash, key = tail.partition("/")
    if not slash or bucket == naming.ARTIFACT_BUCKET_ID or "/_parts/" in key:
        return None
    verb = "reads" if is_read else "writes" if "GetObject" not in verbs else "reads and writes"
    if bucket != naming.WORKFLOW_BUCKET_ID:
        return Aside(Kind.OBJECT, verb, (f"{bucket}/{key}",), is_read)
    found = _EXECUTION.match(key)
    shown = f"executions/{{id}}/{found[1]}/{found[2].removesuffix('*')}" if found else key
    note = ("the message",) if found and found[1] == INITIAL_FOLDER else ()
    return Aside(Kind.OBJECT, verb, (shown, *note), is_read)


def _conditions(statement: Statement, key: str, names: Names) -> list[str]:
    """Return the values that the statement's conditions ask of a key."""
    conditions = statement.body.get("Condition")
    found = [at(tests, key) for tests in conditions.values()] if isinstance(conditions, dict) else []
    return [names.text(value) for values in found for value in lookup.items(values)]
