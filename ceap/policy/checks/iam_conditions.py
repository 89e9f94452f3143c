"""A condition of a policy can match: its keys exist, and its operators support the wildcards of their values.

A misspelt key is absent from every request, so that an Allow never allows and a Deny never denies.
Source: IAM User Guide, "AWS global condition context keys" and "Condition operators".
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.documents import Statement, documents, entries
from ceap.iam.services import load_service
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.words import nearest

RULE: Final = "IAM03_CONDITIONS_MATCH"
ENTRY: Final = Entry(
    title="The conditions of every policy can match",
    why=(
        "No request has a key that does not exist, and StringEquals compares * literally: an Allow never allows, "
        "a Deny never denies."
    ),
    fix="Write the key as in the IAM User Guide; compare wildcards with `StringLike` or `ArnLike`.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html",
)

_GLOBAL_KEYS: Final = """
principalarn principalaccount principalorgpaths principalorgid principaltag/ principalisawsservice
principalservicename principalservicenameslist principaltype userid username
assumedroot federatedprovider tokenissuetime signinsessionarn multifactorauthage multifactorauthpresent
chatbotsourcearn ec2instancesourcevpc ec2instancesourceprivateipv4 sourceidentity
sourceip sourcevpc sourcevpcarn sourcevpce vpceaccount vpceorgid vpceorgpaths vpcsourceip
resourceaccount resourceorgid resourceorgpaths resourcetag/
calledvia calledviafirst calledvialast calledviaawsmcp viaawsservice viaawsmcpservice currenttime epochtime referer
requestedregion requesttag/ tagkeys securetransport sourceaccount sourcearn sourceorgid sourceorgpaths useragent
ismcpserviceaction
"""
"""The keys of the prefix `aws:`, in lower case: IAM does not tell capitals apart. A slash: what follows is a tag."""

_GLOBAL: Final = frozenset(_GLOBAL_KEYS.split())
_EXACT: Final = re.compile(r"(?:For(?:Any|All)\w+:)?String(?:Not)?Equals(?:IgnoreCase)?(?:IfExists)?")
_PATTERN: Final = re.compile(r"(?<!\$\{)[*?](?!\})")
"""`${*}` and `${?}` stand for the signs themselves."""


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        for statement in document.statements:
            yield from _faults(template, statement)


def _faults(template: Template, statement: Statement) -> Iterator[Fault]:
    for condition in statement.entries("Condition"):
        for operator, keys in _pairs(condition.value):
            for key, values in _pairs(keys):
                place = f"{condition.path}/{operator}/{key}"
                if fault := _key_fault(key):
                    what, fix = fault
                    yield Fault(place, f"{key} {what}", fix)
                for value in entries(values, place) if _EXACT.fullmatch(operator) else ():
                    if _PATTERN.search(text := resolve(template, value.value)):
                        like = operator.replace("EqualsIgnoreCase", "Equals").replace("Equals", "Like")
                        yield Fault(value.path, f"{operator} compares {text} literally, wildcards too", like)


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return (
        [(key, below) for key, below in value.items() if not key.startswith("Fn::")] if isinstance(value, dict) else []
    )


def _key_fault(key: str) -> tuple[str, str] | None:
    """Return what is wrong with a condition key, and the fix."""
    prefix, colon, name = key.lower().partition(":")
    if prefix == "aws" and colon:
        known = name in _GLOBAL or name.partition("/")[0] + "/" in _GLOBAL
        return None if known else ("is not a global condition key", _near(name))
    if colon and (load_service(prefix) or "." in prefix or prefix == "saml"):  # a dot: an identity provider
        return None
    return "is not a condition key, so the condition never matches", "service:Key, e.g. aws:SourceArn"


def _near(name: str) -> str:
    near = nearest(name, _GLOBAL)
    return f"perhaps aws:{near}" if near else "one of those in the IAM User Guide"
