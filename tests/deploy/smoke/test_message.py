from __future__ import annotations

import re
from pathlib import Path

import pytest

from ceap.deploy.smoke.message import load_message, smoke_file
from ceap.errors import UsageError

VALUES = {"Environment": "dev", "AWS::AccountId": "123456789012", "AWS::Region": "eu-central-1"}


def written(folder: Path, text: str) -> Path:
    file = folder / "a.smoke.json"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_message_is_beside_the_declaration() -> None:
    assert smoke_file(Path("workflows/a.yaml"), "orders") == Path("workflows/messages/orders.smoke.json")


def test_placeholders_are_filled_and_each_run_has_an_id_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, '["${SmokeId}-1", "acme-${Environment}-${AWS::AccountId}"]')
    first, second = load_message(file, VALUES), load_message(file, VALUES)
    assert first.body == f'["{first.id}-1", "acme-dev-123456789012"]'
    assert re.fullmatch("smoke-[0-9a-f]{12}", first.id)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"${Smoke}"', r"holds \${Smoke}, which no deployment fills in; allowed: \${SmokeId}, \${Environment}"),
        ("{", "is not JSON: .*; correct it"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=f"a.smoke.json: {fault}"):
        load_message(written(tmp_path, text), VALUES)


def test_a_message_that_is_missing_is_named_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"b.smoke.json: there is no such file; write there the message.*\${SmokeId}"):
        load_message(tmp_path / "b.smoke.json", VALUES)
