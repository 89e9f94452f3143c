"""Sizes and variables of a template that differ from the declaration that it was made from, where that is there.

GEN01_FRESH compares all of `generated/`, but not when `ceap check` is given one template.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from troposphere import encode_to_dict

from ceap.cfn.forms import unify
from ceap.cfn.lookup import SETTINGS, at, has_generated_name, number, resource, text
from ceap.cfn.own import own_entries
from ceap.cfn.template import Template
from ceap.policy.finding import Fault
from ceap.policy.vocabulary.specs import fault
from handlers.runtime.needs import EVENT_BUS_VARIABLE, LEGACY_VARIABLE
from templates import naming
from templates.config import load_workflow
from templates.discovery import load_needs
from templates.document import parse_json
from templates.environment import function_variables
from templates.errors import ConfigError
from templates.model import FunctionNaming, GlueStep, LambdaStep, Workflow

_ERROR_RATE: Final = "max_error_rate"
_EXISTING: Final = {LEGACY_VARIABLE: "legacy", EVENT_BUS_VARIABLE: "adopt.event_bus"}
"""The variables that name what exists already, each with the key of a declaration that gives it."""


def undeclared(template: Template) -> Iterator[Fault]:
    """Yield what differs from the declaration; nothing of a template without one, or with one that cannot be read."""
    declaration = declaration_of(template)
    if declaration is None:
        return
    try:
        workflow = load_workflow(declaration)
    except ConfigError:
        return
    yield from _own_faults(template, workflow)
    for job in workflow.glue_steps:
        yield from _job_faults(template, workflow, job)
    for function in workflow.lambda_steps:
        yield from _naming_faults(template, workflow, function)
        yield from _error_rate_faults(template, workflow, function)
        yield from _variable_faults(template, workflow, function)


def declaration_of(template: Template) -> Path | None:
    """Return `workflows/{name}.yaml` for `generated/{name}.template.yaml` beside it, if there is one."""
    name = Path(template.file).name.removesuffix(naming.template_file(""))
    if naming.template_file(name) != Path(template.file).name:
        return None
    folder = Path(template.file).resolve().parent
    declaration = folder.parent / "workflows" / f"{name}.yaml"
    return declaration if folder.name == "generated" and declaration.is_file() else None


def _own_faults(template: Template, workflow: Workflow) -> Iterator[Fault]:
    """Yield a fault for each entry that is marked as a team's own and does not stand in the file of `resources`."""
    declared = workflow.own.sections if workflow.own else {}
    for section, names in own_entries(template.data).items():
        for name in sorted(names - declared.get(section, {}).keys()):
            what = f"{name} is marked as your own, but the declaration's `resources` do not have it"
            yield fault(f"/{section}/{name}", what, "remove the mark")


def _job_faults(template: Template, workflow: Workflow, step: GlueStep) -> Iterator[Fault]:
    job = resource(template, naming.job_id(step.stage))
    for key, size in {"NumberOfWorkers": step.workers, "WorkerType": step.worker_type}.items():
        found, wanted = at(job and job.properties, key), at(workflow.overrides, naming.job_id(step.stage), key) or size
        if job and found != wanted:
            yield fault(job.path(key), f"{key} is {json.dumps(found)}, declared is {wanted}", f"{key}: {wanted}")


def _naming_faults(template: Template, workflow: Workflow, step: LambdaStep) -> Iterator[Fault]:
    """Yield a fault where a function is named by another than the declaration says: ceap or CloudFormation."""
    function = resource(template, naming.function_id(step.stage))
    if function and has_generated_name(template, function) == workflow.names(step):
        wanted = FunctionNaming.EXPLICIT if workflow.names(step) else FunctionNaming.GENERATED
        yield fault(function.path(), f"its name is not {wanted}, as the declaration wants it", "run `make templates`")


def _error_rate_faults(template: Template, workflow: Workflow, step: LambdaStep) -> Iterator[Fault]:
    function = resource(template, naming.function_id(step.stage))
    if function is None or at(workflow.overrides, function.logical_id, *SETTINGS) is not None:
        return
    rate = number(at(_settings(at(function.properties, *SETTINGS)), _ERROR_RATE))
    declared = number(step.settings.get(_ERROR_RATE))
    if rate is not None and (declared is None or rate > declared):
        what = f"{_ERROR_RATE} is {rate}, declared is {'none' if declared is None else declared}"
        yield fault(function.path(*SETTINGS), what, "set it in the declaration, and run `make templates`")


def _variable_faults(template: Template, workflow: Workflow, step: LambdaStep) -> Iterator[Fault]:
    """Yield the variables that the declaration lacks or sets otherwise; what ceap itself sets, other checks judge."""
    function = resource(template, naming.function_id(step.stage))
    found = at(function and function.properties, *SETTINGS[:-1])
    if function is None or not isinstance(found, dict) or at(workflow.overrides, function.logical_id, SETTINGS[0]):
        return
    wanted = unify(encode_to_dict(function_variables(workflow, step, load_needs(step.handler))))
    for name, value in found.items():
        if name not in wanted:
            fix = "declare it in `environment` of the step, and run `make templates`"
            yield fault(function.path(*SETTINGS[:-1], name), f"{name} is not declared", fix)
        elif name in _EXISTING and value != wanted[name]:
            path = function.path(*SETTINGS[:-1], name)
            yield fault(path, f"{name} is not what `{_EXISTING[name]}` declares", "run `make templates`")
        elif name in step.environment and value != wanted[name]:
            path = function.path(*SETTINGS[:-1], name)
            yield fault(path, f"{name} is not what `environment` of the step declares", "run `make templates`")


def _settings(value: Any) -> Any:
    try:
        return parse_json(text(value) or "")
    except ValueError:
        return None
