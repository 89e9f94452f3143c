"""Workflows of GitHub that assume a role with a token of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.conditions import GITHUB
from ceap.local.engine import Engine
from tests.local.support import Template

SUBJECT, AUDIENCE = "repo:acme/orders:environment:dev", "sts.amazonaws.com"
PROVIDER: Template = {
    "Type": "AWS::IAM::OIDCProvider",
    "Properties": {"Url": f"https://{GITHUB}", "ClientIdList": [AUDIENCE]},
}


def role() -> Template:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": {"Fn::Sub": f"arn:aws:iam::${{AWS::AccountId}}:oidc-provider/{GITHUB}"}},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": SUBJECT}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": document}}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        engine.deploy(json.dumps({"Resources": {"Role": role(), "Provider": PROVIDER}}), "roles")
        yield engine


def assume(engine: Engine, token: str, name: str = "r") -> str:
    """Return the ARN of the session that the holder of a token gets."""
    arn: str = engine.client("sts").assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{engine.account}:role/{name}", RoleSessionName="github", WebIdentityToken=token
    )["AssumedRoleUser"]["Arn"]
    return arn


def test_the_subject_that_a_role_trusts_assumes_it(engine: Engine) -> None:
    token = engine.web_identities.issue(SUBJECT, AUDIENCE)
    assert assume(engine, token) == f"arn:aws:sts::{engine.account}:assumed-role/r/github"


@pytest.mark.parametrize(
    ("subject", "audience", "code"),
    [
        ("repo:acme/orders:environment:prod", AUDIENCE, "AccessDenied"),
        (f"{SUBJECT}x", AUDIENCE, "AccessDenied"),
        (SUBJECT, "https://github.com/acme", "InvalidIdentityToken"),
    ],
)
def test_another_subject_or_audience_does_not(engine: Engine, subject: str, audience: str, code: str) -> None:
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        assume(engine, engine.web_identities.issue(subject, audience))


def test_only_fresh_tokens_of_the_engine_are_taken(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    token = engine.web_identities.issue(SUBJECT, AUDIENCE)
    with pytest.raises(ClientError, match=r"\(InvalidIdentityToken\)"):
        assume(engine, f"{token[:-2]}xx")
    later = CLOCK.now() + 400
    monkeypatch.setattr(type(CLOCK), "now", lambda _: later)
    with pytest.raises(ClientError, match=r"\(ExpiredTokenException\)"):
        assume(engine, token)


def test_a_role_that_is_not_there_is_not_told_from_one_that_may_not_be_assumed(engine: Engine) -> None:
    with pytest.raises(ClientError, match=r"\(AccessDenied\)"):
        assume(engine, engine.web_identities.issue(SUBJECT, AUDIENCE), "none")


def test_without_the_provider_no_token_counts() -> None:
    with Engine.start() as engine:
        engine.deploy(json.dumps({"Resources": {"Role": role()}}), "roles")
        with pytest.raises(ClientError, match="No OpenIDConnect provider found in your account"):
            assume(engine, engine.web_identities.issue(SUBJECT, AUDIENCE))
