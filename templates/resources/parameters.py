"""The parameters that both kinds of stack share."""

from __future__ import annotations

from troposphere import Parameter, Template

from templates import naming


def add_environment(template: Template) -> None:
    """Add `Environment`, which is part of every physical name: one reviewed template serves every environment."""
    template.add_parameter(
        Parameter(
            "Environment",
            Type="String",
            Default="dev",
            AllowedPattern=f"^[a-z][a-z0-9-]{{0,{naming.ENVIRONMENT_MAX - 1}}}$",
            ConstraintDescription=f"a-z first, then a-z, 0-9 and hyphens, at most {naming.ENVIRONMENT_MAX} in all",
            Description="Part of every name, e.g. dev, test or prod",
        )
    )
