"""What the foundation makes, or takes over as it is: then no stack has a resource that changes it."""

from typing import NamedTuple

from troposphere import Equals, If, Parameter, Ref, Template

from templates import naming


class Adoptable(NamedTuple):
    """`condition` holds where the resource is made here; `value` is the `Ref` of that one, or what is adopted."""

    condition: str
    value: If


def add_adoptable(template: Template, logical_id: str, *, pattern: str, form: str, meaning: str) -> Adoptable:
    """Add the parameter that names an existing resource to adopt, and the condition that nothing is named.

    `form` says what `pattern` matches; whatever changes the resource has the condition.
    """
    parameter = naming.adoption(logical_id)
    template.add_parameter(
        Parameter(
            parameter,
            Type="String",
            Default="",
            AllowedPattern=f"^({pattern})?$",
            ConstraintDescription=f"{form}, or empty",
            Description=f"{meaning}; empty makes a new one",
        )
    )
    condition = naming.creation(logical_id)
    template.add_condition(condition, Equals(Ref(parameter), ""))
    return Adoptable(condition, If(condition, Ref(logical_id), Ref(parameter)))
