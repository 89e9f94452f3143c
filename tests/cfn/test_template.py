from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ceap.cfn.template import load_template, parse_template
from ceap.errors import UsageError
from ceap.policy.finding import Fault, finding_at
from tests.policy.samples import golden

PLAIN = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n"


@pytest.mark.parametrize("kind", ["foundation", "express"])
def test_every_line_of_a_committed_template_is_where_its_key_stands(kind: str) -> None:
    template = golden(kind)
    rows = template.text.splitlines()
    wrong = [
        (path, line)
        for path, line in template.lines.items()
        if not (key := path.rpartition("/")[2]).isdigit()
        and not re.search(rf'^[ -]*"?{re.escape(key)}"?:', rows[line - 1])
    ]
    assert wrong == [("", 2)]
    assert len(template.lines) > 150


def test_a_place_in_the_definition_has_a_line_of_its_own() -> None:
    template = golden("express")
    [definition] = template.definitions
    line = template.line(f"{definition}/States/KeepStage/Retry/1/MaxAttempts")
    assert template.text.splitlines()[line - 1].strip() == '"MaxAttempts": 2,'
    assert line > template.line(f"{definition}/States/KeepStage") > template.line(definition)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/Resources/Queue/Type", 3),
        ("/Resources/Queue/Properties/Name", 2),
        ("/Resources/Other", 1),
        ("", 1),
        ("/No", 1),
    ],
)
def test_what_is_not_there_is_at_the_nearest_place_around_it(path: str, line: int) -> None:
    assert parse_template(PLAIN, "t.yaml").line(path) == line


@pytest.mark.parametrize(
    ("definition", "line"),
    [('|\n        {\n          "a": 1}', 7), ('>\n        {\n          "a": 1}', 5), ("'{\"a\": 1}'", 5)],
    ids=["literal", "folded", "quoted"],
)
def test_only_a_literal_block_has_lines_inside(definition: str, line: int) -> None:
    machine = "  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n"
    text = f"Resources:\n{machine}      DefinitionString: {definition}\n"
    template = parse_template(text, "t.yaml")
    assert list(template.definitions) == ["/Resources/M/Properties/DefinitionString"]
    assert template.line("/Resources/M/Properties/DefinitionString/a") == line


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/Properties/DelaySeconds", "5"),
        ("/Properties/QueueName", '{"Ref": "Name"}'),
        ("/Properties/KmsMasterKeyId", '{"Fn::GetAtt": ["Key", "Arn"]}'),
        ("/Properties/KmsMasterKeyId/Fn::GetAtt/1", '"Arn"'),
        ("/Properties/Tags/0/Value", '"' + "x" * 78 + '"'),
        ("/Properties/Tags/0/Key", ""),
        ("/Properties/Tags/0", ""),
        ("/Properties/Tags/1", ""),
        ("/Properties/Tags/x", ""),
        ("/Properties/FifoQueue", ""),
        ("/Properties/FifoQueue/below", ""),
        ("/Type", '"AWS::SQS::Queue"'),
        ("", ""),
    ],
)
def test_a_finding_shows_a_short_value_of_its_place(path: str, found: str) -> None:
    text = f"""\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: 5
      QueueName: !Ref Name
      KmsMasterKeyId: !GetAtt Key.Arn
      FifoQueue: ~
      Tags: [{{Key: {"x" * 79}, Value: {"x" * 78}}}]
"""
    template = parse_template(text, "t.yaml")
    assert finding_at(template, "RULE", Fault(f"/Resources/Queue{path}", "wrong", "mend it")).found == found


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/Statement/0/Action/0", "/Statement/Action"),
        ("/Statement/0/Resource/0", "/Statement/Resource/0"),
        ("/Statement/0/Resource/0/Fn::GetAtt/0", "/Statement/Resource/0/Fn::GetAtt/0"),
    ],
)
def test_a_finding_names_the_place_as_the_file_has_it(path: str, written: str) -> None:
    policy = '{"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": [{"Fn::Sub": "${Queue.Arn}"}]}}'
    place = "/Resources/Policy/Properties/PolicyDocument"
    text = f'{{"Resources": {{"Policy": {{"Type": "x", "Properties": {{\n"PolicyDocument": {policy}}}}}}}}}'
    finding = finding_at(parse_template(text, "t.json"), "RULE", Fault(place + path, "wrong", "mend it"))
    assert (finding.path, finding.line) == (place + written, 2)


def test_a_resource_without_properties_has_none() -> None:
    assert parse_template(PLAIN, "t.yaml").data["Resources"]["Queue"] == {"Type": "AWS::SQS::Queue", "Properties": {}}


def test_a_finding_in_a_definition_shows_the_value_there() -> None:
    definition = "/Resources/StateMachine/Properties/DefinitionString"
    template = golden("express")
    assert (
        finding_at(
            template, "RULE", Fault(f"{definition}/States/TakeStage/Retry/0/MaxAttempts", "wrong", "mend it")
        ).found
        == "0"
    )
    assert finding_at(template, "RULE", Fault(definition, "wrong", "mend it")).found == ""


def test_a_json_template_has_the_same_content_and_its_own_lines(tmp_path: Path) -> None:
    yaml = golden("foundation")
    file = tmp_path / "foundation.json"
    file.write_text(json.dumps(yaml.data, indent=2))
    template = load_template(file)
    assert template.data == yaml.data
    line = template.line("/Resources/WorkflowBucket/Properties/LifecycleConfiguration/Rules/0/ExpirationInDays")
    assert template.text.splitlines()[line - 1].strip() == '"ExpirationInDays": 7,'


def test_loops_and_transforms_among_the_resources_are_left_alone() -> None:
    text = (
        PLAIN
        + "  Fn::ForEach::Topics: [Name, [A, B], {'${Name}': {Type: 'AWS::SNS::Topic'}}]\n  Fn::Transform: {Name: X}\n"
    )
    assert set(parse_template(text, "t.yaml").data["Resources"]) == {"Queue", "Fn::ForEach::Topics", "Fn::Transform"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.yaml: the file is empty"),
        (b" \n\n", "t.yaml: the file is empty"),
        (b"\x89PNG\x00\x01", "t.yaml: not a text file"),
        (b"Resources: \xff", "t.yaml: not a text file"),
        (PLAIN.encode("utf-16"), "t.yaml: not a text file"),
        (b"a\0b", "t.yaml: not a text file"),
        (b"just words", "t.yaml: not a CloudFormation template: it has no Resources"),
        (b"- a\n- b\n", "t.yaml: not a CloudFormation template"),
        (b"name: orders\nsteps: []\n", "t.yaml: not a CloudFormation template"),
        (b"Resources: {}\n", "t.yaml: not a CloudFormation template"),
        (b"Resources:\n  - a\n", "t.yaml: not a CloudFormation template"),
        (b"Resources:\n  A: {Type: x}\n  Queue: text\n", "t.yaml:3: the resource Queue is not a mapping"),
        (b"Resources:\n  A: {Type: x}\n  Queue:\n", "t.yaml:3: the resource Queue is not a mapping"),
        (b'{"Resources": {"A": ', "t.yaml:1: not JSON: Expecting value"),
        (b"Resources:\n  A: 1\n  A: 2\n", "t.yaml:3: the key 'A' stands twice"),
        (PLAIN.encode() + b"#" * 1_000_000, "t.yaml: larger than 1000000 bytes"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_what_is_no_template_is_refused_by_one_message(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=f"^{re.escape(message)}") as caught:
        load_template(Path("t.yaml"))
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.yaml: there is no such file; name a template"):
        load_template(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_template(tmp_path)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("!Sub []", r"Fn::Sub has \[\]; write a text, or a list of a text and a mapping"),
        ("!Sub [a]", r"Fn::Sub has \['a'\]; write"),
        ("{'Fn::Sub': {}}", r"Fn::Sub has \{\}; write"),
        ("!If []", r"Fn::If has \[\]; write a list of a condition and two values"),
        ("[!If [C, a]]", r"Fn::If has \['C', 'a'\]; write"),
    ],
)
def test_a_function_that_cloudformation_would_refuse_is_refused_at_its_line(value: str, fault: str) -> None:
    text = f"Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: {value}\n"
    with pytest.raises(UsageError, match=rf"^t\.yaml:5: {fault}"):
        parse_template(text, "t.yaml")
