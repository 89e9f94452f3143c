"""Secrets of Secrets Manager and parameters of Parameter Store: read when a stage asks for one, kept for five minutes.

Powertools' `parameters` would import boto3 and 72 modules, 130 ms at the first call in place of 15.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

from handlers.runtime.aws import client, stage_errors
from handlers.runtime.contract import PermanentStageError

KEPT_S: Final = 300.0
"""How long a value is used before it is read again: a rotated secret is known after that time."""

_KEPT: Final[dict[tuple[str, str], tuple[str, float]]] = {}
_KEY_CURE: Final = "what is encrypted with a key of its own also needs kms:Decrypt on it, by `grants` in NEEDS"


def read_secret(name: str) -> str:
    """Return the text of a secret.

    AWS denies the reading of a secret that does not exist, unless a role may read all.

    Raises:
        PermanentStageError: There is no such secret, its value is bytes, or the role may not read it.
        TransientStageError: Secrets Manager did not answer.
    """
    return _keep("secretsmanager:GetSecretValue", name, _get_secret)


def read_parameter(name: str) -> str:
    """Return the value of a parameter, decrypted; otherwise like `read_secret`."""
    return _keep("ssm:GetParameter", name, _get_parameter)


def forget() -> None:
    """Forget all values, so that each is read again."""
    _KEPT.clear()


def _keep(action: str, name: str, get: Callable[[str], str]) -> str:
    value, until = _KEPT.get((action, name), ("", 0.0))
    now = monotonic()
    if now >= until:
        value = get(name)
        _KEPT[action, name] = value, now + KEPT_S
    return value


def _get_secret(name: str) -> str:
    create = f"create secret {name} with a text in the function's account and Region"
    denied = f"if it does not exist, {create}; else deploy the handler's template again; {_KEY_CURE}"
    with stage_errors("secretsmanager:GetSecretValue", name, missing=create, denied=denied):
        answer = client("secretsmanager").get_secret_value(SecretId=name)
    if "SecretString" not in answer:
        raise PermanentStageError(f"secret {name} holds bytes; store a text, bytes as base64")
    value: str = answer["SecretString"]
    return value


def _get_parameter(name: str) -> str:
    create = f"create parameter {name} in the function's account and Region"
    denied = f"deploy the handler's template again; {_KEY_CURE}"
    with stage_errors("ssm:GetParameter", name, missing=create, denied=denied):
        answer = client("ssm").get_parameter(Name=name, WithDecryption=True)
    value: str = answer["Parameter"]["Value"]
    return value
