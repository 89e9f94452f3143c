from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cfn.template import parse_template
from ceap.errors import UsageError
from ceap.policy.lint import check_lint

WRONG = """\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 43201
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/machine
      DefinitionString: |
        {
          "StartAt": "Nowhere",
          "States": {
            "A": {"Type": "Pass", "End": true}
          }
        }
"""


def test_errors_are_found_with_cfn_lints_own_ids_and_with_lines_inside_the_definition() -> None:
    found = {finding.rule: finding for finding in check_lint(parse_template(WRONG, "t.yaml"))}
    assert (found["E3034"].line, found["E3034"].path) == (5, "/Resources/Queue/Properties/VisibilityTimeout")
    assert "43201" in found["E3034"].what
    assert (found["E3601"].line, found["E3601"].file) == (12, "t.yaml")


def test_a_right_template_has_no_findings() -> None:
    assert check_lint(parse_template("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n", "t.yaml")) == []


def test_a_configuration_file_of_the_folder_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".cfnlintrc").write_text("ignore_checks: [E]\n")
    assert {finding.rule for finding in check_lint(parse_template(WRONG, "t.yaml"))} == {"E3034", "E3601"}


def test_schemas_in_a_home_change_nothing(tmp_path: Path) -> None:
    schemas = tmp_path / "aws/cfn-lint/schemas"
    (schemas / "providers").mkdir(parents=True)
    (schemas / "providers/us_east_1.json").write_text("{}")
    (schemas / "version.json").write_text('{"schema_date": "9999-01-01"}')
    code = (
        "from ceap.cfn.template import parse_template; from ceap.policy.lint import check_lint; "
        f"print(*(each.rule for each in check_lint(parse_template({WRONG!r}, 't.yaml'))))"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (sorted(done.stdout.split()), done.stderr) == (["E3034", "E3601"], "")


def test_what_one_template_tells_cfn_lint_to_ignore_holds_for_no_other() -> None:
    ignoring = "Metadata: {cfn-lint: {config: {ignore_checks: [E3]}}}\n"
    assert check_lint(parse_template(ignoring + WRONG, "a.yaml")) == []
    assert {finding.rule for finding in check_lint(parse_template(WRONG, "b.yaml"))} == {"E3034", "E3601"}


def test_a_failure_of_cfn_lint_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, template: Any) -> Iterator[Any]:
        raise KeyError("Properties")

    monkeypatch.setattr("cfnlint.runner.Runner.validate_template", fail)
    with pytest.raises(UsageError, match=r"t.yaml: cfn-lint failed: KeyError: 'Properties'; correct the cause"):
        check_lint(parse_template(WRONG, "t.yaml"))


def test_a_long_failure_of_cfn_lint_is_told_in_one_line_of_300_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, template: Any) -> Iterator[Any]:
        raise ValueError("so\n  long " + "x" * 400)

    monkeypatch.setattr("cfnlint.runner.Runner.validate_template", fail)
    brief = "ValueError: so long ".ljust(300, "x")
    with pytest.raises(UsageError, match=f"^t.yaml: cfn-lint failed: {brief}; correct the cause, nothing was judged$"):
        check_lint(parse_template(WRONG, "t.yaml"))


def test_a_rule_of_cfn_lint_that_crashes_is_no_verdict_even_if_the_template_ignores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: Any, filename: Any, cfn: Any) -> Iterator[Any]:
        raise KeyError("Properties")

    monkeypatch.setattr("cfnlint.rules.CloudFormationLintRule.matchall", fail)
    ignoring = "Metadata: {cfn-lint: {config: {ignore_checks: [E0]}}}\n"
    with pytest.raises(UsageError, match=r"t.yaml:1: cfn-lint failed: .*Properties.*; correct the cause"):
        check_lint(parse_template(ignoring + WRONG, "t.yaml"))
