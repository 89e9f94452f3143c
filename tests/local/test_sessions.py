from __future__ import annotations

from ceap.local.sessions import Session

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
