"""The message that starts an execution; its form is the same for every first stage."""

from typing import Any, ClassVar, Final, TypeVar

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
    if initial_data is None:
        raise PermanentStageError("the first stage was given no initialData; pass it the body of the message")
    try:
        if isinstance(initial_data, str):
            # A byte-order mark, also one that was read as Windows-1252: PowerShell writes it before JSON.
            text = initial_data.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf")
            return msgspec.json.decode(text, type=kind)
        return msgspec.convert(initial_data, kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        said = describe_mismatch(error)
        raise PermanentStageError(f"{WRONG_MESSAGE}: {said}; send JSON such as {kind.example}") from error
