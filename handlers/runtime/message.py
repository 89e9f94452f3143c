"""The message that starts an execution; its form is the same for every first stage."""

import json
from typing import Any, ClassVar, Final, NoReturn, TypeVar

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.records import describe_mismatch
from handlers.runtime.sources import Source
from handlers.runtime.tally import Place, Placed


class Message(msgspec.Struct, Placed, frozen=True, kw_only=True, rename="camel"):
    """`{"source": {"kind": "inline", "records": [...]}}`; a subclass declares the fields beside `source`."""

    example: ClassVar[str] = '{"source": {"kind": "inline", "records": [...]}}'
    """What an error message shows."""

    source: Source

    def place(self) -> Place:
        return ()


M = TypeVar("M", bound=Message)

WRONG_MESSAGE: Final = "the message is wrong"
"""How the error begins with which no attempt can succeed: `ceap status` knows it by this."""


def decode_message(initial_data: Any, kind: type[M]) -> M:
    """Return the message in `initialData`, JSON text or its value; PermanentStageError if it is missing or wrong."""
    body = _without_mark(initial_data)
    try:
        return msgspec.json.decode(body, type=kind) if isinstance(body, str) else msgspec.convert(body, kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        said = describe_mismatch(error)
        raise PermanentStageError(f"{WRONG_MESSAGE}: {said}; send JSON such as {kind.example}") from error


def encode_message(initial_data: Any) -> bytes:
    """Return the message in `initialData` as JSON, whatever it holds; one that is no JSON becomes a JSON text.

    JSON is passed on byte for byte. PermanentStageError if there is no message.
    """
    body = _without_mark(initial_data)
    try:
        return body.encode() if isinstance(body, str) and _is_json(body) else msgspec.json.encode(body)
    except (UnicodeError, msgspec.MsgspecError) as error:
        raise PermanentStageError(f"{WRONG_MESSAGE}: it has no JSON form: {error}; send JSON or plain text") from error


def _without_mark(initial_data: Any) -> Any:
    if initial_data is None:
        raise PermanentStageError("the first stage was given no initialData; pass it the body of the message")
    # A byte-order mark, also one that was read as Windows-1252: PowerShell writes it before JSON.
    is_text = isinstance(initial_data, str)
    return initial_data.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf") if is_text else initial_data


def _is_json(text: str) -> bool:
    try:
        # Numbers stay texts: of a long one Python makes none.
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except RecursionError:
        return True  # nested deeper than this parser can go, whose reader is another
    except ValueError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python alone takes for JSON
