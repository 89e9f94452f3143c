"""The environment that a deployment is for: its section of `ceap.toml`, and what of it a stack takes."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ceap.aws.session import Aws
from ceap.ceap_toml import NAME, Environment, check_name, load_config
from ceap.cfn.lookup import section
from ceap.cfn.template import Template
from ceap.errors import UsageError
from ceap.output import say
from templates import naming
from templates.placeholders import fill
from templates.words import allowed


def load_environment(name: str, folder: Path) -> Environment:
    """Return the section `[env.NAME]` of the nearest `ceap.toml`; UsageError if it is wrong.

    Without it the environment is empty, which is said where other environments have one.
    """
    check_name(name, "--env")
    sections = load_config(folder).env
    if sections and name not in sections:
        taken = "account and region are those of the credentials"
        say(f"{NAME}: has no [env.{name}], only {', '.join(sections)}; {taken}")
    return sections.get(name) or Environment(name=name)


def parameters_of(environment: Environment, template: Template) -> Mapping[str, str]:
    """Return the values that an environment gives to the parameters of a template, `Environment` among them.

    HandlersPrefix and GluePrefix are those of `upload_artifacts`. A value for a parameter of another stack is left out.
    """
    values = {"Environment": environment.name, **environment.parameters}
    return {name: value for name, value in values.items() if name in section(template, "Parameters")}


def names_in(environment: Environment, aws: Aws, text: str) -> str:
    """Return a text of names and ARNs of the foundation as they are in an environment, of what it adopts, too."""
    for made, logical_id in naming.ADOPTABLE.items():
        if adopted := environment.parameters.get(naming.adoption(logical_id)):
            text = text.replace(made, adopted)
    return fill(text, aws.pseudo_parameters | {"Environment": environment.name})


def check_parameters(environment: Environment, templates: Iterable[Template]) -> None:
    """Raise UsageError if a parameter of the environment is one of no template; give all that the project has."""
    known = {name for template in templates for name in section(template, "Parameters")} - {"Environment"}
    for name in environment.parameters:
        if name not in known:
            raise UsageError(
                f"{NAME}: [env.{environment.name}] parameters: no template has a parameter {name!r}; "
                f"{allowed(name, sorted(known))}"
            )
