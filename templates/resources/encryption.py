"""A customer key, if one is given, encrypts everything that can be encrypted; otherwise AWS's own keys do."""

from typing import Any

from troposphere import Equals, If, Not, NoValue, Parameter, Ref, Template

from templates import naming
from templates.objects import shared


def add_key(template: Template) -> None:
    """Add the parameter that names the key; its policy must let the services of docs/reference/synth.md use it."""
    template.add_parameter(_parameter())
    template.add_condition(naming.KMS_KEY_CONDITION, _has_key())


@shared
def _parameter() -> Parameter:
    return Parameter(
        naming.KMS_KEY_PARAMETER,
        Type="String",
        Default="",
        Description="ARN of a KMS key that encrypts everything; empty for the keys of AWS",
    )


@shared
def _has_key() -> Not:
    return Not(Equals(Ref(naming.KMS_KEY_PARAMETER), ""))


def if_key(value: Any, otherwise: Any = NoValue) -> If:
    """Return `value` where there is a key, and `otherwise`, by default nothing, where there is none."""
    return If(naming.KMS_KEY_CONDITION, value, otherwise)


@shared
def key_if_any() -> If:
    """Return the key, or nothing: for a property that takes a key's ARN."""
    return if_key(Ref(naming.KMS_KEY_PARAMETER))
