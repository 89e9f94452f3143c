"""The deploy roles in the engine, and who has assumed the caller's."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]  # boto3 ships no types

from ceap import project
from ceap.local.engine import Engine
from templates.deploy_role import AUDIENCE
from tests import reference
from tests.local.stacks.support import Stacks, handed_over

SUBJECT = "repo:acme/orders:environment:dev"
PREFIXES = {"HandlersPrefix": "handlers/x/", "GluePrefix": "glue/x/"}
WORKFLOWS = ("express", "standard", "triggered")
NUMBERS = itertools.count()
PATIENCE = 24
"""How often the engine's work is waited for, a few seconds each time: a busy machine may need more than one."""
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@functools.cache
def templates() -> dict[str, str]:
    workflows = project.load_workflows([reference.EXPRESS, reference.STANDARD, reference.TRIGGERED])
    return {name.partition(".")[0]: text for name, text in project.build_all_templates(workflows)}


def parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


class Caller(NamedTuple):
    """Who has assumed the caller's role, and CloudFormation's role, which it passes."""

    engine: Engine
    session: Mapping[str, str]
    role: str
    service_role: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.engine.url,
            region_name="us-east-1",
            aws_access_key_id=self.session["AccessKeyId"],
            aws_secret_access_key=self.session["SecretAccessKey"],
            aws_session_token=self.session["SessionToken"],
        )

    @property
    def stacks(self) -> Stacks:
        return Stacks(self.engine, self.client("cloudformation"))

    def change(self, name: str, body: str, kind: str = "UPDATE", **more: Any) -> str:
        """Make and execute a change set as `ceap deploy` does; return the status, then why something failed."""
        client, change = self.stacks.client, {"StackName": name, "ChangeSetName": f"change-{next(NUMBERS)}"}
        client.create_change_set(
            ChangeSetType=kind,
            **handed_over(self.client("s3"), f"ceap-artifacts-dev-{self.engine.account}", body),
            RoleARN=self.service_role,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "Team", "Value": "data"}],
            **change,
            **more,
        )
        client.describe_change_set(**change)
        client.execute_change_set(**change)
        for _ in range(PATIENCE):
            self.engine._stacks.wait()
            if not self.stacks.status(name).endswith("_IN_PROGRESS"):
                break
        return self.told(name)

    def told(self, name: str) -> str:
        stacks = self.stacks
        events = stacks.client.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return " ".join([stacks.status(name), *(each.get("ResourceStatusReason", "") for each in failed)])

    def deploy(self, name: str, kind: str = "CREATE", old: str = "", new: str = "") -> str:
        body = templates()[name]
        assert old in body
        values = {"Environment": "dev"} | {key: value for key, value in PREFIXES.items() if f"  {key}:" in body}
        return self.change(
            f"ceap-{name}-dev", body.replace(old, new) if old else body, kind, Parameters=parameters(values)
        )

    def may(self, role: str, action: str, resource: str, **context: str) -> bool:
        """Tell what IAM says of a call; capitals stand for colons in the names of the context's keys."""
        entries = [
            {"ContextKeyName": key.replace("_", ":", 1), "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ]
        found = self.engine.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource], ContextEntries=entries
        )
        return bool(found["EvaluationResults"][0]["EvalDecision"] == "allowed")


def deploy_roles(engine: Engine, name: str, **values: str) -> Caller:
    """Deploy the roles by hand, and assume the caller's as a workflow of GitHub does."""
    given = {"Environment": "dev", "GitHubSubject": SUBJECT, **values}
    stacks = Stacks(engine)
    stacks.create(name, templates()["deploy"], Parameters=parameters(given), Capabilities=["CAPABILITY_IAM"])
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks.stack(name)["Outputs"]}
    role = outputs["CallerRoleArn"]
    return Caller(engine, sign_in(engine, role), role, outputs["ServiceRoleArn"])


def sign_in(engine: Engine, role: str, subject: str = SUBJECT, audience: str = AUDIENCE) -> Mapping[str, str]:
    """Return the credentials of a workflow whose token has this subject."""
    made = engine.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="github", WebIdentityToken=engine.web_identities.issue(subject, audience)
    )
    credentials: Mapping[str, str] = made["Credentials"]
    return credentials
