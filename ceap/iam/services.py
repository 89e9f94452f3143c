"""The actions of AWS services, and the resources on which each can be granted.

Source: Service Authorization Reference, as cfn-lint ships it; read without importing cfn-lint, which takes a second.
"""

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Final

import msgspec

from ceap.errors import UsageError
from ceap.iam.arn import is_late, split_arn
from ceap.iam.matching import has_wildcard, matches

_FILE: Final = "data/AdditionalSpecs/Policies.json"

# The reference has formats for bucket and object, table and index, log group and log stream, but they are incomplete.
_REFINED: Final = {
    ("s3", "bucket"): re.compile(r"[^/]*"),
    ("s3", "object"): re.compile(r".*[/*?].*"),
    ("logs", "log-stream"): re.compile(r".*(\*|\?|:log-stream:.*|:\$\{.*)"),
    ("dynamodb", "table"): re.compile(r"table/[^/]*"),
    ("dynamodb", "index"): re.compile(r"table/.*(/index/.*|\*|\?)"),
}


# CloudWatch accepts metrics for a dataset, and all others on "*" alone (CloudWatch User Guide, "cloudwatch:namespace").
_BESIDE_ALL: Final = {("cloudwatch", "dataset")}


class _Action(msgspec.Struct, frozen=True):
    resources: list[str] = msgspec.field(name="Resources", default_factory=list[str])


class _ResourceType(msgspec.Struct, frozen=True):
    formats: list[str] = msgspec.field(name="ARNFormats")


class Service(msgspec.Struct, frozen=True):
    """A service; names of actions and of resource types are in lower case."""

    actions: dict[str, _Action] = msgspec.field(name="Actions")
    resources: dict[str, _ResourceType] = msgspec.field(name="Resources", default_factory=dict[str, _ResourceType])


@cache
def _services() -> dict[str, msgspec.Raw]:
    found = find_spec("cfnlint")
    file = Path((found and found.origin) or "").parent / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}; install cfn-lint as requirements.lock says") from None


@cache
def load_service(prefix: str) -> Service | None:
    """Return a service by its prefix, e.g. `s3`, or None; UsageError if cfn-lint's data cannot be read."""
    raw = _services().get(prefix.lower())
    return None if raw is None else msgspec.json.decode(raw, type=Service)


def spelt(prefix: str, name: str) -> str:
    """Return an action's name as AWS spells it, given in lower case: as it came if awacs does not know it."""
    service = prefix.lower().replace("-", "_")
    try:
        module = import_module(f"awacs.{'aws' if iskeyword(service) else ''}{service}")
    except ModuleNotFoundError:
        return name
    return next((each for each in vars(module) if each.lower() == name), name)


@cache
def known_actions(pattern: str) -> tuple[str, ...]:
    """Return the names of the actions, in lower case, that a pattern like `s3:Get*` stands for."""
    prefix, _, name = pattern.partition(":")
    service = load_service(prefix)
    if service is None:
        return ()
    name = name.lower()
    if not has_wildcard(name):
        return (name,) if name in service.actions else ()
    return tuple(action for action in service.actions if matches(name, action))


@cache
def resource_types(pattern: str) -> tuple[tuple[str, str], ...]:
    """Return the types of resource, with an ARN format each, that a pattern's actions take; none if only `*`."""
    service = load_service(pattern.partition(":")[0])
    if service is None:
        return ()
    types = {kind.lower(): None for name in known_actions(pattern) for kind in service.actions[name].resources}
    return tuple((kind, form) for kind in types for form in service.resources[kind].formats)


def kinds_taken(pattern: str) -> list[str]:
    """Return the kinds of resource on which an action can be granted; none for an action that takes only `*`."""
    prefix = pattern.partition(":")[0].lower()
    return sorted({kind for kind, _ in resource_types(pattern) if (prefix, kind) not in _BESIDE_ALL})


def takes(pattern: str, arn: str) -> bool:
    """Tell whether an action, or one that a pattern stands for, can be granted on an ARN or pattern of ARNs.

    A value known only at deployment counts as fitting. `*` fits every action; an unknown action fits nothing.
    """
    prefix = pattern.partition(":")[0]
    if pattern == "*" or (arn == "*" and known_actions(pattern)):
        return True
    parts = split_arn(arn)
    if parts is None:
        return is_late(arn) and bool(known_actions(pattern))
    types = resource_types(pattern)
    if not types:  # the reference lacks types: AWS's own policies grant such actions on resources of their service
        return matches(parts[2], prefix.lower()) and bool(known_actions(pattern))
    return any(_fits(prefix.lower(), kind, form, parts) for kind, form in types)


def _fits(prefix: str, kind: str, form: str, parts: list[str]) -> bool:
    _, _, service, region, account, name = form.split(":", 5)
    for want, have in ((service, parts[2]), (region, parts[3]), (account, parts[4])):
        if not _part_fits(want, have):
            return False
    head, _, _ = name.partition(".*")
    known = re.split(r"[*?]|\$\{", parts[5], maxsplit=1)[0]
    if not (known.startswith(head) or (head.startswith(known) and known != parts[5])):
        return False
    refined = _REFINED.get((prefix, kind))
    return refined is None or parts[5] == "*" or refined.fullmatch(parts[5]) is not None


def _part_fits(want: str, have: str) -> bool:
    if not want:
        return have.strip("*") == ""
    if want.startswith("${"):
        return have != ""
    return have.startswith("${") or matches(have, want)
