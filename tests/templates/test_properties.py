"""Properties that hold for every declaration, each proven whole by one test of what it generates or refuses."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.needs import Needs
from templates import discovery, naming
from templates.errors import ConfigError
from templates.model import GlueStep, LegacyStep, Step, Workflow, WorkflowType
from templates.stacks import workflow_stack
from tests import reference
from tests.handlers.support import names_of_others
from tests.strategies import JOBS, all_workflows, standard_workflows, workflow_of
from tests.templates.support import of_type, one

Json = dict[str, Any]
NAME_MAX, ENVIRONMENT_MAX = 64, 12


@st.composite
def named_to_the_limit(draw: st.DrawFn) -> tuple[Json, int]:
    """A declaration in which one function's name is as long as AWS allows in the longest environment, and its step."""
    workflow = "w" * draw(st.integers(1, 20))
    purpose = "P" * (NAME_MAX - len(f"ceap-{workflow}--") - ENVIRONMENT_MAX)
    steps = [{"stage": f"Other{n}", "handler": "sift", "timeout_s": 1} for n in range(draw(st.integers(0, 3)))]
    index = draw(st.integers(0, len(steps)))
    ending = draw(st.sampled_from(("", "Stage")))
    steps.insert(index, {"stage": f"{purpose}{ending}", "handler": "take", "timeout_s": 1})
    return {"name": workflow, "type": draw(st.sampled_from(("EXPRESS", "STANDARD"))), "steps": steps}, index


@pytest.mark.property(1, "H")
@given(named=named_to_the_limit(), workflow=all_workflows())
def test_every_function_is_named_by_the_convention_in_at_most_64_characters(
    named: tuple[Json, int], workflow: Workflow
) -> None:
    for each in (workflow_of(named[0]), workflow):
        template = workflow_stack(each)
        functions, groups = (of_type(template, kind) for kind in ("AWS::Lambda::Function", "AWS::Logs::LogGroup"))
        names = [f"ceap-{each.name}-${{Environment}}-{step.stage.removesuffix('Stage')}" for step in each.lambda_steps]
        assert [function["FunctionName"] for function in functions.values()] == [{"Fn::Sub": name} for name in names]
        assert [name for name in names if len(name.replace("${Environment}", "e" * ENVIRONMENT_MAX)) > NAME_MAX] == []
        assert [
            groups[function["LoggingConfig"]["LogGroup"]["Ref"]]["LogGroupName"] for function in functions.values()
        ] == [{"Fn::Sub": f"/aws/lambda/{name}"} for name in names]


@pytest.mark.property(1, "M")
@given(named=named_to_the_limit())
def test_a_function_name_of_64_characters_is_accepted_and_one_more_or_a_second_of_that_name_is_refused(
    named: tuple[Json, int],
) -> None:
    declaration, index = named
    steps = declaration["steps"]
    stage = steps[index]["stage"]
    assert workflow_of(declaration).steps[index].stage == stage
    longer = [*steps[:index], steps[index] | {"stage": f"P{stage}"}, *steps[index + 1 :]]
    with pytest.raises(ConfigError, match=r"65 characters with an Environment of 12; AWS Lambda allows 64: "):
        workflow_of(declaration | {"steps": longer})
    other = stage.removesuffix("Stage") if stage.endswith("Stage") else f"{stage}Stage"
    with pytest.raises(ConfigError, match=rf"steps\[{len(steps)}\]\.stage is '{other}'"):
        workflow_of(declaration | {"steps": [*steps, steps[index] | {"stage": other}]})


@pytest.mark.property(25, "M")
@pytest.mark.property(25, "H")
@given(
    timeouts=st.lists(st.integers(1, 310) | st.integers(1, 100), min_size=1, max_size=6),
    glue=st.none() | st.integers(0, 5),
)
def test_express_is_accepted_exactly_if_its_steps_fit_in_300_s_and_none_is_a_job(
    timeouts: list[int], glue: int | None
) -> None:
    steps: list[Json] = [{"stage": f"S{n}", "handler": "take", "timeout_s": s} for n, s in enumerate(timeouts)]
    if glue is not None and glue < len(steps):
        steps[glue] = {"stage": f"S{glue}", "glue": JOBS[0]}
    declaration = {"name": "orders", "type": "EXPRESS", "steps": steps}
    if sum(timeouts) <= 300 and not any("glue" in step for step in steps):
        assert workflow_of(declaration).type is WorkflowType.EXPRESS
    else:
        with pytest.raises(ConfigError, match=r"an EXPRESS workflow (allows at most 300 s in all|cannot wait)"):
            workflow_of(declaration)


@pytest.mark.property(26, "M")
@pytest.mark.parametrize("wanted", [None, "express", "Standard", "BOTH", ["EXPRESS", "STANDARD"], "", 1])
def test_the_type_is_one_setting_of_two_values_and_nothing_else_selects_it(wanted: object) -> None:
    declaration: Json = {"name": "orders", "steps": [{"stage": "TakeStage", "handler": "take"}]}
    for kind in WorkflowType:
        assert workflow_of(declaration | {"type": kind.value}).type is kind
    with pytest.raises(ConfigError, match=r"type is .*(EXPRESS|STANDARD)|type is missing"):
        workflow_of(declaration if wanted is None else declaration | {"type": wanted})
    with pytest.raises(ConfigError, match=r"steps\[0\]\.type is an unknown key"):
        workflow_of(declaration | {"type": "EXPRESS", "steps": [declaration["steps"][0] | {"type": "STANDARD"}]})


@pytest.mark.property(27, "H")
@given(workflow=all_workflows())
def test_the_invocation_type_of_the_pipe_follows_the_type_of_the_workflow(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    wanted = {"EXPRESS": "REQUEST_RESPONSE", "STANDARD": "FIRE_AND_FORGET"}
    machine, pipe = (one(template, f"AWS::{kind}") for kind in ("StepFunctions::StateMachine", "Pipes::Pipe"))
    assert machine["StateMachineType"] == workflow.type.value
    assert pipe["TargetParameters"] == {
        "StepFunctionStateMachineParameters": {"InvocationType": wanted[workflow.type.value]}
    }


def flat(resource: Any) -> str:
    """Return a resource of a statement as a text: `${A}` for what is substituted, `A.Arn` for an attribute.

    A name that the statement itself gives a value is the foundation's export of that name.
    """
    match resource:
        case {"Fn::Sub": [str(text), dict(given)]}:
            exports = {name: f"ceap-foundation-${{Environment}}-{name}" for name in given}
            assert given == {name: {"Fn::ImportValue": {"Fn::Sub": export}} for name, export in exports.items()}
            return text
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Ref": name}:
            return f"${{{name}}}"
        case str(text):
            return text
    raise AssertionError(resource)


def grants(role: Json) -> set[tuple[str, str]]:
    """Return what a role may do but for its key: action and resource."""
    return {
        (action, flat(resource))
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if statement["Effect"] == "Allow"
    }


def arn(service: str, resource: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


S3 = "arn:${AWS::Partition}:s3:::"
BUCKET = f"{S3}${{WorkflowBucket}}"
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACING = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
JOB_ACTIONS = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
DELIVERY = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)


def on_bucket(step: Step, previous: str | None) -> set[tuple[str, str]]:
    """Return what the role of a step may do in the workflow bucket."""
    own = f"{BUCKET}/executions/*/{step.stage}"
    written = {("s3:PutObject", f"{own}/*"), ("s3:AbortMultipartUpload", f"{own}/*")}
    if isinstance(step, GlueStep):
        composed = {("s3:GetObject", f"{own}/_parts/*"), ("s3:DeleteObject", f"{own}/_parts/*")}
        before = {("s3:GetObject", f"{BUCKET}/executions/*/{previous or 'initial'}/output.json")}
        return written | composed | before | {("s3:ListBucket", BUCKET)}
    if previous is None:
        return written
    return written | {("s3:GetObject", f"{BUCKET}/executions/*/{previous}/output.json"), ("s3:ListBucket", BUCKET)}


def role_of(step: Step) -> str:
    is_job = isinstance(step, GlueStep)
    return f"{naming.job_id(step.stage) if is_job else naming.function_id(step.stage)}Role"


def with_previous(workflow: Workflow) -> list[tuple[Step, str | None]]:
    return [(step, workflow.previous(step)) for step in workflow.steps]


@pytest.mark.property(40, "H")
@given(workflow=all_workflows())
def test_a_role_reads_the_output_before_its_stage_and_writes_under_its_own_and_nothing_else_in_the_bucket(
    workflow: Workflow,
) -> None:
    roles = of_type(workflow_stack(workflow), "AWS::IAM::Role")
    for step, previous in with_previous(workflow):
        inside = {(action, on) for action, on in grants(roles[role_of(step)]) if on.startswith(BUCKET)}
        assert inside == on_bucket(step, previous)
        assert [on for action, on in grants(roles[role_of(step)]) if action.startswith("s3:") and on == "*"] == []


@pytest.mark.property(23, "H")
@given(workflow=standard_workflows())
def test_a_job_is_told_the_keys_of_the_convention_and_its_role_reaches_these_and_its_parts_alone(
    workflow: Workflow,
) -> None:
    template = workflow_stack(workflow)
    states = json.loads(one(template, "AWS::StepFunctions::StateMachine")["DefinitionString"])["States"]
    roles = of_type(template, "AWS::IAM::Role")
    for step in workflow.glue_steps:
        told = states[step.stage]["Parameters"]["Arguments"]
        keys = []
        for name in ("--input-key.$", "--output-key.$"):
            text = re.fullmatch(r"States\.Format\('(\S+)', \$\$\.Execution\.Name\)", told[name])
            assert text is not None
            keys.append(text[1].replace("{}", "*"))
        previous = workflow.previous(step) or "initial"
        assert keys == [f"executions/*/{previous}/output.json", f"executions/*/{step.stage}/output.json"]
        assert {told["--input-bucket"], told["--output-bucket"]} == {"${WorkflowBucket}"}
        inside = {(action, on) for action, on in grants(roles[role_of(step)]) if on.startswith(f"{BUCKET}/")}
        parts = f"{BUCKET}/executions/*/{step.stage}/_parts/*"
        assert {on for action, on in inside if action == "s3:GetObject"} == {f"{BUCKET}/{keys[0]}", parts}
        assert {on for action, on in inside if action != "s3:GetObject"} == {
            f"{BUCKET}/executions/*/{step.stage}/*",
            parts,
        }


def outside_bucket(workflow: Workflow, step: Step, previous: str | None) -> set[tuple[str, str]]:
    """Return what the role of a step may do elsewhere, from what the step and its handler's NEEDS declare."""
    if isinstance(step, GlueStep):
        code = f"{S3}${{ArtifactBucket}}/${{GluePrefix}}"
        groups = [f"{naming.job_id(step.stage)}{name}LogGroup.Arn" for name in ("Output", "Error")]
        return {("s3:GetObject", f"{code}{step.glue}.py"), ("s3:GetObject", f"{code}lib.zip")} | {
            (action, group) for action in LOGS for group in groups
        }
    found = {(action, f"{naming.function_id(step.stage)}LogGroup.Arn") for action in LOGS} | TRACING
    if workflow.vpc:
        found |= {(f"ec2:Describe{kind}", "*") for kind in ("NetworkInterfaces", "Subnets")}
        interface = arn("ec2", "network-interface/*")
        shared = [f"arn:${{AWS::Partition}}:ec2:${{AWS::Region}}:*:{kind}/*" for kind in ("subnet", "security-group")]
        found |= {("ec2:CreateNetworkInterface", on) for on in (interface, *shared)}
        actions = ("DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
        found |= {(f"ec2:{action}", interface) for action in actions}
    if isinstance(step, LegacyStep):
        return found | {("lambda:InvokeFunction", f"${{{step.legacy}}}")}
    return found | of_needs(discovery.load_needs(step.handler), step.settings if previous is None else {})


def of_needs(needs: Needs, settings: Json) -> set[tuple[str, str]]:
    """Return what NEEDS declare, and the bucket that the first step's settings name."""
    found = set()
    for table, actions in needs.tables.items():
        place = arn("dynamodb", f"table/${{{naming.table_id(table.name)}Name}}")
        places = [place, f"{place}/index/*"] if table.indexes and "Query" in actions else [place]
        found |= {(f"dynamodb:{action}", on) for action in actions for on in places}
    if needs.events:
        found.add(("events:PutEvents", arn("events", "event-bus/default")))
    found |= {("secretsmanager:GetSecretValue", naming.secret_arn(name)) for name in needs.secrets}
    found |= {("ssm:GetParameter", naming.parameter_arn(name)) for name in needs.parameters}
    found |= {(action, on) for grant in needs.grants for action in grant.actions for on in grant.arns}
    if needs.bucket_setting in settings:
        bucket = f"{S3}{settings[needs.bucket_setting]}"
        found |= {("s3:GetObject", f"{bucket}/*"), ("s3:ListBucket", bucket)}
    return found


@pytest.mark.property(42, "H")
@given(workflow=all_workflows())
def test_every_role_allows_exactly_what_its_step_machine_or_pipe_uses(workflow: Workflow) -> None:
    roles = of_type(workflow_stack(workflow), "AWS::IAM::Role")
    is_express = workflow.type is WorkflowType.EXPRESS
    jobs = [
        arn("glue", f"job/ceap-{workflow.name}-${{Environment}}-{naming.purpose(s.stage)}") for s in workflow.glue_steps
    ]
    machine = (
        {(f"logs:{action}", "*") for action in DELIVERY}
        | {(action, "StateMachineLogGroup.Arn") for action in LOGS}
        | TRACING
        | {("xray:GetSamplingRules", "*"), ("xray:GetSamplingTargets", "*")}
        | {("lambda:InvokeFunction", f"{naming.function_id(step.stage)}.Arn") for step in workflow.lambda_steps}
        | {(f"glue:{action}", job) for action in JOB_ACTIONS for job in jobs}
    )
    if isinstance(workflow.steps[0], GlueStep):
        machine.add(("s3:PutObject", f"{BUCKET}/executions/*/initial/output.json"))
    pipe = {(f"sqs:{action}", "Queue.Arn") for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}
    pipe |= {("states:StartSyncExecution" if is_express else "states:StartExecution", "${StateMachine}")}
    pipe |= {(action, "PipeLogGroup.Arn") for action in LOGS}
    expected = {"StateMachineRole": machine, "PipeRole": pipe} | {
        role_of(step): on_bucket(step, previous) | outside_bucket(workflow, step, previous)
        for step, previous in with_previous(workflow)
    }
    assert {name: grants(role) for name, role in roles.items()} == expected


@functools.cache
def named_in_source(handler: str, stages: tuple[str, ...]) -> list[str]:
    """Return what the source of a handler of the reference names of other stages, functions, buckets and paths."""
    return names_of_others(reference.HANDLERS / f"{handler}.py", stages)


@pytest.mark.property(9, "H")
@given(workflow=all_workflows())
def test_no_handler_names_a_function_a_bucket_or_a_path_and_no_role_lets_it_reach_another_stage(
    workflow: Workflow,
) -> None:
    roles = of_type(workflow_stack(workflow), "AWS::IAM::Role")
    for step, previous in with_previous(workflow):
        if not isinstance(step, GlueStep | LegacyStep):
            assert named_in_source(step.handler, reference.STAGES) == []
        reached = {on.split("/")[3] for _, on in grants(roles[role_of(step)]) if on.startswith(f"{BUCKET}/executions/")}
        assert reached <= {step.stage, previous or "initial"}
        invoked = {on for action, on in grants(roles[role_of(step)]) if action.startswith(("lambda:", "states:"))}
        assert invoked == ({f"${{{step.legacy}}}"} if isinstance(step, LegacyStep) else set())
