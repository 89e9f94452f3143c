"""What public projects recorded on AWS: the cases of `recordings/`, and how an answer is compared with them."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

RECORDINGS: Final = Path(__file__).parent / "recordings"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the recordings of a file come from; `note` says what they are if they are no raw answers."""

    project: str
    revision: str
    folder: str
    note: str | None = None


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of the Step Functions API, and what AWS answered: an answer, or an error's code and message."""

    call: str
    given: dict[str, Any] = {}
    answer: dict[str, Any] | None = None
    refused: tuple[str, str] | None = None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded behaviour: a state machine, what is done with it, and what AWS showed.

    Unless its first call starts an execution, one named `run` is started with `input`; it runs to its end, unless it is
    `busy`: then the calls meet it running, until the call `Drain`.
    `history` and `logs` hold `[type, previous event, details]` per event, `events` the details of the status changes.
    `job` is the script of the Glue job `job`. `created` is the error of its creation. `output` is the JSON that its
    execution gives. `differs` says why the engine does not agree; then it must not.
    """

    behaviour: str
    recorded: str
    states: dict[str, Any] = msgspec.field(default_factory=lambda: {"P": {"Type": "Pass", "End": True}})
    kind: Literal["STANDARD", "EXPRESS"] = "STANDARD"
    timeout: int | None = None
    function: str | None = None
    job: str | None = None
    logging: dict[str, Any] | None = None
    input: str = "{}"
    busy: bool = False
    created: str | None = None
    calls: list[Call] = []
    history: list[tuple[str, int, dict[str, Any] | None]] | None = None
    events: list[dict[str, Any]] | None = None
    logs: list[tuple[str, int, int, dict[str, Any]]] | None = None
    objects: dict[str, str] | None = None
    output: str | dict[str, Any] | None = None
    differs: str | None = None


class Recordings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `recordings/`."""

    source: Source
    cases: list[Case]


class ServiceCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a service, such as `sqs:SendMessage`, and what AWS answered.

    Of an answer the fields that are listed must be the same, null for one that is not answered; or it is an error's
    code and message. `keep` names values of the answer by their place in it, for later calls.
    """

    call: str
    given: dict[str, Any] = {}
    answer: dict[str, Any] | None = None
    refused: tuple[str, str] | None = None
    keep: dict[str, str] = {}


class ServiceCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded behaviour of a service: calls in order; `Drain` lets the engine come to rest.

    `function` is the source of the function `fn`. `differs` says why the engine does not agree; then it must not.
    """

    behaviour: str
    recorded: str
    calls: list[ServiceCall]
    function: str | None = None
    differs: str | None = None


class ServiceRecordings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `recordings/services/`."""

    source: Source
    cases: list[ServiceCase]


def load_recordings() -> dict[str, Recordings]:
    """Return the files of `recordings/` by name, in order: those of Step Functions."""
    return {
        path.stem: msgspec.yaml.decode(path.read_bytes(), type=Recordings) for path in sorted(RECORDINGS.glob("*.yaml"))
    }


def load_services() -> dict[str, ServiceRecordings]:
    """Return the files of `recordings/services/` by name, in order."""
    return {
        path.stem: msgspec.yaml.decode(path.read_bytes(), type=ServiceRecordings)
        for path in sorted((RECORDINGS / "services").glob("*.yaml"))
    }


def listed_fields(expected: Any, actual: Any) -> Any:
    """Return an answer with the fields that a recording lists; one that is not answered is null."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: listed_fields(value, actual.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [listed_fields(*pair) for pair in zip(expected, actual, strict=True)]
    return actual


def differences(expected: Any, actual: Any, names: Mapping[str, str], place: str = "") -> Iterator[str]:
    """Yield how an answer differs from what was recorded.

    `${name}` in an expected text stands for a name's value, `${uuid}`, `${time}` and `${any}` for any such part.
    Alone `${date}` stands for any time, `${number}` for any whole number, and `${hundreds}` for milliseconds as AWS
    bills them. An object or a list that
    meets a text is compared with the JSON in it.
    """
    if isinstance(expected, dict | list) and isinstance(actual, str):
        actual = json.loads(actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            if key not in actual or key not in expected:
                yield f"{place}.{key}: {'not answered' if key not in actual else f'not recorded: {actual[key]!r}'}"
            else:
                yield from differences(expected[key], actual[key], names, f"{place}.{key}")
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        if len(expected) != len(actual):
            yield f"{place}: {len(actual)} items instead of {len(expected)}: {actual!r}"
        for index, (left, right) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(left, right, names, f"{place}[{index}]")
    elif not _equal(expected, actual, names):
        yield f"{place}: {actual!r} instead of {expected!r}"


def _equal(expected: Any, actual: Any, names: Mapping[str, str]) -> bool:
    if expected == "${date}":
        return isinstance(actual, datetime.datetime) or (isinstance(actual, int | float) and actual > 1_000_000_000)
    if expected == "${number}":
        return isinstance(actual, int) and not isinstance(actual, bool)
    if expected == "${hundreds}":
        return isinstance(actual, int) and actual > 0 and actual % 100 == 0
    if isinstance(expected, str) and isinstance(actual, str):
        return re.fullmatch(_expression(expected, names), actual, re.DOTALL) is not None
    return type(expected) is type(actual) and expected == actual


def _expression(text: str, names: Mapping[str, str]) -> str:
    kinds = {
        "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        "any": ".*",
    }
    pieces = re.split(r"\$\{(\w+)\}", text)
    return "".join(
        re.escape(piece) if index % 2 == 0 else kinds.get(piece) or re.escape(names[piece])
        for index, piece in enumerate(pieces)
    )
