from __future__ import annotations

from pathlib import Path

import pytest

from templates.config import load_workflow
from templates.errors import ConfigError
from templates.fragment import Fragment, load_fragment

UPLOADS = """\
Resources:
  Uploads:
    Type: AWS::S3::Bucket
"""
DECLARATION = """\
name: orders
type: EXPRESS
resources: own.yaml
steps:
  - {stage: TakeStage, handler: take}
"""


def refusal(folder: Path, text: str) -> str:
    """Return why a fragment is refused, after the folder."""
    (folder / "own.yaml").write_text(text)
    (folder / "orders.yaml").write_text(DECLARATION)
    with pytest.raises(ConfigError) as error:
        load_workflow(folder / "orders.yaml")
    return str(error.value).replace(f"{folder}/", "")


def test_a_fragment_is_read_as_cloudformation_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("Outputs:\n  Name: {Value: !GetAtt Queue.QueueName}\n  Day: {Value: 2012-10-17}\n")
    sections = {"Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}, "Day": {"Value": "2012-10-17"}}}
    fragment = load_fragment(file)
    assert (fragment.file, fragment.sections) == (str(file), sections)


def test_a_declaration_holds_the_fragment_that_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(DECLARATION)
    (tmp_path / "own.yaml").write_text(UPLOADS)
    own = load_workflow(tmp_path / "orders.yaml").own
    assert isinstance(own, Fragment)
    assert own.sections == {"Resources": {"Uploads": {"Type": "AWS::S3::Bucket"}}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.yaml:1: contains only comments; name a CloudFormation template"),
        ("a: [", "own.yaml:2: not YAML: did not find expected node content; correct the syntax"),
        (
            "- a",
            "own.yaml:1: is not a fragment of a template; "
            "give it Parameters, Mappings, Conditions, Resources, Outputs, or some of them",
        ),
        (
            f"{UPLOADS}Transform: AWS::Serverless-2016-10-31\n",
            "own.yaml:4: Transform is no section of a fragment; "
            "allowed: Parameters, Mappings, Conditions, Resources, Outputs",
        ),
        (
            "Resource: {}",
            "own.yaml:1: Resource is no section of a fragment; "
            "did you mean Resources? allowed: Parameters, Mappings, Conditions, Resources, Outputs",
        ),
        ("Outputs: []", "own.yaml:1: Outputs is []; write a mapping from logical ids"),
        (
            "Resources:\n  My-Bucket: {}",
            "own.yaml:2: Resources.My-Bucket is no logical id; write letters and digits alone",
        ),
        ("Resources:\n  A: text", "own.yaml:2: Resources.A is 'text'; write a mapping"),
        ("Resources:\n  A: {}", "own.yaml:2: Resources.A.Type is missing: add it, e.g. AWS::S3::Bucket"),
        (
            f"{UPLOADS}    Properties:\n      Tags:\n",
            "own.yaml:5: Resources.Uploads.Properties.Tags is null, which CloudFormation refuses; "
            "write a value or remove the key",
        ),
        (f"{UPLOADS}    Metadata: a\n", "own.yaml:4: Resources.Uploads.Metadata is 'a'; write a mapping"),
        (
            f"{UPLOADS}    Metadata: {{ceap: a}}\n",
            "own.yaml:4: Resources.Uploads.Metadata.ceap is 'a'; write a mapping",
        ),
        (
            UPLOADS.replace("Uploads", "Queue"),
            "own.yaml:2: Resources.Queue is also the name of ceap's own Queue, an AWS::SQS::Queue, for orders.yaml; "
            "rename yours; `overrides` of orders.yaml changes it",
        ),
        (
            "Parameters:\n  Environment: {Type: String}\n",
            "own.yaml:2: Parameters.Environment is also the name of ceap's own Environment, for orders.yaml; "
            "rename yours",
        ),
    ],
)
def test_what_is_no_fragment_is_refused_with_file_line_and_cure(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text) == message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(DECLARATION)
    with pytest.raises(ConfigError, match=r"own\.yaml: cannot be read: No such file or directory; name a file beside"):
        load_workflow(tmp_path / "orders.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"own\.yaml: not a text file \(UTF-8\); write YAML or JSON$"):
        load_fragment(tmp_path / "own.yaml")
