from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.message import Message, decode_message
from handlers.runtime.sources import Inline

TEXT = '{"source": {"kind": "inline", "records": [{"id": "c1"}]}}'


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        json.loads(TEXT),
        "\ufeff" + TEXT,
        json.loads('"\\ufeff' + json.dumps(TEXT)[1:]),
        ("\ufeff" + TEXT).encode().decode("windows-1252"),
    ],
    ids=["text", "value", "mark", "escaped mark", "mark read as Windows-1252"],
)
def test_a_message_is_read_with_and_without_a_byte_order_mark(data: Any) -> None:
    assert decode_message(data, Message) == Message(source=Inline(records=[{"id": "c1"}]))


@pytest.mark.parametrize("data", ["\ufeff", "\ufeff\ufeff" + TEXT, " \ufeff" + TEXT])
def test_a_mark_that_begins_no_json_text_is_wrong(data: str) -> None:
    with pytest.raises(PermanentStageError, match=r"^the message is wrong: .*; send JSON such as \{"):
        decode_message(data, Message)
