"""The Query protocol of AWS: forms in, XML out, as botocore's model of a service says.

Source: Smithy specification, "AWS query protocol".
"""

import datetime
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from ceap.local.answers import Answer
from ceap.local.calls import Request

_XML: Final = {"Content-Type": "text/xml"}


@cache
def _service(name: str) -> Any:
    import botocore.session  # type: ignore[import-untyped]  # botocore ships no types

    return botocore.session.get_session().get_service_model(name)


class QueryError(Exception):
    """An error of an API of the Query protocol: its code, the status of the response, and its message."""

    code: str = "ValidationError"
    status: int = 400

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        self.code = code or self.code


def read_form(request: Request) -> dict[str, Any]:
    """Return what a request gives; QueryError for a parameter that is unknown or missing."""
    operation = request.operation
    shape = _service(request.service).operation_model(operation).input_shape
    if shape is None:
        return {}
    given = {name: value for name, value in request.form.items() if name not in {"Action", "Version"}}
    if unknown := sorted({name.partition(".")[0] for name in given} - set(shape.members)):
        raise QueryError(f"{', '.join(unknown)} is not a parameter of {operation}")
    found: dict[str, Any] = _parsed(shape, given, "") or {}
    if missing := [name for name in shape.required_members if name not in found]:
        raise QueryError(
            f"{len(missing)} validation error{'s' * (len(missing) > 1)} detected: Value null at "
            f"'{missing[0][0].lower()}{missing[0][1:]}' failed to satisfy constraint: Member must not be null"
        )
    return found


def _parsed(shape: Any, given: Mapping[str, str], prefix: str) -> Any:
    """Return the value of a shape from the keys of a form below a prefix; None if there is none."""
    match shape.type_name:
        case "structure":
            dot = f"{prefix}." if prefix else ""
            parts = {name: _parsed(member, given, dot + name) for name, member in shape.members.items()}
            return {name: part for name, part in parts.items() if part is not None} or None
        case "list":
            items = list(_members(shape.member, given, f"{prefix}.member"))
            return items or ([] if given.get(prefix) == "" else None)
        case "map":
            keys = list(_members(shape.key, given, f"{prefix}.entry", "key"))
            values = list(_members(shape.value, given, f"{prefix}.entry", "value"))
            return dict(zip(keys, values, strict=True)) or None
        case "boolean":
            return given[prefix].lower() == "true" if prefix in given else None
        case "integer":
            return int(given[prefix]) if prefix in given else None
        case _:
            return given.get(prefix)


def _members(shape: Any, given: Mapping[str, str], prefix: str, part: str = "") -> Iterator[Any]:
    index = 1
    suffix = f".{part}" if part else ""
    while (value := _parsed(shape, given, f"{prefix}.{index}{suffix}")) is not None:
        yield value
        index += 1


def write_answer(request: Request, document: Mapping[str, Any]) -> Answer:
    """Return the response to a request."""
    operation, service = request.operation, _service(request.service)
    shape = service.operation_model(operation).output_shape
    result = "".join(_members_xml(shape, document)) if shape is not None else ""
    wrapped = f"<{operation}Result>{result}</{operation}Result>" if shape is not None else ""
    name = f"{operation}Response"
    space = service.metadata["xmlNamespace"]
    return Answer(200, f'<{name} xmlns="{space}">{wrapped}{_metadata()}</{name}>'.encode(), _XML)


def write_error(error: QueryError) -> Answer:
    """Return the response to a call that is refused."""
    text = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    body = f"<ErrorResponse><Error>{text}</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    return Answer(error.status, body.encode(), _XML)


def _metadata() -> str:
    return f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"


def _members_xml(shape: Any, document: Mapping[str, Any]) -> Iterator[str]:
    if unknown := set(document) - set(shape.members):
        raise KeyError(f"{shape.name} has no {', '.join(sorted(unknown))}")
    for name, member in shape.members.items():
        if document.get(name) is not None:
            yield f"<{name}>{_xml(member, document[name])}</{name}>"


def _xml(shape: Any, value: Any) -> str:
    match shape.type_name:
        case "structure":
            return "".join(_members_xml(shape, value))
        case "list":
            return "".join(f"<member>{_xml(shape.member, item)}</member>" for item in value)
        case "map":
            entries = (
                f"<key>{escape(key)}</key><value>{_xml(shape.value, each)}</value>" for key, each in value.items()
            )
            return "".join(f"<entry>{entry}</entry>" for entry in entries)
        case "timestamp":
            moment = datetime.datetime.fromtimestamp(value, datetime.UTC)
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case "boolean":
            return "true" if value else "false"
        case _:
            return escape(str(value))
