from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.contracts import workflow_schemas
from templates.config import load_workflow
from tests.reference import EXPRESS


def test_the_schemas_are_printed_as_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", str(EXPRESS)]) == 0
    assert json.loads(capsys.readouterr().out) == workflow_schemas(load_workflow(EXPRESS))


def test_a_wrong_declaration_ends_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "orders.yaml").write_text("name: orders\n")
    assert main(["schema", str(tmp_path / "orders.yaml")]) == 2
    assert "orders.yaml" in capsys.readouterr().err
