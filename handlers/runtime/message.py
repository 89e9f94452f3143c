"""The message that starts an execution: the same for whichever stage comes first."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import Source


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`{"programId", "marketplace", "source": {"kind": "inline", "records": [...]}}`.

    A message whose records are candidates already needs neither program nor marketplace.
    """

    source: Source
    program_id: str | None = None
    marketplace: str | None = None


def decode_message(initial_data: Any) -> Message:
    """Return the message in a context's `initialData`: JSON text, or what it parses to.

    Raises:
        PermanentStageError: There is none, or it is no message.
    """
    if initial_data is None:
        raise PermanentStageError("the first stage was given no initialData; pass it the body of the message")
    try:
        if isinstance(initial_data, str):
            return msgspec.json.decode(initial_data, type=Message)
        return msgspec.convert(initial_data, Message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PermanentStageError(
            f"the message is wrong: {error}; send JSON such as "
            '{"programId": "p", "marketplace": "m", "source": {"kind": "inline", "records": [...]}}'
        ) from error
