"""The environment that a deployment is for: its section of `ceap.toml`, and what of it a stack takes."""

from collections.abc import Mapping
from pathlib import Path

from ceap.ceap_toml import Environment
from ceap.cfn.template import Template


def load_environment(name: str, folder: Path) -> Environment:
    """Return the section `[env.NAME]` of the nearest `ceap.toml`, or an empty one; UsageError if it is wrong."""
    raise NotImplementedError


def parameters_of(environment: Environment, template: Template) -> Mapping[str, str]:
    """Return the values that an environment gives to the parameters of a template, `Environment` among them.

    HandlersPrefix and GluePrefix are those of `upload_artifacts`. A value for a parameter of another stack is left out.
    """
    raise NotImplementedError
