"""The way to AWS: which account, region and identity, from where, and what to do when AWS cannot be reached.

Options come before the section of `ceap.toml`, and that before the environment variables and files of the AWS CLI.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ceap.ceap_toml import Environment


class Aws:
    """AWS as one identity: `identity` is its ARN; `origin` says where its credentials and its region come from."""

    account: str
    region: str
    partition: str
    identity: str
    origin: str

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, always the same one; its errors are for `explained`."""
        raise NotImplementedError


def add_aws_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --env (required), --profile and --region, to be given to `open_session` as they are."""
    raise NotImplementedError


def open_session(environment: Environment, profile: str | None = None, region: str | None = None) -> Aws:
    """Return AWS as the identity that the options, the environment of `ceap.toml` or the AWS CLI's settings name.

    Only sts:GetCallerIdentity is called.

    Raises:
        UsageError: there is no profile of that name, or a region that does not exist.
        SetupError: no or expired credentials, no region, no connection, or another account than ceap.toml has.
    """
    raise NotImplementedError


@contextmanager
def explained() -> Iterator[None]:
    """Raise every error of boto3 in the block as a SetupError with its cure; also for use as a decorator of `run`."""
    yield
