"""What would make a deployment fail is said beforehand, from facts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.deploy.names import Name, Taken, Unread
from ceap.deploy.plan import Situation
from ceap.deploy.preflight import Facts, judge
from ceap.deploy.problem import Planned, Problem
from ceap.deploy.rights import Denied, Unknown
from templates.resource_actions import Need

FOUNDATION = """
Parameters:
  Environment: {Type: String, AllowedPattern: "^[a-z]+$", ConstraintDescription: a-z alone}
  CandidatesTableName: {Type: String, Default: ""}
  Size: {Type: String, Default: small, AllowedValues: [small, large]}
Conditions: {Make: !Equals [!Ref CandidatesTableName, ""]}
Resources:
  CandidatesTable: {Type: AWS::DynamoDB::Table, Condition: Make, Properties: {TableName: !Sub "ceap-${Environment}"}}
Outputs:
  Table:
    Value: !If [Make, !Ref CandidatesTable, !Ref CandidatesTableName]
    Export: {Name: !Sub "ceap-foundation-${Environment}-Table"}
"""
WORKFLOW = """
Parameters: {Environment: {Type: String}}
Resources:
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties: {DefinitionSubstitutions: {table: !ImportValue {Fn::Sub: "ceap-foundation-${Environment}-Table"}}}
"""
STACK, EXPORT = "ceap-foundation-dev", "ceap-foundation-dev-Table"


def planned(text: str = FOUNDATION, stack: str = STACK, **parameters: str) -> Planned:
    template: Template = parse_template(text, "generated/foundation.template.yaml")
    return Planned(stack=stack, template=template, parameters={"Environment": "dev", **parameters})


def situation(stack: str = STACK, **fields: Any) -> Situation:
    return Situation(name=stack, **fields)


def live(text: str = FOUNDATION, **fields: Any) -> Situation:
    return situation(
        status="CREATE_COMPLETE", template=text, parameters={"Environment": "dev"}, exports=(EXPORT,), **fields
    )


def problems(plan: Planned, now: Situation | None = None, **facts: Any) -> list[str]:
    found = judge([plan], Facts(situations={plan.stack: now or situation(plan.stack)}, **facts))
    return [f"{'' if problem.is_fatal else 'not known: '}{problem}" for problem in found]


def test_a_first_deployment_into_an_empty_account_has_no_problem() -> None:
    assert problems(planned()) == []


def test_a_problem_is_one_line_with_place_fault_and_cure() -> None:
    assert str(Problem(place="stack x", what="is gone", cure="make it")) == "stack x: is gone; make it"


def test_a_secret_is_not_shown_and_not_judged_where_the_stack_keeps_it() -> None:
    hidden = FOUNDATION.replace("{Type: String, Default: small,", "{Type: String, NoEcho: true, Default: small,")
    [line] = problems(planned(hidden, Size="top-secret"))
    assert "parameter Size: is a value that NoEcho hides; allowed: small, large; " in line
    assert "top-secret" not in line
    assert problems(planned(hidden, Size="****")) == []


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (
            {"Environment": "Dev"},
            "parameter Environment: is 'Dev'; allowed: a-z alone; give it an allowed value below "
            "[env.Dev.parameters] in ceap.toml",
        ),
        (
            {"Size": "huge"},
            "parameter Size: is 'huge'; allowed: small, large; give it an allowed value below "
            "[env.dev.parameters] in ceap.toml",
        ),
        ({"Colour": "red"}, "parameter Colour: the template has no such parameter; remove it from ceap.toml"),
    ],
)
def test_a_parameter_that_cloudformation_would_refuse_is_named(parameters: Mapping[str, str], line: str) -> None:
    assert problems(planned(**parameters)) == [f"{STACK}: {line}"]


def test_a_parameter_without_a_value_is_named() -> None:
    assert problems(planned(FOUNDATION.replace("Default: small, ", ""))) == [
        f"{STACK}: parameter Size: has no value; give it an allowed value below [env.dev.parameters] in ceap.toml"
    ]


def test_a_stack_from_which_nothing_can_start_is_refused() -> None:
    assert problems(planned(), situation(status="UPDATE_FAILED")) == [
        f"{STACK}: the stack is UPDATE_FAILED, which ceap does not leave behind; run `aws cloudformation "
        f"rollback-stack --stack-name {STACK}`, then this command again"
    ]


def test_a_stack_that_must_be_deleted_and_is_protected_is_refused() -> None:
    assert problems(planned(), situation(status="ROLLBACK_COMPLETE", is_protected=True)) == [
        f"{STACK}: is ROLLBACK_COMPLETE and must be deleted first, but has termination protection; call `aws "
        f"cloudformation update-termination-protection --no-enable-termination-protection --stack-name {STACK}`"
    ]
    assert problems(planned(), situation(status="ROLLBACK_COMPLETE")) == []


def test_an_export_in_use_is_neither_removed_nor_changed() -> None:
    imports = {EXPORT: ["ceap-a-dev", "ceap-b-dev"]}
    without = FOUNDATION[: FOUNDATION.index("Outputs:")]
    cure = "keep it, or first deploy those stacks without it, or destroy them"
    removed = problems(planned(without), live(), imports=imports)
    assert removed[0] == (
        f"{STACK}: export {EXPORT}: is removed, but ceap-a-dev, ceap-b-dev import it, and CloudFormation refuses that; "
        f"{cure}"
    )
    imports = {EXPORT: ["ceap-a-dev"]}
    adopted = problems(planned(CandidatesTableName="mine"), live(), imports=imports)
    assert adopted == [
        f"{STACK}: export {EXPORT}: changes, but ceap-a-dev imports it, and CloudFormation refuses that; {cure}"
    ]
    renamed = problems(
        planned(FOUNDATION.replace('"ceap-${Environment}"', '"new-${Environment}"')), live(), imports=imports
    )
    assert renamed[0] == adopted[0]


def test_an_export_that_nobody_imports_may_go() -> None:
    assert problems(planned(CandidatesTableName="mine"), live(), imports={EXPORT: []}) == []


def test_a_foundation_of_another_version_is_said_with_the_stacks_that_use_it() -> None:
    now = live(FOUNDATION.replace("small, large", "small"))
    assert problems(planned(), now, imports={EXPORT: ["ceap-a-dev"]}) == [
        f"not known: {STACK}: its template is not generated/foundation.template.yaml: this deployment changes what "
        "other stacks use, too: ceap-a-dev; look at its changes before you confirm"
    ]
    assert problems(planned(), live(), imports={EXPORT: ["ceap-a-dev"]}) == []


def test_what_a_workflow_imports_must_be_exported_by_a_stack_or_by_the_plan() -> None:
    workflow, stack = planned(WORKFLOW, "ceap-a-dev"), "ceap-a-dev"
    facts = Facts(situations={stack: situation(stack), STACK: situation()})
    assert [str(problem) for problem in judge([workflow], facts)] == [
        f"ceap-a-dev: imports {EXPORT}, which no stack exports; deploy the foundation of this environment, which "
        "exports it"
    ]
    assert judge([planned(), workflow], facts) == ()
    assert problems(workflow, exports=[EXPORT]) == []


def clash(kind: str = "AWS::Lambda::Function", logical_id: str = "ETLFunction", **fields: str) -> list[str]:
    return problems(planned(), names=[Taken(Name(STACK, logical_id, kind, "ceap-x"), **fields)])


def test_a_function_of_another_owner_is_named_with_what_to_do() -> None:
    other = "deploy to another environment than dev (--env)"
    assert clash() == [
        "function ceap-x: exists already, outside of every stack that this identity sees; delete it if nobody needs "
        f"it, or {other}"
    ]
    assert clash(stack="shop") == [
        f"function ceap-x: exists already, in the stack shop; delete that stack if nobody needs it, or {other}"
    ]
    found = Taken(Name(STACK, "ETLFunction", "AWS::Lambda::Function", "ceap-x"), STACK, "OldFunction")
    assert problems(planned(), names=[found]) == [
        "function ceap-x: exists already, as OldFunction of this stack, and no resource can change its logical id and "
        "keep its name; call it OldFunction again, or give ETLFunction another name"
    ]


def test_a_bucket_elsewhere_says_where() -> None:
    assert clash("AWS::S3::Bucket", elsewhere="region eu-west-1") == [
        "bucket ceap-x: exists already, in region eu-west-1; deploy there (--region), or deploy to another environment "
        "than dev (--env)"
    ]
    assert clash("AWS::S3::Bucket", elsewhere="another account") == [
        "bucket ceap-x: exists already, in another account; deploy to another environment than dev (--env)"
    ]


def test_an_existing_table_can_be_adopted_by_its_parameter() -> None:
    assert clash("AWS::DynamoDB::Table", "CandidatesTable")[0].split("; ")[1] == (
        "adopt it by the parameter CandidatesTableName in ceap.toml, or delete it if nobody needs it, or deploy to "
        "another environment than dev (--env)"
    )


def test_names_that_may_not_be_asked_for_are_said_once_per_action() -> None:
    names = [
        Unread(Name(STACK, f"F{number}", "AWS::Lambda::Function", f"f{number}"), "GetFunction") for number in (1, 2)
    ]
    assert problems(planned(), names=names) == [
        "not known: f1, f2: whether they exist is not known: AWS refused GetFunction; grant it to this identity, or go "
        "on if you know it"
    ]


def test_an_eleventh_resource_policy_of_logs_is_refused_unless_the_one_of_deliveries_is_there() -> None:
    workflow = planned(WORKFLOW, "ceap-a-dev")
    ten = [f"p{number}" for number in range(10)]
    listed = ", ".join(ten)
    assert problems(workflow, exports=[EXPORT], log_policies=ten) == [
        f"resource policies of CloudWatch Logs: there are 10 ({listed}), AWS allows 10, and the logs of 1 new resource "
        "need another; delete one that nobody needs: `aws logs delete-resource-policy --policy-name NAME`"
    ]
    with_it = [*ten[1:], "AWSLogDeliveryWrite20150319"]
    assert problems(workflow, exports=[EXPORT], log_policies=with_it) == []
    assert problems(workflow, exports=[EXPORT], log_policies=ten[1:]) == []
    deployed = situation("ceap-a-dev", status="CREATE_COMPLETE", resources={"Machine": "arn"})
    assert problems(workflow, deployed, exports=[EXPORT], log_policies=ten) == []
    assert problems(workflow, exports=[EXPORT], log_policies=None) == [
        "not known: resource policies of CloudWatch Logs: their number is not known: AWS refused "
        "DescribeResourcePolicies; grant it to this identity, or go on if you know it"
    ]


def test_denied_rights_are_listed_and_unknown_ones_do_not_stop() -> None:
    needs = tuple(Need("s3:PutObject", f"arn:aws:s3:::b/{number}") for number in range(10))
    listed = ", ".join(f"s3:PutObject on arn:aws:s3:::b/{number}" for number in range(8))
    assert problems(planned(), rights=[Denied("arn:me", needs), Unknown("arn:role", "AWS refused GetRole")]) == [
        f"arn:me: IAM denies {listed} and 2 more; grant it, or deploy with the roles of generated/deploy.template.yaml",
        "not known: arn:role: whether it has the rights to deploy is not known: AWS refused GetRole; grant "
        "iam:SimulatePrincipalPolicy and iam:GetRole on it to this identity, or go on if you know it",
    ]


def test_a_template_that_cloudformation_never_takes_is_refused() -> None:
    long = planned(FOUNDATION + "#" * 1_000_000)
    [line] = problems(long)
    assert line == (
        f"generated/foundation.template.yaml: has {1_000_000 + len(FOUNDATION):,} bytes; CloudFormation allows "
        "1,000,000; split the workflow"
    )
