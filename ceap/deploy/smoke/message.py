"""The message of a smoke run, made from a file of the project."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ceap.errors import UsageError
from templates.placeholders import PLACEHOLDERS, fill, placeholder_problem

SMOKE_ID: Final = "SmokeId"
_KNOWN: Final = (SMOKE_ID, *PLACEHOLDERS)


class Message(NamedTuple):
    """A message's body; `id` is that of the smoke run, `smoke-` and 12 characters, which no other run has."""

    body: str
    id: str


def smoke_file(declaration: Path, workflow: str) -> Path:
    """Return where the message of a workflow's smoke run is: beside its declaration."""
    return declaration.parent / "messages" / f"{workflow}.smoke.json"


def load_message(file: Path, values: Mapping[str, str]) -> Message:
    """Return the message in a file, with its placeholders filled in; UsageError if it cannot be sent.

    `values` are those of the placeholders that templates know, by name.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{file}: there is no such file; write there the message that smoke sends: as that of `ceap run`, with "
            f"${{{SMOKE_ID}}} in each id"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}; make it a readable text in UTF-8") from None
    if problem := placeholder_problem(text, _KNOWN):
        raise UsageError(f"{file}: {problem}")
    try:
        json.loads(text)
    except ValueError as error:
        raise UsageError(f"{file}: is not JSON: {error}; correct it") from None
    smoke_id = f"smoke-{secrets.token_hex(6)}"
    return Message(fill(text, {**values, SMOKE_ID: smoke_id}), smoke_id)
