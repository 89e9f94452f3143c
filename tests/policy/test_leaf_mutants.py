from __future__ import annotations

import json

import pytest

from ceap.cfn.template import parse_template
from tests.policy.leaf_mutants import find_unnoticed, leaf_mutants, load_allowed, refuse_faulty, shortfalls
from tests.policy.samples import KINDS, MORE, golden

SMALL = """\
Description: Small
Parameters:
  Size: {Type: Number, Default: 1}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, Tags: [{Key: a, Value: 1.5}]}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: '{"StartAt": "One", "States": {"One": {"Type": "Task", "ResultPath": null}}}'
"""


def test_each_scalar_is_changed_once_also_inside_a_definition() -> None:
    template = parse_template(SMALL, "small.yaml")
    machine = "AWS::StepFunctions::StateMachine"
    mutants = list(leaf_mutants(template))
    assert [mutant.leaf for mutant in mutants] == [
        "Description",
        "Parameters */Type",
        "Parameters */Default",
        "AWS::SQS::Queue Type",
        "AWS::SQS::Queue Properties/FifoQueue",
        "AWS::SQS::Queue Properties/Tags/*/Key",
        "AWS::SQS::Queue Properties/Tags/*/Value",
        f"{machine} Type",
        f"{machine} Properties/DefinitionString/StartAt",
        f"{machine} Properties/DefinitionString/States/*/Type",
        f"{machine} Properties/DefinitionString/States/*/ResultPath",
    ]
    queue = [mutant.template.data["Resources"]["Queue"]["Properties"] for mutant in mutants[4:7]]
    assert [(each["FifoQueue"], each["Tags"]) for each in queue] == [
        (False, [{"Key": "a", "Value": 1.5}]),
        (True, [{"Key": "MUTATED", "Value": 1.5}]),
        (True, [{"Key": "a", "Value": 2.5}]),
    ]
    [definition] = mutants[-1].template.definitions.values()
    assert json.loads(definition)["States"]["One"] == {"Type": "Task", "ResultPath": "MUTATED"}
    assert mutants[-1].path == "/Resources/Machine/Properties/DefinitionString/States/One/ResultPath"
    assert mutants[7].template.definitions == {}
    assert template.data == parse_template(SMALL, "small.yaml").data


def test_what_a_rule_a_check_or_cfn_lint_notices_is_not_listed() -> None:
    template = golden("foundation")
    tried = {
        "Description",
        "AWSTemplateFormatVersion",
        "AWS::SNS::Topic Properties/TopicName/Fn::Sub",
        "AWS::S3::Bucket Properties/PublicAccessBlockConfiguration/BlockPublicAcls",
    }
    mutants = [mutant for mutant in leaf_mutants(template) if mutant.leaf in tried]
    assert {mutant.leaf for mutant in mutants} == tried
    assert [mutant.leaf for mutant in find_unnoticed(mutants)] == ["Description"]


def test_what_may_change_unnoticed_is_there_and_has_a_reason() -> None:
    leaves = {mutant.leaf for kind in (*KINDS, *MORE) for mutant in leaf_mutants(golden(kind))}
    assert {leaf: reason for leaf, reason in load_allowed().items() if leaf not in leaves or len(reason) < 15} == {}


def test_a_change_that_is_neither_noticed_nor_allowed_falls_short_and_so_does_an_idle_entry() -> None:
    unnoticed = [("Description", "/Description"), ("Parameters */Type", "/Parameters/Size/Type")]
    reasons = {"Description": "A text.", "Parameters */Type": "Any."}
    assert shortfalls(unnoticed, reasons) == []
    assert shortfalls(unnoticed, {"Description": "A text.", "Outputs */Value": "None."}) == [
        "missed: Parameters */Type [/Parameters/Size/Type]",
        "allows nothing, remove it from leaf_mutants.yaml: Outputs */Value",
    ]


def test_a_template_with_a_finding_proves_nothing() -> None:
    with pytest.raises(ValueError, match=r"small.yaml:.*: mend it first"):
        refuse_faulty(parse_template(SMALL, "small.yaml"))
    refuse_faulty(golden("foundation"))
