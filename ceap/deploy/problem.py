"""What a preflight judges, and what it finds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import DENIED, code_of, is_absent
from ceap.aws.history import Retained
from ceap.cfn.template import Template


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the way, or with `is_fatal` False what cannot be known; `place` is e.g. a stack or a function."""

    place: str
    what: str
    cure: str
    is_fatal: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.cure}"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A stack as it shall be deployed; `retained` is what an earlier destroy left, to be adopted."""

    stack: str
    template: Template
    parameters: Mapping[str, str]
    retained: Sequence[Retained] = ()


def look(ask: Callable[[], Any]) -> Any:
    """Return AWS's answer; None for what does not exist, and the action as a text where AWS refuses to say."""
    try:
        return ask()
    except ClientError as error:
        if code_of(error) in (*DENIED, "403"):
            return str(error.operation_name)
        if is_absent(error):
            return None
        raise


def unread(place: str, actions: Sequence[str]) -> Problem:
    """Return that nobody knows whether something fits, since AWS refused the actions."""
    what = f"whether it can be adopted is not known: AWS refused {', '.join(actions)}"
    return Problem(place=place, what=what, cure="grant it to this identity, or go on if you know it", is_fatal=False)
