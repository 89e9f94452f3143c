"""The parameters of more than one kind of stack or step."""

from troposphere import Parameter, Template

from templates import naming
from templates.objects import shared


def add_environment(template: Template) -> None:
    """Add `Environment`, which is part of every physical name: one reviewed template serves every environment.

    It has no default, which someone could deploy by mistake, and no hyphen: `orders` in `eu-dev` and `orders-eu` in
    `dev` would share all names.
    """
    template.add_parameter(_environment())


@shared
def _environment() -> Parameter:
    return Parameter(
        "Environment",
        Type="String",
        AllowedPattern=naming.ENVIRONMENT_PATTERN,
        ConstraintDescription=f"a-z first, then a-z and 0-9, at most {naming.ENVIRONMENT_MAX} in all",
        Description="Part of every name, e.g. dev, test or prod",
    )


def artifact_prefix(name: str, content: str) -> Parameter:
    """Return the parameter that says where `content` lies in the artifact bucket."""
    description = f"Prefix of the {content} in the artifact bucket, as `ceap package` prints it"
    return required(name, "^.+/$", "ends in a slash", description)


@shared
def required(name: str, pattern: str, form: str, description: str) -> Parameter:
    """Return a parameter without a default, whose value the pattern matches; `form` says the same in words."""
    return Parameter(name, Type="String", AllowedPattern=pattern, ConstraintDescription=form, Description=description)
