"""Sessions of roles: what an SDK finds of one, and who may have one."""

from __future__ import annotations

import pytest

from ceap.local.engine import Engine
from ceap.local.sessions import AccessDenied, Session
from tests.local.support import Template, template_text

SESSION = Session("arn:aws:iam::1:role/team/a/Reader", "job-1", "ASIA1", "secret", "token")


def test_an_sdk_finds_the_keys_the_region_and_the_engine_in_its_environment() -> None:
    assert SESSION.variables("http://127.0.0.1:9") == {
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_the_arn_of_a_session_names_the_role_without_its_path() -> None:
    assert SESSION.arn == "arn:aws:sts::1:assumed-role/Reader/job-1"


def trusting(principal: str) -> str:
    """Return a template of a role that an account or a role may assume."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role: Template = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    return template_text(Role=role)


def test_whom_a_role_trusts_gets_a_session_of_it_and_nobody_else(engine: Engine) -> None:
    trusted, stack = {"first": engine.account, "second": "123456789013"}, engine.deploy
    first, second = (stack(trusting(of), name).of_type("AWS::IAM::Role")["Role"].arn for name, of in trusted.items())
    sessions = engine._sessions
    session = sessions.assume_as(sessions.driver, first, name="job-1")
    assert sessions.find(session.access_key) is session
    assert session.role == first
    with pytest.raises(AccessDenied):
        sessions.assume_as(sessions.driver, second, name="job-1")
