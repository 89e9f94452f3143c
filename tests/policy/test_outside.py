"""What rules and checks say of a handler that declares secrets, parameters and grants: nothing, until they differ."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from ceap import project
from ceap.cfn.template import parse_template
from ceap.policy.checks import load_checks
from ceap.policy.verdict import judge
from handlers.runtime.needs import Grant, Needs
from templates import discovery, naming
from templates.render import render
from templates.stacks import workflow_stack
from tests import reference
from tests.policy.broken import base, said
from tests.policy.changes import Change, data_arn, of
from tests.policy.grant_mutants import VENDOR, grant
from tests.policy.handler_mutants import VARIABLES
from tests.policy.samples import Json, results, rules

GRANTS = "P40_FUNCTION_GRANTS"
ENVIRONMENT = "WIRE08_HANDLER_ENVIRONMENT"
PLACE = "/Resources/AskFunction/Properties/Environment/Variables"


def test_no_rule_and_no_check_finds_anything() -> None:
    [judgement] = judge([base("outside")], rules(), lint=True)
    assert judgement.findings == []


def test_one_finding_blames_an_action_that_does_not_exist_or_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, bucket = f"{VENDOR}/*", VENDOR
    for grants, blamed in (
        (Grant(("s3:GetObject", "s3:ListBucket"), (objects, bucket)), []),
        (Grant(("s3:GetObjekt",), objects), ["AWS has no action s3:GetObjekt | fix: perhaps s3:GetObject"]),
        (
            Grant(("s3:ListBucket",), objects),
            [f"s3:ListBucket does nothing on {objects} | fix: grant it on a resource"],
        ),
    ):
        monkeypatch.setattr(discovery, "load_needs", needs_with(grants))
        [workflow] = project.load_workflows([reference.OUTSIDE])
        template = parse_template(render(workflow_stack(workflow)), "t.yaml")
        findings = [finding for check in load_checks() for finding in check.check(template)]
        told = [f"{finding.what} | fix: {finding.fix}" for finding in findings]
        assert [text[: len(start)] for text, start in zip(told, blamed, strict=True)] == blamed


def needs_with(grant: Grant) -> Callable[[str], Needs]:
    """Return how NEEDS are loaded when `ask` has this grant alone."""
    loaded = {handler: discovery.load_needs(handler) for handler in ("take", "ask")}
    own = msgspec.structs.replace(loaded["ask"], grants=(grant,))
    return lambda handler: own if handler == "ask" else loaded[handler]


def found(change: Change) -> list[str]:
    """Return what the rule on grants of S3 finds in a changed template."""
    data: Json = json.loads(json.dumps(base("outside").data))
    change(data)
    [result] = results(GRANTS, json.dumps(data))
    return [failure.fault.what for failure in result.failures if failure.rule == GRANTS]


@pytest.mark.parametrize("bucket", [naming.WORKFLOW_BUCKET, naming.ARTIFACT_BUCKET, "*"])
def test_a_declared_grant_stays_off_the_buckets_of_ceap(bucket: str) -> None:
    change = grant("AskFunctionRole", "Granted2", "Resource", 0, "Fn::Sub", f"{naming.bucket_arn(bucket)}/signed/*")
    assert found(change) == ["a grant of NEEDS covers a bucket of ceap"]
    imported = grant("AskFunctionRole", "Granted2", "Resource", 0, data_arn("/executions/*/KeepStage/*"))
    assert found(imported) == ["a grant of NEEDS covers an imported bucket"]


def test_another_bucket_is_granted_only_under_the_name_of_a_declared_grant() -> None:
    assert found(grant("AskFunctionRole", "Granted2", "Resource", 0, "Fn::Sub", f"{VENDOR}/*")) == []
    assert found(grant("AskFunctionRole", "Granted2", "Sid", "More")) == ["the stage may write to another bucket"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "SECRET_VENDOR_KEY_ENVIRONMENT_NAME",
            "vendor/key-dev",
            "SECRET_VENDOR_KEY_ENVIRONMENT_NAME does not name the handler's secret vendor/key-${Environment} | fix: "
            "SECRET_VENDOR_KEY_ENVIRONMENT_NAME: !Sub vendor/key-${Environment}",
        ),
        (
            "SECRET_VENDOR_API_KEY_NAME",
            "vendor",
            "SECRET_VENDOR_API_KEY_NAME does not name the handler's secret vendor-api-key | fix: "
            "SECRET_VENDOR_API_KEY_NAME: vendor-api-key",
        ),
        (
            "PARAMETER_VENDOR_ENVIRONMENT_URL_NAME",
            {"Ref": "Environment"},
            "PARAMETER_VENDOR_ENVIRONMENT_URL_NAME does not name the handler's parameter /vendor/${Environment}/url | "
            "fix: PARAMETER_VENDOR_ENVIRONMENT_URL_NAME: !Sub /vendor/${Environment}/url",
        ),
        (
            "PARAMETER_OTHER_NAME",
            "/other",
            "the handler does not declare PARAMETER_OTHER_NAME, and its role does not allow it | fix: "
            "remove it, or declare the name in parameters of NEEDS",
        ),
    ],
)
def test_a_variable_that_does_not_say_what_needs_say_is_found(variable: str, value: object, message: str) -> None:
    assert said(ENVIRONMENT, "outside", of("AskFunction", *VARIABLES, variable, value)) == [
        (message, f"{PLACE}/{variable}")
    ]


def test_a_dynamic_reference_in_a_variable_is_answered_with_the_field_of_needs() -> None:
    reference = "{{resolve:secretsmanager:vendor-api-key}}"
    [(message, _)] = said("CFN07_NO_DYNAMIC_REFERENCE", "outside", of("AskFunction", *VARIABLES, "KEY", reference))
    assert message.endswith(
        "| fix: name it in secrets or parameters of the handler's NEEDS, and let the handler read it"
    )
