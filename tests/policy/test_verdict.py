from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ceap.cfn.template import parse_template
from ceap.errors import UsageError
from ceap.policy.guard.engine import Engine
from ceap.policy.verdict import judge, load_all_rules
from templates.config import parse_workflow
from templates.render import render
from templates.source import parse_source
from templates.stacks import workflow_stack
from tests.policy.engines import ENGINES
from tests.policy.samples import golden, rules

BROKEN = """\
Resources:
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: ~
      DefinitionString: "{"
"""


def test_findings_of_all_checks_are_sorted_by_line() -> None:
    text = (
        golden("express")
        .text.replace("BatchSize: 1", "BatchSize: 2")
        .replace("RetentionInDays: 14", "RetentionInDays: 30", 1)
    )
    template = parse_template(re.sub(r"^Description: .*", "Description:", text, flags=re.MULTILINE), "t.yaml")
    [judgement] = judge([template], rules(), lint=False)
    assert [finding.rule for finding in judgement.findings] == ["CFN01_NO_NULL", "P35_LOG_RETENTION", "P41_PIPE"]
    assert {rule for rule, verdict in judgement.verdicts.items() if verdict == "FAIL"} == {
        "P35_LOG_RETENTION",
        "P41_PIPE",
    }


def test_a_definition_that_guard_cannot_read_is_a_finding_and_no_engine_error() -> None:
    broken = parse_template(BROKEN, "t.yaml")
    before, judgement, after = judge([golden("express"), broken, golden("standard")], rules(), lint=False)
    assert [finding.rule for finding in judgement.findings] == ["CFN01_NO_NULL", "ASL04_DEFINITION_IS_JSON"]
    assert judgement.verdicts == {}
    assert [(each.file, len(each.verdicts)) for each in (before, after)] == [
        (golden(kind).file, sum(len(rule_file.rules) for rule_file in rules())) for kind in ("express", "standard")
    ]


@pytest.mark.parametrize("settings", ["'{'", "'[1]'", "''", '\'{"a": 1, "a": 2}\'', "'NaN'"])
def test_settings_that_are_no_json_object_are_one_finding_and_no_engine_error(settings: str) -> None:
    text = re.sub("SETTINGS: .*", f"SETTINGS: {settings}", golden("express").text, count=1)
    [judgement] = judge([parse_template(text, "t.yaml")], rules(), lint=False)
    assert [finding.rule for finding in judgement.findings] == ["WIRE08_HANDLER_ENVIRONMENT"]
    assert judgement.verdicts["P40_FUNCTION_GRANTS"] == "PASS"


def test_settings_that_are_no_json_allow_no_bucket_to_be_read() -> None:
    step = "{stage: TakeStage, handler: take, settings: {source_bucket: incoming}}"
    source = parse_source(f"name: a\ntype: EXPRESS\nsteps:\n  - {step}\n", "a.yaml")
    text = render(workflow_stack(parse_workflow(source)))
    texts = text, re.sub("SETTINGS: .*", "SETTINGS: incoming", text)
    right, wrong = judge([parse_template(each, "t.yaml") for each in texts], rules(), lint=False)
    assert [each.verdicts["P40_FUNCTION_GRANTS"] for each in (right, wrong)] == ["PASS", "FAIL"]


def test_a_rule_of_ones_own_judges_the_settings_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "own.guard").write_text(
        "rule OWN { Resources.TakeFunction.Properties.Environment.Variables.SETTINGS == 'incoming' }"
    )
    text = re.sub("SETTINGS: .*", "SETTINGS: incoming", golden("express").text, count=1)
    [judgement] = judge([parse_template(text, "t.yaml")], load_all_rules([tmp_path]), lint=False)
    assert judgement.verdicts["OWN"] == "PASS"
    assert len(judgement.verdicts) == 1 + sum(len(rule_file.rules) for rule_file in rules())


def test_rules_of_ones_own_are_judged_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "own.guard").write_text(
        "rule OWN_DELAY { Resources.Queue.Properties.DelaySeconds exists <<[OWN] no delay>> }"
    )
    [judgement] = judge([golden("express")], load_all_rules([tmp_path]), lint=False)
    assert [(finding.rule, finding.what) for finding in judgement.findings] == [("OWN_DELAY", "no delay")]
    assert len(judgement.verdicts) == 1 + sum(len(rule_file.rules) for rule_file in rules())


def test_a_rule_of_ones_own_may_not_take_the_name_of_ours(tmp_path: Path) -> None:
    (tmp_path / "own.guard").write_text("rule P41_PIPE { Resources exists }")
    with pytest.raises(UsageError, match=r"own.guard: the rule P41_PIPE is already in .*p41_pipe.guard; rename one"):
        load_all_rules([tmp_path])


ESCAPED = [r"\ud83d\udce6", r"\\\ud83D\uDCE6", r"\\ud83d\\udce6", "\N{PACKAGE}", r"\u00e4", ""]
"""Texts in a definition: with a character beyond U+FFFF as two escapes and as it is, and what only looks like it."""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_character_beyond_u_ffff_is_read_by_guard(engine: Engine) -> None:
    data = json.loads(json.dumps(golden("express").data)) | {"Description": "Orders \N{PACKAGE}"}
    definition = data["Resources"]["StateMachine"]["Properties"]
    whole = definition["DefinitionString"]
    for comment in ESCAPED:
        definition["DefinitionString"] = whole.replace('"Comment": "', f'"Comment": "{comment}', 1)
        [judgement] = judge([parse_template(json.dumps(data), "t.json")], rules()[:9], lint=False, engine=engine)
        assert judgement.findings == [], comment
        assert "FAIL" not in judgement.verdicts.values(), comment
