from __future__ import annotations

import re
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.policy.finding import Finding
from ceap.policy.superseded import FOLLOWERS, Causes, find_causes
from ceap.policy.verdict import load_all_entries, load_all_rules
from ceap.policy.vocabulary import KNOWN_RESOURCES
from ceap.policy.waiver import LINT
from templates.config import parse_workflow
from templates.render import render
from templates.source import load_source
from templates.stacks import workflow_stack
from tests.reference import EXPRESS, STANDARD

ROLE = "/Resources/Role/Properties/Policies"
PLACE = "/Resources/Logs/Properties/RetentionInDays"
ACTION = f"{ROLE}/0/PolicyDocument/Statement/0/Action/0"


def finding(rule: str, path: str, file: str = "a.yaml") -> Finding:
    return Finding(file=file, line=1, rule=rule, what="wrong", path=path)


MISSPELT = finding("IAM01_ACTIONS_EXIST", ACTION)


def test_every_rule_that_follows_or_is_followed_is_one_of_ours_or_of_cfn_lint() -> None:
    known = load_all_entries(load_all_rules())
    named = {*FOLLOWERS, *(rule for rules in FOLLOWERS.values() for rule in rules)}
    assert {rule for rule in named if rule not in known and not LINT.fullmatch(rule)} == set()


@pytest.mark.parametrize(
    "follower",
    [
        finding("W3037", ACTION.removesuffix("/0")),
        finding("P42_GRANTS_ARE_USES", ROLE),
        finding("P40_FUNCTION_GRANTS", ACTION),
        finding("P40_FUNCTION_GRANTS", "/Resources/M/Properties/DefinitionString/States/A/Type"),
        finding("P42_STATE_MACHINE_GRANTS", "/Resources/M/Type"),
    ],
)
def test_what_follows_from_a_misspelt_action_is_left_out_while_that_one_stands(follower: Finding) -> None:
    assert find_causes([MISSPELT, follower]) == Causes([MISSPELT], left_out=1)
    assert find_causes([follower]) == Causes([follower], left_out=0)


@pytest.mark.parametrize(
    "other",
    [
        finding("P42_GRANTS_ARE_USES", "/Resources/Other/Properties/Policies"),
        finding("P42_GRANTS_ARE_USES", ROLE, "b.yaml"),
        finding("SEC05_TRUST", ROLE),
    ],
)
def test_what_does_not_follow_stays(other: Finding) -> None:
    assert find_causes([MISSPELT, other]) == Causes([MISSPELT, other], left_out=0)


@pytest.mark.parametrize("declaration", [EXPRESS, STANDARD])
@pytest.mark.parametrize(
    ("action", "misspelt"), [("s3:PutObject", "s3:PutObjct"), ("lambda:InvokeFunction", "lambda:InvokeFunctions")]
)
def test_one_misspelt_letter_gives_one_finding_with_the_right_cure(
    declaration: Path, action: str, misspelt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = render(workflow_stack(parse_workflow(load_source(declaration))))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace(f"- {action}\n", f"- {misspelt}\n", 1), encoding="utf-8")
    assert main(["check", str(wrong)]) == 1
    out, err = capsys.readouterr()
    [line] = out.splitlines()
    assert re.search(r"^1 finding in 1 template, [3-9] more that may follow from them left out; ", err, re.MULTILINE)
    assert f": IAM01_ACTIONS_EXIST: AWS has no action {misspelt} | " in line
    assert f"| fix: perhaps {action} [" in line


@pytest.mark.parametrize(("rule", "path"), [("P35_LOG_RETENTION", PLACE), ("P42_GRANTS_ARE_USES", PLACE)])
def test_who_waives_a_rules_finding_on_a_value_accepts_the_value(rule: str, path: str) -> None:
    assert find_causes([finding(KNOWN_RESOURCES, PLACE)], [finding(rule, path)]) == Causes([], left_out=0)


@pytest.mark.parametrize(
    "waived", [finding("E3012", PLACE), finding("P35_LOG_RETENTION", f"{PLACE}/0"), finding("P35", PLACE, "b.yaml")]
)
def test_what_is_waived_elsewhere_or_in_words_of_cfn_lint_says_nothing_of_the_value(waived: Finding) -> None:
    unknown = finding(KNOWN_RESOURCES, PLACE)
    assert find_causes([unknown], [waived]) == Causes([unknown], left_out=0)


@pytest.mark.parametrize(
    ("declaration", "change", "rule"),
    [
        (EXPRESS, (": REQUEST_RESPONSE", ": FIRE_AND_FORGET"), "P13_EXPRESS_WAITS"),
        (STANDARD, (": FIRE_AND_FORGET", ": REQUEST_RESPONSE"), "P19_STANDARD_STARTS"),
        (STANDARD, ("      StateMachineType: STANDARD\n", ""), "P18_STANDARD_EXECUTION"),
    ],
)
def test_a_wrong_type_is_found_once(
    declaration: Path, change: tuple[str, str], rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = render(workflow_stack(parse_workflow(load_source(declaration))))
    assert change[0] in text
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace(*change), encoding="utf-8")
    assert main(["check", str(wrong)]) == 1
    assert [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()] == [rule]
