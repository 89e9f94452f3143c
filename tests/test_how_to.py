"""The how-to pages: their code is put into a copy of the project and run."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Any, ClassVar

import msgspec
import pytest

from ceap.project import ROOT
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.message import Message, decode_message
from handlers.runtime.needs import Grant, Needs
from templates.needs_problems import needs_problem
from tests import bare, processes

PAGE = ROOT / "docs/how-to/write-a-handler.md"
TEXT = PAGE.read_text(encoding="utf-8")
HANDLER = "handlers/voucher.py"
TEST = "tests/handlers/test_voucher.py"
WORKFLOW = "workflows/vouchers.yaml"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the framework without its tests, with the page's handler, test, workflow and message."""
    bare.copy_framework(tmp_path)
    blocks = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)
    assert [path for path, _ in blocks] == [HANDLER, TEST, WORKFLOW]
    for path, block in blocks:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(block, encoding="utf-8")
    [message] = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "workflows/messages/vouchers.json").write_text(message, encoding="utf-8")
    return tmp_path


def run(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    command = [sys.executable, *arguments]
    return processes.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def run_workflow(clone: Path) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """Run the page's workflow; return also the folders that executions of its stage left."""
    ceap = "import sys; from ceap.cli import main; sys.exit(main())"
    done = run(clone, "-c", ceap, "run", WORKFLOW, "--keep", "objects")
    return done, sorted(clone.glob("objects/latest/executions/*/VoucherStage"))


def test_the_handler_runs_as_the_page_says(clone: Path) -> None:
    done, folders = run_workflow(clone)
    assert done.returncode == 0, done.stderr
    [folder] = folders
    output = json.loads((folder / "output.json").read_text())
    assert output["data"] == [{"orderId": "o1", "customerId": "c1", "amount": 50.0, "voucher": 5.0}]
    assert output["metadata"]["counts"] == {"vouchers": 1}
    rejected = json.loads((folder / "rejected.jsonl").read_text())
    assert (rejected["code"], rejected["holder"]) == ("CUSTOMER_SERVED", "o1")


def test_a_call_that_needs_do_not_name_is_denied_with_the_cure_of_the_page(clone: Path) -> None:
    handler = clone / HANDLER
    code = handler.read_text()
    assert '("UpdateItem",)' in code
    handler.write_text(code.replace('("UpdateItem",)', '("BatchWriteItem",)'))
    done, folders = run_workflow(clone)
    assert done.returncode == 1, done.stderr
    [shown] = re.findall(r"```text\n(dynamodb:UpdateItem .*)\n```", TEXT)
    for folder in folders:
        error = json.loads((folder / "error.json").read_text())
        assert re.match(re.escape(shown).replace(r"\.\.\.", ".*"), error["errorMessage"])
        assert "handlers/voucher.py" in "".join(error["stackTrace"])
    assert folders


def test_the_test_of_the_page_passes_as_written(clone: Path) -> None:
    done = run(clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST)
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "6 passed"), done.stdout


def test_the_example_of_the_reference_reads_the_object_that_it_puts(clone: Path) -> None:
    page = (ROOT / "docs/reference/testing.md").read_text(encoding="utf-8")
    imports, example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    body = example + 'assert [record["orderId"] for record in document["data"]] == ["o1"]\n'
    test = f"{imports}\nfrom handlers.voucher import handler\n\n\ndef test_example():\n{indent(body, '    ')}"
    (clone / TEST).write_text(test, encoding="utf-8")
    done = run(clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST)
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "1 passed"), done.stdout


def test_it_imports_the_handler_and_what_is_public_and_nothing_of_our_tests(clone: Path) -> None:
    tree = ast.parse((clone / TEST).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "ceap.testing", "handlers.voucher"}
    assert not (clone / "tests/conftest.py").exists()


def test_its_code_is_formatted_and_breaks_no_rule_of_the_project(clone: Path) -> None:
    for check in (("format", "--check"), ("check", "--no-cache")):
        done = run(clone, "-m", "ruff", *check, HANDLER, TEST)
        assert done.returncode == 0, done.stdout


def test_the_message_of_the_page_is_read_and_a_wrong_one_is_answered_with_its_example() -> None:
    [code] = re.findall(r"```python\n(class DayMessage.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {"Message": Message, "ClassVar": ClassVar, "__name__": __name__}
    exec(compile(code, PAGE, "exec", dont_inherit=True), names)
    day_message = names["DayMessage"]
    assert decode_message(day_message.example.replace("...", ""), day_message).day == "2026-11-29"
    with pytest.raises(
        PermanentStageError, match=f"missing required field `day`; .* {re.escape(day_message.example)}$"
    ):
        decode_message('{"source": {"kind": "inline", "records": []}}', day_message)


def test_every_page_that_it_names_is_there() -> None:
    links = re.findall(r"]\((?!https?:)([^)#]+)", TEXT)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
    assert links


def test_the_secrets_parameters_and_grants_of_the_page_are_taken() -> None:
    [code] = re.findall(r"```python\n(VENDOR_KEY.*?)```", TEXT, re.DOTALL)

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...

    names: dict[str, Any] = {"Needs": Needs, "Grant": Grant, "Settings": Settings}
    exec(code, names)
    assert needs_problem(names["NEEDS"]) is None
    assert names["NEEDS"].has_side_effects
