"""What the policy of an adopted resource denies: requests without TLS, as ceap's own policies do, or more."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ceap.cfn.adopted import TLS_ONLY
from ceap.cfn.lookup import at, items
from ceap.deploy.problem import Problem


def statements_of(policy: str | None) -> list[Any]:
    """Return the statements of a policy, given as AWS gives it; none if there is no policy."""
    return items(at(json.loads(policy or "{}"), "Statement"))


def denies_plain(statements: Sequence[Any], service: str, *arns: str) -> bool:
    """Tell whether a statement denies everybody all actions of a service on these ARNs without TLS."""
    return any(
        at(each, "Effect") == "Deny"
        and at(each, "Principal") in ("*", {"AWS": "*"})
        and not {f"{service}:*", "*"}.isdisjoint(str(action).lower() for action in items(at(each, "Action")))
        and ("*" in (named := {*map(str, items(at(each, "Resource")))}) or {*arns} <= named)
        and at(each, "Condition") == TLS_ONLY
        for each in statements
    )


def other_denials(place: str, statements: Sequence[Any], what: str, cure: str) -> Iterator[Problem]:
    """Yield, as what cannot be known, that a statement denies more than requests without TLS."""
    if any(at(each, "Effect") == "Deny" and at(each, "Condition") != TLS_ONLY for each in statements):
        yield Problem(place=place, what=f"a Deny of its policy may keep {what} from it", cure=cure, is_fatal=False)
