"""What would make a deployment fail, found before anything is changed: facts are gathered, then judged."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import DENIED, code_of
from ceap.aws.history import Retained
from ceap.aws.session import Aws
from ceap.ceap_toml import NAME, Environment
from ceap.cfn import lookup
from ceap.cfn.template import SIZE_MAX, Template, parse_template
from ceap.deploy import adoptable, existing_queues, legacy_functions
from ceap.deploy.diff.change import ExportChanged
from ceap.deploy.diff.compare import compare, exports_of
from ceap.deploy.diff.evaluation import HIDDEN, deployed
from ceap.deploy.names import Name, Taken, Unread, find_taken, names_of
from ceap.deploy.plan import DeleteStack, Refuse, Situation, next_step
from ceap.deploy.problem import Planned, Problem
from ceap.deploy.rights import Denied, Unknown, find_denied, needs_of_caller, needs_of_resources
from ceap.deploy.situation import read_importers, read_situation
from templates import naming
from templates.words import listed, plural, shown

LOG_POLICIES_MAX: Final = 10
"""Resource policies of CloudWatch Logs in an account and region. Source: "CloudWatch Logs quotas"."""
DELIVERY_POLICY: Final = "AWSLogDeliveryWrite20150319"
"""The one that AWS makes for all log deliveries. Source: CloudWatch Logs User Guide, "Logs sent to CloudWatch Logs"."""

_KINDS: Final = {
    lookup.ALARM: "alarm",
    lookup.BUCKET: "bucket",
    lookup.EVENT_RULE: "rule",
    lookup.FUNCTION: "function",
    lookup.JOB: "Glue job",
    lookup.LOG_GROUP: "log group",
    lookup.MACHINE: "state machine",
    lookup.PIPE: "pipe",
    lookup.QUEUE: "queue",
    lookup.SCHEDULE_GROUP: "schedule group",
    lookup.TABLE: "table",
    lookup.TOPIC: "topic",
}
_DELIVERING: Final = (lookup.MACHINE, lookup.PIPE)
_GO_ON: Final = "go on if you know it"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What AWS says before a deployment.

    `situations` are of the planned stacks by name; `exports` are the names of all exports of the account and region,
    `imports` the stacks that import one, by its name; `log_policies` are names, None where they may not be read;
    `adopted` is what keeps resources outside of the stacks from being adopted or called.
    """

    situations: Mapping[str, Situation]
    names: Sequence[Taken | Unread] = ()
    exports: Collection[str] = ()
    imports: Mapping[str, Sequence[str]] = {}
    log_policies: Sequence[str] | None = ()
    rights: Sequence[Denied | Unknown] = ()
    adopted: Sequence[Problem] = ()


def check(aws: Aws, environment: Environment, plan: Sequence[Planned]) -> tuple[Problem, ...]:
    """Return what is wrong, fatal or not, in the order in which the stacks are deployed; empty is good."""
    return judge(plan, gather(aws, environment, plan))


def gather(aws: Aws, environment: Environment, plan: Sequence[Planned]) -> Facts:
    """Ask AWS for all that `judge` decides on; nothing is changed."""
    situations = {planned.stack: read_situation(aws, planned.stack) for planned in plan}
    templates = {planned.stack: deployed(planned.template, planned.parameters) for planned in plan}
    names = [
        name
        for planned in plan
        for name in names_of(aws, planned.stack, templates[planned.stack])
        if not _is_own(name, situations[planned.stack], planned.retained)
    ]
    return Facts(
        situations=situations,
        names=find_taken(aws, names),
        exports=tuple(_all_exports(aws)),
        imports={export: read_importers(aws, export) for now in situations.values() for export in now.exports},
        log_policies=_log_policies(aws),
        rights=tuple(_rights(aws, environment, templates)),
        adopted=(
            *(problem for planned in plan for problem in _bucket_problems(environment, planned)),
            *(
                problem
                for planned in plan
                for find_unfit in (adoptable.find_unfit, legacy_functions.find_unfit, existing_queues.find_unfit)
                for problem in find_unfit(aws, planned)
            ),
        ),
    )


def judge(plan: Sequence[Planned], facts: Facts) -> tuple[Problem, ...]:
    """Return the problems of a plan, given what AWS says."""
    problems = list(_rights_problems(facts.rights))
    for planned in plan:
        now = facts.situations[planned.stack]
        problems += _state_problems(now)
        problems += _template_problems(planned)
        problems += _export_problems(planned, now, facts.imports)
        problems += _sharing_problems(planned, now, facts.imports)
    problems += facts.adopted
    problems += _import_problems(plan, facts.exports)
    problems += _name_problems(facts.names, {planned.stack: planned for planned in plan})
    problems += _log_problems(plan, facts)
    return tuple(problems)


def _is_own(name: Name, now: Situation, retained: Iterable[Retained]) -> bool:
    """Tell whether the stack itself has, or adopts, the resource that a name is for."""
    physical_id = now.resources.get(name.logical_id, "")
    has_it = physical_id == name.name or physical_id.endswith((f":{name.name}", f"/{name.name}"))
    return has_it or any(each.logical_id == name.logical_id for each in retained)


def _bucket_problems(environment: Environment, planned: Planned) -> Iterator[Problem]:
    """Yield that a stack keeps an adopted artifact bucket which `ceap.toml` does not name: ceap would use another."""
    parameter = naming.adoption(naming.ARTIFACT_BUCKET_ID)
    kept, said = planned.parameters.get(parameter, ""), environment.parameters.get(parameter, "")
    if kept and kept != said:
        yield Problem(
            place=f"{planned.stack}: parameter {parameter}",
            what=f"is {kept!r} in the stack, but not in {NAME}, by which ceap finds code and records",
            cure=f'add {parameter} = "{kept}" below [env.{environment.name}.parameters]',
        )


def _changed_exports(planned: Planned, now: Situation) -> dict[str, str]:
    """Return the exports of a live stack that the plan removes or changes: name -> what happens to it."""
    if now.template is None:
        return {}
    diff = compare(
        parse_template(now.template, now.name),
        planned.template,
        old_parameters=now.parameters,
        new_parameters=planned.parameters,
    )
    changes = (change for change in diff.changes if isinstance(change, ExportChanged))
    return {change.name: "is removed" if change.is_removed else "changes" for change in changes}


def _all_exports(aws: Aws) -> Iterator[str]:
    pages = aws.client("cloudformation").get_paginator("list_exports").paginate()
    yield from (export["Name"] for page in pages for export in page["Exports"])


def _log_policies(aws: Aws) -> tuple[str, ...] | None:
    try:
        # 50 at once, and there can be ten.
        policies = aws.client("logs").describe_resource_policies()["resourcePolicies"]
    except ClientError as error:
        if code_of(error) in DENIED:
            return None
        raise
    return tuple(policy["policyName"] for policy in policies)


def _rights(aws: Aws, environment: Environment, templates: Mapping[str, Template]) -> Iterator[Denied | Unknown]:
    """Yield what the caller and the stacks' role lack; without a role CloudFormation acts as the caller."""
    role = environment.role_arn
    wanted = defaultdict(list, {aws.identity: list(needs_of_caller(aws, environment, templates))})
    for stack, template in templates.items():
        wanted[role or aws.identity] += needs_of_resources(aws, environment, stack, template)
    for identity, needs in wanted.items():
        if found := find_denied(aws, identity, needs):
            yield found


def _rights_problems(rights: Iterable[Denied | Unknown]) -> Iterator[Problem]:
    for found in rights:
        match found:
            case Unknown(identity=identity, why=why):
                cure = f"grant iam:SimulatePrincipalPolicy and iam:GetRole on it to this identity, or {_GO_ON}"
                yield Problem(
                    place=identity,
                    what=f"whether it has the rights to deploy is not known: {why}",
                    cure=cure,
                    is_fatal=False,
                )
            case Denied(identity=identity, needs=needs):
                denied = [f"{need.action} on {need.resource}" for need in needs]
                yield Problem(
                    place=identity,
                    what=f"IAM denies {listed(denied)}",
                    cure="grant it, or deploy with the roles of generated/deploy.template.yaml",
                )
            case _:
                assert_never(found)


def _state_problems(now: Situation) -> Iterator[Problem]:
    step = next_step(now, (), ())
    if isinstance(step, Refuse):
        yield Problem(place=now.name, what=step.what, cure=step.cure)
    if isinstance(step, DeleteStack) and now.is_protected:
        yield Problem(
            place=now.name,
            what=f"is {now.status} and must be deleted first, but has termination protection",
            cure=f"call `aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {now.name}`",
        )


def _template_problems(planned: Planned) -> Iterator[Problem]:
    size = len(planned.template.text.encode())
    if size > SIZE_MAX:
        yield Problem(
            place=planned.template.file,
            what=f"has {size:,} bytes; CloudFormation allows {SIZE_MAX:,}",
            cure="split the workflow",
        )
    declared = lookup.section(planned.template, "Parameters")
    for name, body in declared.items():
        if problem := _parameter_problem(body, planned.parameters.get(name)):
            cure = f"give it an allowed value below [env.{planned.parameters.get('Environment')}.parameters] in {NAME}"
            yield Problem(place=f"{planned.stack}: parameter {name}", what=problem, cure=cure)
    for name in planned.parameters:
        if name not in declared:
            what = "the template has no such parameter"
            yield Problem(place=f"{planned.stack}: parameter {name}", what=what, cure=f"remove it from {NAME}")


def _parameter_problem(body: Mapping[str, Any], given: str | None) -> str | None:
    value = body.get("Default") if given is None else given
    if value is None:
        return "has no value"
    text, pattern, values = str(value), body.get("AllowedPattern"), body.get("AllowedValues")
    is_hidden = str(body.get("NoEcho")).lower() == "true"
    if is_hidden and text == HIDDEN:  # the value that the stack keeps, which nobody can read
        return None
    told = "a value that NoEcho hides" if is_hidden else shown(text)
    if pattern and body.get("Type") == "String" and not re.fullmatch(pattern, text):
        return f"is {told}; allowed: {body.get('ConstraintDescription', pattern)}"
    if values and text not in map(str, values):
        return f"is {told}; allowed: {', '.join(map(str, values))}"
    return None


def _export_problems(planned: Planned, now: Situation, imports: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for export, happens in _changed_exports(planned, now).items():
        if stacks := imports.get(export):
            yield Problem(
                place=f"{planned.stack}: export {export}",
                what=f"{happens}, but {listed(stacks)} import{'s' if len(stacks) == 1 else ''} it, and "
                "CloudFormation refuses that",
                cure="keep it, or first deploy those stacks without it, or destroy them",
            )


def _sharing_problems(planned: Planned, now: Situation, imports: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Yield that a stack which others import from is another than the one that is deployed."""
    if now.template is None or parse_template(now.template, now.name).data == planned.template.data:
        return
    if stacks := sorted({stack for export in now.exports for stack in imports.get(export, ())}):
        yield Problem(
            place=now.name,
            what=f"its template is not {planned.template.file}: this deployment changes what other stacks use, too: "
            f"{listed(stacks)}",
            cure="look at its changes before you confirm",
            is_fatal=False,
        )


def _import_problems(plan: Sequence[Planned], exports: Collection[str]) -> Iterator[Problem]:
    """Yield imports of what neither a stack exports nor the plan."""
    templates = [(planned, deployed(planned.template, planned.parameters)) for planned in plan]
    known = {*exports, *(name for _, template in templates for name in exports_of(template))}
    for planned, template in templates:
        for name in sorted(set(_imported(template.data)) - known):
            yield Problem(
                place=planned.stack,
                what=f"imports {name}, which no stack exports",
                cure="deploy the foundation of this environment, which exports it",
            )


def _imported(value: Any) -> Iterator[str]:
    if name := lookup.imported(value):
        yield name
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _imported(below)


def _name_problems(names: Iterable[Taken | Unread], plan: Mapping[str, Planned]) -> Iterator[Problem]:
    unread: dict[str, list[str]] = defaultdict(list)
    for found in names:
        match found:
            case Unread(name=name, action=action):
                unread[action].append(name.name)
            case Taken(name=name):
                yield _clash(found, plan[name.stack])
            case _:
                assert_never(found)
    for action, asked in unread.items():
        yield Problem(
            place=listed(asked),
            what=f"whether {'it exists' if len(asked) == 1 else 'they exist'} is not known: AWS refused {action}",
            cure=f"grant it to this identity, or {_GO_ON}",
            is_fatal=False,
        )


def _clash(taken: Taken, planned: Planned) -> Problem:
    name = taken.name
    elsewhere = f"deploy to another environment than {planned.parameters.get('Environment')} (--env)"
    cure = f"delete it if nobody needs it, or {elsewhere}"
    if taken.elsewhere:
        where = f"in {taken.elsewhere}"
        cure = f"deploy there (--region), or {elsewhere}" if taken.elsewhere.startswith("region") else elsewhere
    elif taken.stack == name.stack:
        where = f"as {taken.logical_id} of this stack, and no resource can change its logical id and keep its name"
        cure = f"call it {taken.logical_id} again, or give {name.logical_id} another name"
    elif taken.stack:
        where = f"in the stack {taken.stack}"
        cure = f"delete that stack if nobody needs it, or {elsewhere}"
    else:
        where = "outside of every stack that this identity sees"
        if name.type in (lookup.QUEUE, lookup.BUCKET):
            cure = f"import it into {name.stack} as {name.logical_id} to keep what it holds, or {cure}"
    parameter = naming.adoption(name.logical_id)
    is_parameter = parameter in lookup.section(planned.template, "Parameters")
    if is_parameter and not taken.elsewhere:
        cure = f"adopt it by the parameter {parameter} in {NAME}, or {cure}"
    return Problem(place=f"{_KINDS[name.type]} {name.name}", what=f"exists already, {where}", cure=cure)


def _log_problems(plan: Iterable[Planned], facts: Facts) -> Iterator[Problem]:
    """Yield what stands against log deliveries of new state machines and pipes, which need a resource policy."""
    new = [
        resource
        for planned in plan
        for resource in lookup.resources(planned.template, *_DELIVERING)
        if resource.logical_id not in facts.situations[planned.stack].resources
    ]
    policies, place = facts.log_policies, "resource policies of CloudWatch Logs"
    if not new:
        return
    if policies is None:
        what = "their number is not known: AWS refused DescribeResourcePolicies"
        yield Problem(place=place, what=what, cure=f"grant it to this identity, or {_GO_ON}", is_fatal=False)
    elif len(policies) >= LOG_POLICIES_MAX and DELIVERY_POLICY not in policies:
        yield Problem(
            place=place,
            what=f"there are {len(policies)} ({', '.join(policies)}), AWS allows {LOG_POLICIES_MAX}, and the logs of "
            f"{plural(len(new), 'new resource')} need another",
            cure="delete one that nobody needs: `aws logs delete-resource-policy --policy-name NAME`",
        )
