"""What the page on the rules elsewhere says: they run in cfn-guard alone, and judge what a Guard Hook is given."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.guard.cfn_guard import find_engine
from ceap.policy.guard.rule_files import evaluate
from ceap.policy.lint import check_lint
from ceap.project import ROOT
from tests.policy.samples import KINDS, golden, rules

PAGE = (ROOT / "docs/how-to/guard-rules-elsewhere.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_of_the_page_find_nothing_wrong() -> None:
    commands = [shlex.split(line) for line in blocks("sh")[0].splitlines()]
    assert [command[0] for command in commands] == [".venv/bin/cfn-guard"] * 2
    assert find_engine() == Path(sys.prefix, "bin", "cfn-guard")
    for _, *arguments in commands:
        done = subprocess.run([find_engine(), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_hook_of_the_page_is_a_right_template() -> None:
    [text] = blocks("yaml")
    assert check_lint(parse_template(text, "hook.yaml")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_hook_adds_to_a_template_changes_no_verdict(kind: str) -> None:
    template = golden(kind).data
    context = {"HookContext": {"TargetType": "CHANGE_SET", "InvocationPoint": "UPDATE_PRE_PROVISION"}}
    changes = [{"logicalResourceId": "Queue", "action": "UPDATE", "beforeContext": "{}", "afterContext": "{}"}]
    given = template | context | {"Previous": {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}, "Changes": changes}
    alone, hooked = evaluate([json.dumps(template), json.dumps(given)], rules(), ["template", "hook"])
    assert hooked == alone
    assert "PASS" in alone.verdicts.values()
