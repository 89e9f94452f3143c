"""The way to AWS: which account, region and identity, from where, and what to do when AWS cannot be reached.

Options come before the section of `ceap.toml`, and that before the environment variables and files of the AWS CLI.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ceap.errors import SetupError, UsageError

if TYPE_CHECKING:
    from ceap.ceap_toml import Environment

ATTEMPTS: Final = 8
"""How often a call is sent, at most, unless the settings of the AWS CLI say it: polling a stack is often throttled."""

_ORIGINS: Final = {
    "env": "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "iam-role": "the role of this EC2 instance",
    "container-role": "the role of this container",
    "assume-role-with-web-identity": "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE",
}
"""Where credentials come from that are of no profile, by botocore's name of the way."""


class _Chosen(NamedTuple):
    """A setting and what gave it; both None if nothing did."""

    value: str | None
    origin: str | None


class Aws:
    """AWS as one identity: `identity` is its ARN; `profile` is the AWS CLI's that has the credentials, if one has.

    `str` of it says account, region and identity, and where each comes from.
    """

    def __init__(self, session: Any, identity: str, *, profile: str | None, origins: str) -> None:
        _, self.partition, _, _, self.account, *_ = identity.split(":")
        self.region: Final[str] = session.region_name
        self.identity: Final = identity
        self.profile: Final = profile
        self._session: Final = session
        self._origins: Final = origins
        self._clients: Final[dict[tuple[str, int], Any]] = {}
        self._lock: Final = threading.Lock()

    def __str__(self) -> str:
        return f"account {self.account}, {self._origins}"

    @property
    def domain(self) -> str:
        """The domain of AWS's addresses in this partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """The values of CloudFormation's pseudo parameters that names and ARNs are made of."""
        return {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": self.partition}

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, always the same one; its errors are for `explained`."""
        return self._client(service, ATTEMPTS)

    def client_once(self, service: str) -> Any:
        """Return a client that sends each call once: for calls that must not be made twice, as an answer was lost."""
        return self._client(service, 1)

    def _client(self, service: str, attempts: int) -> Any:
        with self._lock:
            key = service, attempts
            if key not in self._clients:
                self._clients[key] = _client(self._session, service, attempts)
            return self._clients[key]


def add_aws_arguments(parser: argparse.ArgumentParser, *, is_env_required: bool = True) -> None:
    """Add --env, --profile and --region, for `load_environment` and `open_session`."""
    parser.add_argument(
        "--env",
        required=is_env_required,
        metavar="ENV",
        help="the environment, e.g. dev; it may have a section [env.dev] in ceap.toml",
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="profile of the AWS CLI (default: that of ceap.toml, AWS_PROFILE)"
    )
    parser.add_argument(
        "--region", metavar="REGION", help="AWS region (default: that of ceap.toml, AWS_REGION, the profile)"
    )


def open_session(environment: Environment, profile: str | None = None, region: str | None = None) -> Aws:
    """Return AWS as the identity that the options, the environment of `ceap.toml` or the AWS CLI's settings name.

    Only sts:GetCallerIdentity is called.

    Raises:
        UsageError: there is no profile of that name, or the region has no form of one.
        SetupError: no or expired credentials, no region, no connection, or another account than ceap.toml has.
    """
    from ceap.ceap_toml import NAME, REGION

    if region is not None and not REGION.fullmatch(region):
        raise UsageError(f"--region {region}: is not a region; name one, e.g. eu-central-1")
    section = f"[env.{environment.name}] of {NAME}"
    with_profile = _choose((profile, "--profile"), (environment.profile, section))
    with_region = _choose(
        (region, "--region"), (environment.region, section), (os.environ.get("AWS_REGION"), "AWS_REGION")
    )
    with explained(with_profile.value):
        import boto3  # type: ignore[import-untyped]  # boto3 ships no types; slow, and needed only here

        session = boto3.Session(profile_name=with_profile.value, region_name=with_region.value)
        parsers = session._session.get_component("response_parser_factory")
        parsers.set_parser_defaults(timestamp_parser=_moment)
        origin = _origin_of(session, with_profile)
        if session.region_name is None:
            from ceap.aws.errors import NO_REGION

            raise SetupError(NO_REGION)
        identity = _client(session, "sts").get_caller_identity()["Arn"]
    from_region = with_region.origin or ("AWS_DEFAULT_REGION" if "AWS_DEFAULT_REGION" in os.environ else "the profile")
    origins = f"region {session.region_name} ({from_region}), as {identity} ({origin})"
    aws = Aws(session, identity, profile=_profile_of(session, with_profile), origins=origins)
    _check_account(environment, aws, section, origin)
    return aws


@contextmanager
def explained(profile: str | None = None) -> Iterator[None]:
    """Raise what boto3 raises in the block as a CommandError with its cure; also a decorator, e.g. of `run`."""
    try:
        yield
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above

        from ceap.aws.errors import explain

        if not isinstance(error, BotoCoreError | ClientError):
            raise
        raise explain(error, profile) from error


def _moment(value: Any) -> datetime:
    """Return a timestamp of an answer; botocore looks up the zone of this machine for each of thousands."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    from botocore.utils import parse_timestamp  # type: ignore[import-untyped]  # as above

    moment: datetime = parse_timestamp(value)
    return moment


def _choose(*choices: tuple[str | None, str]) -> _Chosen:
    return next((_Chosen(value, origin) for value, origin in choices if value), _Chosen(None, None))


def _profile_of(session: Any, chosen: _Chosen) -> str | None:
    """Return the profile whose credentials a session has; None where they are of no profile."""
    credentials = session.get_credentials()
    return None if credentials is None or credentials.method in _ORIGINS else (chosen.value or session.profile_name)


def _origin_of(session: Any, chosen: _Chosen) -> str:
    """Say where a session has its credentials from; NoCredentialsError if it has none."""
    credentials = session.get_credentials()
    if credentials is None:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError
    if credentials.method in _ORIGINS:
        return _ORIGINS[credentials.method]
    by = chosen.origin or next((name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if name in os.environ), None)
    return f"profile {session.profile_name}" + (f" of {by}" if by else "")


def _check_account(environment: Environment, aws: Aws, section: str, origin: str) -> None:
    from ceap.ceap_toml import NAME

    if environment.account and environment.account != aws.account:
        raise SetupError(
            f"{section} is in account {environment.account}, but the credentials ({origin}) are of account "
            f"{aws.account}, {aws.identity}; use a profile of account {environment.account}, or correct {NAME}"
        )
    if environment.role_arn and environment.role_arn.split(":")[4] != aws.account:
        raise SetupError(
            f"role_arn of {section} is of another account than the credentials ({origin}), {aws.account}; "
            f"use a profile of the role's account, or correct {NAME}"
        )


def _client(session: Any, service: str, attempts: int = ATTEMPTS) -> Any:
    from botocore.config import Config  # type: ignore[import-untyped]  # as above

    # Standard is also what botocore takes by default; its number of attempts is small for a loop that polls.
    is_set = session._session.get_config_variable("max_attempts") is not None
    return session.client(
        service,
        config=Config(
            user_agent_extra=f"ceap/{version('ceap')}",
            connect_timeout=10,
            retries={} if is_set and attempts > 1 else {"total_max_attempts": attempts},
        ),
    )
