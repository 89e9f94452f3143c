"""Which account, region and identity are used, from where; and what a user reads when AWS cannot be reached."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as boto  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.session import _moment, add_aws_arguments, explained, open_session
from ceap.ceap_toml import Environment
from ceap.errors import CommandError, SetupError, UsageError
from ceap.local.engine import Engine

KEYS = "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
IDENTITY = "arn:aws:iam::{account}:user/driver"
DEV = Environment(name="dev")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the AWS CLI's profiles, the only setting of AWS."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # the engine forgets that the tests have set it
    return tmp_path / "config"


@pytest.fixture
def inside(outside: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the same file, with the engine as AWS and the driver's keys and region in the environment."""
    for name, value in engine.driver.variables(engine.url).items():
        monkeypatch.setenv(name, value)
    return outside


def write_profiles(file: Path, engine: Engine, **regions: str) -> None:
    keys = (
        f"aws_access_key_id={engine.driver.access_key}\naws_secret_access_key={engine.driver.secret_key}\n"
        f"aws_session_token={engine.driver.token}\n"
    )
    file.write_text("".join(f"[profile {name}]\nregion={region}\n{keys}" for name, region in regions.items()))


def test_environment_variables_are_taken_as_the_aws_cli_takes_them(inside: Path, engine: Engine) -> None:
    aws = open_session(DEV)
    identity = IDENTITY.format(account=engine.account)
    assert (aws.account, aws.region, aws.partition) == (engine.account, "us-east-1", "aws")
    assert (aws.identity, aws.profile) == (identity, None)
    assert str(aws) == f"account {engine.account}, region us-east-1 (AWS_REGION), as {identity} ({KEYS})"


def test_the_older_variable_of_the_region_counts_after_the_newer(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert open_session(DEV).region == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    assert "region us-east-1 (AWS_DEFAULT_REGION)" in str(open_session(DEV))


def test_an_option_comes_before_the_section_and_that_before_the_variables(
    inside: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profiles(inside, engine, mine="eu-north-1", other="eu-south-1")
    environment = Environment(name="dev", profile="mine", region="eu-central-1")
    identity = IDENTITY.format(account=engine.account)
    assert str(open_session(environment)) == (
        f"account {engine.account}, region eu-central-1 ([env.dev] of ceap.toml), "
        f"as {identity} (profile mine of [env.dev] of ceap.toml)"
    )
    assert str(open_session(environment, profile="other", region="ca-west-1")) == (
        f"account {engine.account}, region ca-west-1 (--region), as {identity} (profile other of --profile)"
    )
    assert str(open_session(Environment(name="dev", profile="mine"))).startswith(
        f"account {engine.account}, region us-east-1 (AWS_REGION)"
    )


def test_without_a_region_elsewhere_that_of_the_profile_counts(
    inside: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profiles(inside, engine, mine="eu-north-1")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    aws = open_session(DEV)
    assert aws.profile == "mine"
    assert str(aws) == (
        f"account {engine.account}, region eu-north-1 (the profile), as {aws.identity} (profile mine of AWS_PROFILE)"
    )


def test_a_wrong_account_is_refused(inside: Path, engine: Engine) -> None:
    with pytest.raises(SetupError) as caught:
        open_session(Environment(name="prod", account="999999999999"))
    assert str(caught.value) == (
        f"[env.prod] of ceap.toml is in account 999999999999, but the credentials ({KEYS}) are of account "
        f"{engine.account}, {IDENTITY.format(account=engine.account)}; use a profile of account 999999999999, or "
        "correct ceap.toml"
    )


def test_a_role_of_another_account_is_refused(inside: Path, engine: Engine) -> None:
    with pytest.raises(SetupError) as caught:
        open_session(Environment(name="prod", role_arn="arn:aws:iam::999999999999:role/deploy"))
    assert str(caught.value) == (
        f"role_arn of [env.prod] of ceap.toml is of another account than the credentials ({KEYS}), {engine.account}; "
        "use a profile of the role's account, or correct ceap.toml"
    )


def test_without_credentials_the_message_says_how_to_give_them(outside: Path) -> None:
    with pytest.raises(SetupError) as caught:
        open_session(DEV, region="eu-central-1")
    assert str(caught.value) == (
        "there are no AWS credentials; name a profile with --profile or in ceap.toml, set AWS_PROFILE, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure sso` makes a profile"
    )


def test_half_a_key_is_no_key(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    with pytest.raises(SetupError) as caught:
        open_session(DEV, region="eu-central-1")
    assert str(caught.value) == (
        "the AWS credentials of the environment variables lack AWS_SECRET_ACCESS_KEY; set it, or remove the others"
    )


def test_without_a_region_the_message_says_how_to_give_one(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SetupError) as caught:
        open_session(DEV)
    assert str(caught.value) == (
        "there is no region; give one with --region, as `region` of the environment in ceap.toml, or as AWS_REGION"
    )


def test_a_profile_that_is_not_there_is_wrong_usage(inside: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_session(DEV, profile="nobody")
    assert str(caught.value) == (
        "the AWS CLI has no profile 'nobody'; name one that `aws configure list-profiles` prints"
    )


def test_a_region_has_the_form_of_one(inside: Path) -> None:
    with pytest.raises(UsageError, match=r"^--region Frankfurt: is not a region; name one, e\.g\. eu-central-1$"):
        open_session(DEV, region="Frankfurt")


def test_where_no_connection_is_possible_the_message_names_the_address(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SetupError) as caught:
        open_session(DEV)
    assert str(caught.value) == (
        "AWS cannot be reached at http://127.0.0.1:9/; check the network, the proxy (HTTPS_PROXY), AWS_ENDPOINT_URL if "
        "it is set, and the name of the region"
    )


def test_an_ended_session_of_identity_center_names_the_login(outside: Path) -> None:
    outside.write_text(
        "[profile mine]\nregion=eu-central-1\nsso_session=company\nsso_account_id=123456789012\nsso_role_name=dev\n"
        "[sso-session company]\nsso_region=eu-central-1\nsso_start_url=https://example.awsapps.com/start\n"
    )
    with pytest.raises(SetupError) as caught:
        open_session(DEV, profile="mine")
    assert str(caught.value) == (
        "the session of IAM Identity Center (SSO) has ended, or there is none; call `aws sso login --profile mine`"
    )


def test_a_program_that_gives_no_credentials_is_named_with_its_reason(outside: Path) -> None:
    outside.write_text("[profile mine]\nregion=eu-central-1\ncredential_process=false\n")
    with pytest.raises(SetupError, match=r"^no AWS credentials came from custom-process: .*; mend it, or name another"):
        open_session(DEV, profile="mine")


def test_a_file_of_the_aws_cli_that_cannot_be_read_is_named(outside: Path) -> None:
    outside.write_text("[profile mine\n")
    with pytest.raises(SetupError) as caught:
        open_session(DEV, region="eu-central-1")
    assert str(caught.value) == (
        f"AWS cannot be called: Unable to parse config file: {outside}; correct the settings of the AWS CLI, in "
        "~/.aws/config"
    )


def refusal(code: str, message: str, status: int = 400, retries: int = 0) -> Exception:
    about = {"HTTPStatusCode": status, "RetryAttempts": retries}
    answer: Mapping[str, Any] = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": about}
    error: Exception = boto.ClientError(answer, "DescribeStacks")
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            refusal("ExpiredToken", "The security token included in the request is expired"),
            "the AWS credentials have expired; call `aws sso login --profile mine` if they are of IAM Identity Center "
            "(SSO), or else set new ones",
        ),
        (
            refusal("InvalidClientTokenId", "The security token included in the request is invalid."),
            "AWS refused DescribeStacks: The security token included in the request is invalid; the access key is "
            "deleted or inactive, or lacks its AWS_SESSION_TOKEN, or the account has not enabled the region",
        ),
        (
            refusal("RequestTimeTooSkewed", "The difference is too large."),
            "AWS refused DescribeStacks, since the clock of this machine is wrong: The difference is too large; set "
            "the clock",
        ),
        (
            refusal("AccessDenied", "User: arn is not authorized to perform: cloudformation:DescribeStacks"),
            "AWS refused DescribeStacks: User: arn is not authorized to perform: cloudformation:DescribeStacks; grant "
            "the action to this identity, or use another profile",
        ),
        (
            refusal("Throttling", "Rate exceeded", retries=7),
            "AWS refused DescribeStacks 8 times, since too many calls came: Rate exceeded; wait a minute and call "
            "again: what was begun goes on",
        ),
        (
            refusal("InternalFailure", "Sorry.", status=500),
            "AWS failed at DescribeStacks (InternalFailure): Sorry; call again: what was begun goes on",
        ),
        (
            refusal("ValidationError", "Stack [x] does not exist"),
            "AWS refused DescribeStacks (ValidationError): Stack [x] does not exist",
        ),
        (
            boto.ReadTimeoutError(endpoint_url="https://sts.amazonaws.com/"),
            'the connection to AWS failed: Read timeout on endpoint URL: "https://sts.amazonaws.com/"; check the '
            "network, the proxy (HTTPS_PROXY), AWS_ENDPOINT_URL if it is set, and the name of the region",
        ),
        (
            boto.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            "the session of IAM Identity Center (SSO) has ended, or there is none; call `aws sso login --profile mine`",
        ),
    ],
)
def test_what_boto3_raises_becomes_a_message_with_its_cure(error: Exception, text: str) -> None:
    with pytest.raises(SetupError) as caught, explained("mine"):
        raise error
    assert str(caught.value) == text


def test_every_error_of_botocore_becomes_a_message() -> None:
    kinds: list[Any] = [kind for kind in vars(boto).values() if isinstance(kind, type)]
    kinds = [kind for kind in kinds if issubclass(kind, boto.BotoCoreError)]
    assert len(kinds) > 50
    for kind in kinds:
        error = kind.__new__(kind, "said")
        error.kwargs = dict.fromkeys(("profile", "provider", "cred_var", "error_msg", "endpoint_url"), "x")
        with pytest.raises(CommandError), explained():
            raise error


def test_what_boto3_does_not_raise_passes() -> None:
    with pytest.raises(KeyError), explained():
        raise KeyError("x")


def test_a_client_is_made_once(inside: Path) -> None:
    aws = open_session(DEV)
    assert aws.client("s3") is aws.client("s3")
    assert aws.client("s3").meta.region_name == "us-east-1"
    assert "ceap/" in aws.client("s3").meta.config.user_agent


def test_polling_is_tried_more_often_than_botocore_would_unless_settings_say_how_often(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_session(DEV).client("s3").meta.config.retries["total_max_attempts"] == 1
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    assert open_session(DEV).client("s3").meta.config.retries["total_max_attempts"] == 8


def test_commands_share_the_options_of_aws() -> None:
    parser = argparse.ArgumentParser()
    add_aws_arguments(parser)
    assert vars(parser.parse_args(["--env", "dev", "--region", "eu-central-1"])) == {
        "env": "dev",
        "profile": None,
        "region": "eu-central-1",
    }
    with pytest.raises(SystemExit):
        parser.parse_args([])
    optional = argparse.ArgumentParser()
    add_aws_arguments(optional, is_env_required=False)
    assert optional.parse_args([]).env is None


def test_a_time_of_an_answer_is_the_same_as_a_number_and_as_a_text(inside: Path, engine: Engine) -> None:
    aws = open_session(DEV)
    moment = datetime(2026, 11, 29, 22, 0, 5, 500_000, tzinfo=UTC)
    table = aws.client("dynamodb").create_table(
        TableName="times",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    assert table["CreationDateTime"].tzinfo is UTC  # a number
    role = aws.client("iam").create_role(RoleName="times", AssumeRolePolicyDocument='{"Statement": []}')["Role"]
    assert role["CreateDate"].utcoffset() is not None  # a text
    assert _moment(moment.timestamp()) == _moment("2026-11-29T22:00:05.500Z") == moment
