"""The facts of a preflight come from AWS: here from the local engine, by the calls that AWS has."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest

from ceap import project
from ceap.aws.history import Retained
from ceap.aws.session import Aws, open_session
from ceap.ceap_toml import Environment
from ceap.cfn.template import parse_template
from ceap.deploy.diff.evaluation import deployed as with_values
from ceap.deploy.names import Name, Taken
from ceap.deploy.preflight import Facts, check, gather
from ceap.deploy.problem import Planned
from ceap.deploy.rights import Denied, Unknown, find_denied, needs_of_caller, needs_of_resources
from ceap.local.engine import Engine
from templates import naming
from templates.deploy_permissions import NAMES
from templates.render import render
from templates.stacks import deploy_stack, foundation_stack, workflow_stack
from tests import reference
from tests.local import support

DEV = Environment(name="dev")
FOUNDATION, WORKFLOW = "ceap-foundation-dev", "ceap-express-dev"


@pytest.fixture(scope="module")
def plan() -> list[Planned]:
    prefix = {"Environment": "dev", "HandlersPrefix": "handlers/"}
    return [
        _planned(FOUNDATION, render(foundation_stack()), {"Environment": "dev"}),
        _planned(WORKFLOW, render(support.express_template()), prefix),
    ]


@pytest.fixture(scope="module")
def before(aws: Aws, plan: list[Planned]) -> Facts:
    """The facts of an account in which nothing of ceap is."""
    return gather(aws, DEV, plan)


@pytest.fixture(scope="module")
def deployed(engine: Engine, before: Facts) -> None:
    support.deploy_express(engine)


def _planned(stack: str, text: str, parameters: Mapping[str, str]) -> Planned:
    return Planned(stack=stack, template=parse_template(text, f"generated/{stack}.yaml"), parameters=parameters)


def make_role(aws: Aws, name: str, *actions: str) -> str:
    """Make a role that anybody may assume and that may do some actions; return its ARN."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"}, "Action": "sts:AssumeRole"}
    grant = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam, document = aws.client("iam"), {"Version": "2012-10-17"}
    role = iam.create_role(
        RoleName=name, Path="/ci/", AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]})
    )
    policy = json.dumps({**document, "Statement": [grant]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    arn: str = role["Role"]["Arn"]
    return arn


def as_role(aws: Aws, arn: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
    keys = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="ci")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    return open_session(DEV)


def test_an_empty_account_holds_nothing_of_a_plan(before: Facts, plan: list[Planned]) -> None:
    assert before.names == ()
    assert before.exports == ()
    assert before.log_policies == ()
    assert before.rights == ()
    assert [now.status for now in before.situations.values()] == [None, None]


def test_what_a_stack_itself_has_is_no_clash(deployed: None, aws: Aws, plan: list[Planned]) -> None:
    assert check(aws, DEV, plan) == ()


def test_the_importers_of_an_export_are_found(deployed: None, aws: Aws, plan: list[Planned]) -> None:
    facts = gather(aws, DEV, plan[:1])
    assert facts.imports[f"{FOUNDATION}-WorkflowBucket"] == (WORKFLOW,)
    assert set(facts.exports) == set(facts.imports)


def test_every_name_of_another_owner_is_found_with_its_stack(deployed: None, aws: Aws, plan: list[Planned]) -> None:
    stranger = _planned("ceap-stranger-dev", plan[1].template.text, plan[1].parameters)
    problems = [str(problem) for problem in check(aws, DEV, [stranger])]
    assert {line.partition(f" {WORKFLOW}")[0].partition(" /")[0] for line in problems} == {
        "alarm",
        "function",
        "log group",
        "pipe",
        "queue",
        "state machine",
    }
    cure = f"in the stack {WORKFLOW}; delete that stack if nobody needs it, or deploy to another environment than dev"
    assert [problem for problem in problems if f"exists already, {cure}" not in problem] == []


def test_what_a_destroyed_stack_left_is_adopted_and_no_clash(deployed: None, aws: Aws, plan: list[Planned]) -> None:
    left = Retained(logical_id="Queue", type="AWS::SQS::Queue", identifier={"QueueUrl": "https://queue"})
    again = msgspec.structs.replace(plan[1], stack="ceap-again-dev", retained=(left,))
    taken = {found.name.logical_id for found in gather(aws, DEV, [again]).names}
    assert "Queue" not in taken
    assert {"DeadLetterQueue", "TakeFunction"} <= taken


def test_a_resource_under_another_logical_id_is_a_clash_in_its_own_stack(
    deployed: None, aws: Aws, plan: list[Planned]
) -> None:
    text = plan[1].template.text.replace("TakeFunction:", "OtherFunction:", 1)
    [found] = gather(aws, DEV, [_planned(WORKFLOW, text, plan[1].parameters)]).names
    assert found == Taken(
        Name(WORKFLOW, "OtherFunction", "AWS::Lambda::Function", "ceap-express-dev-Take"), WORKFLOW, "TakeFunction"
    )


def test_buckets_tables_and_topics_outside_of_stacks_are_found(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket=f"ceap-workflow-test-{aws.account}")
    aws.client("sns").create_topic(Name="ceap-alerts-test")
    aws.client("dynamodb").create_table(
        TableName="ceap-config-test",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    test = _planned("ceap-foundation-test", render(foundation_stack()), {"Environment": "test"})
    assert sorted(problem.place for problem in check(aws, Environment(name="test"), [test])) == [
        f"bucket ceap-workflow-test-{aws.account}",
        "table ceap-config-test",
        "topic ceap-alerts-test",
    ]


def test_a_role_without_a_right_is_told_which(
    aws: Aws, plan: list[Planned], monkeypatch: pytest.MonkeyPatch, deployed: None
) -> None:
    services = ("cloudformation", "s3", "iam", "sqs", "lambda", "logs", "states", "pipes", "sns", "cloudwatch")
    arn = make_role(aws, "nearly", *(f"{service}:*" for service in services), "events:*", "dynamodb:Describe*")
    me = as_role(aws, arn, monkeypatch)
    facts = gather(me, DEV, plan[:1])
    [denied] = facts.rights
    assert isinstance(denied, Denied)
    assert denied.identity == f"arn:aws:sts::{aws.account}:assumed-role/nearly/ci"
    assert {need.action.partition(":")[0] for need in denied.needs} == {"dynamodb"}
    assert f"arn:aws:dynamodb:us-east-1:{aws.account}:table/ceap-config-dev" in {n.resource for n in denied.needs}


def test_with_a_role_for_cloudformation_the_caller_needs_to_pass_it_and_no_more(aws: Aws, plan: list[Planned]) -> None:
    role = make_role(aws, "service", "sqs:*")
    facts = gather(aws, Environment(name="dev", role_arn=role), plan[1:])
    [denied] = facts.rights
    assert isinstance(denied, Denied)
    assert denied.identity == role
    assert not {need for need in denied.needs if need.action.startswith("sqs:")}
    assert {"lambda:CreateFunction", "iam:PassRole", "states:CreateStateMachine"} <= {n.action for n in denied.needs}


def test_an_identity_that_may_not_ask_goes_on_with_what_is_not_known(
    deployed: None, aws: Aws, plan: list[Planned], monkeypatch: pytest.MonkeyPatch
) -> None:
    me = as_role(aws, make_role(aws, "blind", "cloudformation:*"), monkeypatch)
    facts = gather(me, DEV, plan)
    assert facts.rights == (Unknown(me.identity, "AWS refused GetRole (AccessDenied)"),)
    assert facts.log_policies is None
    stranger = _planned("ceap-stranger-dev", plan[1].template.text, plan[1].parameters)
    said = check(me, DEV, [stranger])
    assert not any(problem.is_fatal for problem in said)
    assert any("AWS refused GetFunctionConfiguration" in problem.what for problem in said)


def test_the_generated_roles_suffice_for_what_a_preflight_demands(engine: Engine, aws: Aws) -> None:
    roles = engine.deploy(
        render(deploy_stack(NAMES, in_vpc=False)),
        "deploy-ceap-dev",
        {"Environment": "dev", "GitHubSubject": "repo:o/r:environment:dev"},
    ).outputs
    caller, service = roles["CallerRoleArn"], roles["ServiceRoleArn"]
    dev = Environment(name="dev", role_arn=service)
    workflows = project.load_workflows([reference.EXPRESS, reference.STANDARD, reference.TRIGGERED])
    built = {"foundation": foundation_stack(), **{each.name: workflow_stack(each) for each in workflows}}
    for name, data in built.items():
        stack, values = naming.stack(name, "dev"), {"Environment": "dev", "HandlersPrefix": "h/", "GluePrefix": "g/"}
        template = with_values(parse_template(render(data), name), values)
        assert find_denied(aws, caller, needs_of_caller(aws, dev, [stack])) is None
        assert find_denied(aws, service, needs_of_resources(aws, dev, stack, template)) is None
    prod = msgspec.structs.replace(dev, name="prod")
    elsewhere = find_denied(aws, caller, needs_of_caller(aws, prod, ["ceap-foundation-prod"]))
    assert isinstance(elsewhere, Denied)
    assert "cloudformation:CreateChangeSet" in {need.action for need in elsewhere.needs}
