"""Turns a declaration in YAML into a Workflow, or into one error that says file, place, value and cure."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, assert_never

from handlers.runtime.records import type_name
from templates import budget, discovery, naming, words
from templates.adoption_problems import adoption_problems
from templates.contracts import find_misfit
from templates.conversion import convert, refuse_unknown
from templates.environment import environment_problems
from templates.errors import ConfigError
from templates.fragment import load_fragment, refuse_clashes
from templates.governance_problems import governance_problems
from templates.model import (
    STEP_CLASSES,
    Declaration,
    GlueStep,
    LambdaStep,
    LegacyStep,
    Step,
    Workflow,
    WorkflowType,
)
from templates.placeholders import longest
from templates.settings import SETTINGS_MAX_BYTES, encode_settings, filled_settings
from templates.source import KeyPath, Source, load_source
from templates.trigger_problems import trigger_problems
from templates.words import shown

RESERVED_STAGES: Final = ("initial", "ReceiveMessage", "StageInput", "Stage")
STAGE_MAX: Final = 80
"""Characters of a state's name. Source: Step Functions Developer Guide, "Quotas"."""
FUNCTION_NAME_MAX: Final = 64
QUEUE_NAME_MAX: Final = 80
DESCRIPTION_MAX_BYTES: Final = 1024
STEPS_MAX: Final = 50
"""With more, the role of the state machine could exceed the 10,240 characters that IAM allows in inline policies."""

# In a definition such a character is a pair of JSON escapes, at which cfn-guard stops. A text: see `definition`.
_BEYOND_JSON_ESCAPES: Final = "[\U00010000-\U0010ffff]"

DYNAMIC_REFERENCE: Final = re.compile(r"\{\{\s*resolve:")

Problem = tuple[KeyPath, str]


class _Keys(Declaration, frozen=True, kw_only=True):
    """The keys of a declaration."""

    steps: list[Any]


def load_workflow(path: Path) -> Workflow:
    """Read a declaration and return its workflow; ConfigError if the file or the declaration is wrong."""
    name = path.name.removesuffix(naming.template_file(""))
    if name != path.name:
        raise ConfigError(f"{path}: is a template; name the declaration it is generated from: workflows/{name}.yaml")
    return parse_workflow(load_source(path))


def parse_workflow(source: Source) -> Workflow:
    """Return the workflow of a declaration, from here alone; ConfigError names the first problem."""
    raw = source.data
    if not isinstance(raw, dict):
        raise source.error((), f"a declaration is a mapping with name, type and steps, not {shown(raw)}")
    _check_values(source, raw, ())
    refuse_unknown(source, raw, _Keys, ())
    raw_steps = raw.get("steps")
    if not isinstance(raw_steps, list) or not raw_steps:
        raise source.error(("steps",), f"is {shown(raw_steps)}; a workflow has at least one step: list its stages")
    header = convert(source, {key: value for key, value in raw.items() if key != "steps"}, Declaration, ())
    steps = tuple(_parse_step(source, step, ("steps", index)) for index, step in enumerate(raw_steps))
    for place, text in _problems(header, steps):
        raise source.error(place, text)
    _check_settings(source, header, steps)
    _check_contracts(source, steps)
    given = {field: getattr(header, field) for field in header.__struct_fields__}
    own = load_fragment(Path(source.name).parent / header.resources) if header.resources else None
    workflow = Workflow(**given, steps=steps, own=own)
    problems = (_queue_problems, adoption_problems, trigger_problems, governance_problems)
    for place, text in (problem for find in problems for problem in find(workflow)):
        raise source.error(place, text)
    if workflow.overrides or workflow.own:
        _check_ids(source, workflow)
    return workflow


def _check_values(source: Source, value: Any, place: KeyPath) -> None:
    """Refuse what CloudFormation would replace at deployment, nulls that it refuses, and one that looks like `{}`."""
    match value:
        case dict():
            for key, inner in value.items():
                _check_values(source, key, (*place, key))
                _check_values(source, inner, (*place, key))
        case list():
            for index, inner in enumerate(value):
                _check_values(source, inner, (*place, index))
        case str() if DYNAMIC_REFERENCE.search(value):
            raise source.error(
                place,
                "holds '{{resolve:', which CloudFormation would replace at deployment, after `ceap check`; "
                "write the value; a handler reads what `secrets` and `parameters` of its NEEDS name",
            )
        case None if place[:1] == ("overrides",):
            raise source.error(place, "is null, which CloudFormation refuses; write a value or remove the key")
        case None if place == ("s3_events",):
            raise source.error(place, "is null, which sends nothing; write {} to send every object, or remove the key")
        case _:
            pass


def _parse_step(source: Source, raw: Any, place: KeyPath) -> Step:
    if not isinstance(raw, dict):
        raise source.error(place, f"is {shown(raw)}; a step is a mapping with stage and handler, glue or legacy")
    kinds = [kind for kind in STEP_CLASSES if kind in raw]
    if not kinds:
        refuse_unknown(source, raw, LegacyStep, place)
    if len(kinds) != 1:
        given = f"both {' and '.join(kinds)}" if kinds else f"neither {' nor '.join(STEP_CLASSES)}"
        cure = "handler for a Lambda step, glue for a Glue step, legacy for one that an existing function does"
        raise source.error(place, f"has {given}; give exactly one: {cure}")
    return convert(source, raw, STEP_CLASSES[kinds[0]], place)


def _problems(workflow: Declaration, steps: tuple[Step, ...]) -> Iterator[Problem]:
    """Yield the problems that types alone cannot show, in the order in which to correct them."""
    if workflow.name == naming.FOUNDATION:
        yield ("name",), f"is '{naming.FOUNDATION}', the name of the stack that all workflows share; choose another"
    if workflow.name == naming.DEPLOY:
        yield ("name",), f"is '{naming.DEPLOY}', the name of the template of the deploy roles; choose another"
    if "${" in workflow.description:
        yield ("description",), "holds '${', which CloudFormation would replace; leave it out"
    if not workflow.description.isprintable():
        yield ("description",), f"is {shown(workflow.description)}; write one line of printable characters"
    if wide := re.search(_BEYOND_JSON_ESCAPES, workflow.description):
        yield ("description",), f"holds {wide[0]!r}, which cfn-guard cannot read in a definition; leave it out"
    size = len(workflow.description.encode())
    if size > DESCRIPTION_MAX_BYTES:
        yield ("description",), f"has {size} bytes; CloudFormation allows {DESCRIPTION_MAX_BYTES}: shorten it"
    if len(steps) > STEPS_MAX:
        yield ("steps",), f"has {len(steps)} entries; a workflow has at most {STEPS_MAX} steps: split it in two"
    yield from _stage_problems(workflow, steps)
    yield from _known_problems(workflow.type, steps)
    if workflow.type is WorkflowType.EXPRESS:
        yield from _express_problems(steps)


def _stage_problems(workflow: Declaration, steps: tuple[Step, ...]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, step in enumerate(steps):
        place = ("steps", index, "stage")
        purpose = naming.purpose(step.stage)
        other = seen.get(purpose)
        if step.stage in RESERVED_STAGES:
            yield place, f"is {step.stage!r}, a reserved name; choose another than {', '.join(RESERVED_STAGES)}"
        if other == step.stage:
            yield place, f"is {step.stage!r} and an earlier step has that name; rename one of them"
        elif other is not None:
            yield place, f"is {step.stage!r} beside {other!r}: both would be '{purpose}' in names; rename one"
        seen[purpose] = step.stage
        if len(step.stage) > STAGE_MAX:
            yield place, f"has {len(step.stage)} characters; Step Functions allows {STAGE_MAX}: shorten it"
        problems = _name_problems if workflow.names(step) else _generated_problems
        yield from problems(workflow.name, step.stage, place)


def _name_problems(workflow: str, stage: str, place: KeyPath) -> Iterator[Problem]:
    """Yield that the name by the convention could be too long for AWS Lambda."""
    length = naming.longest_function(workflow, stage)
    if length > FUNCTION_NAME_MAX:
        yield (
            place,
            f"is {stage!r}: the function {naming.function(workflow, stage)} could have {length} "
            f"characters with an Environment of {naming.ENVIRONMENT_MAX}; AWS Lambda allows {FUNCTION_NAME_MAX}: "
            f"shorten the stage or the workflow's name by {length - FUNCTION_NAME_MAX}",
        )


def _generated_problems(workflow: str, stage: str, place: KeyPath) -> Iterator[Problem]:
    """Yield that a generated name could lack the end of the stack's, where deploy roles look for the environment."""
    length, kept = naming.longest(naming.resource(workflow)), naming.kept_of_stack(naming.function_id(stage))
    if length > kept:
        yield (
            place,
            f"is {stage!r}: the name that CloudFormation generates for its function keeps {kept} characters of the "
            f"stack's, which could have {length} with an Environment of {naming.ENVIRONMENT_MAX}: shorten the "
            f"workflow's name by {length - kept}, or set `naming: explicit`",
        )


def _known_problems(workflow_type: WorkflowType, steps: tuple[Step, ...]) -> Iterator[Problem]:
    for index, step in enumerate(steps):
        match step:
            case LegacyStep():
                pass  # its handler is a part of the framework
            case LambdaStep():
                if step.handler not in discovery.handler_names():
                    yield ("steps", index, "handler"), _unknown(step.handler, discovery.handler_names(), "handlers")
            case GlueStep():
                # In EXPRESS the Glue step itself is wrong, with any name.
                if workflow_type is not WorkflowType.EXPRESS and step.glue not in discovery.job_names():
                    problem = discovery.helper_problem(step.glue)
                    yield ("steps", index, "glue"), problem or _unknown(step.glue, discovery.job_names(), "glue")
            case _:
                assert_never(step)


def _express_problems(steps: tuple[Step, ...]) -> Iterator[Problem]:
    limit = budget.EXPRESS_LIMIT_S
    for index, step in enumerate(steps):
        place: KeyPath = ("steps", index)
        match step:
            case GlueStep():
                yield (
                    (*place, "glue"),
                    f"is {step.glue!r}, but an EXPRESS workflow cannot wait for a Glue job: "
                    "make it a Lambda step or set type: STANDARD",
                )
            case LambdaStep():
                if step.timeout_s > limit:
                    yield (
                        (*place, "timeout_s"),
                        f"is {step.timeout_s}; an EXPRESS workflow allows at most {limit} s in all; "
                        "shorten the step or set type: STANDARD",
                    )
            case _:
                assert_never(step)
    total = budget.step_timeouts_s(steps)
    if total > limit:
        yield (
            ("steps",),
            f"take up to {total} s together (the sum of their timeout_s, 60 where none is given); an EXPRESS "
            f"workflow allows at most {limit} s in all; shorten steps or set type: STANDARD",
        )


def _queue_problems(workflow: Workflow) -> Iterator[Problem]:
    """Yield the problem of the longest queue's name; where that fits, all but those of functions and tables do."""
    if workflow.has_triggers:
        purpose = naming.TRIGGER_DEAD_LETTER_QUEUE
    elif workflow.type is WorkflowType.STANDARD:
        purpose = naming.ALERT_DEAD_LETTER_QUEUE
    else:
        return  # a function's name is too long before the queue's is
    name = naming.resource(workflow.name, purpose)
    length = naming.longest(name)
    if length > QUEUE_NAME_MAX:
        yield (
            ("name",),
            f"is {workflow.name!r}: the queue {name} could have {length} characters with an Environment of "
            f"{naming.ENVIRONMENT_MAX}; Amazon SQS allows {QUEUE_NAME_MAX}: shorten the workflow's name by "
            f"{length - QUEUE_NAME_MAX}",
        )


def _check_settings(source: Source, workflow: Declaration, steps: tuple[Step, ...]) -> None:
    for index, step in enumerate(steps):
        match step:
            case LambdaStep():
                _check_handler_settings(source, step, index)
                for name, text in environment_problems(workflow, step, discovery.load_needs(step.handler)):
                    raise source.error(("steps", index, "environment", *((name,) if name else ())), text)
            case GlueStep():
                pass  # a job has no settings
            case _:
                assert_never(step)


def _check_handler_settings(source: Source, step: LambdaStep, index: int) -> None:
    place: KeyPath = ("steps", index, "settings")
    needs = discovery.load_needs(step.handler)
    try:
        convert(source, filled_settings(step.settings), needs.settings, place, step.settings)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        # Of what `__post_init__` raises, msgspec explains a ValueError and a TypeError only.
        raise source.error(
            place,
            f"cannot be judged: {needs.settings.__name__} of handlers/{step.handler}.py raises "
            f"{type(error).__name__}: {error}; let it raise a ValueError that says what is allowed",
        ) from error
    bucket = discovery.source_bucket(step)
    if bucket is not None:
        _check_source_bucket(source, bucket, index, (*place, str(needs.bucket_setting)))
    size = len(longest(encode_settings(step.settings)).encode())
    if size > SETTINGS_MAX_BYTES:
        raise source.error(
            place,
            f"take {size} bytes as JSON; at most {SETTINGS_MAX_BYTES} fit the function's environment: shorten them",
        )


def _check_contracts(source: Source, steps: tuple[Step, ...]) -> None:
    """Refuse a handler that requires what the one before it does not yield.

    A Glue job keeps records as they are; what an existing function returns is known only when it runs.
    """
    before: LambdaStep | None = None
    for index, step in enumerate(steps):
        match step:
            case LegacyStep():
                before = None
            case LambdaStep():
                if before:
                    _check_contract(source, before, step, ("steps", index, "handler"))
                before = step
            case GlueStep():
                pass
            case _:
                assert_never(step)


def _check_contract(source: Source, before: LambdaStep, step: LambdaStep, place: KeyPath) -> None:
    yields, takes = discovery.load_contract(before.handler).yields, discovery.load_contract(step.handler).takes
    misfit = find_misfit(yields, takes)
    if misfit:
        wanted, given = type_name(takes), type_name(yields)
        raise source.error(
            place,
            f"is {step.handler!r}, which takes {wanted} and requires {misfit.field} ({misfit.required}), but "
            f"{before.stage} yields {given}, which {misfit.given}; declare what it makes (`yields` in "
            f"handlers/{before.handler}.py), or put a stage between them that makes {wanted}",
        )


def _check_source_bucket(source: Source, bucket: str, index: int, place: KeyPath) -> None:
    if index > 0:
        raise source.error(
            place,
            f"is {bucket!r}, but only the first stage reads a message's source; leave it out, or put the stage first",
        )
    if bucket.startswith((naming.WORKFLOW_BUCKET_PREFIX, naming.ARTIFACT_BUCKET_PREFIX)):
        raise source.error(
            place, f"is {bucket!r}, a bucket of ceap, of which a stage reads the previous output alone; name another"
        )


def _check_ids(source: Source, workflow: Workflow) -> None:
    from templates.stacks import workflow_template  # loads troposphere, which most declarations do not need

    template = workflow_template(workflow)
    known = sorted(template["Resources"])
    own = workflow.own.sections.get("Resources", {}) if workflow.own else {}
    for logical_id in workflow.overrides:
        if logical_id in own:
            raise source.error(("overrides", logical_id), "is a resource of your own; change it in its file")
        if logical_id not in known:
            said = f"is not a resource of the workflow's template; {words.allowed(logical_id, known)}"
            raise source.error(("overrides", logical_id), said)
    if workflow.own:
        refuse_clashes(workflow.own, template, source.name)


def _unknown(name: str, known: Iterable[str], folder: str) -> str:
    missing = f"{folder}/{name}.py is not a stage" if name == "__init__" else f"there is no {folder}/{name}.py"
    return f"is {shown(name)}, and {missing}; {words.allowed(name, known)}"
