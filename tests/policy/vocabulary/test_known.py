import copy
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from hypothesis import given, settings

from ceap import project
from ceap.cfn.template import load_template, parse_template
from ceap.policy.checks import load_checks
from ceap.policy.vocabulary import KNOWN_RESOURCES
from ceap.policy.vocabulary.declared import undeclared
from ceap.policy.vocabulary.kinds import kind_of
from ceap.policy.vocabulary.known import read_data, unknown
from ceap.policy.vocabulary.specs import JUDGED_ELSEWHERE
from ceap.policy.waiver import apply_waivers, read_waivers
from templates.document import walk_scalars
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.broken import base
from tests.policy.changes import Change, Mutant, of, put
from tests.policy.samples import KINDS, MORE, Json, golden, rules
from tests.policy.vocabulary.support import changed, whats
from tests.policy.vocabulary_mutants import VOCABULARY_MUTANTS
from tests.proofs.rules import proves
from tests.strategies import all_workflows, workflow_of

DATA = read_data()


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=f"{mutant.kind}: {mutant.name}", marks=proves(mutant.rule))
        for mutant in VOCABULARY_MUTANTS
    ],
)
def test_what_ceap_does_not_write_is_one_fault_that_a_waiver_can_answer(mutant: Mutant) -> None:
    [found] = unknown(changed(mutant.kind, mutant.change))
    assert found.place.startswith("/")
    assert "rule: CFN06_KNOWN_RESOURCES, reason: why" in found.fix


@pytest.mark.parametrize("kind", [*KINDS, "job_first"])
def test_what_ceap_writes_has_no_fault(kind: str) -> None:
    assert whats(base(kind)) == []


@pytest.mark.usefixtures("own_project")
def test_no_committed_template_has_a_fault() -> None:
    committed = [load_template(file) for file in sorted(project.GENERATED.glob("*.template.yaml"))]
    assert None not in {kind_of(each) for each in committed}
    assert [found for each in committed for found in (*unknown(each), *undeclared(each))] == []


def test_a_module_is_left_to_the_rule_on_transforms_and_what_follows_is_judged() -> None:
    def change(data: Json) -> None:
        more = {"Module": {"Type": "A::B::C::MODULE"}, "Strange": {"Type": "AWS::X::Y"}, "Untyped": {}}
        data["Resources"] = {**more, **data["Resources"]}

    found = list(unknown(changed("express", change)))
    assert [fault.place for fault in found] == ["/Resources/Strange", "/Resources/Untyped"]


@settings(deadline=None)
@given(workflow=all_workflows())
def test_no_valid_workflow_has_a_fault(workflow: Any) -> None:
    template = parse_template(render(workflow_stack(workflow)), "workflow.template.yaml")
    assert kind_of(template) == workflow.type.lower()
    assert whats(template) == []


@pytest.mark.parametrize(
    ("resource", "properties"),
    [
        ("RateFunction", {"MemorySize": 3008, "Timeout": 20, "ReservedConcurrentExecutions": 5}),
        ("RateFunction", {"Environment": {"Variables": {"MODEL": "large", "LOG_LEVEL": "DEBUG", "pathLike": "a"}}}),
        ("RateFunction", {"LoggingConfig": {"ApplicationLogLevel": "DEBUG"}, "Description": "Rates."}),
        ("RateFunction", {"Tags": [{"Key": "team", "Value": "orders"}]}),
        ("Queue", {"VisibilityTimeout": 3600, "MaximumMessageSize": 65536}),
        ("Queue", {"Tags": [{"Key": "team", "Value": {"Ref": "AWS::StackName"}}]}),
        ("QueueAgeAlarm", {"Threshold": 3600, "Period": 300, "DatapointsToAlarm": 1}),
        ("KeepStaleAlarm", {"Threshold": 50, "EvaluationPeriods": 168}),
        ("StateMachine", {"Tags": [{"Key": "team", "Value": "orders"}]}),
        ("Pipe", {"DesiredState": "RUNNING", "Tags": {"team": "orders"}}),
        ("PipeLogGroup", {"KmsKeyId": {"Ref": "KmsKeyArn"}, "LogGroupClass": "STANDARD"}),
        ("PipeRole", {"Description": "Takes.", "Tags": [{"Key": "team", "Value": "orders"}]}),
    ],
)
def test_what_a_declaration_may_override_is_no_fault(resource: str, properties: Json) -> None:
    steps = [{"stage": "RateStage", "handler": "rate"}, {"stage": "KeepStage", "handler": "keep"}]
    declaration = {"name": "own", "type": "EXPRESS", "steps": steps, "overrides": {resource: properties}}
    assert whats(parse_template(render(workflow_stack(workflow_of(declaration))), "own.yaml")) == []


def test_a_finding_names_the_type_the_property_or_the_value() -> None:
    assert whats(changed("express", put("Resources", "More", {"Type": "AWS::Logs::SubscriptionFilter"}))) == [
        "AWS::Logs::SubscriptionFilter is not among the resources of a ceap EXPRESS workflow stack"
    ]
    assert whats(changed("express", of("Queue", "MessageGroupId", "a"))) == [
        "MessageGroupId is not a property that ceap sets"
    ]
    assert whats(changed("foundation", of("AlertEmailSubscription", "Protocol", "sms"))) == ['Protocol is "sms"']
    assert whats(changed("express", put("Mappings", {"a": {}}))) == [
        "Mappings is not among the sections of a ceap EXPRESS workflow stack"
    ]
    assert whats(changed("standard", put("Parameters", "Delay", {"Type": "Number"}))) == [
        "Delay is not among the Parameters of a ceap STANDARD workflow stack"
    ]
    assert whats(
        changed("foundation", put("Resources", "More", base("foundation").data["Resources"]["AlertTopic"]))
    ) == ["the foundation stack has only 1 AWS::SNS::Topic"]


def test_a_fix_says_what_to_set_and_the_waiver_to_paste() -> None:
    [value] = unknown(changed("foundation", of("AlertEmailSubscription", "Protocol", "sms")))
    assert value.fix == (
        'Protocol: "email" or "email-json" or "http", or accept it in Metadata of AlertEmailSubscription: '
        "{ceap: {waivers: [{rule: CFN06_KNOWN_RESOURCES, reason: why}]}}"
    )
    [section] = unknown(changed("express", put("Mappings", {"a": {}})))
    assert section.fix == (
        "remove it, or accept it in the file of waivers: "
        "{rule: CFN06_KNOWN_RESOURCES, reason: why, template: FILE, path: /Mappings}"
    )


# Every property that AWS knows and that stacks.yaml does not list.


def spec_of(kind: str) -> Json:
    found: Json = DATA["resources"][kind]["Properties"]
    return found


def unlisted(spec: Any, schema: Json, whole: Json, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of the properties of a schema that a spec does not list, below its mappings."""
    while "$ref" in schema:
        schema = whole["definitions"][schema["$ref"].rpartition("/")[2]]
    if not isinstance(spec, dict):
        return
    if schema.get("type") == "array":
        yield from unlisted(spec, schema.get("items", {}), whole, (*keys, 0))
        return
    named = {key.removesuffix("[]").partition(" ")[0]: (key, below) for key, below in spec.items()}
    read_only = {path.rpartition("/")[2] for path in whole.get("readOnlyProperties", []) if path.count("/") == 2}
    for name, inner in schema.get("properties", {}).items():
        if name in named:
            yield from unlisted(named[name][1], inner, whole, (*keys, name))
        elif not (name in read_only and not keys):
            yield (*keys, name)


def places() -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    for kind in (*KINDS, *MORE):
        for resource, body in golden(kind).data["Resources"].items():
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", body["Type"]).schema
            for keys in unlisted(spec_of(body["Type"]), schema, schema):
                yield kind, resource, keys


def set_at(value: Any, keys: tuple[str | int, ...], new: Any) -> Any:
    """Return a value with something new inside, made of mappings and lists of one as far as there are none."""
    if not keys:
        return new
    key, *rest = keys
    if key == 0:
        inner = value[0] if isinstance(value, list) and value else {}
        return [set_at(inner, tuple(rest), new)]
    mapping = value if isinstance(value, dict) and not any(k.startswith("Fn::") for k in value) else {}
    return mapping | {key: set_at(mapping.get(key), tuple(rest), new)}


def test_every_property_of_the_schemas_that_is_not_listed_is_a_fault() -> None:
    seen: set[tuple[str, tuple[str | int, ...]]] = set()
    for kind, resource, keys in places():
        data = copy.deepcopy(golden(kind).data)
        body = data["Resources"][resource]
        if (body["Type"], keys) in seen:
            continue
        seen.add((body["Type"], keys))
        body["Properties"] = set_at(body["Properties"], keys, "x")
        place = f"/Resources/{resource}/Properties/{'/'.join(map(str, keys))}"
        assert place in [found.place for found in unknown(parse_template(json.dumps(data), "a.json"))]
    assert {kind for kind, _ in seen} == set(DATA["resources"]) - {
        "AWS::CloudWatch::Dashboard",
        "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::Scheduler::ScheduleGroup"
    }  # fmt: skip
    assert len(seen) > 150


def test_every_rule_that_the_vocabulary_leaves_a_property_to_exists() -> None:
    ids = {rule for file in rules() for rule in file.rules} | {check.rule for check in load_checks()}
    named = {
        word
        for _, value in walk_scalars(DATA)
        if isinstance(value, str)
        for word in value.split(", ")
        if JUDGED_ELSEWHERE.fullmatch(word)
    }
    assert {rule for rule in named if rule not in ids} == {"E3039"}
    assert len(named) > 40


def test_every_type_is_of_a_stack_and_every_stack_has_known_types() -> None:
    types = {kind for stack in DATA["stacks"].values() for kind in (*stack["resources"], *stack.get("triggers", ()))}
    assert types == set(DATA["resources"])


@pytest.mark.parametrize(
    "change",
    [
        of("StateMachine", "StateMachineType", {"Fn::If": ["HasKmsKey", "EXPRESS", "STANDARD"]}),
        of("StateMachine", "DefinitionSubstitutions", ["a"]),
        of("TakeFunction", "Environment", "Variables", "SETTINGS", "[" * 100_000),
        of("Queue", "Tags", {"Fn::If": ["HasKmsKey", [{"Key": 1}], 5]}),
        put("Resources", "Queue", "Properties", "x"),
        put("Resources", "Queue", ["x"]),
        put("Parameters", 5),
    ],
)
def test_a_template_of_any_shape_can_be_judged(change: Change) -> None:
    assert kind_of(changed("express", change)) is not None
    assert all(isinstance(what, str) for what in whats(changed("express", change)))


# A resource of the team's own.

OWN_RESOURCE = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Metadata": {"ceap": {"waivers": [{"rule": KNOWN_RESOURCES, "reason": "the auditors read the queue"}]}},
    "Properties": {
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["sqs:GetQueueAttribute"], "Resource": [{"Ref": "Queue"}]}],
        }
    },
}


def test_a_resource_of_ones_own_is_waived_and_still_judged_by_the_other_rules() -> None:
    template = changed("express", put("Resources", "Audit", OWN_RESOURCE))
    findings = [found for check in load_checks() for found in check.check(template)]
    assert {found.rule for found in findings if found.path == "/Resources/Audit"} == {KNOWN_RESOURCES}
    applied = apply_waivers(findings, read_waivers(template, [KNOWN_RESOURCES]), date(2026, 11, 29))
    assert [waived.finding.what for waived in applied.waived] == [
        "AWS::IAM::ManagedPolicy is not among the resources of a ceap EXPRESS workflow stack"
    ]
    assert {(found.rule, found.path.rpartition("/Action")[0]) for found in applied.findings} >= {
        ("IAM01_ACTIONS_EXIST", "/Resources/Audit/Properties/PolicyDocument/Statement/0")
    }
    assert applied.unused == []
