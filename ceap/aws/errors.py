"""What boto3 raises, in words: what stands between this machine and AWS, and the cure."""

from __future__ import annotations

import re
from typing import Any, Final

from botocore import exceptions as boto  # type: ignore[import-untyped]  # botocore ships no types

from ceap.errors import CommandError, SetupError, UsageError

NO_REGION: Final = (
    "there is no region; give one with --region, as `region` of the environment in ceap.toml, or as AWS_REGION"
)
_AGAIN: Final = "call again: what was begun goes on"
_NETWORK: Final = (
    "check the network, the proxy (HTTPS_PROXY), AWS_ENDPOINT_URL if it is set, and the name of the region"
)

_FAULTS: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    (
        (boto.NoCredentialsError,),
        "there are no AWS credentials; name a profile with --profile or in ceap.toml, set AWS_PROFILE, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure sso` makes a profile",
    ),
    (
        (boto.PartialCredentialsError,),
        "the AWS credentials of {provider} lack {cred_var}; set it, or remove the others",
    ),
    ((boto.NoRegionError,), NO_REGION),
    (
        (boto.SSOError, boto.TokenRetrievalError, boto.LoginError),
        "the session of IAM Identity Center (SSO) has ended, or there is none; call `{login}`",
    ),
    (
        (boto.CredentialRetrievalError,),
        "no AWS credentials came from {provider}: {error_msg}; mend it, or name another profile",
    ),
    ((boto.EndpointConnectionError,), f"AWS cannot be reached at {{endpoint_url}}; {_NETWORK}"),
    ((boto.ConnectionError, boto.HTTPClientError), f"the connection to AWS failed: {{said}}; {_NETWORK}"),
    ((boto.BotoCoreError,), "AWS cannot be called: {said}; correct the settings of the AWS CLI, in ~/.aws/config"),
)
"""The text by the classes of an error; the first that fits counts."""

# Sources of the codes: "Common errors" in the API references of CloudFormation, STS, IAM and S3.
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
_UNKNOWN_KEY: Final = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken")
_CLOCK: Final = ("RequestTimeTooSkewed", "RequestExpired")
DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
"""The codes of a call for which the identity has no right."""
_ABSENT: Final = re.compile(r"^404$|NoSuch|NonExistent|NotFound|DoesNotExist")
_THROTTLED: Final = (
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
    *("TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
)
_LOST: Final = (boto.HTTPClientError, boto.IncompleteReadError, boto.SSLError)
"""Errors after which nobody knows whether AWS has done what was asked: there was a connection."""
_ANSWERS: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        _EXPIRED,
        "the AWS credentials have expired; call `{login}` if they are of IAM Identity Center (SSO), or else set new "
        "ones",
    ),
    (_CLOCK, "AWS refused {call}, since the clock of this machine is wrong: {said}; set the clock"),
    (
        _UNKNOWN_KEY,
        "AWS refused {call}: {said}; the access key is deleted or inactive, or lacks its AWS_SESSION_TOKEN, or the "
        "account has not enabled the region",
    ),
    (
        ("SignatureDoesNotMatch",),
        "AWS refused {call}: {said}; the secret key is not that of the access key, or the clock of this machine is "
        "wrong",
    ),
    (DENIED, "AWS refused {call}: {said}; grant the action to this identity, or use another profile"),
    (
        _THROTTLED,
        f"AWS refused {{call}} {{tries}} times, since too many calls came: {{said}}; wait a minute and {_AGAIN}",
    ),
)
"""The text by the codes of AWS's answer."""


def explain(error: Exception, profile: str | None) -> CommandError:
    """Return what a user reads of an error of boto3; the profile is that of the credentials, if they are of one."""
    login = f"aws sso login{f' --profile {profile}' if profile else ''}"
    if isinstance(error, boto.ClientError):
        return SetupError(_answer(error, login))
    if isinstance(error, boto.ProfileNotFound):
        cure = "name one that `aws configure list-profiles` prints"
        return UsageError(f"the AWS CLI has no profile {error.kwargs['profile']!r}; {cure}")
    facts: dict[str, Any] = {**getattr(error, "kwargs", {}), "said": _line(error), "login": login}
    if facts.get("provider") == "env":
        facts["provider"] = "the environment variables"
    return SetupError(next(text for kinds, text in _FAULTS if isinstance(error, kinds)).format_map(facts))


def code_of(error: boto.ClientError) -> str:
    """Return AWS's code of an error, e.g. `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def is_absent(error: boto.ClientError) -> bool:
    """Tell whether AWS's answer is that there is no such resource, for which each service has a code of its own."""
    return _ABSENT.search(code_of(error)) is not None


def is_throttled(error: boto.ClientError) -> bool:
    """Tell whether AWS refused a call since too many came."""
    return code_of(error) in _THROTTLED


def is_lost(error: Exception) -> bool:
    """Tell whether a call that failed may have been done: AWS failed at it, or its answer was lost."""
    if isinstance(error, boto.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, _LOST)


def _answer(error: boto.ClientError, login: str) -> str:
    """Return what AWS's own refusal of a call means."""
    code = code_of(error)
    said = _line(error.response.get("Error", {}).get("Message") or code)
    about = error.response.get("ResponseMetadata", {})
    tries = about.get("RetryAttempts", 0) + 1
    text = next((text for codes, text in _ANSWERS if code in codes), None)
    if text:
        return text.format(call=error.operation_name, said=said, login=login, tries=tries)
    if about.get("HTTPStatusCode", 0) >= 500:
        return f"AWS failed at {error.operation_name} ({code}): {said}; {_AGAIN}"
    return f"AWS refused {error.operation_name} ({code}): {said}"


def _line(said: object) -> str:
    return " ".join(str(said).split()).removesuffix(".")
