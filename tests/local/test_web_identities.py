"""Workflows of GitHub that assume a role with a token of theirs."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

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


FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def post(engine: Engine, headers: Mapping[str, str], **changed: str) -> tuple[int, str, str | None]:
    """Return status, text and id of the answer to a call that nobody signed, with a token that the role trusts."""
    given = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": f"arn:aws:iam::{engine.account}:role/r",
        "RoleSessionName": "github",
        "WebIdentityToken": engine.web_identities.issue(SUBJECT, AUDIENCE),
    }
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request("POST", "/", urlencode(given | changed), dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer.headers["x-amzn-RequestId"]


def test_a_token_needs_no_signature(engine: Engine) -> None:
    status, text, request_id = post(engine, FORM)
    assert (status, "<AssumedRoleUser>" in text, bool(request_id)) == (200, True, True)


@pytest.mark.parametrize(
    ("headers", "changed", "code"),
    [
        ({**FORM, "Authorization": "AWS AKIA:c2lnbmF0dXJl"}, {}, "IncompleteSignature"),
        (
            {
                **FORM,
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAUNKNOWN/20260101/us-east-1/sts/aws4_request, "
                f"SignedHeaders=host, Signature={'0' * 64}",
            },
            {},
            "InvalidClientTokenId",
        ),
        ({}, {}, "AccessDenied"),
        ({"Content-Type": "text/plain"}, {}, "AccessDenied"),
        (FORM, {"Action": "AssumeRole"}, "MissingAuthenticationToken"),
        (FORM, {"Action": "GetCallerIdentity"}, "MissingAuthenticationToken"),
        (FORM, {"Action": "DeleteQueue", "Version": "2012-11-05"}, "MissingAuthenticationToken"),
    ],
    ids=["another signature", "a stranger's", "no type", "no form", "AssumeRole", "GetCallerIdentity", "DeleteQueue"],
)
def test_a_call_is_served_without_a_signature_only_for_its_token(
    engine: Engine, headers: Mapping[str, str], changed: Mapping[str, str], code: str
) -> None:
    status, text, _ = post(engine, headers, **changed)
    assert (status in {400, 403}, f"<Code>{code}</Code>" in text, "<AssumedRoleUser>" in text) == (True, True, False), (
        text
    )


def test_the_name_of_a_session_has_the_characters_that_sts_takes(engine: Engine) -> None:
    status, text, _ = post(engine, FORM, RoleSessionName="git hub")
    assert (status, "<Code>ValidationError</Code>" in text) == (400, True)
    assert post(engine, FORM, RoleSessionName="git_hub+=,.@-1")[0] == 200
