from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main

REALTIME = project.GENERATED / "realtime.template.yaml"
QUEUE = """\
Resources:
  LogGroup:
    Type: AWS::Logs::LogGroup
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: 901
"""


def check(*arguments: object) -> int:
    return main(["check", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_project_is_clean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.ROOT)
    assert check() == 0
    out, err = capsys.readouterr()
    assert out == ""
    rules = r"rules: \d+ pass, 0 fail, \d+ not applicable; 0 findings"
    assert re.fullmatch(
        rf"generated/: \d+ files, all fresh\n(generated/[a-z0-9-]+\.template\.yaml: {rules}\n)+",
        err,
    )


def test_a_stale_a_missing_and_a_left_over_file_are_findings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "GENERATED", folder / "generated")
    monkeypatch.setattr(project, "SCHEMA", folder / "schema.json")
    monkeypatch.setattr(project, "declarations", lambda: [project.WORKFLOWS / "realtime.yaml"])
    (folder / "generated").mkdir()
    stale = (project.ROOT / "generated" / "foundation.template.yaml").read_text(encoding="utf-8")
    (folder / "generated" / "foundation.template.yaml").write_text(
        stale.replace("ExpirationInDays: 7", "ExpirationInDays: 8")
    )
    (folder / "generated" / "old.template.yaml").write_text(QUEUE)
    line = stale[: stale.index("ExpirationInDays: 7")].count("\n") + 1
    place = f"generated/foundation.template.yaml:{line}"
    assert check() == 1
    out, err = capsys.readouterr()
    assert [text.split(" | ")[0] for text in out.splitlines()] == [
        f"{place}: GEN01_FRESH: [GEN01] differs from what the declarations generate",
        f"{place}: P07_EXECUTIONS_EXPIRE: [P07] executions do not expire after 7 days",
        "generated/old.template.yaml:1: GEN01_FRESH: [GEN01] no declaration generates this file",
        "generated/realtime.template.yaml:1: GEN01_FRESH: [GEN01] the file is missing",
        "schema.json:1: GEN01_FRESH: [GEN01] the file is missing",
    ]
    assert err.startswith("generated/: 3 files, 4 not fresh\n")


def test_findings_of_any_template_go_to_standard_output_by_file_and_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("b.yaml").write_text(QUEUE)
    Path("a.yaml").write_text("# moved\n" + QUEUE)
    assert check("b.yaml", "a.yaml", "b.yaml") == 1
    out, err = capsys.readouterr()
    assert [" ".join(line.split()[:2]) for line in out.splitlines()] == [
        "a.yaml:3: P35_LOG_RETENTION:",
        "a.yaml:8: E3034:",
        "b.yaml:2: P35_LOG_RETENTION:",
        "b.yaml:7: E3034:",
    ]
    assert [line.partition(":")[0] for line in err.splitlines()] == ["b.yaml", "a.yaml"]


def test_json_tells_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.yaml").write_text(QUEUE)
    assert check("a.yaml", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [(finding["line"], finding["rule"], finding["path"]) for finding in report["findings"]] == [
        (2, "P35_LOG_RETENTION", "/Resources/LogGroup"),
        (7, "E3034", "/Resources/Queue/Properties/DelaySeconds"),
    ]
    [template] = report["templates"]
    assert template["file"] == "a.yaml"
    assert (template["rules"]["P35_LOG_RETENTION"], template["rules"]["P41_PIPE"]) == ("FAIL", "SKIP")


def test_rules_of_ones_own_are_judged_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules").mkdir()
    Path("rules/own.guard").write_text(
        "rule OWN { Resources.Queue.Properties.DelaySeconds == 0 <<[OWN] slow | fix: 0>> }"
    )
    Path("a.yaml").write_text("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {DelaySeconds: 1}\n")
    assert check("a.yaml", "--rules", "rules") == 1
    assert capsys.readouterr().out == "a.yaml:4: OWN: [OWN] slow | fix: 0 [/Resources/Queue/Properties/DelaySeconds]\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "wrong.yaml: there is no such file; name a template"),
        (b"", "wrong.yaml: the file is empty; name a CloudFormation template"),
        (b"\x80\x81\x00", "wrong.yaml: not a text file (UTF-8); a template is YAML or JSON"),
        (b"name: realtime\n", "wrong.yaml: not a CloudFormation template: it has no Resources; name another file"),
        (b"Resources: [\n", "wrong.yaml:2: not YAML: "),
        (b"a: 1\n---\nb: 1\n", "wrong.yaml:2: a second document begins here; keep one template per file"),
        (b"[" * 100_000, "wrong.yaml:1: nested deeper than 100 levels; write it flatter"),
    ],
    ids=["missing", "empty", "binary", "no template", "no YAML", "several documents", "brackets"],
)
def test_a_file_that_cannot_be_judged_ends_with_one_message_and_code_2(
    content: bytes | None, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("wrong.yaml").write_bytes(content)
    Path("right.yaml").write_text(QUEUE)
    assert check("right.yaml", "wrong.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"ceap: {message}")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (None, "rules: there is no such folder; name one with .guard files"),
        ("", "rules/own.guard: declares no rule, so it could never fail"),
        ("rule OWN {", "rules/own.guard: Guard cannot read these rules: "),
        ("rule P41_PIPE { Resources exists }", "rules/own.guard: the rule P41_PIPE is already in "),
    ],
    ids=["no folder", "no rule", "no Guard", "a name of ours"],
)
def test_rules_that_cannot_be_judged_end_with_one_message_and_code_2(
    rules: str | None, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.yaml").write_text(QUEUE)
    if rules is not None:
        Path("rules").mkdir()
        Path("rules/own.guard").write_text(rules)
    assert check("a.yaml", "--rules", "rules") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"ceap: {message}")


@pytest.mark.parametrize("form", ["sarif", "junit", "xml"])
def test_a_format_that_is_not_there_is_a_wrong_usage(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check("--format", form)
    assert caught.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_cfn_lint_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys; from ceap.cli import main; code = main(['check', 'none.yaml']); "
        "sys.exit(code if not any('cfnlint' in name for name in sys.modules) else 99)"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 2


def test_a_folder_is_no_template(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder) == 2
    assert "cannot be read: Is a directory; name a readable template file" in capsys.readouterr().err
