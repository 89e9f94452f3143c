"""What checks read from a template: resources, references, and the states of a state machine in order.

Any CloudFormation file may come: a value of an unexpected shape, or known only at deployment, is None or left out, and
nothing here raises.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, assert_never

import msgspec

from ceap.cfn.template import Template
from handlers.runtime.needs import SETTINGS_VARIABLE
from templates import discovery, naming
from templates.definition import KINDS, integration_of
from templates.document import DocumentError, parse_json
from templates.model import LEGACY_HANDLER, FunctionNaming, StepKind, WorkflowType

ALARM: Final = "AWS::CloudWatch::Alarm"
BUCKET: Final = "AWS::S3::Bucket"
DASHBOARD: Final = "AWS::CloudWatch::Dashboard"
EVENT_RULE: Final = "AWS::Events::Rule"
FUNCTION: Final = "AWS::Lambda::Function"
JOB: Final = "AWS::Glue::Job"
LOG_GROUP: Final = "AWS::Logs::LogGroup"
MACHINE: Final = "AWS::StepFunctions::StateMachine"
PIPE: Final = "AWS::Pipes::Pipe"
QUERY_DEFINITION: Final = "AWS::Logs::QueryDefinition"
QUEUE: Final = "AWS::SQS::Queue"
ROLE: Final = "AWS::IAM::Role"
SCHEDULE: Final = "AWS::Scheduler::Schedule"
SCHEDULE_GROUP: Final = "AWS::Scheduler::ScheduleGroup"
TABLE: Final = "AWS::DynamoDB::Table"
TOPIC: Final = "AWS::SNS::Topic"

SETTINGS: Final = ("Environment", "Variables", SETTINGS_VARIABLE)
"""Where a function has the settings of its handler."""

FUNCTION_DEFAULT_S: Final = 3
"""Lambda's own Timeout. Source: AWS::Lambda::Function."""

_HANDLER: Final = re.compile(r"handlers\.(\w+(?:\.\w+)*)\.handler")

SUB_VARIABLE: Final = re.compile(r"\$\{(!?)([^{}]*)\}")
"""A `${...}` in the text of an `Fn::Sub`: an exclamation mark where it is a text itself, and what it names."""

NUMBER_LIMIT: Final = 2**53

ROLE_PROPERTY: Final = {
    FUNCTION: ("Role",),
    JOB: ("Role",),
    MACHINE: ("RoleArn",),
    PIPE: ("RoleArn",),
    SCHEDULE: ("Target", "RoleArn"),
}
"""The property, with those that it is inside of, that holds the ARN of the role as which a resource acts."""

NAME_PROPERTY: Final = {
    ALARM: "AlarmName",
    BUCKET: "BucketName",
    DASHBOARD: "DashboardName",
    EVENT_RULE: "Name",
    FUNCTION: "FunctionName",
    JOB: "Name",
    LOG_GROUP: "LogGroupName",
    MACHINE: "StateMachineName",
    PIPE: "Name",
    QUERY_DEFINITION: "Name",
    QUEUE: "QueueName",
    ROLE: "RoleName",
    SCHEDULE: "Name",
    SCHEDULE_GROUP: "Name",
    TABLE: "TableName",
    TOPIC: "TopicName",
}


class Resource(msgspec.Struct, frozen=True):
    """A resource of a template; `properties` is empty if they are not a mapping."""

    logical_id: str
    type: str
    properties: dict[str, Any]

    def path(self, *keys: str | int) -> str:
        """Return the place of a property, or of something inside it; without keys, of the resource."""
        place = ("", "Resources", self.logical_id, *(("Properties",) if keys else ()), *keys)
        return "/".join(map(str, place))

    @property
    def name(self) -> str | None:
        """The physical name as the template writes it, `Fn::Sub` text included; None where there is none."""
        return text(self.properties.get(NAME_PROPERTY.get(self.type, "")))


class Machine(msgspec.Struct, frozen=True):
    """A state machine with a literal definition; `states` are those that are mappings."""

    resource: Resource
    definition: dict[str, Any]
    states: dict[str, dict[str, Any]]

    def path(self, *keys: str | int) -> str:
        """Return the place of something inside the definition."""
        return self.resource.path("DefinitionString", *keys)

    def chain(self) -> list[str]:
        """Return the names of the states from StartAt along Next, each once."""
        names: dict[str, None] = {}
        name = self.definition.get("StartAt")
        while isinstance(name, str) and name in self.states and name not in names:
            names[name] = None
            name = self.states[name].get("Next")
        return list(names)

    def kinds(self) -> dict[str, StepKind]:
        """Return the states of the chain that run a function or a job, which are the steps, in order: name -> kind."""
        return {name: kind for name in self.chain() if (kind := self.kind(name))}

    def stages(self) -> list[str]:
        """Return the names of the steps, in order."""
        return list(self.kinds())

    def kind(self, state: str) -> StepKind | None:
        """Return which kind of step a state is; None if it is not a step."""
        return KINDS.get(text(self.states[state].get("Resource")) or "")

    def steps(self) -> list[tuple[str | None, str]]:
        """Return the stages in order, each after the stage before it; None stands before the first."""
        stages = self.stages()
        return list(zip((None, *stages), stages, strict=False))

    @property
    def is_express(self) -> bool:
        return self.resource.properties.get("StateMachineType") == WorkflowType.EXPRESS

    def functions_s(self, template: Template) -> int | None:
        """Return how long the functions take together, at most; None where the template does not say it."""
        total = 0
        for stage, kind in self.kinds().items():
            match kind:
                case StepKind.LAMBDA:
                    run = self.runs(template, stage)
                    timeout_s = number(run.properties.get("Timeout", FUNCTION_DEFAULT_S)) if run else None
                    if timeout_s is None:
                        return None
                    total += int(timeout_s)
                case StepKind.GLUE:
                    pass  # no function
                case _:
                    assert_never(kind)
        return total

    def substituted(self, token: Any) -> Any:
        """Return the value that replaces a text that is one token, `${ETLFunction}`."""
        if not (isinstance(token, str) and token.startswith("${") and token.endswith("}")):
            return None
        return at(self.resource.properties, "DefinitionSubstitutions", token[2:-1])

    def runs(self, template: Template, stage: str) -> Resource | None:
        """Return the function or job of the template that a state runs."""
        kind = self.kind(stage)
        if kind is None:
            return None
        token = at(self.states[stage], "Parameters", integration_of(kind).parameter)
        found = pointed_at(template, self.substituted(token))
        return found if found and found.type == worker_type(kind) else None


def worker_type(kind: StepKind) -> str:
    """Return the type of the resource that does the work of a step."""
    match kind:
        case StepKind.LAMBDA:
            return FUNCTION
        case StepKind.GLUE:
            return JOB
        case _:
            assert_never(kind)


def at(value: Any, *keys: str | int) -> Any:
    """Return the value below the keys, one inside the other; None where a key is missing."""
    for key in keys:
        if isinstance(key, str) and isinstance(value, dict):
            value = value.get(key)
        elif isinstance(key, int) and isinstance(value, list) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def items(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as the list of itself: IAM and others take both forms."""
    return value if isinstance(value, list) else [] if value is None else [value]


def text(value: Any) -> str | None:
    """Return a text, also that of an `Fn::Sub` without variables of its own."""
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("Fn::Sub")
    return value if isinstance(value, str) else None


def number(value: Any) -> int | float | None:
    """Return a finite number; None for a truth value and anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < NUMBER_LIMIT else None


def reference(value: Any) -> tuple[str, str] | None:
    """Return the logical id and attribute that a value points at; the attribute is empty for a `Ref`."""
    match value:
        case {"Ref": str(name), **others} if not others:
            return name, ""
        case {"Fn::GetAtt": [str(name), str(attribute)], **others} if not others:
            return name, attribute
        case {"Fn::GetAtt": str(both), **others} if not others and "." in both:
            name, _, attribute = both.partition(".")
            return name, attribute
        case _:
            return None


def is_intrinsic(value: Any) -> bool:
    """Tell whether a value is a call of one of CloudFormation's functions."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def references(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield place, name and attribute of each `Ref`, `Fn::GetAtt` and variable of `Fn::Sub` in a value.

    What stands inside a function is at the place of the function. The attribute is empty for a `Ref`; names are also
    those of parameters and pseudo parameters.
    """
    if found := reference(value):
        yield path, *found
        return
    match value:
        case {"Fn::Sub": str(text)}:
            yield from ((path, *named) for named in _variables(text, ()))
        case {"Fn::Sub": [str(text), own]}:
            yield from ((path, *named) for named in _variables(text, own))
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for place, name, attribute in references(below, (*path, str(key))):
            yield path if is_intrinsic(value) else place, name, attribute


def _variables(text: str, own: Any) -> Iterator[tuple[str, str]]:
    """Yield name and attribute of each `${...}` of an `Fn::Sub` text that is none of its own variables."""
    for escaped, inner in SUB_VARIABLE.findall(text):
        if not escaped and inner.strip() not in own:
            name, _, attribute = inner.strip().partition(".")
            yield name, attribute


def imported(value: Any) -> str | None:
    """Return the name of the export that an `Fn::ImportValue` imports, `Fn::Sub` text included."""
    return text(at(value, "Fn::ImportValue")) if isinstance(value, dict) and len(value) == 1 else None


def source_arns(statement: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of `aws:SourceArn` in a statement's conditions, each after its place in the statement."""
    conditions = at(statement, "Condition")
    for operator, tests in conditions.items() if isinstance(conditions, dict) else ():
        for key, values in tests.items() if isinstance(tests, dict) else ():
            if key.lower() == "aws:sourcearn":
                yield from ((f"Condition/{operator}/{key}", value) for value in items(values))


def section(template: Template, name: str) -> dict[str, Any]:
    """Return a section of a template, empty where there is none."""
    found = template.data.get(name)
    return found if isinstance(found, dict) else {}


def resources(template: Template, *types: str) -> Iterator[Resource]:
    """Yield the resources of the types, all without a type, in the order of the template."""
    for logical_id, body in template.data["Resources"].items():
        # Checks ask for types a thousand times a template: those of other types are not made.
        if types and (not isinstance(body, dict) or body.get("Type") not in types):
            continue
        if found := resource(template, logical_id):
            yield found


def resource(template: Template, logical_id: str) -> Resource | None:
    """Return the resource of a logical id."""
    body = template.data["Resources"].get(logical_id)
    kind, properties = at(body, "Type"), at(body, "Properties")
    if not isinstance(kind, str):
        return None
    return Resource(logical_id, kind, properties if isinstance(properties, dict) else {})


def pointed_at(template: Template, value: Any) -> Resource | None:
    """Return the resource of the template that a `Ref` or `Fn::GetAtt` points at."""
    target = reference(value)
    return resource(template, target[0]) if target else None


def foundation_exports() -> tuple[str, ...]:
    """Return what the foundation exports to workflows: buckets, topic and the tables that the handlers declare."""
    tables = [f"{naming.table_id(name)}Name" for name in discovery.tables()]
    return ("WorkflowBucket", "ArtifactBucket", "AlertTopic", *tables)


def exported(template: Template) -> dict[str, str]:
    """Return the exports of a template for workflows, as the foundation has them: export name -> output."""
    names = {text(at(output, "Export", "Name")): key for key, output in section(template, "Outputs").items()}
    return {name: key for name, key in names.items() if name and name.startswith(naming.export(""))}


def foundation_table(template: Template, name: str) -> Resource | None:
    """Return the table that the foundation makes for the handlers' table of a name: by its own name, or logical id."""
    tables = list(resources(template, TABLE))
    named = next((table for table in tables if table.name == naming.table(name)), None)
    return named or next((table for table in tables if table.logical_id == naming.table_id(name)), None)


def handler_of(function: Resource) -> str | None:
    """Return the module of `handlers` that a function runs; None if its code is elsewhere."""
    match = _HANDLER.fullmatch(text(function.properties.get("Handler")) or "")
    return match[1] if match and match[1] in (*discovery.handler_names(), LEGACY_HANDLER) else None


def has_generated_name(template: Template, function: Resource) -> bool:
    """Tell whether a template says that CloudFormation generates a function's name (requirement 10.2)."""
    said = at(template.data["Resources"], function.logical_id, "Metadata", "ceap", naming.NAMING_KEY)
    return bool(said == FunctionNaming.GENERATED)


def log_group_of(template: Template, function: Resource) -> Resource | None:
    """Return the log group of the template to which a function logs."""
    return pointed_at(template, at(function.properties, "LoggingConfig", "LogGroup"))


def owners(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Yield each function, job, state machine, pipe and schedule with the role of the template as which it acts."""
    for owner in resources(template, *ROLE_PROPERTY):
        role = pointed_at(template, at(owner.properties, *ROLE_PROPERTY[owner.type]))
        if role and role.type == ROLE:
            yield owner, role


def machines(template: Template) -> Iterator[Machine]:
    """Yield the state machines whose definition is a literal JSON object."""
    for found in resources(template, MACHINE):
        definition = _parse(text(found.properties.get("DefinitionString")) or "")
        if definition is not None and found.path("DefinitionString") in template.definitions:
            states = definition.get("States")
            mappings = states.items() if isinstance(states, dict) else ()
            yield Machine(found, definition, {name: state for name, state in mappings if isinstance(state, dict)})


@lru_cache(maxsize=64)
def _parse(definition: str) -> dict[str, Any] | None:
    """Return the object that a definition holds; every check reads it, and none changes it."""
    try:
        value = parse_json(definition)
    except (ValueError, DocumentError):
        return None
    return value if isinstance(value, dict) else None
