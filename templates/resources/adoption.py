"""What the foundation makes, or takes over as it is: then no stack has a resource that changes it."""

from typing import Final

from troposphere import Equals, If, Parameter, Ref, Template

from templates import naming

_BUCKET: Final = (naming.BUCKET_NAME, "the name of a bucket in this account and Region")
_TABLE: Final = ("[A-Za-z0-9_.-]{3,255}", "the name of a table in this account and Region")
_FORMS: Final = {
    naming.WORKFLOW_BUCKET_ID: _BUCKET,
    naming.ARTIFACT_BUCKET_ID: _BUCKET,
    naming.ALERT_TOPIC_ID: (naming.TOPIC_ARN, "the ARN of a standard topic in this account and Region"),
}
"""What may be given for a resource, as a pattern and in words; all others are tables."""


def add_adoption(template: Template, logical_id: str, description: str) -> str:
    """Add the parameter that names an existing resource, and the condition that it is empty; return that condition.

    What the foundation makes in place of such a resource, and all that changes it, has the condition.
    """
    pattern, form = _FORMS.get(logical_id, _TABLE)
    parameter, condition = naming.adoption(logical_id), naming.creation(logical_id)
    template.add_parameter(
        Parameter(
            parameter,
            Type="String",
            Default="",
            AllowedPattern=f"^({pattern})?$",
            ConstraintDescription=f"{form}, or empty",
            Description=description,
        )
    )
    template.add_condition(condition, Equals(Ref(parameter), ""))
    return condition


def made_or_adopted(logical_id: str) -> If:
    """Return the `Ref` of a resource that the foundation makes, or the name or ARN of what it adopts."""
    return If(naming.creation(logical_id), Ref(logical_id), Ref(naming.adoption(logical_id)))
