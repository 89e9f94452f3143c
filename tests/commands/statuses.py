"""Calls of `ceap status`, with an engine as AWS, also as somebody who may not do all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ceap.cli import main
from tests.operated import Operated

RECENT: Final = ("--since", "5m", "--json")
Report = dict[str, Any]


class Called(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def status(self) -> Report:
        """The status of the only workflow, read from JSON."""
        [found] = json.loads(self.out)["workflows"]
        return dict(found)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Kind and text of the problems, without those that alarms tell of."""
        problems = self.status["problems"]
        return [(problem["kind"], problem["text"]) for problem in problems if problem["kind"] != "alarm"]


Call = Callable[..., Called]


def caller(capsys: pytest.CaptureFixture[str]) -> Call:
    """Return what calls status with options, and returns what came of it."""

    def call(declaration: Path | None, *options: str, env: str = "dev") -> Called:
        files = [str(declaration)] if declaration else []
        code = main(["status", "--env", env, *files, *options])
        return Called(code, *capsys.readouterr())

    return call


def document(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@contextmanager
def as_role_with(standard: Operated, *actions: str) -> Iterator[None]:
    """Let the environment be that of a role which may do some actions."""
    iam = standard.engine.client("iam")
    principal = {"AWS": f"arn:aws:iam::{standard.engine.account}:root"}
    trust = document(Principal=principal, Action="sts:AssumeRole")
    allowed = document(Action=list(actions), Resource="*")
    role = iam.create_role(RoleName="operator", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="operator", PolicyName="read", PolicyDocument=allowed)
    keys = standard.engine.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        patch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
        yield
    iam.delete_role_policy(RoleName="operator", PolicyName="read")
    iam.delete_role(RoleName="operator")


READS = (
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "pipes:DescribePipe",
    "s3:GetObject",
    "s3:ListBucket",
    "sqs:GetQueueAttributes",
    "states:DescribeExecution",
    "states:DescribeStateMachine",
    "states:GetExecutionHistory",
    "states:ListExecutions",
)
OF_STANDARD = ("states:ListExecutions", "states:DescribeExecution", "states:GetExecutionHistory")
